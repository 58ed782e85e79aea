"""A pool of processes that decode. One that takes too long, too much memory, or crashes, is killed and replaced."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from seasift.core.errors import BusyError, EngineError, ImageError, LimitError
from seasift.core.types import SizeHW, UInt8
from seasift.isolation.messages import LostError, integer, number, read_image, receive, send

_CHECK_S = 0.1
_START_S = 60.0
_LATER_S = 5
_PIPE_BYTES = 1 << 20
_MOST_COUNT = 1 << 53
# Of numerical libraries; a decoder takes part in a pool and needs no threads of theirs.
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_PROGRAM = (
    "import json, sys; given = json.loads(sys.argv[1]); sys.path[:] = given['path']; "
    "from seasift.isolation.worker import main; main(given['memory'], given['cpu_s'])"
)


@dataclass(frozen=True)
class DecodingLimits:
    """Limits of each decoder.

    Attributes:
        pixels: of an image or a frame.
        seconds: for an image; of a video, from one sign of life to the next.
        memory_bytes: address space beyond that of an idle decoder. Holds on Linux only.
    """

    pixels: int = 100_000_000
    seconds: float = 20.0
    memory_bytes: int = 2 << 30


@dataclass(frozen=True)
class ProbedVideo:
    """What a video's header says.

    Attributes:
        size_hw: height and width of frames, px; None if it holds no footage.
        count: frames that a sampling will give.
    """

    size_hw: SizeHW | None
    count: int


@dataclass(frozen=True, eq=False)
class VideoFrame:
    """A frame of a video: index, seconds from its beginning, (H, W, 3) uint8 RGB."""

    frame: int
    time_s: float
    image_rgb_u8: UInt8


class DecoderPool:
    """At most `size` processes, started when needed.

    Threads may use it at the same time; they wait while all processes are at work.
    """

    def __init__(self, size: int, limits: DecodingLimits | None = None) -> None:
        self.limits = limits or DecodingLimits()
        self._size, self._count = size, 0
        self._idle: list[_Process] = []
        self._busy: set[_Process] = set()
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._watch: threading.Thread | None = None
        self.killed = 0

    def start(self, count: int) -> None:
        """Start so many processes now, without waiting for them."""
        with self._changed:
            while self._count < min(count, self._size):
                self._idle.append(_Process(self.limits))
                self._count += 1

    def close(self) -> None:
        """End all processes. What is decoded now fails."""
        self._closed.set()
        with self._changed:
            for process in self._busy:
                process.kill()
            for process in self._idle:
                process.close()
            self._idle.clear()
            self._changed.notify_all()
        if self._watch is not None:
            self._watch.join()

    def image(self, data: bytes, name: str, *, max_pixels: int | None = None) -> UInt8:
        """Decode an image as `core.image.decode_image` does.

        Raises:
            ImageError: as there, or the decoder crashed. LimitError: too many pixels, too much time or memory.
            BusyError: no process can be started. EngineError: a process did not start as it should.
        """
        most = self.limits.pixels if max_pixels is None else min(max_pixels, self.limits.pixels)
        with self._lent(name) as process:
            process.send({"task": "image", "name": name, "size": len(data), "max_pixels": most}, data)
            head = process.receive()
            return process.read(head, most)

    def look(self, path: Path, name: str, every: str) -> ProbedVideo:
        """Read a video's header.

        Args:
            name: of the video, for errors.
            every: frame sampling as `FrameSampling.parse` reads it.
        Raises:
            LimitError: it took too much time or memory. ImageError: the decoder crashed.
        """
        with self._lent(name) as process:
            process.send({"task": "look", "name": str(path.absolute()), "every": every})
            head = process.receive()
            height, width = (integer(head, key, 0, _MOST_COUNT) for key in ("h", "w"))
            count = integer(head, "count", 0, _MOST_COUNT)
        return ProbedVideo((height, width) if height and width else None, count)

    def frames(
        self, path: Path, name: str, every: str, cancelled: Callable[[], bool] = lambda: False
    ) -> Generator[VideoFrame, None, None]:
        """Decode a video. Close the generator to end its process.

        Args:
            name: of the video, for errors.
            every: frame sampling as `FrameSampling.parse` reads it.
            cancelled: asked several times a second; true ends the frames.
        Raises:
            ImageError: as `video.reading.frames`, after all readable frames. LimitError: as `image`.
        """
        most = self.limits.pixels
        with self._lent(name, cancelled) as process:
            whole = str(path.absolute())
            process.send({"task": "frames", "name": whole, "every": every, "max_pixels": most})
            try:
                while "end" not in (head := process.receive(replace=(whole, name))):
                    if "tick" not in head:
                        index, time_s = integer(head, "frame", 0, _MOST_COUNT), number(head, "time_s")
                        frame = VideoFrame(index, time_s, process.read(head, most))
                        process.wait_for_caller()
                        yield frame
                        del frame
                    process.more_time()
            except _CancelledError:
                return
            except GeneratorExit:
                process.kill()
                raise

    @contextmanager
    def _lent(self, name: str, cancelled: Callable[[], bool] | None = None) -> Iterator[_Process]:
        process = self._take(cancelled)
        try:
            yield process
        except LostError as error:
            raise process.why(name, error) from None
        finally:
            self._give_back(process)

    def _take(self, cancelled: Callable[[], bool] | None) -> _Process:
        with self._changed:
            if self._watch is None:
                self._watch = threading.Thread(target=self._watch_over, name="seasift-decoders", daemon=True)
                self._watch.start()
            while True:
                if self._closed.is_set():
                    raise EngineError("the decoders were stopped.")
                while self._idle:
                    process = self._idle.pop()
                    if process.alive:
                        break
                    self._count -= 1
                    process.close()
                else:
                    if self._count >= self._size:
                        self._changed.wait()
                        continue
                    process = _Process(self.limits)
                    self._count += 1
                process.begin(cancelled)
                self._busy.add(process)
                return process

    def _give_back(self, process: _Process) -> None:
        kept = process.finish()
        with self._changed:
            self._busy.discard(process)
            if kept and not self._closed.is_set():
                self._idle.append(process)
            else:
                self._count -= 1
                self.killed += 1
                process.close()
            self._changed.notify()

    def _watch_over(self) -> None:
        while not self._closed.wait(_CHECK_S):
            with self._changed:
                busy = list(self._busy)
            for process in busy:
                process.check()


class _CancelledError(Exception):
    """Nobody wants the frames any more."""


class _Process:
    """One decoder, as its server sees it."""

    def __init__(self, limits: DecodingLimits) -> None:
        self._limits = limits
        given = {"path": sys.path, "memory": limits.memory_bytes, "cpu_s": limits.seconds}
        most = {"OPENCV_IO_MAX_IMAGE_PIXELS": str(limits.pixels)}
        try:
            self._popen = subprocess.Popen(
                [sys.executable, "-I", "-c", _PROGRAM, json.dumps(given)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                pipesize=_PIPE_BYTES,
                env={**os.environ, **_ENVIRONMENT, **most},
            )
        except OSError as error:
            raise BusyError(
                f"no process for decoding can be started ({error.strerror}). Try again later.", _LATER_S
            ) from None
        self._tasks = cast(BinaryIO, self._popen.stdin)
        self._answers = cast(BinaryIO, self._popen.stdout)
        self._lock = threading.Lock()
        self._ready = False
        self._deadline: float | None = None
        self._cancelled: Callable[[], bool] | None = None
        self._whole = True  # nothing of an answer is left in the pipe
        self._late = self._unwanted = False

    @property
    def alive(self) -> bool:
        return self._popen.poll() is None

    def begin(self, cancelled: Callable[[], bool] | None) -> None:
        """Start the clock."""
        self._whole, self._cancelled = False, cancelled
        self.more_time(_START_S if not self._ready else 0.0)

    def more_time(self, more_s: float = 0.0) -> None:
        """Start the clock again."""
        with self._lock:
            self._deadline = time.monotonic() + self._limits.seconds + more_s

    def wait_for_caller(self) -> None:
        """Stop the clock: the caller is busy."""
        with self._lock:
            self._deadline = None

    def finish(self) -> bool:
        """Stop the clock; return whether the process can be used again."""
        with self._lock:
            self._deadline = self._cancelled = None
            if not self._whole:
                self._popen.kill()
            return self._whole

    def check(self) -> None:
        """Kill the process if its time is over or nobody wants what it does."""
        with self._lock:
            cancelled, deadline = self._cancelled, self._deadline
        unwanted = cancelled is not None and cancelled()
        with self._lock:
            if self._deadline is not None and self._deadline == deadline and time.monotonic() > deadline:
                self._late = True
                self._popen.kill()
            elif unwanted and self._cancelled is cancelled:
                self._unwanted = True
                self._popen.kill()

    def send(self, head: dict[str, Any], data: bytes = b"") -> None:
        if not self._ready:
            integer(receive(self._answers), "ready", 0, _MOST_COUNT)
            self._ready = True
            self.more_time()
        send(self._tasks, head, data)

    def receive(self, replace: tuple[str, str] | None = None) -> dict[str, Any]:
        """The next answer.

        Args:
            replace: a text in errors, and what users see in its place.
        Raises:
            LostError: the process ended. ImageError, LimitError: it says why there is nothing.
        """
        try:
            head = receive(self._answers)
        except LostError:
            if self._unwanted:
                raise _CancelledError from None
            raise
        if "error" in head:
            self._whole = True
            text = " ".join(str(head.get("text", "")).split())
            kind = LimitError if head["error"] == LimitError.__name__ else ImageError
            raise kind(text.replace(*replace) if replace else text)
        self._whole = not head.keys() & {"h", "tick"} or "count" in head
        return head

    def read(self, head: dict[str, Any], max_pixels: int) -> UInt8:
        """The image of an answer, no larger than allowed."""
        height = integer(head, "h", 1, max_pixels)
        image = read_image(self._answers, height, integer(head, "w", 1, max_pixels // height))
        self._whole = "frame" not in head  # after a frame, more comes
        return image

    def why(self, name: str, lost: LostError) -> ImageError | LimitError | EngineError:
        """What became of a process that gave no answer."""
        self._popen.kill()
        code = self._popen.wait()
        if self._late:
            return LimitError(
                f"{name}: not decoded within {self._limits.seconds:g} s. Convert it, or make it smaller."
            )
        if not self._ready:
            return EngineError(f"the process for decoding did not start (code {code}; {lost}).")
        with suppress(ValueError):
            return ImageError(
                f"{name}: its decoder crashed ({signal.Signals(-code).name}). Convert it to PNG."
            )
        return ImageError(f"{name}: its decoder ended (code {code}). Convert it to PNG.")

    def kill(self) -> None:
        """End the process; whoever waits for it sees that."""
        with self._lock:
            self._popen.kill()

    def close(self) -> None:
        """End the process and give back what it held."""
        self._popen.kill()
        self._popen.wait()
        for stream in (self._tasks, self._answers):
            with suppress(OSError):
                stream.close()
