"""What a survey does with what its folder holds already."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seasift.core.errors import InputError
from seasift.formats.tracks import TracksDocument
from seasift.review.decisions import NAME as DECISIONS
from seasift.review.folder import Review
from seasift.survey.kept import Frame
from seasift.survey.prepare import REVIEW
from seasift.survey.report import write_report
from seasift.survey.run import run
from tests.survey.dives import contents, plan_of, survey


def test_decisions_are_never_lost(tmp_path: Path) -> None:
    assert REVIEW == DECISIONS
    survey(tmp_path)
    review = Review(tmp_path / "out")
    review.decide(1, "accept")
    review.decide(2, "reject")
    before = contents(tmp_path / "out")
    for options in ({}, {"every": "2"}):
        with pytest.raises(InputError, match=r"2 decisions.*review\.sqlite") as error:
            survey(tmp_path, **options)
        assert "\n" not in str(error.value)
    assert contents(tmp_path / "out") == before
    assert len(Review(tmp_path / "out").decisions.all()) == 2
    survey(tmp_path, out="other")
    (tmp_path / "out" / REVIEW).rename(tmp_path / "kept.sqlite")
    survey(tmp_path, every="2")


def test_a_review_without_decisions_holds_nothing_up(tmp_path: Path) -> None:
    survey(tmp_path)
    review = Review(tmp_path / "out")
    review.decide(1, "accept", reviewer="x")
    review.decisions.undo("x")
    review.decisions.close()
    survey(tmp_path, every="2")
    Review(tmp_path / "out").decide(1, "accept")  # the file is of the new tracks now


class Killed(Exception):
    pass


def told(folder: Path, *, dies_at: int | None = None, **options: Any) -> list[str]:
    """Lines that a survey says at its begin; it may die in the middle."""
    lines: list[str] = []

    def progress(frame: Frame) -> None:
        if dies_at is not None and frame.seq == dies_at:
            raise Killed

    plan = plan_of(folder, **options)
    if dies_at is None:
        run(plan, report=write_report, tell=lines.append)
    else:
        with pytest.raises(Killed):
            run(plan, progress=progress, tell=lines.append)
    return lines


def test_it_says_that_it_goes_on_or_begins_anew(tmp_path: Path) -> None:
    assert told(tmp_path, dies_at=30) == []
    (line,) = told(tmp_path, dies_at=50)
    assert "frame 28 of" in line  # commits every 7 frames
    assert "dive.mp4" in line
    (line,) = told(tmp_path, dies_at=30, every="2")
    assert "settings, files or versions" in line
    (line,) = told(tmp_path, every="2")
    assert "frame 55 of" in line
    (line,) = told(tmp_path, every="2")
    assert "earlier run" in line
    assert "tracks.csv" in line


def test_what_an_earlier_run_left_is_told(tmp_path: Path) -> None:
    first = survey(tmp_path, video=True, formats=("viame-csv",))
    assert not any("earlier run" in note for note in first.notes)
    (tmp_path / "out" / "overlays").mkdir()
    (tmp_path / "out" / "overlays" / "x.jpg").write_bytes(b"")
    (tmp_path / "out" / "mine.txt").write_text("of the user")
    result = run(replace(plan_of(tmp_path, video=False), video=False), report=write_report)
    (note,) = result.notes
    for name in ("annotated.mp4", "tracks-viame-csv.csv", "1 file in overlays"):
        assert name in note
    assert "mine.txt" not in note
    assert "counts.csv" not in note


def test_footage_is_found_from_anywhere_and_after_a_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, away = tmp_path / "home", tmp_path / "away"
    (home / "footage").mkdir(parents=True)
    away.mkdir()
    plan_of(home)  # makes dive and model
    (home / "dive.mp4").rename(home / "footage" / "dive.mp4")
    monkeypatch.chdir(home)
    survey(home, inputs=("footage/dive.mp4",))
    (away / "footage").mkdir()
    (away / "footage" / "dive.mp4").write_bytes(b"of another dive")
    (away / "dive.mp4").write_bytes(b"of another dive")
    monkeypatch.chdir(away)
    assert [path and path.resolve() for path in Review(home / "out").footage.paths] == [
        (home / "footage" / "dive.mp4").resolve()
    ]
    moved = tmp_path / "moved"
    home.rename(moved)
    assert [path and path.resolve() for path in Review(moved / "out").footage.paths] == [
        (moved / "footage" / "dive.mp4").resolve()
    ]
    text = (moved / "out" / "tracks.json").read_text(encoding="utf-8")
    (video,) = TracksDocument.model_validate_json(text).videos
    assert (video.file, video.path) == ("footage/dive.mp4", "../footage/dive.mp4")
