"""Rolled-up names in both pages: labels, counts by supercategory, slider, filter, digits and downloads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seasift.formats.validation import problems
from seasift.inference.predictor import load_predictor
from seasift.survey.api import survey
from tests.service.page.conftest import (
    Open,
    Running,
    choose,
    done,
    expect,
    objects,
    running,
    sample_image,
    saved_json,
)
from tests.service.page.test_review import Reviewed, at, counts
from tests.survey.rolled import rolled_image, save_rolled_dive, save_rolled_model


@pytest.fixture
def rolled(tmp_path: Path) -> Iterator[Running]:
    with running(load_predictor(save_rolled_model(tmp_path), threads=1)) as server:
        yield server


def rows(page: Any) -> list[str]:
    return [" ".join(row.inner_text().split()) for row in page.locator("#counts tbody tr").all()]


def test_names_counts_and_downloads(rolled: Running, open_page: Open) -> None:
    page = open_page(rolled)
    choose(page, sample_image("a.png", rolled_image(240)))
    done(page, 1)
    expect(page.locator("#threshold-value")).to_have_text("0.50")  # the least of the model's thresholds
    expect(page.locator(".object")).to_have_count(3)
    assert objects(page) == ["bag 0.90", "trash 0.70", "object 0.66"]
    assert rows(page) == [
        *("Trash 2 2", "bag 1 1", "class uncertain 1 1"),
        *("Other 1 1", "object 1 1"),
    ]
    value = saved_json(page)
    assert problems(value) == []
    assert [each["rollup"]["name"] for each in value["images"][0]["objects"]] == [
        *("trash_bag", "trash", "object")
    ]
    found = saved_json(page, "coco")["annotations"]
    assert [each["rollup"]["level"] for each in found] == ["class", "supercategory", "object"]


def test_filter_and_slider_go_by_the_name(rolled: Running, open_page: Open) -> None:
    page = open_page(rolled)
    choose(page, sample_image("a.png", rolled_image(240)))
    done(page, 1)
    page.get_by_role("checkbox", name="class uncertain").uncheck()
    expect(page.locator(".object")).to_have_count(2)
    assert objects(page) == ["bag 0.90", "object 0.66"]
    page.get_by_role("checkbox", name="class uncertain").check()
    page.locator("#threshold").fill("0.68")
    expect(page.locator(".object")).to_have_count(2)
    assert objects(page) == ["bag 0.90", "trash 0.70"]
    page.locator("#threshold").fill("0.2")  # now what is sure of nothing, too
    expect(page.locator(".object")).to_have_count(4)
    assert objects(page)[-1].startswith("object 0.41")


@pytest.fixture
def reviewed(tmp_path: Path) -> Iterator[Reviewed]:
    model, dive = save_rolled_model(tmp_path), save_rolled_dive(tmp_path)
    survey(dive, output=tmp_path / "out", model=model, every="1")
    server = Reviewed(tmp_path / "out")
    try:
        yield server
    finally:
        server.stop()


def test_a_review_of_rolled_up_names(reviewed: Reviewed, open_page: Open) -> None:
    page = open_page(reviewed)
    expect(page.locator("#list .film-item")).to_have_count(3)
    page.locator("#order").select_option("time")
    page.locator("#list .film-item[data-track='2']").click()
    page.locator("#main").focus()
    expect(page.locator("#asked")).to_have_text("trash")
    expect(page.locator("#track-where")).to_contain_text("perhaps trash bag 0.50")
    assert counts(page) == [
        *(["Trash", "2", "0", "2"], ["bag", "1", "0", "1"], ["class uncertain", "1", "0", "1"]),
        *(["Other", "1", "0", "1"], ["object", "1", "0", "1"]),
    ]
    page.keyboard.press("a")
    at(page, 3)
    page.keyboard.press("2")  # the second class
    expect(page.locator("#bar-words")).to_have_text("2 of 3 decided")
    assert counts(page)[:4] == [
        ["Trash", "2", "2", "1"],
        *(["bag", "1", "0", "1"], ["net", "0", "1", "0"], ["class uncertain", "1", "1", "0"]),
    ]
    told = json.loads(page.evaluate("fetch('v1/review').then((answer) => answer.text())"))
    assert [(each["state"], each["name"]) for each in told["tracks"]] == [
        *(("undecided", "trash_bag"), ("accepted", "trash"), ("relabelled", "trash_net"))
    ]
