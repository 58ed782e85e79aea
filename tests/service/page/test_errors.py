"""What goes wrong is said in words, and work goes on after it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from seasift.core.instances import Instances
from seasift.inference.predictor import OnnxPredictor
from tests.service.page.conftest import Open, choose, done, expect, running, sample_image, saved_json

TOKEN = "a-token-for-tests"


def test_a_wrong_type_is_not_sent(open_page: Open) -> None:
    page = open_page()
    choose(page, sample_image("notes.txt", b"hello"))
    expect(page.get_by_role("alert").filter(has_text="notes.txt")).to_contain_text(
        "not an image; expected JPEG, PNG, TIFF, WebP, BMP or a video"
    )
    expect(page.locator("#welcome")).to_be_visible()
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator(".notice")).to_have_count(0)


def test_a_broken_image_fails_alone_in_the_servers_words(open_page: Open) -> None:
    page = open_page(expected="400")
    choose(page, sample_image("broken.png", b"hello"), sample_image("good.png"))
    done(page, 1)
    expect(page.locator("#veil-words")).to_contain_text("not an image")
    expect(page.locator("#bar-words")).to_contain_text("1 failed")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".object")).to_have_count(3)
    document = saved_json(page)
    assert [image["file"] for image in document["images"]] == ["good.png"]
    assert [failure["file"] for failure in document["failures"]] == ["broken.png"]
    assert "not an image" in document["failures"][0]["error"]


def test_too_large(open_page: Open, tiny: OnnxPredictor) -> None:
    with running(tiny, request_bytes=5000) as server:
        page = open_page(server, expected="413")
        choose(page, sample_image("large.png", b"x" * 20_000))
        expect(page.locator("#veil-words")).to_contain_text("more than 5,000 bytes")


def test_the_server_goes_and_comes_back(open_page: Open, tiny: OnnxPredictor) -> None:
    with running(tiny) as server:
        page = open_page(server, expected="ERR_")
        expect(page.locator("#server-dot[data-state=good]")).to_be_visible()
        server.stop()
        choose(page, sample_image("a.png"), sample_image("b.png"))
        expect(page.get_by_role("alert").filter(has_text="does not answer")).to_be_visible()
        expect(page.locator("#veil-words")).to_contain_text("Waiting for the server")
        server.start()
        page.get_by_role("button", name="Try again").first.click()
        done(page, 2)
        expect(page.locator(".notice")).to_have_count(0)


def test_a_token_is_asked_for_and_used(open_page: Open, tiny: OnnxPredictor) -> None:
    with running(tiny, token=TOKEN) as server:
        page = open_page(server, expected="401")
        field = page.get_by_label("Token", exact=True)
        field.fill("wrong one")
        page.get_by_role("button", name="Use it").click()
        expect(page.locator("#token-wrong")).to_contain_text("does not take this token")
        field.fill(TOKEN)
        page.get_by_role("button", name="Use it").click()
        expect(page.locator("#server-dot[data-state=good]")).to_be_visible()
        choose(page, sample_image("a.png"))
        done(page, 1)
        page.reload()
        expect(page.locator("#server-dot[data-state=good]")).to_be_visible()
        assert not page.locator("#token").is_visible(), "kept for this tab"


class Held:
    """The tiny model, which says when an image has reached it and waits for the door."""

    def __init__(self, model: OnnxPredictor) -> None:
        self._model = model
        self.info, self.sha256, self.name = model.info, model.sha256, model.name
        self.categories, self.engine, self.precision = model.categories, model.engine, model.precision
        self.door = threading.Event()

    def predict(self, images_rgb_u8: Sequence[Any], **options: Any) -> list[Instances]:
        assert options["max_objects"] == 1 or self.door.wait(60)
        return self._model.predict(images_rgb_u8, **options)


def test_a_busy_server_is_asked_again(open_page: Open, tiny: OnnxPredictor) -> None:
    model = Held(tiny)
    with running(model, queue_images=1, images_per_request=1) as server:
        page = open_page(server, expected="429")
        choose(page, *(sample_image(f"{i}.png") for i in range(3)))
        expect(page.locator(".film-item[data-state=working]")).to_have_count(3)
        page.locator(".film-item").nth(2).click()
        expect(page.locator("#veil-words")).to_contain_text("The server is busy; trying again in")
        model.door.set()
        done(page, 3)


def test_stop_and_go_on(open_page: Open, tiny: OnnxPredictor) -> None:
    model = Held(tiny)
    with running(model) as server:
        page = open_page(server)
        choose(page, *(sample_image(f"{i}.png") for i in range(6)))
        expect(page.locator(".film-item[data-state=working]")).to_have_count(3)
        expect(page.locator(".film-item[data-state=waiting]")).to_have_count(3)
        page.get_by_role("button", name="Stop").click()
        expect(page.locator(".film-item[data-state=stopped]")).to_have_count(6)
        expect(page.locator("#bar-words")).to_contain_text("6 not processed")
        model.door.set()
        page.get_by_role("button", name="Go on").click()
        done(page, 6)


def test_fifty_images(open_page: Open) -> None:
    page = open_page()
    most = [0]

    def count(_request: Any, by: int) -> None:
        if _request.url.endswith("/v1/predict"):
            count.under_way += by  # type: ignore[attr-defined]
            most[0] = max(most[0], count.under_way)  # type: ignore[attr-defined]

    count.under_way = 0  # type: ignore[attr-defined]
    page.on("request", lambda request: count(request, 1))
    page.on("requestfinished", lambda request: count(request, -1))
    choose(page, *(sample_image(f"dive {i}.png") for i in range(50)))
    done(page, 50)
    assert 1 < most[0] <= 3
    expect(page.locator("#bar-words")).to_have_text("All processed")
    expect(page.locator("tfoot td").last).to_have_text("150")
    files = [image["file"] for image in saved_json(page)["images"]]
    assert files == [f"dive {i}.png" for i in range(50)], "in the order of numbers, not of letters"
