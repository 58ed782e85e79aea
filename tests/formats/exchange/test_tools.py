"""Files go through the packages of the tools themselves or of who works with them.

Each is heavy and wants its own versions of others, so none is among the packages for development. Each test says which one it
wants, and skips without it; they need no others than those of `seasift` and pytest with Hypothesis:

    uv venv tools && uv pip install --python tools . pytest hypothesis kwcoco label-studio-sdk
    tools/bin/python -m pytest -m slow tests/formats/exchange/test_tools.py
"""

from __future__ import annotations

import csv
import importlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
import pytest

from seasift.core.image import write_image
from seasift.formats.exchange import registry
from seasift.formats.exchange.content import Content, ReadOptions, WriteOptions
from tests.formats.exchange.contents import CATEGORIES, CLIP, FPS, HEIGHT, WIDTH, dive

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # the tools warn of their own ways


def tool(module: str, package: str) -> Any:
    """The package of a tool, or skip."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        pytest.skip(f"needs the package {package} ({error})")


def images() -> Content:
    """The first looks of the dive's tracks, as one image."""
    content = dive()
    still = CLIP.model_copy(update={"file": "a.png", "frames": 1, "fps": None})
    tracks = []
    for track in content.tracks:
        first = track.observations[0].model_copy(update={"frame": 0, "time_s": 0.0})
        tracks.append(track.model_copy(update={"observations": [first], "best": None}))
    return replace(content, header=content.header.model_copy(update={"videos": [still]}), tracks=tracks)


def written(name: str, path: Path, content: Content | None = None, **options: Any) -> Path:
    registry.BY_NAME[name].write(path, content or dive(), WriteOptions(**options))
    return path


def rows(content: Content) -> list[tuple[Any, ...]]:
    """Track, class, frame, box and time of all looks, sorted."""
    return sorted(
        (
            track.id,
            track.name,
            seen.frame,
            tuple(round(side, 3) for side in seen.box_xywh),
            round(seen.time_s, 3),
        )
        for track in content.tracks
        for seen in track.observations
    )


@pytest.mark.parametrize("masks", ["polygons", "rle"])
def test_kwcoco_finds_nothing_wrong_and_writes_what_comes_back(tmp_path: Path, masks: str) -> None:
    kwcoco = tool("kwcoco", "kwcoco")
    data = kwcoco.CocoDataset(str(written("kwcoco", tmp_path / "a.json", masks=masks)))
    told = data.validate(missing=False, corrupted=False, channels=False)
    assert told["errors"] == []
    assert {track: len(ids) for track, ids in data.index.trackid_to_aids.items()} == {1: 4, 4: 2}
    (video,) = data.videos().lookup("id")
    assert data.images(video_id=video).lookup("frame_index") == [0, 5, 10, 40]
    data.dump(str(tmp_path / "theirs.json"))
    entry = registry.BY_NAME["kwcoco"]
    back = registry.read(entry, tmp_path / "theirs.json", ReadOptions())
    assert rows(back) == rows(dive())
    assert back.header.videos == dive().header.videos


def test_kwcoco_s_own_videos_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kwcoco = tool("kwcoco", "kwcoco")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    data = kwcoco.CocoDataset.demo("vidshapes2-frames3", verbose=0)
    data.dump(str(tmp_path / "demo.json"))
    back = registry.read(registry.BY_NAME["kwcoco"], tmp_path / "demo.json", ReadOptions(fps=1.0))
    names = {entry["id"]: entry["name"] for entry in data.dataset["categories"]}
    frames = {image["id"]: image["frame_index"] for image in data.dataset["images"]}
    expected = sorted(
        (one["track_id"], names[one["category_id"]], frames[one["image_id"]], tuple(one["bbox"]))
        for one in data.dataset["annotations"]
    )
    assert sorted(row[:4] for row in rows(back)) == expected
    assert all(seen.polygons for track in back.tracks for seen in track.observations)


def label_studio(view: str) -> Any:
    """A labelling set-up as docs/how-to/convert.md has it."""
    labels = "".join(f"<Label value={quoteattr(one.name)}/>" for one in CATEGORIES)
    interface = tool("label_studio_sdk.label_interface", "label-studio-sdk").LabelInterface
    return interface("<View>" + view.replace("LABELS", labels) + "</View>")


VIDEO = """<Video name="video" value="$video" framerate="25"/><VideoRectangle name="box" toName="video"/>
<Labels name="videoLabels" toName="video">LABELS</Labels>"""
IMAGE = """<Image name="image" value="$image"/><RectangleLabels name="box" toName="image">LABELS</RectangleLabels>
<PolygonLabels name="polygon" toName="image">LABELS</PolygonLabels>"""


