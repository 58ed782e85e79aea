"""OpenVINO on the CPU. Imported only when used."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TypeAlias

import numpy as np

from seasift.core.errors import BadModel
from seasift.core.types import Float32
from seasift.runtime import compile_cache, openvino_core
from seasift.runtime.engine import Port, Settings, engine_error, last_line

PRECISIONS = ("f32", "bf16", "f16")
_Ports: TypeAlias = tuple[Port, ...]

# OpenVINO's Python bindings set themselves up in a process's first run. Two threads that do it together can wait for
# each other for ever: one holds the interpreter's lock, the other that of the C++ variable that is being made.
_FIRST = threading.Lock()


class OpenVinoEngine:
    """OpenVINO on the CPU. Left alone it picks bf16 where the CPU has it, so the precision is always set."""

    name = "openvino"
    _has_run = False

    def __init__(self, model: bytes, name: str, settings: Settings) -> None:
        try:
            self._compiled, self.inputs, self.outputs = _ready(model, settings)
        except RuntimeError as error:
            raise BadModel(
                f"{name}: OpenVINO cannot load it ({last_line(error)}). Export it again."
            ) from None
        used = self._compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        self.precision = {"f64": "f64", "f32": "f32", "bf16": "bf16", "f16": "f16"}.get(used, str(used))
        self.at_once = int(self._compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        self._threads = threading.local()

    def run(self, batch: Float32) -> dict[str, Float32]:
        """Outputs by name; each thread has a request of its own."""
        if OpenVinoEngine._has_run:
            return self._run(batch)
        with _FIRST:
            result = self._run(batch)
            OpenVinoEngine._has_run = True
        return result

    def _run(self, batch: Float32) -> dict[str, Float32]:
        if not hasattr(self._threads, "request"):
            self._threads.request = self._request()
        try:
            results = self._threads.request.infer([batch])
        except RuntimeError as error:
            raise engine_error(self.name, self.precision, "run the model", error) from None
        return {
            port.name: np.asarray(value, dtype=np.float32)
            for port, value in zip(self.outputs, results.values(), strict=True)
        }

    def _request(self) -> Any:
        try:
            return self._compiled.create_infer_request()
        except RuntimeError as error:
            raise engine_error(self.name, self.precision, "run the model", error) from None


def _ready(model: bytes, settings: Settings) -> tuple[Any, _Ports, _Ports]:
    """The compiled graph, its inputs and outputs: what was kept, or else made now and kept."""
    core = openvino_core.core()
    import openvino  # type: ignore[import-untyped]

    wanted: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": settings.precision,
        "PERFORMANCE_HINT": "THROUGHPUT" if settings.throughput else "LATENCY",
        "CACHE_DIR": "",
    }
    if settings.threads is not None:
        wanted["INFERENCE_NUM_THREADS"] = settings.threads
    key = {
        "model": hashlib.sha256(model).hexdigest(),
        "engine": f"openvino {openvino.get_version()}",
        "device": core.get_property("CPU", "FULL_DEVICE_NAME"),
        "able": " ".join(sorted(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))),
        "precision": settings.precision,
    }
    kept = compile_cache.load(key)
    if kept is not None:
        with suppress(RuntimeError, ValueError):  # what OpenVINO does not take is made again
            ports, _, compiled = kept.partition(b"\n")
            return core.import_model(compiled, "CPU", wanted), *_from_json(ports)
    graph = core.read_model(model, b"")
    # Not those of the compiled graph: where OpenVINO leaves out a step, an output has a second name there.
    inputs, outputs = _ports(graph.inputs), _ports(graph.outputs)
    try:
        made = core.compile_model(graph, "CPU", wanted)
    except RuntimeError as error:
        raise engine_error("openvino", settings.precision, "compile the model", error) from None
    with suppress(RuntimeError):
        compile_cache.store(key, _to_json(inputs, outputs) + b"\n" + made.export_model().getvalue())
    return made, inputs, outputs


def _ports(ports: Sequence[Any]) -> _Ports:
    return tuple(
        Port(
            port.get_any_name(),
            tuple(None if size.is_dynamic else size.get_length() for size in port.get_partial_shape()),
            port.get_element_type().get_type_name() == "f32",
        )
        for port in ports
    )


def _to_json(*sides: _Ports) -> bytes:
    return json.dumps([[[port.name, port.shape, port.float32] for port in side] for side in sides]).encode()


def _from_json(text: bytes) -> tuple[_Ports, _Ports]:
    inputs, outputs = (
        tuple(Port(name, tuple(shape), float32) for name, shape, float32 in side) for side in json.loads(text)
    )
    return inputs, outputs
