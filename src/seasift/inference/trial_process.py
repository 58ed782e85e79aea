"""The process in which a model is tried; see `trial`."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np

from seasift.core.errors import ModelError, SeasiftError
from seasift.inference.predictor import open_predictor
from seasift.modelfile.info import read_model_file


def main(
    model: str, sha256: str, engine: str, precision: str, threads: int | None, memory_bytes: int
) -> None:
    """What runs in the process: prints an error, or {}, as JSON."""
    _limit(memory_bytes)
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what an engine prints goes nowhere
    found: dict[str, str] = {}
    try:
        file = read_model_file(Path(model))
        if file.sha256 != sha256:
            raise ModelError(f"{model}: changed while it was read. Run again.")
        predictor = open_predictor(file, engine=engine, precision=precision, threads=threads)
        height, width = file.info.input.size_hw
        predictor.predict([np.zeros((height, width, 3), np.uint8)], threshold=0.5, max_objects=1)
    except SeasiftError as error:
        found = {"error": type(error).__name__, "text": str(error)}
    except MemoryError:
        found = {"error": "ModelError", "text": f"{model}: needs more than {memory_bytes:,} bytes of memory."}
    except Exception as error:
        words = " ".join(str(error).split())[:200]
        found = {"error": "ModelError", "text": f"{model}: cannot be used ({type(error).__name__}: {words})."}
    answer.write(json.dumps(found))
    answer.close()
    os._exit(0)  # an engine with threads of its own may not end


def _limit(memory_bytes: int) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux" and memory_bytes:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        whole = pages * os.sysconf("SC_PAGE_SIZE") + memory_bytes
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_AS, (whole, whole))
