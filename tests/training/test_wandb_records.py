"""Records at Weights & Biases, without a network: what its client would send lies on disk."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from seasift.core.instances import Instances
from seasift.core.masks import MaskCrop
from seasift.export import to_onnx
from seasift.inference.predictor import load_predictor
from seasift.models import checkpoint
from seasift.recipes.recipe import Recipe
from seasift.training.run import Options, train
from seasift.training.wandb_records import NoWandb, class_map


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb", reason="the extra 'wandb' is not installed")
    monkeypatch.setenv("WANDB_MODE", "offline")
    for location in ("DATA", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"WANDB_{location}_DIR", str(tmp_path / location))


def only(folder: Path, pattern: str) -> Path:
    (path,) = folder.glob(pattern)
    return path


def records(log: bytes) -> bytes:
    """What an offline run's log holds, one record after the other.

    It is written as LevelDB writes its log: after 7 bytes of its own, blocks of 32 KiB, in which each piece of a
    record follows its checksum (4 bytes), length (2) and kind (1). A name may be cut where a block ends.
    """
    location, found = 7, []
    while location + 7 <= len(log):
        left = 32768 - location % 32768
        if left < 7:
            location += left
            continue
        length = int.from_bytes(log[location + 4 : location + 6], "little")
        found.append(log[location + 7 : location + 7 + length])
        location += 7 + length
    return b"".join(found)


def staged(folder: Path) -> dict[bytes, Path]:
    """What W&B has copied to send, by content."""
    return {path.read_bytes(): path for path in (folder / "DATA").rglob("*") if path.is_file()}


@pytest.mark.usefixtures("offline")
def test_curves_images_figures_and_the_model_are_kept(
    tiny: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(to_onnx, "export_checkpoint", lambda _, out: out.write_bytes(b"a model file"))
    training = tiny.training.model_copy(update={"max_steps": 10, "validate_every": 10})
    out = tmp_path / "run"
    recipe = tiny.model_copy(update={"name": "a tiny one/ä", "training": training})
    train(recipe, Options(out, accelerator="cpu", wandb=True))
    import wandb

    wandb.teardown()  # W&B's own process writes the end of its log when it ends
    kept = only(out, "wandb/offline-run-*")
    media = kept / "files" / "media"
    assert len(list((media / "images" / "examples").glob("*.png"))) == 6
    masks = [
        cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in (media / "images" / "mask").rglob("*.png")
    ]
    assert [mask.shape for mask in masks] == [(72, 96)] * 6
    table = json.loads(only(media / "table", "figures_*.json").read_text(encoding="utf-8"))
    figures = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    assert [(row["class"], row["objects"]) for row in figures[:1]] == [("all", 12)]
    assert {row["class"] for row in figures[1:]} == {"box", "ball"}
    assert len(table["columns"]) == 26
    with (out / "metrics.csv").open(newline="", encoding="utf-8") as file:
        evaluated = [row for row in csv.DictReader(file) if row["val/score"]][-1]
    assert figures[0]["mask AP"] == pytest.approx(float(evaluated["val/mask_AP"]), rel=1e-6)
    assert figures[0]["box AP50"] == pytest.approx(float(evaluated["val/box_AP50"]), rel=1e-6)
    sent = records(only(kept, "run-*.wandb").read_bytes())
    assert all(
        name in sent for name in (b"loss/mask", b"loss/total", b"val/mask_AP", b"a-tiny-one--", b"best.ckpt")
    )
    assert b"best.onnx" in sent
    assert {b"a model file", (out / "best.ckpt").read_bytes()} <= staged(tmp_path).keys()
    assert (out / "metrics.csv").exists()
    assert any((out / "tensorboard").iterdir())


@pytest.mark.slow
@pytest.mark.usefixtures("offline")
def test_the_model_file_at_wandb_predicts_as_the_best_checkpoint(tiny: Recipe, tmp_path: Path) -> None:
    training = tiny.training.model_copy(update={"max_steps": 1, "validate_every": 1})
    out = tmp_path / "run"
    train(tiny.model_copy(update={"training": training}), Options(out, accelerator="cpu", wandb=True))
    import wandb

    wandb.teardown()
    sent = tmp_path / "sent.onnx"
    sent.write_bytes(staged(tmp_path)[(out / "best.onnx").read_bytes()].read_bytes())
    image = np.random.default_rng(0).integers(0, 256, (72, 96, 3), dtype=np.uint8)
    (found,) = load_predictor(sent).predict([image], threshold=0.0, max_objects=5)
    (expected,) = checkpoint.load_predictor(out / "best.ckpt").predict([image], threshold=0.0, max_objects=5)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
    assert len(found) == 5


@pytest.mark.slow
@pytest.mark.usefixtures("offline")
def test_a_resumed_run_goes_on_with_the_same_run_there(tiny: Recipe, tmp_path: Path) -> None:
    for steps in (1, 2):
        training = tiny.training.model_copy(update={"max_steps": steps})
        options = Options(tmp_path, resume=steps > 1, accelerator="cpu", wandb=True)
        train(tiny.model_copy(update={"training": training}), options)
    import wandb

    wandb.teardown()
    first, second = sorted(tmp_path.glob("wandb/offline-run-*/run-*.wandb"))
    assert first.name == second.name


@pytest.mark.usefixtures("offline")
def test_without_a_key_it_says_what_to_do(
    tiny: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import wandb

    def refuses(**_: object) -> None:
        raise wandb.errors.UsageError("No API key configured.")

    monkeypatch.setattr(wandb, "init", refuses)
    with pytest.raises(NoWandb, match=r"No API key configured\. Or set WANDB_MODE=offline"):
        train(tiny, Options(tmp_path / "run", accelerator="cpu", wandb=True))


def test_the_surest_object_lies_on_top_and_unsure_ones_are_not_shown() -> None:
    square = MaskCrop(np.ones((4, 4), dtype=bool), 2, 2)
    corner = MaskCrop(np.ones((2, 2), dtype=bool), 4, 4)
    boxes = np.array([[4, 4, 6, 6], [2, 2, 6, 6], [0, 0, 8, 8]], np.float32)
    scores, classes = np.array([0.9, 0.5, 0.1], np.float32), np.array([1, 0, 2])
    whole = MaskCrop(np.ones((8, 8), dtype=bool), 0, 0)
    expected = np.zeros((8, 8), np.uint8)
    expected[2:6, 2:6] = 1
    expected[4:6, 4:6] = 2
    for masks in ((corner, square, whole), None):
        drawn = class_map(Instances(boxes, scores, classes, (8, 8), masks), 0.3)
        np.testing.assert_array_equal(drawn, expected)


def test_a_missing_package_is_named_with_what_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from seasift.cli import main
    from seasift.core import errors

    monkeypatch.setattr(errors, "find_spec", lambda name: None if name == "wandb" else name)
    monkeypatch.setattr("sys.argv", ["seasift", "train", "yolact-resnet50", "--logger", "wandb"])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines() == [
        "seasift: this needs the package wandb, which is not installed. "
        "In the folder of seasift's source run: pip install '.[wandb]' (or: uv sync --extra wandb)"
    ]
