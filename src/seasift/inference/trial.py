"""Try a model of others once in a process with limits, before it runs in this one.

A graph may loop without end, or ask for more memory than there is. Engines cannot be stopped in the middle of that; a process
can. A model that passed is not tried again. The compiled graph of its trial is kept, so a trial costs little more than
the start of a process.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path

from seasift.core.errors import EngineError, InputError, MissingExtraError, ModelError, SeasiftError
from seasift.inference import openvino_engine
from seasift.modelfile.bundled import FOLDER
from seasift.modelfile.info import ModelFile

VARIABLE = "SEASIFT_TRIAL"
_KINDS: dict[str, type[SeasiftError]] = {
    kind.__name__: kind for kind in (InputError, MissingExtraError, ModelError, EngineError)
}
SECONDS = 120.0
MEMORY_BYTES = 8 << 30
_PROGRAM = (
    "import json, sys; given = json.loads(sys.argv[1]); sys.path[:] = given.pop('path'); "
    "from seasift.inference.trial_process import main; main(**given)"
)


def try_out(
    file: ModelFile,
    *,
    engine: str,
    precision: str,
    threads: int | None = None,
    seconds: float = SECONDS,
    memory_bytes: int = MEMORY_BYTES,
) -> None:
    """Let a model look at one black image in a process of its own, unless it did so before or is bundled.

    Args:
        file: the model.
        engine, precision, threads: as in `open_engine`.
        seconds: for loading, compiling and one image.
        memory_bytes: address space of the process. Holds on Linux, on a CPU.
    Raises:
        ModelError: it takes too long or too much memory, or ends the process. SeasiftError: as `open_engine`.
    """
    import subprocess  # not needed for bundled models

    path = Path(file.name).absolute()
    if os.environ.get(VARIABLE, "").lower() == "off" or path.parent == FOLDER:
        return
    passed = _passed(file, engine, precision)
    if passed is not None and passed.exists():
        return
    given = {
        "path": sys.path,
        "model": str(path),
        "sha256": file.sha256,
        "engine": engine,
        "precision": precision,
        "threads": threads,
        "memory_bytes": 0 if engine == "onnxruntime-cuda" else memory_bytes,
    }
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _PROGRAM, json.dumps(given)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ModelError(
            f"{file.name}: looked at no image within {seconds:g} s in a trial; it may never end. Use another model, or "
            f"set {VARIABLE}=off if you trust it."
        ) from None
    except OSError as error:
        raise EngineError(
            f"no process for a trial of {file.name} can be started ({error.strerror})."
        ) from None
    _report(file, done.returncode, done.stdout, memory_bytes)
    if passed is not None:
        with suppress(OSError):
            passed.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            passed.touch()


def _passed(file: ModelFile, engine: str, precision: str) -> Path | None:
    """The file that says that a model passed; None where nothing is kept."""
    folder = openvino_engine.folder()
    return None if folder is None else folder / f"{file.sha256[:32]}-{engine}-{precision}.passed"


def _report(file: ModelFile, code: int, answer: bytes, memory_bytes: int) -> None:
    with suppress(ValueError):
        found = json.loads(answer)
        if found == {}:
            return
        kind = _KINDS.get(str(found["error"]), ModelError)
        raise kind(str(found["text"])[:2000])
    raise ModelError(
        f"{file.name}: ended its trial (code {code}). It may be hostile, or need more than {memory_bytes:,} bytes. Use "
        f"another model, or set {VARIABLE}=off if you trust it."
    )
