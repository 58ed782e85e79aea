"""OpenVINO on the CPU. Imported only when used.

The process has one OpenVINO. Compiled graphs are cached in the user's folder: the next process loads one in a fifth of
the time.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from seasift.core.errors import EngineError, ModelError
from seasift.core.files import write_bytes
from seasift.core.types import Float32, Int64
from seasift.inference.engine import EngineSettings, Port, engine_error, last_line

_ONE_BY_ONE = threading.Lock()


def shared_core() -> Any:
    """OpenVINO's `Core`, the same one at every call, of every thread.

    A second one would be worse than waste: each lays a stack for signals under the thread that makes it and takes
    that memory back when it goes. If the older goes first, the thread is left with a stack that is no more, and the
    next signal, a Ctrl-C, ends the process by a segmentation fault.
    """
    with _ONE_BY_ONE:
        return _made()


@cache
def _made() -> Any:
    try:
        import openvino  # type: ignore[import-untyped]

        return openvino.Core()
    except (ImportError, RuntimeError) as error:
        raise EngineError(
            f"the engine openvino cannot be started on this machine ({last_line(error)}). Use --engine onnxruntime."
        ) from None


VARIABLE = "SEASIFT_CACHE"
KEPT = 8  # graphs of some 15 MB; those that were not used for longest go
_MARK = b"seasift compiled graph 1\n"  # a check sum follows, then the graph


def folder() -> Path | None:
    """Where compiled graphs are kept: `SEASIFT_CACHE`, or the system's place for caches; None if it is "off"."""
    chosen = os.environ.get(VARIABLE, "")
    if chosen.lower() == "off":
        return None
    if chosen:
        return Path(chosen)
    import platformdirs

    return platformdirs.user_cache_path("seasift", appauthor=False) / "compiled"


def load(key: Mapping[str, str]) -> bytes | None:
    """The graph that was kept under a key; None if there is none, or not a whole one.

    Args:
        key: everything that a compiled graph depends on.
    """
    index = _file_of(key)
    if index is None:
        return None
    try:
        data = index.read_bytes()
        index.touch()
    except OSError:
        return None
    start = len(_MARK) + hashlib.sha256().digest_size
    graph = data[start:]
    whole = data[:start] == _MARK + hashlib.sha256(graph).digest()
    return graph if whole else None


def store(key: Mapping[str, str], graph: bytes) -> None:
    """Keep a graph under a key, whole or not at all, and let go of the oldest. A cache that fails is no error."""
    index = _file_of(key)
    if index is None:
        return
    with suppress(OSError):
        index.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_bytes(index, _MARK + hashlib.sha256(graph).digest() + graph)
        kept = sorted(index.parent.glob("*.graph"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in kept[KEPT:]:
            path.unlink(missing_ok=True)


def _file_of(key: Mapping[str, str]) -> Path | None:
    where = folder()
    name = hashlib.sha256(json.dumps(dict(key), sort_keys=True).encode()).hexdigest()[:32]
    return None if where is None else where / f"{name}.graph"


PRECISIONS = ("f32", "bf16", "f16")
_Ports: TypeAlias = tuple[Port, ...]

# OpenVINO's Python bindings set themselves up in a process's first run. Two threads that do it together can wait for
# each other for ever: one holds the interpreter's lock, the other that of the C++ variable that is being made.
_FIRST = threading.Lock()


class OpenVinoEngine:
    """OpenVINO on the CPU. Left alone it picks bf16 where the CPU has it, so the precision is always set."""

    name = "openvino"
    _has_run = False

    def __init__(self, model: bytes, name: str, settings: EngineSettings) -> None:
        try:
            self._compiled, self.inputs, self.outputs = _ready(model, settings)
        except RuntimeError as error:
            raise ModelError(
                f"{name}: OpenVINO cannot load it ({last_line(error)}). Export it again."
            ) from None
        used = self._compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        self.precision = {"f64": "f64", "f32": "f32", "bf16": "bf16", "f16": "f16"}.get(used, str(used))
        self.max_in_flight = int(self._compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        self._threads = threading.local()

    def run(self, batch: Float32, others: Sequence[Int64] = ()) -> dict[str, Float32]:
        """Outputs by name; each thread has a request of its own."""
        inputs: list[Float32 | Int64] = [batch, *others]
        if OpenVinoEngine._has_run:
            return self._run(inputs)
        with _FIRST:
            result = self._run(inputs)
            OpenVinoEngine._has_run = True
        return result

    def _run(self, inputs: Sequence[Float32 | Int64]) -> dict[str, Float32]:
        if not hasattr(self._threads, "request"):
            self._threads.request = self._request()
        try:
            results = self._threads.request.infer(inputs)
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


def _ready(model: bytes, settings: EngineSettings) -> tuple[Any, _Ports, _Ports]:
    """The compiled graph, its inputs and outputs: what was kept, or else made now and kept."""
    import openvino

    core = shared_core()
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
    kept = load(key)
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
        store(key, _to_json(inputs, outputs) + b"\n" + made.export_model().getvalue())
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
