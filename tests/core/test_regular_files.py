"""What is no file, or never ends, is refused at once: as image, model, navigation and document."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from seasift.core.errors import InputError
from seasift.core.files import check_regular, read_regular
from seasift.core.image import page_count, read_image, read_orientation
from seasift.data.coco import read_coco
from seasift.data.merge_map import read_merge_map
from seasift.formats import validation
from seasift.formats.coco import read_truth_ids
from seasift.formats.exchange.convert import run
from seasift.formats.exchange.options import ConvertOptions
from seasift.modelfile.info import read_model_file
from seasift.recipes.recipe import load_recipe
from seasift.survey.navigation import read_navigation

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX files")

READERS: dict[str, Callable[[Path], Any]] = {
    "image": read_image,
    "model": read_model_file,
    "navigation": read_navigation,
    "annotations": read_coco,
    "ground truth": read_truth_ids,
    "predictions": validation.read,
    "map": lambda path: read_merge_map(path, 2),
    "recipe": lambda path: load_recipe(str(path)),
    "conversion": lambda path: run(ConvertOptions(str(path), str(path.with_name("out.json")), to="coco")),
}


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe.json"
    os.mkfifo(path)
    return path


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "socket"
    with closing(socket.socket(socket.AF_UNIX)) as made:
        made.bind(str(path))
        yield path


@pytest.mark.parametrize("name", READERS)
def test_a_pipe(pipe: Path, name: str) -> None:
    with pytest.raises(InputError) as caught:
        READERS[name](pipe)
    assert "pipe" in str(caught.value) or name == "recipe"


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/proc/self/status"])
def test_devices_and_files_of_the_kernel(name: str, path: str) -> None:
    if Path(path).exists():
        with pytest.raises(InputError, match=path):
            READERS[name](Path(path))


def test_a_socket(listening: Path) -> None:
    with pytest.raises(InputError, match="a socket"):
        check_regular(listening)


def test_helpers_of_images_do_not_wait(pipe: Path) -> None:
    assert page_count(pipe.rename(pipe.with_suffix(".tif"))) == 1
    assert read_orientation(pipe.with_suffix(".tif")) == 1


def test_sizes_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"{}")
    assert read_regular(path, most=2) == b"{}"
    with pytest.raises(InputError, match="2 bytes; expected at most 1"):
        read_regular(path, most=1)
    with path.open("wb") as sparse:
        sparse.truncate((2 << 30) + 1)
    for name in ("model", "predictions", "annotations"):
        with pytest.raises(InputError, match="expected at most"):
            READERS[name](path)
