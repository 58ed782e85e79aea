"""The page with the bundled model, on its own example. SEASIFT_SCREENSHOTS=docs/images makes the docs' images."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import seasift.service
from seasift.core.boxes import class_agnostic_nms
from seasift.core.image import read_image
from seasift.formats.document import image_entry
from seasift.inference.predictor import OnnxPredictor, load_predictor
from seasift.modelfile.bundled import card_of
from tests.service.page.conftest import Open, Running, done, expect, running, saved_json
from tests.service.page.test_access import serious

PAGE = Path(seasift.service.__file__).parent / "page"
SHOTS = {
    "page-light": {"viewport": {"width": 1600, "height": 1000}, "color_scheme": "light"},
    "page-dark": {"viewport": {"width": 1600, "height": 1000}, "color_scheme": "dark"},
    "page-phone": {
        "viewport": {"width": 360, "height": 740},
        "color_scheme": "light",
        "device_scale_factor": 2,
    },
}


@pytest.fixture(scope="module")
def model() -> OnnxPredictor:
    return load_predictor(threads=1)


@pytest.fixture(scope="module")
def shipped(model: OnnxPredictor) -> Iterator[Running]:
    with running(model, card_of("default")) as server:
        yield server


def test_the_example(open_page: Open, shipped: Running, model: OnnxPredictor) -> None:
    page = open_page(shipped)
    page.get_by_role("button", name="Try the example").click()
    done(page, 3)
    got = saved_json(page)["images"]
    names = [image["file"] for image in got]
    assert names == ["1-shrimp.jpg", "2-coral.jpg", "3-coral.jpg"]
    for image in got:
        assert image["objects"], "the example shows objects at the model's own threshold"
        path = PAGE / f"example-{image['file']}"
        (truth,) = model.predict([read_image(path)], threshold=model.info.threshold)
        entry = image_entry(image["file"], class_agnostic_nms(truth), model.categories)
        assert image == entry.model_dump(mode="json", exclude_none=True)


def test_the_model_card_is_one_click_away(open_page: Open, shipped: Running, model: OnnxPredictor) -> None:
    page = open_page(shipped)
    page.get_by_role("button", name=f"Model {model.name}").click()
    card = page.locator("#card-body")
    for line in (card_of("default") or "").splitlines():
        if line.startswith("## "):
            expect(card.get_by_role("heading", name=line[3:], exact=True)).to_be_visible()
    expect(card.get_by_role("row", name="licence")).to_contain_text(model.info.licence)
    expect(card).not_to_contain_text("**")
    assert serious(page) == []
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()


def test_without_a_card_the_file_speaks(open_page: Open, model: OnnxPredictor) -> None:
    with running(model) as server:
        page = open_page(server)
        page.get_by_role("button", name=f"Model {model.name}").click()
        for text in (model.info.licence, model.info.attribution, model.sha256, *model.info.figures):
            expect(page.locator("#card-body")).to_contain_text(text)


@pytest.mark.parametrize("name", sorted(SHOTS))
def test_images_for_the_docs(open_page: Open, shipped: Running, name: str, tmp_path: Path) -> None:
    page = open_page(shipped, **SHOTS[name])
    page.get_by_role("button", name="Try the example").click()
    done(page, 3)
    if name == "page-dark":
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
    page.locator("#threshold").fill("0.08")
    if name == "page-light":
        for _ in range(2):
            page.locator("#zoom-in").click()
        page.locator(".object").first.click()
    page.mouse.move(5, 5)
    page.evaluate("() => document.activeElement.blur()")
    page.locator("main").evaluate("(main) => { main.scrollTop = 0; window.scrollTo(0, 0); }")
    expect(page.locator("#threshold-value")).to_have_text("0.08")
    path = Path(os.environ.get("SEASIFT_SCREENSHOTS", tmp_path)) / f"{name}.jpg"
    page.screenshot(path=path, type="jpeg", quality=85)
    assert 20_000 < path.stat().st_size < 300_000
