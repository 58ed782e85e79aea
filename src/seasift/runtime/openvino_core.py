"""The process's one OpenVINO. Imported only when used."""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

from seasift.core.errors import EngineError
from seasift.runtime.engine import last_line

_ONE_BY_ONE = threading.Lock()


def core() -> Any:
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
