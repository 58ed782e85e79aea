"""Decisions: kept at once, taken back in order, of one survey alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from seasift.core.errors import InputError, NotFoundError
from seasift.review.decisions import NAME, Decisions
from seasift.review.folder import Review


def test_a_kill_loses_nothing(tmp_path: Path) -> None:
    code = (
        "import os, pathlib; from seasift.review.decisions import Decisions; "
        f"d = Decisions(pathlib.Path({str(tmp_path)!r}), 'x'); "
        "d.decide(3, 'accept', 'eel', 'Ada'); d.decide(4, 'reject', 'eel'); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    found = Decisions(tmp_path, "x").all()
    assert {track: (each.word, each.name, each.reviewer) for track, each in found.items()} == {
        3: ("accept", "eel", "Ada"),
        4: ("reject", "eel", ""),
    }


def test_undo_takes_back_the_last_of_the_reviewer(review: Review) -> None:
    review.decide(1, "accept", reviewer="Ada")
    review.decide(2, "reject", reviewer="Bob")
    review.decide(1, "accept", "green thing", "Ada")
    assert review.decisions.undo("Ada") == 1
    assert review.decisions.all()[1].name == "red thing"
    assert review.decisions.undo("Ada") == 1
    assert set(review.decisions.all()) == {2}
    with pytest.raises(NotFoundError, match="nothing to undo"):
        review.decisions.undo("Ada")


def test_ids_of_new_classes_stay(review: Review) -> None:
    review.decide(1, "accept", "  sea \t pen ")
    review.decide(2, "accept", "eel")
    review.decide(1, "accept", "eel")
    assert review.categories() == {"red thing": 3, "green thing": 7, "blue thing": 8, "sea pen": 9, "eel": 10}


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\x00b"])
def test_names_that_cannot_be(review: Review, name: str) -> None:
    with pytest.raises(InputError, match="letters; expected"):
        review.decide(1, "accept", name)


def test_decisions_of_another_run_are_refused(review: Review, out: Path) -> None:
    review.decide(1, "accept")
    document = json.loads((out / "tracks.json").read_text("utf-8"))
    text = (out / "tracks.json").read_text("utf-8").replace(str(document["tracks"][0]["score"]), "0.5", 1)
    (out / "tracks.json").write_text(text, "utf-8")
    with pytest.raises(InputError, match="another run of the survey"):
        Review(out)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "holds no tracks.json"),
        ("{}", "another layout"),
        ('{"a": 1,\n"tracks": [\n', "not a file of"),
        ("cut", "breaks off"),
    ],
)
def test_folders_that_are_none(out: Path, text: str | None, words: str) -> None:
    path = out / "tracks.json"
    if text is None:
        path.unlink()
    elif text == "cut":
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:4]))
    else:
        path.write_text(text, "utf-8")
    with pytest.raises(InputError, match=words):
        Review(out)


def test_a_damaged_file_is_told(out: Path) -> None:
    (out / NAME).write_bytes(b"no database at all, for certain" * 40)
    with pytest.raises(InputError, match="cannot be stored"):
        Review(out)
