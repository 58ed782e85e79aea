"""Which precision is worth asking for, by engine, file and what the processor can do; measured in docs/model.md."""

from __future__ import annotations

from collections.abc import Collection

from seasift.runtime import openvino_core

AUTO = "auto"
# By (engine, whether the file is in 8-bit numbers): precisions, the fastest that keeps mask AP within .005 first, each
# with what OpenVINO must say that the processor can do. The last of each list asks for nothing.
ADVISED: dict[tuple[str, bool], tuple[tuple[str, str | None], ...]] = {
    ("openvino", False): (("bf16", "BF16"), ("f32", None)),
    ("openvino", True): (("f32", None),),  # around int8, bf16 costs more conversions than it saves
    ("onnxruntime", False): (("f32", None),),
    ("onnxruntime", True): (("f32", None),),
    ("onnxruntime-cuda", False): (("f32", None),),
    ("onnxruntime-cuda", True): (("f32", None),),
}


def advised(engine: str, *, quantized: bool, able: Collection[str]) -> str:
    """The precision to run in where the user leaves the choice.

    Args:
        engine: name of a known engine.
        quantized: the file's convolutions are in 8-bit numbers.
        able: the processor's abilities, see `abilities`.
    """
    return next(
        precision for precision, needs in ADVISED[engine, quantized] if needs is None or needs in able
    )


def abilities() -> frozenset[str]:
    """What OpenVINO says that the processor computes at full speed: FP32, and BF16, FP16 or INT8."""
    return frozenset(openvino_core.core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
