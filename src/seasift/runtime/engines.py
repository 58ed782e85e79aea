"""Engines that run an ONNX graph: OpenVINO by default, ONNX Runtime by extra. Imported only when used."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from seasift.core.errors import BadInput, BadModel, MissingExtra
from seasift.core.spelling import hint
from seasift.core.types import Float32


@dataclass(frozen=True)
class Port:
    """An input or output of a graph; a dimension that is only known at run time is None."""

    name: str
    shape: tuple[int | None, ...]
    float32: bool


class Engine(Protocol):
    """A graph ready to run. `run` may be called from several threads."""

    name: str
    precision: str  # what the engine really computes in: f32, bf16, f16
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    def run(self, batch: Float32) -> dict[str, Float32]:
        """Outputs by name for a batch (B, 3, H, W)."""


class OpenVinoEngine:
    """OpenVINO on the CPU. Left alone it picks bf16 where the CPU has it, so the precision is always set."""

    name = "openvino"
    PRECISIONS = ("f32", "bf16", "f16")

    def __init__(self, model: bytes, name: str, precision: str, threads: int | None) -> None:
        import openvino  # type: ignore[import-untyped]

        core = openvino.Core()
        settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": precision,
            "PERFORMANCE_HINT": "LATENCY",
            "CACHE_DIR": "",
        }
        if threads is not None:
            settings["INFERENCE_NUM_THREADS"] = threads
        try:
            graph = core.read_model(model, b"")
            self.inputs, self.outputs = _ports(graph.inputs), _ports(graph.outputs)
            self._compiled = core.compile_model(graph, "CPU", settings)
        except RuntimeError as error:
            raise BadModel(
                f"{name}: OpenVINO cannot load it ({_last_line(error)}). Export it again."
            ) from None
        used = self._compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        self.precision = {"f64": "f64", "f32": "f32", "bf16": "bf16", "f16": "f16"}.get(used, str(used))
        self._threads = threading.local()

    def run(self, batch: Float32) -> dict[str, Float32]:
        """Outputs by name; each thread has a request of its own."""
        if not hasattr(self._threads, "request"):
            self._threads.request = self._compiled.create_infer_request()
        results = self._threads.request.infer([batch])
        return {
            port.name: np.asarray(value, dtype=np.float32)
            for port, value in zip(self.outputs, results.values(), strict=True)
        }


class OnnxRuntimeEngine:
    """ONNX Runtime on the CPU, float32."""

    name = "onnxruntime"
    PRECISIONS = ("f32",)
    PROVIDER: tuple[str, dict[str, str]] = ("CPUExecutionProvider", {})
    EXTRA = "onnxruntime"

    def __init__(self, model: bytes, name: str, precision: str, threads: int | None) -> None:
        instead = f"Install it: pip install 'seasift[{self.EXTRA}]', or use --engine openvino."
        try:
            import onnxruntime  # type: ignore[import-untyped,import-not-found,unused-ignore]
        except ImportError:
            raise MissingExtra(f"the engine {self.name} is not installed. {instead}") from None
        available = onnxruntime.get_available_providers()
        if self.PROVIDER[0] not in available:
            raise MissingExtra(
                f"the engine {self.name} needs ONNX Runtime with {self.PROVIDER[0]}; the one installed has "
                f"{', '.join(available)}. {instead}"
            )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what is wrong becomes an error of ours
        if threads is not None:
            options.intra_op_num_threads = threads
        try:
            self._session = onnxruntime.InferenceSession(
                model, sess_options=options, providers=[self.PROVIDER]
            )
        except Exception as error:  # its exceptions share no base of their own
            raise BadModel(f"{name}: ONNX Runtime cannot load it ({_last_line(error)}).") from None
        if self._session.get_providers()[0] != self.PROVIDER[0]:  # it falls back without a word
            raise BadInput(
                f"the engine {self.name} found no device it can use (driver, CUDA or cuDNN missing); "
                "expected an NVIDIA GPU. Use --engine openvino."
            )
        self.precision = precision
        self.inputs = tuple(_session_port(port) for port in self._session.get_inputs())
        self.outputs = tuple(_session_port(port) for port in self._session.get_outputs())

    def run(self, batch: Float32) -> dict[str, Float32]:
        """Outputs by name; the session may be shared by threads."""
        names = [port.name for port in self.outputs]
        results = self._session.run(names, {self.inputs[0].name: batch})
        return {name: np.asarray(value, dtype=np.float32) for name, value in zip(names, results, strict=True)}


class OnnxRuntimeCudaEngine(OnnxRuntimeEngine):
    """ONNX Runtime on an NVIDIA GPU, in true float32 (it would take TF32 by itself)."""

    name = "onnxruntime-cuda"
    PROVIDER = ("CUDAExecutionProvider", {"use_tf32": "0"})
    EXTRA = "gpu"


ENGINES: dict[str, Callable[[bytes, str, str, int | None], Engine]] = {
    "openvino": OpenVinoEngine,
    "onnxruntime": OnnxRuntimeEngine,
    "onnxruntime-cuda": OnnxRuntimeCudaEngine,
}
PRECISIONS = {
    "openvino": OpenVinoEngine.PRECISIONS,
    "onnxruntime": OnnxRuntimeEngine.PRECISIONS,
    "onnxruntime-cuda": OnnxRuntimeCudaEngine.PRECISIONS,
}


def open_engine(model: bytes, name: str, *, engine: str, precision: str, threads: int | None) -> Engine:
    """Make a graph ready to run.

    Args:
        model: the ONNX bytes.
        name: of the file, for errors.
        engine: "openvino", "onnxruntime" or "onnxruntime-cuda".
        precision: what is asked for: "f32", "bf16" or "f16"; the engine's `.precision` says what it became.
        threads: of the CPU; None leaves it to the engine.
    Raises:
        BadInput: unknown engine, a precision it cannot do, or threads below 1.
        BadModel: the engine cannot load it. MissingExtra: the engine is not installed.
    """
    if engine not in ENGINES:
        raise BadInput(f"engine {engine!r}{hint(engine, ENGINES)}; expected {', '.join(ENGINES)}.")
    if precision not in PRECISIONS[engine]:
        expected = ", ".join(PRECISIONS[engine])
        raise BadInput(f"precision {precision!r} with engine {engine}; expected {expected}.")
    if threads is not None and threads < 1:
        raise BadInput(f"{threads} threads; expected 1 or more.")
    return ENGINES[engine](model, name, precision, threads)


def _ports(ports: Sequence[Any]) -> tuple[Port, ...]:
    return tuple(
        Port(
            port.get_any_name(),
            tuple(None if size.is_dynamic else size.get_length() for size in port.get_partial_shape()),
            port.get_element_type().get_type_name() == "f32",
        )
        for port in ports
    )


def _session_port(port: Any) -> Port:
    shape = tuple(size if isinstance(size, int) else None for size in port.shape)
    return Port(port.name, shape, port.type == "tensor(float)")


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:200]
