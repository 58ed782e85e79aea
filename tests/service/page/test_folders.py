"""Folders: chosen in the dialog, and dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from seasift.core.image import encode_image
from tests.service.page.conftest import RED, Open, done, expect


@pytest.fixture
def dive(tmp_path: Path) -> Path:
    """A folder with images at two depths and a text."""
    folder = tmp_path / "dive"
    (folder / "deep").mkdir(parents=True)
    for name in ("10.png", "9.png", "deep/1.png", ".hidden.png"):
        (folder / name).write_bytes(encode_image(RED, ".png"))
    (folder / "notes.txt").write_text("hello")
    return folder


NAMES = ["dive/9.png", "dive/10.png", "dive/deep/1.png"]


def test_a_folder_is_chosen(open_page: Open, dive: Path) -> None:
    page = open_page()
    page.locator("#pick-folder").set_input_files(dive)
    done(page, 3)
    assert page.locator(".film-name").all_inner_texts() == NAMES
    expect(page.locator(".notice")).to_contain_text("1 of the folder's files is no image")


def test_a_folder_is_dropped(open_page: Open, dive: Path) -> None:
    page = open_page()
    data = {"items": [], "files": [str(dive)], "dragOperationsMask": 1}
    hand = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        hand.send("Input.dispatchDragEvent", {"type": kind, "x": 400, "y": 400, "data": data})
        if kind == "dragOver":
            expect(page.locator("#drop-veil")).to_be_visible()
    done(page, 3)
    assert page.locator(".film-name").all_inner_texts() == NAMES
    expect(page.locator("#drop-veil")).to_be_hidden()
