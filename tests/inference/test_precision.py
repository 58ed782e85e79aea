"""The precision that is taken where none is named."""

from __future__ import annotations

import pytest

from seasift.core.errors import InputError
from seasift.inference import predictor as module
from seasift.inference.engines import ADVISED, ENGINES, PRECISIONS, abilities, advised
from seasift.inference.predictor import load_predictor

NEW, OLD = ("FP32", "INT8", "BIN", "BF16"), ("FP32", "INT8", "BIN")


@pytest.mark.parametrize(
    ("engine", "quantized", "able", "expected"),
    [
        ("openvino", False, NEW, "bf16"),
        ("openvino", False, OLD, "f32"),
        ("openvino", True, NEW, "f32"),
        ("onnxruntime", False, NEW, "f32"),
        ("onnxruntime-cuda", False, NEW, "f32"),
    ],
)
def test_it_is_what_the_table_says(
    engine: str, quantized: bool, able: tuple[str, ...], expected: str
) -> None:
    assert advised(engine, quantized=quantized, able=able) == expected


def test_every_engine_has_an_answer_that_it_can_do() -> None:
    assert {engine for engine, _ in ADVISED} == set(ENGINES)
    for (engine, _), rows in ADVISED.items():
        assert rows[-1][1] is None
        assert {precision for precision, _ in rows} <= set(PRECISIONS[engine])


@pytest.mark.parametrize("able", [NEW, OLD])
def test_auto_takes_it(able: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def refuse(*_: object, precision: str, **__: object) -> None:
        asked.append(precision)
        raise InputError("stop")

    monkeypatch.setattr(module, "open_engine", refuse)
    monkeypatch.setattr(module, "abilities", lambda: frozenset(able))
    with pytest.raises(InputError, match="stop"):
        load_predictor("default", precision="auto")
    assert asked == ["bf16" if "BF16" in able else "f32"]


def test_this_processor_says_what_it_can_do() -> None:
    assert "FP32" in abilities()
