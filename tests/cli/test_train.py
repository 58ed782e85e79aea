"""`seasift train`, as a user runs it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from seasift.cli import main as entry
from tests.tiny_training import shapes

__all__ = ["shapes"]
SMALL = (
    *("model.backbone=efficientnet-lite0", "model.size=96", "model.fpn_channels=16"),
    *("model.proto_channels=16", "model.prototypes=8", "training.batch_size=4", "training.max_steps=2"),
    *("data.labels=null", "data.masks=null", "data.scheme=null"),
)


def train(
    data: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *more: str
) -> tuple[int, str, str]:
    changes = [part for change in SMALL for part in ("--set", change)]
    arguments = ["seasift", "train", "yolact-resnet50", "--data", str(data), "--accelerator", "cpu"]
    monkeypatch.setattr(sys, "argv", [*arguments, *changes, *more])
    with pytest.raises(SystemExit) as done:
        entry.main()
    out, err = capfd.readouterr()
    assert "Traceback" not in err
    return int(done.value.code or 0), out, err


@pytest.mark.slow
def test_one_command_goes_from_a_recipe_to_a_comparison(
    shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    code, out, err = train(shapes, monkeypatch, capfd, "-o", str(run), "--compare")
    assert code == 0, err
    assert re.search(r"^A  run +shapes.json, 8 images +0\.\d{3}", out, re.MULTILINE)
    assert re.search(r"^published: YOLACT ResNet-50", out, re.MULTILINE)
    assert re.search(r"^A  run +yolact-resnet50 +yolact efficientnet-lite0 96 px +none", out, re.MULTILINE)
    comparison = json.loads((run / "comparison" / "compare.json").read_text(encoding="utf-8"))
    (one,) = comparison["runs"]
    assert one["facts"]["trainable"] == one["facts"]["parameters"] > 2_900_000
    assert one["training"]["pictures_seen"] == 8
    assert one["intervals"]["boxes"]["AP"]
    assert (run / "evaluation" / "report.html").exists()


def test_what_is_learnt_by_heart_is_not_compared(
    shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = train(
        shapes, monkeypatch, capfd, "--overfit", "4", "--compare", "-o", str(tmp_path / "run")
    )
    assert (code, out) == (2, "")
    assert err.startswith("seasift: --compare: with data.overfit")
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "run").exists()
