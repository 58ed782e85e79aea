"""A survey's folder for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from seasift.review.folder import Review


@pytest.fixture
def out(surveyed: Path, tmp_path: Path) -> Path:
    """A copy of the folder; the video is beside it."""
    shutil.copytree(surveyed, tmp_path / "dive" / "out")
    shutil.copy(surveyed.parent / "dive.mp4", tmp_path / "dive")
    return tmp_path / "dive" / "out"


@pytest.fixture
def review(out: Path) -> Review:
    return Review(out)
