"""The review in a browser: keys, what stays after a reload, export, and that all can use it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seasift.review.folder import Review
from seasift.service.review_app import create_review_app
from seasift.service.settings import ServiceSettings
from tests.service.page.conftest import Open, Running, expect
from tests.service.page.test_access import serious


class Reviewed(Running):
    """A server of the review."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        super().__init__(None, **settings)  # type: ignore[arg-type]

    def made(self) -> Any:
        return create_review_app(Review(self.folder), ServiceSettings(**self.settings))


@pytest.fixture
def reviewed(surveyed: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Reviewed]:
    """Tracks 1 and 2 red, 3 green, 4 red. To be asked for before `open_page`, so that the page closes first."""
    shutil.copytree(surveyed, tmp_path / "out")
    server = Reviewed(tmp_path / "out", **getattr(request, "param", {}))
    try:
        yield server
    finally:
        server.stop()


def opened(open_page: Open, server: Reviewed, order: str = "time", **context: Any) -> Any:
    page = open_page(server, **context)
    expect(page.locator("#list .film-item")).to_have_count(4)
    page.locator("#order").select_option(order)
    page.locator("#list .film-item[data-track='1']").click()
    page.locator("#main").focus()
    return page


def states(page: Any) -> list[str]:
    return [row.get_attribute("data-state") for row in page.locator("#list .film-item").all()]


def at(page: Any, track: int) -> None:
    expect(page.locator("#track-title")).to_have_text(f"Track {track}")


def counts(page: Any) -> list[list[str]]:
    return [row.locator("th, td").all_inner_texts() for row in page.locator("#counts-rows tr").all()]


def test_a_review_by_keys_alone(reviewed: Reviewed, open_page: Open) -> None:
    page = opened(open_page, reviewed)
    expect(page.locator("#large")).to_be_visible()
    page.keyboard.press("a")
    at(page, 2)  # the next undecided one
    page.keyboard.press("r")
    at(page, 3)
    page.keyboard.press("1")  # the class that was found most often: red
    at(page, 4)
    page.keyboard.press("l")
    page.keyboard.type("sea pen")
    expect(page.locator("#found li")).to_have_text(["New class “sea pen”"])
    page.keyboard.press("Enter")
    expect(page.locator("#bar-words")).to_have_text("4 of 4 decided")
    assert states(page) == ["accepted", "rejected", "relabelled", "relabelled"]
    assert counts(page) == [
        ["red thing", "3", "2", "0"],
        ["green thing", "1", "0", "0"],
        ["sea pen", "0", "1", "0"],
    ]
    expect(page.locator("#quick li").nth(3)).to_have_text(
        "4sea pen"
    )  # a class that was given gets a free digit
    page.keyboard.press("u")
    expect(page.locator("#bar-words")).to_have_text("3 of 4 decided")
    page.keyboard.press("k")
    at(page, 3)
    page.keyboard.press("ArrowUp")
    at(page, 2)
    page.keyboard.press("j")
    at(page, 3)
    page.keyboard.press("Shift+?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("r")  # a dialog is open: nothing is decided
    page.keyboard.press("Escape")
    assert states(page) == ["accepted", "rejected", "relabelled", "undecided"]


def test_decisions_stay_after_a_reload_and_a_new_server(reviewed: Reviewed, open_page: Open) -> None:
    page = opened(open_page, reviewed)
    page.locator("#reviewer").fill("Ada")
    page.locator("#main").focus()
    page.keyboard.press("a")
    at(page, 2)
    page.goto("about:blank")  # what it still asks for would not be answered
    reviewed.stop()
    reviewed.start()
    page.goto(reviewed.url)
    expect(page.locator("#bar-words")).to_have_text("1 of 4 decided")
    expect(page.locator("#reviewer")).to_have_value("Ada")
    page.locator("#only-state").select_option("accepted")
    at(page, 1)
    expect(page.locator("#stamp")).to_have_text("Accepted: red thing · Ada")


def test_least_certain_first_and_filters(reviewed: Reviewed, open_page: Open) -> None:
    page = opened(open_page, reviewed, order="doubt")
    scores = [float(note.split(" · ")[2]) for note in page.locator(".film-note").all_inner_texts()]
    assert scores == sorted(scores)
    page.locator("#only-class").select_option("green thing")
    at(page, 3)
    page.locator("#only-state").select_option("rejected")
    expect(page.locator("#list-none")).to_have_text("No track is so.")


def test_views_come_from_the_video(reviewed: Reviewed, open_page: Open) -> None:
    page = opened(open_page, reviewed)
    expect(page.locator("#strip img")).to_have_count(9)  # the best, and eight more
    before = page.locator("#large").get_attribute("src")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#strip button").nth(1)).to_have_attribute("aria-pressed", "true")
    assert page.locator("#large").get_attribute("src") != before


def test_typing_a_name_decides_nothing(reviewed: Reviewed, open_page: Open) -> None:
    page = opened(open_page, reviewed)
    page.locator("#reviewer").press_sequentially("Ararau 1")
    page.locator("#open-help").click()
    page.locator("#keys-on").uncheck()
    page.keyboard.press("Escape")
    page.locator("#main").focus()
    page.keyboard.press("a")
    page.locator("#reject").click()
    at(page, 2)
    assert states(page) == ["rejected", "undecided", "undecided", "undecided"]


def test_export(reviewed: Reviewed, open_page: Open) -> None:
    page = opened(open_page, reviewed)
    page.locator("#export").click()
    expect(page.locator("#export-words")).to_contain_text("no track is accepted yet")
    page.locator("#list .film-item[data-track='4']").click()
    page.locator("#accept").click()
    at(page, 1)
    page.locator("#export").click()
    expect(page.locator("#export-words")).to_contain_text("11 images with 11 objects.")
    written = json.loads((reviewed.folder / "reviewed/annotations.json").read_text("utf-8"))
    assert len(written["annotations"]) == 11


@pytest.mark.parametrize("reviewed", [{"token": "a-token-for-tests"}], indirect=True)
def test_a_token_is_asked_for(reviewed: Reviewed, open_page: Open) -> None:
    page = open_page(reviewed, expected="401")
    page.locator("#token-field").fill("a-token-for-tests")
    page.keyboard.press("Enter")
    expect(page.locator("#list .film-item")).to_have_count(4)
    expect(page.locator("#large")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(reviewed: Reviewed, open_page: Open, scheme: str) -> None:
    page = opened(open_page, reviewed, color_scheme=scheme, reduced_motion="reduce")
    page.keyboard.press("r")
    at(page, 2)
    page.keyboard.press("a")
    at(page, 3)
    assert serious(page) == []
    for key in ("l", "Shift+?"):
        page.keyboard.press(key)
        assert serious(page) == []
        page.keyboard.press("Escape")


@pytest.mark.parametrize("width", [360, 1024])
def test_nothing_sticks_out_at_the_side(reviewed: Reviewed, open_page: Open, width: int) -> None:
    page = opened(open_page, reviewed, viewport={"width": width, "height": 760})
    page.keyboard.press("2")
    at(page, 2)
    sides = "() => [document.documentElement.scrollWidth, document.querySelector('main').scrollWidth]"
    assert max(page.evaluate(sides)) <= width
    for selector in ("#accept", "#reject", "#export", "#list .film-item"):
        box = page.locator(selector).first.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