@pytest.mark.parametrize(("view", "content"), [(VIDEO, dive()), (IMAGE, images())], ids=["video", "image"])
def test_label_studio_s_check_of_predictions(tmp_path: Path, view: str, content: Content) -> None:
    setup = label_studio(view)
    (task,) = json.loads(written("label-studio", tmp_path / "a.json", content).read_text("utf-8"))
    (prediction,) = task["predictions"]
    assert len(prediction["result"]) == 2
    assert setup.validate_prediction(prediction, return_errors=True) == []
    prediction["result"][0]["to_name"] = "nothing"
    assert setup.validate_prediction(prediction, return_errors=True) != []


def test_cvat_s_file_in_datumaro_and_back(tmp_path: Path) -> None:
    datumaro = tool("datumaro", "datumaro")
    data = datumaro.Dataset.import_from(str(written("cvat", tmp_path / "a.xml")), "cvat")
    labels = [item.name for item in data.categories()[datumaro.AnnotationType.label].items]
    assert labels == [one.name for one in CATEGORIES]
    found = []
    for item in data:
        for one in item.annotations:
            if not one.attributes["outside"]:
                box = tuple(float(side) for side in one.get_bbox())
                time_s = float(one.attributes["time_s"])
                found.append(
                    (one.attributes["track_id"], labels[one.label], item.attributes["frame"], box, time_s)
                )
                assert float(one.attributes["score"]) == 0.75
    assert sorted(found) == rows(dive())


def test_cvat_s_file_as_datumaro_writes_it_is_read(tmp_path: Path) -> None:
    datumaro = tool("datumaro", "datumaro")
    (tmp_path / "images").mkdir()  # without the images it reads none of the boxes
    write_image(tmp_path / "images" / "a.png", np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    data = datumaro.Dataset.import_from(str(written("cvat", tmp_path / "a.xml", images())), "cvat")
    data.export(str(tmp_path / "theirs"), "cvat", save_media=False)
    (path,) = (tmp_path / "theirs").rglob("*.xml")
    back = registry.read(registry.BY_NAME["cvat"], path, ReadOptions(size=(WIDTH, HEIGHT)))
    assert [row[1:] for row in rows(back)] == [row[1:] for row in rows(images())]


@pytest.mark.parametrize("content", [dive(), images()], ids=["video", "image"])
def test_megadetector_s_validator(tmp_path: Path, content: Content) -> None:
    validator = tool("megadetector.postprocessing.validate_batch_results", "megadetector-utils")
    path = written("megadetector", tmp_path / "a.json", content)
    options = validator.ValidateBatchResultsOptions()
    options.raise_errors = True
    results = validator.validate_batch_results(str(path), options)
    told = results["validation_results"]
    assert (told["errors"], told["warnings"]) == ([], [])
    assert dict(told["detection_category_id_to_count"]) == {
        str(track.category_id): len(track.observations) for track in content.tracks
    }


def test_viame_s_csv_as_noaa_s_converter_reads_it(tmp_path: Path) -> None:
    path = written("viame-csv", tmp_path / "a.csv")
    data = tool("viame2coco.viame2kwcoco", "viame2coco").convert_viame_to_kwcoco(
        str(path), str(tmp_path / "theirs.json"), CLIP.file
    )
    assert data.validate(missing=False, corrupted=False, channels=False)["errors"] == []
    back = registry.read(registry.BY_NAME["kwcoco"], tmp_path / "theirs.json", ReadOptions(fps=FPS))
    assert rows(back) == rows(dive())
    assert {seen.score for track in back.tracks for seen in track.observations} == {0.75}


def test_fathomnet_s_boxes_as_its_package_has_them(tmp_path: Path) -> None:
    dto = tool("fathomnet.dto", "fathomnet")
    path = written("fathomnet-csv", tmp_path / "a.csv")
    with path.open(encoding="utf-8", newline="") as file:
        sides = ("concept", "x", "y", "width", "height")
        boxes = [
            dto.ABoundingBoxDTO.from_dict({side: row[side] for side in sides}) for row in csv.DictReader(file)
        ]
    found = sorted((box.concept, box.x, box.y, box.width, box.height) for box in boxes)
    assert all(isinstance(side, int) for box in found for side in box[1:])
    expected = sorted((name, *map(round, box)) for _, name, _, box, _ in rows(dive()))
    assert [box[0] for box in found] == [box[0] for box in expected]
    # Whole pixels around the box, so at most one off on each side.
    assert all(
        abs(a - b) <= 1
        for one, two in zip(found, expected, strict=True)
        for a, b in zip(one[1:], two[1:], strict=True)
    )
