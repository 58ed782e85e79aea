"""Mutated uploads and images that cost much: below 500, ready afterwards, memory flat, decoders replaced."""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from seasift.core.errors import ImageError, LimitError
from seasift.core.image import encode_image
from seasift.inference.predictor import load_predictor
from seasift.isolation.pool import DecoderPool, DecodingLimits
from seasift.service.app import create_app
from seasift.service.settings import ServiceSettings
from tests.core.test_image_jpeg import with_scans
from tests.isolation.test_pool import png_of
from tests.service.conftest import HERE, ONE, THREE, files
from tests.service.test_fuzz import bombard, mutated
from tests.tiny_model import save_tiny

# A form that breaks off leaves its unfinished part to the garbage collector, inside of Starlette.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
NOISE = np.random.default_rng(1).integers(0, 255, (120, 160, 3), dtype=np.uint8)
WHOLE = [*(encode_image(NOISE, suffix) for suffix in (".jpg", ".png", ".tif", ".webp", ".bmp")), ONE, THREE]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("attacked")
    model = load_predictor(save_tiny(folder / "tiny.onnx"), threads=1)
    settings = ServiceSettings(
        jobs=folder / "jobs",
        request_bytes=16 << 20,
        image_pixels=200_000,
        jobs_per_client=10_000,
        decode_s=5,
    )
    with TestClient(create_app(model, settings), HERE, raise_server_exceptions=False) as made:
        yield made


def decoders_of(client: TestClient) -> DecoderPool:
    pool: DecoderPool = client.app.state.service.queue._decode.func.__self__  # type: ignore[attr-defined]
    return pool


def test_a_jpeg_of_many_scans_holds_nobody(client: TestClient) -> None:
    """One of 3,000 scans kept two threads for minutes."""
    begun = time.monotonic()
    data = with_scans(3000)
    for _ in range(4):
        answer = client.post("/v1/predict", files=files(data))
        assert (answer.status_code, "100 scans" in answer.json()["error"]) == (400, True)
    assert client.get("/readyz").status_code == 200
    assert client.post("/v1/predict", files=files(THREE)).status_code == 200
    assert time.monotonic() - begun < 10


@pytest.mark.attack
def test_six_thousand_mutated_uploads(client: TestClient) -> None:
    statuses: Counter[int] = Counter()
    for seed in range(60):
        for status in bombard(client, 100, seed):
            statuses[status] += 1
    print(f"uploads: 6,000; statuses {sorted(statuses)}; decoders replaced: {decoders_of(client).killed}")
    assert decoders_of(client).killed < 50


@pytest.mark.attack
def test_mutated_images_in_decoders() -> None:
    pool, chance, outcomes = (
        DecoderPool(2, DecodingLimits(1_000_000, 5, 256 << 20)),
        random.Random(5),
        Counter[str](),
    )
    try:
        for _ in range(4000):
            data = mutated(chance.choice(WHOLE), chance)
            try:
                image = pool.image(data, "a")
                outcomes["decoded"] += 1
                assert image.size <= 3_000_000
            except (ImageError, LimitError):
                outcomes["refused"] += 1
        print(f"images: {dict(outcomes)}; decoders replaced: {pool.killed}")
        assert np.array_equal(pool.image(encode_image(NOISE), "a"), NOISE)
    finally:
        pool.close()


@pytest.mark.attack
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the address space")
def test_images_that_cost_much() -> None:
    """Each of them costs its process, at most."""
    pool = DecoderPool(2, DecodingLimits(seconds=1.0, memory_bytes=400 << 20))
    costly = [
        png_of(10_000, 9900),
        png_of(30_000, 3300),
        encode_image(np.zeros((9000, 9000, 3), np.uint8), ".jpg"),
    ]
    refused = 0
    try:
        for number in range(30):
            try:
                pool.image(costly[number % len(costly)], "a")
            except (ImageError, LimitError):
                refused += 1
        assert np.array_equal(pool.image(encode_image(NOISE), "a"), NOISE)
        print(f"costly images: {refused} of 30 refused; decoders replaced: {pool.killed}")
    finally:
        pool.close()


@pytest.mark.attack
def test_ninety_damaged_videos(tmp_path: Path) -> None:
    """In decoders of their own."""
    from tests.tiny_video import save_kind
    from tests.video.mutated_videos import KINDS
    from tests.video.mutated_videos import mutated as damaged

    pool, counts = DecoderPool(1, DecodingLimits(seconds=10)), Counter[str]()
    whole = {kind: save_kind(tmp_path, kind, count=20) for kind in KINDS}
    try:
        for number in range(90):
            kind = KINDS[number % len(KINDS)]
            path = tmp_path / f"case{whole[kind].suffix}"
            path.write_bytes(
                damaged(whole[kind].read_bytes(), random.Random(number), number // len(KINDS) % 6)
            )
            try:
                counts["frames"] += len(list(pool.frames(path, "a", "1")))
                counts["whole"] += 1
            except (ImageError, LimitError) as error:
                counts["refused or with gaps"] += 1
                counts["lines"] += str(error).count("\n")
        print(f"videos: 90, {dict(counts)}; decoders replaced: {pool.killed}")
        assert counts["lines"] == 0
    finally:
        pool.close()
