"""A whole adaptation on drawn images, and what is refused before it begins."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

import seasift
from seasift.adaptation import recipe as recipes
from seasift.core.errors import InputError
from seasift.core.masks import MaskCrop
from seasift.modelfile import bundled
from seasift.modelfile.info import read_model_file

COLOURS = {1: (230, 60, 60), 2: (60, 230, 60)}


def drawn_labels(folder: Path, images: int = 12) -> Path:
    """Frames of three dives, each with a red box (class 1) and a green ball (class 2) on dark ground."""
    random = np.random.default_rng(3)
    (folder / "images").mkdir(parents=True)
    entries, annotations = [], []
    for number in range(1, images + 1):
        image = random.integers(0, 40, (96, 96, 3), dtype=np.uint8)
        for category, centre in ((1, (28, 30 + number)), (2, (66, 66 - number))):
            mask = np.zeros((96, 96), np.uint8)
            if category == 1:
                cv2.rectangle(mask, (centre[0] - 13, centre[1] - 13), (centre[0] + 13, centre[1] + 13), 1, -1)
            else:
                cv2.circle(mask, centre, 14, 1, -1)
            image[mask > 0] = COLOURS[category]
            crop = MaskCrop.from_bitmap(mask)
            x1, y1, x2, y2 = crop.box_xyxy
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": category,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": crop.area,
                    "iscrowd": 0,
                    "segmentation": crop.rle((96, 96)),
                }
            )
        name = f"dive{number % 3}_{number:04d}.png"
        cv2.imwrite(str(folder / "images" / name), image[..., ::-1])
        entries.append({"id": number, "file_name": name, "height": 96, "width": 96})
    categories = [{"id": 1, "name": "box"}, {"id": 2, "name": "ball"}]
    path = folder / "labels.json"
    path.write_text(json.dumps({"images": entries, "annotations": annotations, "categories": categories}))
    return path


def blank_model(path: Path) -> Path:
    """A small network without training, which knows crabs and boxes by name only."""
    from seasift.export.to_onnx import serialise
    from seasift.modelfile.info import ClassEntry, InputEntry, ModelInfo
    from seasift.models.catalog import FAMILIES, build
    from seasift.models.checkpoint import config_of
    from seasift.recipes.recipe import Recipe

    recipe = Recipe.model_validate(
        {
            "name": "blank",
            "model": {"arch": "sift", "backbone": "s", "size": 96},
            "augment": {"photometric": False, "expand": False, "crop": False},
            "training": {"precision": "fp32", "mask_targets": "area"},
        }
    )
    network = build(config_of(recipe, 2)).eval()
    spec = FAMILIES["sift"].input_spec(network.config)
    info = ModelInfo(
        name="blank",
        head="yolact",
        categories=(ClassEntry(id=4, name="crab"), ClassEntry(id=9, name="box")),
        input=InputEntry(size_hw=spec.size_hw, mean=spec.mean, std=spec.std, resize=spec.resize),
        threshold=0.3,
        max_objects=100,
        training={"recipe": recipe.model_dump(mode="json")},
        licence="none",
        attribution="nobody",
    )
    path.write_bytes(serialise(network, info))
    return path


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return blank_model(tmp_path_factory.mktemp("base") / "blank.onnx")


@pytest.mark.slow
def test_a_blank_model_learns_what_is_drawn(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEASIFT_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(recipes, "FEWEST_STEPS", 40)  # the steps end before the minutes, on any machine
    monkeypatch.setattr(recipes, "FEW", 0)
    lines: list[str] = []
    ticks: list[tuple[int, int]] = []
    result = seasift.adapt(
        drawn_labels(tmp_path),
        output="mine",
        model=str(base),
        minutes=600,
        progress=lambda done, total: ticks.append((done, total)),
        tell=lines.append,
    )
    assert "new class: ball" in lines
    assert len([line for line in lines if line.startswith("turn ")]) == 3
    assert ticks == sorted(ticks)
    assert result.judgement.images == 12
    assert result.judgement.unit == "video"
    assert result.judgement.ap(result.judgement.after) > result.judgement.ap(result.judgement.before) + 0.1
    assert result.model == tmp_path / "models" / "mine.onnx"
    info = read_model_file(result.model).info
    assert [category.name for category in info.categories] == ["crab", "box", "ball"]
    assert info.parents() == ("blank",)
    assert info.training["adapted_share"] == result.judgement.share
    assert list(info.figures) == ["labels.json, held out by turns", "labels.json, held out by turns, blank"]
    card = bundled.card_of("mine")
    assert card is not None
    assert "adapted from: blank" in card
    page = result.report.read_text(encoding="utf-8")
    assert result.report.parent == result.model.parent
    assert page.count("data:image/jpeg") == 18
    assert "http" not in page
    assert "-m mine" in result.next_command
    found = seasift.load("mine", engine="onnxruntime")(
        str(tmp_path / "images" / "dive1_0001.png"), threshold=0.01
    )
    assert set(found.names) & {"box", "ball"}


def test_a_bundled_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="default"):
        seasift.adapt(tmp_path / "labels.json", output=tmp_path / "default.onnx")


@pytest.mark.parametrize("minutes", [0, -1])
def test_no_time_is_refused(tmp_path: Path, minutes: float) -> None:
    with pytest.raises(InputError, match="--minutes"):
        seasift.adapt(tmp_path / "labels.json", output=tmp_path / "mine.onnx", minutes=minutes)


def test_labels_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"labels\.json"):
        seasift.adapt(tmp_path / "labels.json", output=tmp_path / "mine.onnx")
    assert list(tmp_path.iterdir()) == []
