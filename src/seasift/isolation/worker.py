"""The process that decodes: one task after the other, within limits of its own.

It writes no file and starts no process. It ends when nobody writes to it any more.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from seasift.core.errors import ImageError, InputError, LimitError
from seasift.core.image import decode_image
from seasift.core.types import UInt8
from seasift.isolation.messages import LostError, integer, read_all, receive, send

_TICK_S = 0.5
_LONGEST_TEXT = 8000
_FILES = 64


def main(memory_bytes: int, cpu_s: float) -> None:
    """Answer tasks from standard input until it ends.

    Args:
        memory_bytes: address space beyond what the process has at its start (Linux).
        cpu_s: processor time of a step, after which the system ends the process (POSIX).
    """
    for name in ("SIGINT", "SIGTERM"):  # meant for the server, which finishes what it has
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    tasks, answers = _own(0, "rb"), _own(1, "wb")
    limit(memory_bytes)
    worker = _Worker(answers, memory_bytes, cpu_s)
    with suppress(LostError):
        worker.send({"ready": os.getpid()})
        while True:
            worker.answer(receive(tasks), tasks)


def _own(descriptor: int, mode: str) -> BinaryIO:
    """A standard stream for ourselves; what a library prints goes nowhere."""
    stream = open(os.dup(descriptor), mode, buffering=0)  # noqa: SIM115, PTH123
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
    return stream  # type: ignore[return-value]


def limit(memory_bytes: int) -> None:
    """Limit this process where the system can: POSIX; the address space on Linux only."""
    try:
        import resource
    except ImportError:  # Windows
        return
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES, _FILES))
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        whole = pages * os.sysconf("SC_PAGE_SIZE") + memory_bytes
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_AS, (whole, whole))


def allow_cpu(seconds: float) -> None:
    """Let the system end this process after so much more processor time, even if its server is gone."""
    try:
        import resource
    except ImportError:  # Windows
        return
    spent = sum(os.times()[:2])
    with suppress(OSError, ValueError):
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(spent + seconds) + 1, hard))


class _Ticking(threading.Event):
    """Asked between two packets of a video whether to stop; says that the decoder gets on."""

    def __init__(self, tick: Any) -> None:
        super().__init__()
        self._tick, self._next = tick, 0.0

    def is_set(self) -> bool:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _TICK_S
            try:
                self._tick()
            except LostError:
                self.set()
        return super().is_set()


class _Worker:
    def __init__(self, answers: BinaryIO, memory_bytes: int, cpu_s: float) -> None:
        self._answers, self._memory_bytes = answers, memory_bytes
        self._cpu_s = cpu_s * (os.cpu_count() or 1)
        self._sending = threading.Lock()

    def send(self, head: dict[str, Any], image: UInt8 | None = None) -> None:
        """Send one answer; threads may."""
        with self._sending:
            send(self._answers, head, b"" if image is None else image.data.cast("B"))

    def answer(self, task: dict[str, Any], tasks: BinaryIO) -> None:
        """Do one task, and answer with what came of it or with why nothing did."""
        name = str(task["name"])
        allow_cpu(self._cpu_s)
        try:
            if task["task"] == "image":
                size = integer(task, "size", 0, sys.maxsize)
                image = decode_image(bytes(read_all(tasks, size)), name, max_pixels=task["max_pixels"])
                self.send({"h": image.shape[0], "w": image.shape[1]}, image)
            elif task["task"] == "look":
                self._look(task)
            else:
                self._frames(task)
        except LostError:
            raise
        except InputError as error:
            kind = LimitError if isinstance(error, LimitError) else ImageError
            self.send({"error": kind.__name__, "text": str(error)[:_LONGEST_TEXT]})
        except MemoryError:
            words = f"{name}: decoding it takes more than {self._memory_bytes:,} bytes of memory."
            self.send({"error": LimitError.__name__, "text": words})
        except Exception as error:
            words = f"{name}: it cannot be decoded ({type(error).__name__})."
            self.send({"error": ImageError.__name__, "text": words})

    def _look(self, task: dict[str, Any]) -> None:
        from seasift.video.reading import FrameSampling, expected_count, frame_size

        path = Path(task["name"])
        size = frame_size(path)
        count = expected_count(path, FrameSampling.parse(task["every"])) if size else 0
        self.send({"h": size[0] if size else 0, "w": size[1] if size else 0, "count": count})

    def _frames(self, task: dict[str, Any]) -> None:
        from seasift.video.reading import FrameSampling, frames

        def tick() -> None:
            allow_cpu(self._cpu_s)
            self.send({"tick": True})

        for frame in frames(Path(task["name"]), FrameSampling.parse(task["every"]), stop=_Ticking(tick)):
            image = frame.image_rgb_u8
            height, width = image.shape[:2]
            if height * width > task["max_pixels"]:
                raise LimitError(
                    f"{task['name']}: a frame of {width:,} x {height:,} px; "
                    f"expected at most {task['max_pixels']:,} pixels."
                )
            allow_cpu(self._cpu_s)
            self.send({"frame": frame.frame, "time_s": frame.time_s, "h": height, "w": width}, image)
        self.send({"end": True})
