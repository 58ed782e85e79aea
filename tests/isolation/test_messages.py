"""Whatever a decoder sends, its server reads a message or says that there is none."""

from __future__ import annotations

import io
import random

import numpy as np
import pytest

from seasift.isolation.messages import LostError, integer, number, read_image, receive, send


def sent(head: dict[str, object], data: bytes = b"") -> bytes:
    stream = io.BytesIO()
    send(stream, head, data)
    return stream.getvalue()


def test_what_is_sent_is_received() -> None:
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    stream = io.BytesIO(sent({"h": 2, "w": 4, "text": "\udc80é"}, image.data.cast("B")))
    head = receive(stream)
    assert head == {"h": 2, "w": 4, "text": "\udc80é"}
    assert np.array_equal(read_image(stream, head["h"], head["w"]), image)
    with pytest.raises(LostError):
        receive(stream)


@pytest.mark.parametrize("value", [-1, 11, 2**70, 1.5, True, None, "5", [], float("nan")])
def test_numbers_are_checked(value: object) -> None:
    with pytest.raises(LostError):
        integer({"h": value}, "h", 0, 10)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, "5", []])
def test_times_are_checked(value: object) -> None:
    with pytest.raises(LostError):
        number({"time_s": value}, "time_s")


def test_mutated_messages() -> None:
    chance, whole = random.Random(1), sent({"h": 3, "w": 5, "text": "x" * 100}, bytes(45))
    for _ in range(3000):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        del data[chance.randrange(len(data) + 1) :]
        stream = io.BytesIO(bytes(data))
        try:
            head = receive(stream)
            height = integer(head, "h", 1, 100)
            assert read_image(stream, height, integer(head, "w", 1, 100 // height)).size <= 300
        except LostError:
            continue


def test_endless_heads_are_refused() -> None:
    deep = b"[" * 60_000
    with pytest.raises(LostError):
        receive(io.BytesIO(sent({})[:4] + len(deep).to_bytes(4, "little") + deep))
    with pytest.raises(LostError):
        receive(io.BytesIO(sent({})[:4] + b"\xff\xff\xff\x7f"))
