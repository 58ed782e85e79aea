"""For everyone: axe finds nothing serious, all works from the keyboard, and it fits small and large screens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.service.page.conftest import Open, choose, done, expect, sample_image
from tests.tiny_model import quarters

axe = pytest.importorskip("axe_playwright_python.base", reason="axe-playwright-python is not installed")


def serious(page: Any) -> list[str]:
    """What axe-core finds that is serious or critical."""
    source = (Path(axe.__file__).parent / "axe.min.js").read_text("utf-8")
    page.evaluate(f"{source}; undefined")
    found = page.evaluate("() => axe.run()")["violations"]
    return [
        f"{one['id']}: {one['help']}: {node['html'][:120]} {node['failureSummary'][:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(open_page: Open, scheme: str) -> None:
    page = open_page(color_scheme=scheme, expected="400", reduced_motion="reduce")
    expect(page.locator("#server-dot[data-state=good]")).to_be_visible()
    assert serious(page) == []
    choose(
        page, sample_image("notes.txt", b"hello"), sample_image("a.png"), sample_image("broken.png", b"no")
    )
    done(page, 1)
    page.locator(".object").first.click()
    page.locator("#all-classes").click()
    page.get_by_role("checkbox", name="blue thing").uncheck()
    page.mouse.move(5, 5)
    assert serious(page) == []
    for name in ("Help", "Model tiny"):
        page.get_by_role("button", name=name).click()
        assert serious(page) == []
        page.keyboard.press("Escape")


@pytest.mark.parametrize("width", [360, 768, 1024, 1600])
def test_nothing_sticks_out_at_the_side(open_page: Open, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 760})
    sides = "() => [document.documentElement.scrollWidth, document.querySelector('main').scrollWidth]"
    assert max(page.evaluate(sides)) <= width
    long = "a folder with quite a long name/and_a_picture_whose_name_has_no_place_to_break_whatsoever.png"
    choose(
        page, sample_image(long), *(sample_image(f"{i}.png", quarters(255, 255, 255, 255)) for i in range(8))
    )
    done(page, 9)
    page.locator("#all-classes").click()
    assert max(page.evaluate(sides)) <= width
    for box in page.evaluate(
        "() => [...document.querySelectorAll('button, input, th, td')].filter((e) => e.checkVisibility())"
        ".filter((e) => !e.closest('.film')).map((e) => e.getBoundingClientRect().right)"
    ):
        assert box <= width


def test_the_whole_page_fits_a_large_screen(open_page: Open) -> None:
    page = open_page(viewport={"width": 1600, "height": 1000})
    choose(page, sample_image("a.png"))
    done(page, 1)
    assert page.evaluate("() => document.documentElement.scrollHeight") <= 1000


def test_from_the_keyboard_alone(open_page: Open) -> None:
    page = open_page()
    expect(page.locator("#server-dot[data-state=good]")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the images")).to_be_focused()
    choose(page, sample_image("a.png"), sample_image("b.png"))
    done(page, 2)
    expect(page.locator("#status")).to_have_text("a.png. 3 objects: 3 red thing")
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        name, ring = page.evaluate(
            "() => { const e = document.activeElement; const s = getComputedStyle(e);"
            " return [e === document.body ? null : e.id || e.dataset.save || e.dataset.act || e.className || e.type,"
            " s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2]; }"
        )
        assert ring or name is None, f"{name} shows no focus"  # None: between the last and the first
        reached.add(name)
    assert {"canvas", "threshold", "next", "zoom-in", "object", "json", "overlays", "checkbox"} <= reached


def test_dark_and_light_follow_the_system_and_the_button(open_page: Open) -> None:
    page = open_page(color_scheme="dark")
    ground = "() => getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.locator("#theme").click()
    light = page.evaluate(ground)
    assert light != dark
    page.reload()
    assert page.evaluate(ground) == light, "remembered"
    page.locator("#theme").click()
    assert page.evaluate(ground) == dark
