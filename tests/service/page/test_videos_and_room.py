"""Videos that become jobs, room for the counts, and keys of the review that come quickly."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from seasift.inference.predictor import OnnxPredictor
from tests.service.page.conftest import Open, choose, done, expect, running, sample_image
from tests.service.page.test_review import Reviewed, at, opened, reviewed  # noqa: F401 - a fixture
from tests.service.page.test_shipped import model, shipped  # noqa: F401 - fixtures
from tests.tiny_model import quarters
from tests.tiny_video import save_video


def clip(folder: Path) -> dict[str, Any]:
    data = save_video(folder / "clip.mp4", count=6).read_bytes()
    return {"name": "clip.mp4", "mimeType": "video/mp4", "buffer": data}


def test_a_video_becomes_a_job(open_page: Open, tiny: OnnxPredictor, tmp_path: Path) -> None:
    with running(tiny, jobs=tmp_path / "jobs") as server:
        page = open_page(server)
        choose(page, clip(tmp_path), sample_image("a.png"))
        row = page.locator("#jobs .job")
        expect(row).to_have_attribute("data-state", "done")
        with page.expect_download() as download:
            row.get_by_role("button", name="predictions.json", exact=True).click()
        document = json.loads(Path(download.value.path()).read_text())
        assert [image["file"] for image in document["images"]] == ["clip.mp4#frame=0"]
        expect(page.locator(".film-item[data-state=done]")).to_have_count(1)
        page.goto("about:blank")


def test_a_server_without_jobs_says_so(open_page: Open, tmp_path: Path) -> None:
    page = open_page(expected="404")
    choose(page, clip(tmp_path))
    expect(page.locator("#jobs .job")).to_contain_text("keeps no jobs")


def test_pages_that_were_not_looked_at_are_said(open_page: Open) -> None:
    data = io.BytesIO()
    pages = [Image.fromarray(quarters(250, 0, 0, value)) for value in (0, 250)]
    pages[0].save(data, "TIFF", save_all=True, append_images=pages[1:])
    page = open_page()
    choose(
        page, {"name": "two.tif", "mimeType": "image/tiff", "buffer": data.getvalue()}, sample_image("a.png")
    )
    done(page, 2)
    expect(page.locator(".notice")).to_have_count(1)
    expect(page.locator(".notice")).to_contain_text("two.tif: 2 pages")


@pytest.mark.parametrize(("size", "least"), [((1280, 800), 8), ((1440, 900), 6)])
def test_the_counts_have_room(
    open_page: Open,
    shipped: Any,  # noqa: F811
    size: tuple[int, int],
    least: int,
) -> None:
    page = open_page(shipped, viewport={"width": size[0], "height": size[1]})
    choose(page, sample_image("a.png"))
    expect(page.locator(".film-item[data-state=done]")).to_have_count(1)
    page.locator("#all-classes").click()
    page.wait_for_function("least => document.querySelectorAll('.class-row').length >= least", arg=least)
    seen = page.evaluate(
        """() => {
          const holder = document.querySelector(".table-holder").getBoundingClientRect();
          const rows = [...document.querySelectorAll(".class-row")].map((row) => row.getBoundingClientRect());
          return rows.filter(({ top, bottom }) => top >= holder.top && bottom <= holder.bottom + 1).length;
        }"""
    )
    assert seen >= least


def test_keys_during_a_pending_decision_are_kept(reviewed: Reviewed, open_page: Open) -> None:  # noqa: F811
    page = opened(open_page, reviewed)
    held: list[Any] = []
    page.route("**/v1/review/decisions", lambda route: held.append(route) if not held else route.continue_())
    page.keyboard.press("a")
    page.keyboard.press("r")
    page.keyboard.press("1")
    page.wait_for_function("() => true")
    assert len(held) == 1
    held[0].continue_()
    at(page, 4)
    rows = page.locator("#list .film-item")
    for row, state in enumerate(["accepted", "rejected", "relabelled", "undecided"]):
        expect(rows.nth(row)).to_have_attribute("data-state", state)


def test_a_digit_keeps_its_class(reviewed: Reviewed, open_page: Open) -> None:  # noqa: F811
    page = opened(open_page, reviewed)
    quick = page.evaluate(
        """async () => {
          const { quickOf } = await import("/review/classes.js");
          const classes = [..."abcdefghijkl"].map((name) => ({ name }));
          const tracks = [{ class_name: "c", state: "undecided", name: "c" }];
          const first = quickOf(classes, tracks);
          const given = ["k", "l"].map((name) => ({ class_name: "c", state: "relabelled", name }));
          return [first, quickOf(classes, [...tracks, ...given], first)].map((all) => all.map(({ name }) => name).join(""));
        }"""
    )
    assert quick == ["cabdefghi", "cabdefghi"]
