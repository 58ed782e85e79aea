"""The page in a real Chromium, against a real server on a free port."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import uvicorn

from seasift.core.image import encode_image
from seasift.inference.predictor import OnnxPredictor, load_predictor
from seasift.service.app import create_app
from seasift.service.image_queue import Served
from seasift.service.server import config_of
from seasift.service.settings import ServiceSettings
from tests.tiny_model import quarters, save_tiny

try:
    from playwright.sync_api import expect, sync_playwright
except ImportError:  # the fixture `browser` skips
    expect = sync_playwright = None

HERE = Path(__file__).parent
NAMES = ("chromium", "chromium-browser", "google-chrome")
RED = quarters(250, 0, 160, 200, size=240)  # three red things with scores .98, .78 and .63
Open = Callable[..., Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here that ask for a browser are of the group `browser`."""
    for item in items:
        if HERE in item.path.parents and "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


class Running:
    """A server in a thread of the test. It can be stopped, and started again at the same port."""

    def __init__(self, model: Served, card: str | None = None, **settings: Any) -> None:
        self.card = card
        self.model, self.settings, self.port = model, settings, 0
        self.start()

    def start(self) -> None:
        app = self.app = self.made()
        config = config_of(app, ServiceSettings(**{**self.settings, "port": self.port}))
        self._server = uvicorn.Server(config)
        socket = config.bind_socket()
        socket.listen()  # who comes before the thread is that far waits, instead of being refused
        self.port = socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self._thread = threading.Thread(target=self._server.run, args=([socket],))
        self._thread.start()

    def made(self) -> Any:
        return create_app(self.model, ServiceSettings(**self.settings), card=self.card)

    def stop(self) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()


@contextmanager
def running(model: Served, card: str | None = None, **settings: Any) -> Iterator[Running]:
    server = Running(model, card, **settings)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> OnnxPredictor:
    return load_predictor(save_tiny(tmp_path_factory.mktemp("page") / "tiny.onnx"), threads=1)


@pytest.fixture(scope="session")
def server(tiny: OnnxPredictor) -> Iterator[Running]:
    """With default settings; shared."""
    with running(tiny) as server:
        yield server


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium; a test that needs it is skipped where there is none."""
    if sync_playwright is None:
        pytest.skip("playwright is not installed; it is in the dependency group dev")
    path = os.environ.get("SEASIFT_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not path:
        pytest.skip(
            "no Chromium found; install the Debian package chromium, or set SEASIFT_CHROMIUM to its path"
        )
    expect.set_options(timeout=30_000)  # a busy machine is slow, not wrong
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Any, server: Running) -> Iterator[Open]:
    """Open the page; at the end nothing may have been asked of another host or gone wrong in a script.

    `expected` names what may stand in the browser's console, as an error that the test is about does.
    """
    with ExitStack() as stack:

        def start(of: Running = server, expected: str = "", **context: Any) -> Any:
            opened = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context})
            page = opened.new_page()
            page.asked, page.errors = [], []
            page.on("request", lambda request: page.asked.append(request.url))
            page.on("pageerror", lambda error: page.errors.append(str(error)))
            page.on("console", lambda line: line.type == "error" and page.errors.append(line.text))

            def close() -> None:
                opened.close()
                wrong = [line for line in page.errors if not expected or expected not in line]
                wrong = [line for line in wrong if "404" not in line]  # a model without a card
                assert not wrong, wrong
                strangers = [url for url in page.asked if not url.startswith((of.url, f"blob:{of.url}"))]
                assert not strangers, strangers

            stack.callback(close)
            page.goto(of.url)
            return page

        yield start


def sample_image(name: str, image: Any = RED) -> dict[str, Any]:
    """A file to upload."""
    kinds = {".png": "image/png", ".jpg": "image/jpeg", ".tif": "image/tiff", ".txt": "text/plain"}
    data = image if isinstance(image, bytes) else encode_image(image, Path(name).suffix)
    return {"name": name, "mimeType": kinds[Path(name).suffix], "buffer": data}


def choose(page: Any, *files: dict[str, Any]) -> None:
    """Give files to the page as the dialog would."""
    page.locator("#pick-images").set_input_files(list(files))


def done(page: Any, count: int) -> None:
    """Wait until this many images have been processed."""
    expect(page.locator(".film-item[data-state=done]")).to_have_count(count, timeout=60_000)


def drawn(page: Any) -> None:
    """Wait until the stage shows an image, whole."""
    expect(page.locator("#canvas")).to_have_attribute("data-zoom", "1.000")


def objects(page: Any) -> list[str]:
    """Names and scores in the list of objects."""
    names = page.locator(".object .object-name").all_inner_texts()
    scores = page.locator(".object .object-score").all_text_contents()
    return [f"{name} {score.removeprefix('score ')}" for name, score in zip(names, scores, strict=True)]


def saved(page: Any, kind: str) -> bytes:
    """What a button of `Download` saves."""
    with page.expect_download() as download:
        page.locator(f"[data-save={kind}]").click()
    return Path(download.value.path()).read_bytes()


def saved_json(page: Any, kind: str = "json") -> Any:
    return json.loads(saved(page, kind))


def predictions_asked(page: Any) -> int:
    """How often the page asked for predictions."""
    return sum(url.endswith("/v1/predict") for url in page.asked)


def canvas_point(page: Any, x: float, y: float, size: int = 240) -> tuple[float, float]:
    """Where a px of a fitted square image lies on the canvas."""
    box = page.locator("#canvas").bounding_box()
    scale = min(box["width"], box["height"]) / size
    return (box["width"] - size * scale) / 2 + x * scale, (box["height"] - size * scale) / 2 + y * scale


def decoded(data: bytes) -> Any:
    """An image file's pixels, RGB."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image[..., ::-1]
