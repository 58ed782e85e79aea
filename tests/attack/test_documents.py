"""Hostile documents: one line and an error of ours, no abort, little memory. `make attack` throws more of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hotcoco import mask as coco_mask
from hypothesis import given
from hypothesis import strategies as st

from seasift.core.errors import InputError
from seasift.core.masks import MaskCrop, _runs, from_coco
from seasift.core.yaml_text import load_yaml
from seasift.data.dives import read_facts
from seasift.data.merge_map import read_merge_map
from seasift.formats.exchange.convert import run
from seasift.formats.exchange.options import ConvertOptions
from tests.formats.exchange.contents import write_dive

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")


def attacked(cases: int, number: int) -> dict[str, Any]:
    program = [sys.executable, "-m", "tests.attack.documents", str(cases), str(number)]
    done = subprocess.run(program, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_some_hostile_documents() -> None:
    counts = attacked(20, 1)
    assert counts["read"] + counts["refused"] >= 20
    assert counts["refused"] > 20
    assert counts["grown_mb"] < 200


@pytest.mark.attack
def test_two_thousand_hostile_documents() -> None:
    counts = attacked(2000, 24)
    print("documents:", counts)
    assert counts["read"] + counts["refused"] >= 2000
    assert counts["read"] > 200
    assert counts["grown_mb"] < 200


def converted(folder: Path, change: Any, to: str = "coco") -> str:
    """The error of converting a tracks document that was changed."""
    path = write_dive(folder)
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        run(ConvertOptions(str(path), str(folder / "out.json"), to=to, masks="rle"))
    assert not (folder / "out.json").exists()
    text = str(caught.value)
    assert "\n" not in text
    return text


def observation(document: Any) -> Any:
    return document["tracks"][0]["observations"][0]


HUGE = {"size": [10**9, 10**9], "counts": "1"}
CHANGES: dict[str, tuple[Any, str]] = {
    "an RLE of another size": (lambda d: observation(d)["mask"].update(HUGE), "RLE of size"),
    "runs beyond the image": (lambda d: observation(d)["mask"].update(counts="0oooo0"), "RLE"),
    "a video of 10^9 px a side": (lambda d: d["videos"][0].update(width=10**9, height=10**9), "100,000"),
    "no videos": (lambda d: d.update(videos=[]), "in video 0"),
    "a video that is not there": (lambda d: observation(d).update(video=7), "video 7"),
    "a best view elsewhere": (lambda d: d["tracks"][0]["best"].update(video=7), "video 7"),
    "half a character": (lambda d: d["tracks"][0].update(name="\ud800"), "hex escape"),
    "an outline of 7 numbers": (lambda d: observation(d).update(polygons=[[1.0] * 7]), "7 numbers"),
    "an outline far away": (lambda d: observation(d).update(polygons=[[1e300] * 6]), "1e+300"),
    "a negative box": (lambda d: observation(d).update(box_xywh=[0.0, 0.0, -5.0, 5.0]), "a box"),
    "an infinite time": (lambda d: observation(d).update(time_s=float("inf")), "finite"),
    "a time that no calendar has": (lambda d: observation(d).update(time_s=1e300), "1e+300 s"),
    "a start that is no time": (lambda d: d["videos"][0].update(start_utc="yesterday"), "isoformat"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_tracks_document_must_fit_together(tmp_path: Path, name: str) -> None:
    change, words = CHANGES[name]
    assert words in converted(tmp_path, change)


def test_a_table_with_a_carriage_return_in_a_cell() -> None:
    with pytest.raises(InputError, match="not a CSV table"):
        read_facts("video,dive\na\rb,c\n", "facts.csv")


BOMB = "a: &a [x]\n" + "".join(
    f"{c}: &{c} [{', '.join([f'*{b}'] * 10)}]\n" for b, c in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB, "aliases"),
        ("a: &a [*a]", "inside of what it stands for"),
        ("[" * 5000, "nested"),
        ("- " * 5000, "nested"),
        ("a: [1, 2", "expected"),
        ("!!python/object/apply:os.system ['true']", "constructor"),
    ],
)
def test_yaml_that_grows_or_does_not_end(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        load_yaml(text)
    path = tmp_path / "map.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        read_merge_map(path, 2)


def test_yaml_with_honest_aliases() -> None:
    assert load_yaml("a: &a {x: 1}\nb: *a\nc: [*a, 2]") == {"a": {"x": 1}, "b": {"x": 1}, "c": [{"x": 1}, 2]}


@pytest.mark.parametrize("tall", [5000, 7])
def test_masks_of_large_images_are_made_where_they_are(tall: int) -> None:
    """Decoded run by run, and written without a bitmap of the image."""
    chance = np.random.default_rng(tall)
    crop = chance.random((tall, 9)) < 0.5
    crop[0, 0] = crop[-1, -1] = crop[0, 4] = crop[0, -1] = crop[-1, 0] = True
    mask = MaskCrop(crop, 3, 0)
    size = (5000, 80_000)
    back = from_coco(mask.rle(size), size)
    assert (back.x0, back.y0) == (3, 0)
    assert np.array_equal(back.crop, crop)
    small = (tall + 2, 12)
    assert np.array_equal(from_coco(MaskCrop(crop, 3, 1).rle(small), small).bitmap(small)[1:-1, 3:], crop)


@given(st.lists(st.integers(0, 2**30), min_size=1, max_size=30))
def test_runs_of_the_code(runs: list[int]) -> None:
    """As hotcoco writes them."""
    height, width = 1, sum(runs)
    if 0 < width < 2**32:
        coded = coco_mask.fr_py_objects({"size": [height, width], "counts": runs}, height, width)
        assert _runs(coded["counts"]).tolist() == runs


def test_a_mask_as_large_as_memory_is_refused() -> None:
    size = (100_000, 40_000)
    with pytest.raises(ValueError, match="at most"):
        from_coco({"size": list(size), "counts": [0, 100_000 * 40_000]}, size)
