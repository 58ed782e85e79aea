"""Engines that run an ONNX graph: OpenVINO by default, ONNX Runtime by extra. Imported only when used.

The advised precision depends on engine, file and processor; docs/reference/models.md has the measurements.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from seasift.core.choices import choose
from seasift.core.errors import InputError, MissingExtraError, ModelError, how_to_install
from seasift.core.types import Float32, Int64
from seasift.inference import openvino_engine
from seasift.inference.engine import Engine, EngineSettings, Port, engine_error, last_line, usable_cores

AUTO = "auto"
_MOST_THREADS = 1024
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
    return frozenset(openvino_engine.shared_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


class OnnxRuntimeEngine:
    """ONNX Runtime on the CPU, float32."""

    name = "onnxruntime"
    PRECISIONS = ("f32",)
    PROVIDER: tuple[str, dict[str, str]] = ("CPUExecutionProvider", {})
    EXTRA = "onnxruntime"

    def __init__(self, model: bytes, name: str, settings: EngineSettings) -> None:
        instead = f"{how_to_install(self.EXTRA)}, or use --engine openvino."
        try:
            import onnxruntime  # type: ignore[import-untyped,import-not-found,unused-ignore]
        except ImportError:
            raise MissingExtraError(f"the engine {self.name} is not installed. {instead}") from None
        available = onnxruntime.get_available_providers()
        if self.PROVIDER[0] not in available:
            raise MissingExtraError(
                f"the engine {self.name} needs ONNX Runtime with {self.PROVIDER[0]}; the one installed has "
                f"{', '.join(available)}. {instead}"
            )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what is wrong becomes an error of ours
        threads = settings.threads
        self.max_in_flight = (threads or usable_cores()) if settings.throughput else 1
        if settings.throughput or threads is not None:
            options.intra_op_num_threads = 1 if settings.throughput else threads
        try:
            self._session = onnxruntime.InferenceSession(
                model, sess_options=options, providers=[self.PROVIDER]
            )
        except Exception as error:  # its exceptions share no base of their own
            raise ModelError(f"{name}: ONNX Runtime cannot load it ({last_line(error)}).") from None
        if self._session.get_providers()[0] != self.PROVIDER[0]:  # it falls back without a word
            raise InputError(
                f"the engine {self.name} found no device it can use (driver, CUDA or cuDNN missing); "
                "expected an NVIDIA GPU. Use --engine openvino."
            )
        self.precision = settings.precision
        self.inputs = tuple(_session_port(port) for port in self._session.get_inputs())
        self.outputs = tuple(_session_port(port) for port in self._session.get_outputs())

    def run(self, batch: Float32, others: Sequence[Int64] = ()) -> dict[str, Float32]:
        """Outputs by name; the session may be shared by threads."""
        names = [port.name for port in self.outputs]
        fed = {port.name: value for port, value in zip(self.inputs, (batch, *others), strict=True)}
        try:
            results = self._session.run(names, fed)
        except Exception as error:  # its exceptions share no base of their own
            raise engine_error(self.name, self.precision, "run the model", error) from None
        return {name: np.asarray(value, dtype=np.float32) for name, value in zip(names, results, strict=True)}


class OnnxRuntimeCudaEngine(OnnxRuntimeEngine):
    """ONNX Runtime on an NVIDIA GPU, in true float32 (it would take TF32 by itself)."""

    name = "onnxruntime-cuda"
    PROVIDER = ("CUDAExecutionProvider", {"use_tf32": "0"})
    EXTRA = "gpu"


ENGINES: dict[str, Callable[[bytes, str, EngineSettings], Engine]] = {
    "openvino": openvino_engine.OpenVinoEngine,
    "onnxruntime": OnnxRuntimeEngine,
    "onnxruntime-cuda": OnnxRuntimeCudaEngine,
}
PRECISIONS = {
    "openvino": openvino_engine.PRECISIONS,
    "onnxruntime": OnnxRuntimeEngine.PRECISIONS,
    "onnxruntime-cuda": OnnxRuntimeCudaEngine.PRECISIONS,
}


def open_engine(
    model: bytes,
    name: str,
    *,
    engine: str,
    precision: str,
    threads: int | None,
    throughput: bool = False,
) -> Engine:
    """Make a graph ready to run.

    Args:
        model: the ONNX bytes.
        name: of the file, for errors.
        engine: "openvino", "onnxruntime" or "onnxruntime-cuda".
        precision: what is asked for: "f32", "bf16" or "f16"; the engine's `.precision` says what it became.
        threads: of the CPU; None leaves it to the engine.
        throughput: for many images beside each other; `.max_in_flight` says how many.
    Raises:
        InputError: unknown engine, a precision it cannot do, or threads below 1.
        ModelError: the engine cannot load it. MissingExtraError: the engine is not installed.
        EngineError: the engine cannot compile it for this machine.
    """
    choose("engine", engine, list(ENGINES))
    if precision not in PRECISIONS[engine]:
        choose(f"precision with engine {engine}:", precision, [AUTO, *PRECISIONS[engine]])
    if threads is not None and not 1 <= threads <= _MOST_THREADS:
        shown = threads if abs(threads) < 10**9 else "far too many"
        raise InputError(f"{shown} threads; expected 1 to {_MOST_THREADS}.")
    return ENGINES[engine](model, name, EngineSettings(precision, threads, throughput))


def _session_port(port: Any) -> Port:
    shape = tuple(size if isinstance(size, int) else None for size in port.shape)
    return Port(port.name, shape, port.type == "tensor(float)")
