"""What -o means: the ending of a file decides its format."""

from __future__ import annotations

from pathlib import Path

import pytest

from seasift.core.errors import InputError
from seasift.prediction.plan import plan, usual_formats


@pytest.mark.parametrize(
    ("name", "formats"),
    [
        ("found.json", ("json",)),
        ("found.CSV", ("csv",)),
        ("found.jpg", ("overlay",)),
        ("found.png", ("overlay",)),
        ("dive.mp4", ("video",)),
        ("found", ("json", "csv", "overlay")),
        ("dive-2026.05", ("json", "csv", "overlay")),
        (".hidden", ("json", "csv", "overlay")),
    ],
)
def test_the_ending_decides(tmp_path: Path, name: str, formats: tuple[str, ...]) -> None:
    assert usual_formats(tmp_path / name) == formats


def test_a_folder_that_is_there_may_end_as_it_likes(tmp_path: Path) -> None:
    (tmp_path / "dive.json").mkdir()
    assert usual_formats(tmp_path / "dive.json") == ("json", "csv", "overlay")
    assert usual_formats(None) == ("json",)


@pytest.mark.parametrize("formats", [None, ("json",), ("json", "overlay")])
def test_an_unknown_ending_is_no_folder(tmp_path: Path, formats: tuple[str, ...] | None) -> None:
    output = tmp_path / "found.jsn"
    with pytest.raises(InputError, match="jsn"):
        plan(formats or usual_formats(output), output, images=1, videos=0)
