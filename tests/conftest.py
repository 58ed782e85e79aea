"""Fixtures for all tests: the synthetic data set, and the real one where it is at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seasift.data.synthetic import make_synthetic

os.environ["SEASIFT_TRIAL"] = "off"  # a process for each of hundreds of models
os.environ["SEASIFT_CACHE"] = "off"  # nothing in the home of whoever runs the tests
os.environ["SEASIFT_MODELS"] = os.devnull  # nor models of theirs


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """COCO file of the synthetic data set, its images in `images` beside it. For reading only."""
    return make_synthetic(tmp_path_factory.mktemp("synthetic"))


@pytest.fixture(scope="session")
def trashcan_zip() -> Path:
    """The published TrashCan 1.0 archive."""
    beside = Path(__file__).parents[2] / "shared" / "trashcan" / "dataset.zip"
    path = Path(os.environ.get("SEASIFT_TRASHCAN", beside))
    if not path.is_file():
        pytest.skip(f"no TrashCan archive at {path}; set SEASIFT_TRASHCAN to its path")
    return path


@pytest.fixture(scope="session")
def surveyed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a survey of the painted dive has left: red, red, green and red again. For reading only."""
    from tests.survey.dives import survey

    folder = tmp_path_factory.mktemp("surveyed")
    survey(folder)
    return folder / "out"
