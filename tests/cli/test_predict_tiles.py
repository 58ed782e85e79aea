"""`seasift predict --tile`, as a user runs it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seasift.cli import main as entry
from seasift.core.errors import InputError
from seasift.core.image import write_image
from seasift.formats import validation
from seasift.inference.tiling import parse_tiling
from tests.tiny_model import quarters, save_tiny

Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run `seasift predict` on an image of four quarters, side by side with an empty one."""
    save_tiny(tmp_path / "tiny.onnx")
    pair = np.concatenate([quarters(250, 0, 0, 200), quarters(0, 0, 0, 0)], axis=1)
    write_image(tmp_path / "pair.png", pair)
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, Any, str]:
        monkeypatch.setattr(
            sys, "argv", ["seasift", "predict", "pair.png", "-m", "tiny.onnx", "-o", "r.json", *arguments]
        )
        with pytest.raises(SystemExit) as done:
            entry.main()
        written = Path("r.json")
        value = json.loads(written.read_text(encoding="utf-8")) if written.exists() else None
        return int(done.value.code or 0), value, capfd.readouterr().err

    return call


def test_tiles_are_used_and_recorded(run: Run) -> None:
    """The whole picture's left half is dark in the mean; a tile sees it as the model wants it."""
    code, got, err = run("--threshold", "0.7")
    assert (code, "tile" in got, got["images"][0]["objects"], got["max_objects"]) == (0, False, [], 10)
    code, got, err = run("--threshold", "0.7", "--tile", "40", "--tile-overlap", "0.05")
    assert code == 0
    assert validation.problems(got) == []
    assert got["tile"] == {
        **{"width": 40, "height": 40, "overlap_x": 2, "overlap_y": 2},
        **{"whole": False, "max_objects": 10},
    }
    assert got["max_objects"] == 10_000
    (image,) = got["images"]
    assert (image["width"], image["height"]) == (80, 40)
    assert [found["score"] for found in image["objects"]] == pytest.approx([250 / 255, 200 / 255], abs=1e-5)
    assert image["objects"][0]["box_xywh"] == pytest.approx([2, 2, 16, 16], abs=1e-3)
    assert "searched in tiles of 40x40 px that share 2 and 2 px" in err


def test_other_options_go_with_tiles(run: Run) -> None:
    options = ("--tile", "auto", "--tile-whole", "--max-objects", "1", "--classes", "red thing,blue thing")
    code, got, err = run(*options, "--threshold", "0.5")
    assert code == 0
    assert validation.problems(got) == []
    assert (got["tile"]["width"], got["tile"]["height"], got["tile"]["overlap_x"]) == (32, 32, 8)
    assert got["tile"]["whole"]
    assert got["max_objects"] == 1
    assert len(got["images"][0]["objects"]) == 1
    assert "and as a whole" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--tile", "big"], "--tile 'big'; expected a side in px such as 480"),
        (["--tile", "480x"], "--tile '480x'; expected a side"),
        (["--tile", "480x8"], "--tile 480x8: 480x8 px; expected sides from 16 px"),
        (["--tile", "480", "--tile-overlap", "1"], "--tile-overlap 1.0; expected 0.01 to 0.75"),
        (["--tile-overlap", "0.5"], "--tile-overlap is for --tile"),
        (["--tile-whole"], "--tile-whole is for --tile"),
    ],
)
def test_wrong_options(run: Run, arguments: list[str], words: str) -> None:
    code, got, err = run(*arguments)
    assert (code, got) == (2, None)
    assert words in err


def test_a_size_is_width_and_height() -> None:
    tiling = parse_tiling("480X270", None, False, None)
    assert tiling is not None
    assert (tiling.grid.tile_hw, tiling.grid.overlap) == ((270, 480), 0.25)
    assert parse_tiling(None, None, False, (9, 9)) is None
    with pytest.raises(InputError, match="only for a model file"):
        parse_tiling("auto", None, False, None)
