"""A service around the tiny model, in the test's own process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from seasift.core.image import encode_image
from seasift.inference.predictor import OnnxPredictor, load_predictor
from seasift.isolation.pool import DecoderPool
from seasift.service.app import create_app
from seasift.service.image_queue import Served
from seasift.service.settings import ServiceSettings
from tests.tiny_model import quarters, save_tiny

HERE = "http://127.0.0.1"
Serve = Callable[..., TestClient]
THREE = encode_image(quarters(250, 0, 160, 200))
ONE = encode_image(quarters(0, 240, 0, 0, size=80), ".jpg")
NONE = encode_image(quarters(0, 0, 0, 0))


def files(*images: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    """The multipart fields of an upload."""
    return [("files", (f"{number}.png", data)) for number, data in enumerate(images)]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> OnnxPredictor:
    """The tiny model, ready to run."""
    return load_predictor(save_tiny(tmp_path_factory.mktemp("service") / "tiny.onnx"), threads=1)


@pytest.fixture(scope="session")
def decoders() -> Iterator[DecoderPool]:
    """Processes that decode for all services of the tests."""
    pool = DecoderPool(4)
    yield pool
    pool.close()


@pytest.fixture
def serve(tiny: OnnxPredictor, decoders: DecoderPool) -> Iterator[Serve]:
    """Start a service with these settings; gives its client."""
    with ExitStack() as stack:

        def start(model: Served = tiny, **settings: Any) -> TestClient:
            app = create_app(model, ServiceSettings(**settings), decoders=decoders)
            return stack.enter_context(TestClient(app, HERE, raise_server_exceptions=False))

        yield start


@pytest.fixture(scope="module")
def client(tiny: OnnxPredictor, decoders: DecoderPool) -> Iterator[TestClient]:
    """A service with default settings, shared by the tests of a file."""
    with TestClient(create_app(tiny, decoders=decoders), HERE) as shared:
        yield shared


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for jobs."""
    return tmp_path / "jobs"
