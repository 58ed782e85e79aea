"""A live source, a camera's address or a capture device, whose frames are timed by arrival.

Between the two threads only the newest frame is kept.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Generic, TypeVar

from seasift.core.errors import ImageError, InputError
from seasift.video.file import fps, prepare_decoder
from seasift.video.frames import DiveFrame, DiveVideo, FrameSampling, Gap
from seasift.video.orientation import Decoded, deinterlaced, oriented_rgb, oriented_size, pixel_aspect

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream


T = TypeVar("T")


class Mailbox(Generic[T]):
    """A slot for one item between two threads: a new item replaces one not taken yet."""

    def __init__(self) -> None:
        """Empty and open."""
        self._changed = threading.Condition()
        self._item: T | None = None
        self._closed = False

    def put(self, item: T) -> None:
        """Put an item; an item not taken yet is lost."""
        with self._changed:
            self._item = item
            self._changed.notify_all()

    def close(self) -> None:
        """Signal the end; the current item can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def peek(self) -> T | None:
        """Wait for an item and leave it; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed)
            return self._item

    def take(self, timeout_s: float | None = None) -> T | None:
        """Wait for an item and take it; None at the end or after the timeout."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed, timeout_s)
            item, self._item = self._item, None
            return item


_ADDRESS = re.compile(r"(rtsp|rtsps|rtmp|rtp|udp|tcp|srt|http|https)://.+", re.IGNORECASE)
_DEVICE = re.compile(r"/dev/video\d+")


def is_live(name: str) -> bool:
    """Whether a name is that of a live source: `rtsp://…` and the like, or `/dev/video0`."""
    return bool(_ADDRESS.fullmatch(name) or _DEVICE.fullmatch(name))


def without_password(address: str) -> str:
    """An address without user and password, safe to show and write."""
    return re.sub(r"//[^/@]*@", "//", address)


@dataclass(frozen=True)
class Patience:
    """How a lost live source is reconnected.

    Attributes:
        silence_s: time without data after which the connection counts as lost.
        tries: attempts in a row to reconnect, each waiting twice as long as the previous one.
        first_wait_s, most_wait_s: wait before the second attempt, and longest wait; the first attempt is immediate.
    """

    silence_s: float = 10.0
    tries: int = 12
    first_wait_s: float = 0.5
    most_wait_s: float = 30.0

    def wait_s(self, failed: int) -> float:
        """Wait before the next attempt, after this many failures."""
        return 0.0 if failed == 0 else min(self.first_wait_s * 2 ** (failed - 1), self.most_wait_s)


@dataclass(frozen=True)
class Before:
    """State of a live source from a process that has ended.

    Attributes:
        video: the source.
        begun_utc: when its clock began.
        frame, time_s: the last evaluated frame.
    """

    video: DiveVideo
    begun_utc: datetime
    frame: int
    time_s: float


@dataclass(frozen=True, eq=False)
class _Arrived:
    """An image with the facts of its stream, which are unavailable after the connection closes."""

    frame: Decoded
    aspect: Fraction | None
    fps: float | None


class LiveDive:
    """A live source as a dive with one endless video.

    Frames are numbered as they are decoded. Their time is the time of arrival, counted from opening. The caller always
    gets the newest frame; older frames that arrived meanwhile are dropped. A lost connection is restored. The time
    without a connection is a gap, and so is the time between two processes.

    Attributes:
        begun_utc: when its clock began.
        videos: the source; later frames of another size are scaled to its size.
        gaps: times without a connection, as far as `frames` got.
        notes: lines for the user about times; none.
    """

    def __init__(
        self,
        address: str,
        *,
        every: FrameSampling,
        end_s: float | None = None,
        start_utc: datetime | None = None,
        patience: Patience | None = None,
        clock: Callable[[], float] = time.monotonic,
        before: Before | None = None,
    ) -> None:
        """Connect, and wait for the first image.

        Args:
            before: continue its clock and numbers. If the source is gone, the dive ends without an error.
        Raises:
            ImageError: no connection, or no images.
        """
        self._address, self._name = address, without_password(address)
        self._every, self._end_s = every, end_s
        self._patience, self._clock = patience or Patience(), clock
        self._mailbox: Mailbox[_Arrived] = Mailbox()
        self._stop = threading.Event()
        self._before = before
        now_utc = datetime.now(UTC)
        elapsed_s = 0.0
        if before is not None:  # a machine's clock may have been set back
            elapsed_s = max((now_utc - before.begun_utc).total_seconds(), before.time_s)
        self.begun_utc = now_utc - timedelta(seconds=elapsed_s)
        self._begun = clock() - elapsed_s
        self._index = self._first_index = 0 if before is None else before.frame + 1
        self._lost = "it ended"
        self.gaps: list[Gap] = []
        self.notes: list[str] = []
        self._thread = threading.Thread(target=self._work, name="seasift-live", daemon=True)
        self._thread.start()
        first = self._mailbox.peek()
        if before is not None:
            self._size_hw, self.videos = (before.video.height, before.video.width), [before.video]
            return
        if first is None:
            raise ImageError(
                f"{self._name}: no live images ({self._lost}); expected a camera's address or a capture device. "
                "Check that it is on and that another player shows it."
            )
        self._size_hw = oriented_size(first.frame.frame, first.aspect)
        self.videos = [
            DiveVideo(
                file=self._name,
                width=self._size_hw[1],
                height=self._size_hw[0],
                offset_s=0.0,
                fps=first.fps,
                frames=None,
                duration_s=None,
                start_utc=start_utc or self.begun_utc,
            )
        ]

    def note(self, line: str) -> None:
        """Add a line to `notes`, once."""
        if line not in self.notes:
            self.notes.append(line)

    def frames(
        self, after: tuple[int, int] | None = None, *, after_time_s: float | None = None
    ) -> Iterator[DiveFrame]:
        """The newest frame at each request, until the source is gone or the time is over.

        Args:
            after: the last frame of `before`.
        Raises:
            InputError: another `after`: live frames cannot be read again.
        """
        if after != (None if self._before is None else (0, self._before.frame)):
            raise InputError(f"{self._name}: a live source cannot be gone through again. Start afresh.")
        before: int | None = None
        try:
            while (arrived := self._mailbox.take(self._left_s())) is not None:
                item = arrived.frame
                if self._end_s is not None and item.time_s >= self._end_s:
                    return
                share = self._every.share(item.index, item.time_s)
                if share != before:
                    image = oriented_rgb(item.frame, arrived.aspect, self._size_hw)
                    yield DiveFrame(0, item.index, item.time_s, item.time_s, image)
                before = share
        finally:
            self.close()

    def close(self) -> None:
        """End the connection; the thread ends at the next packet or after `silence_s`."""
        self._stop.set()
        self._mailbox.close()

    def _left_s(self) -> float | None:
        return None if self._end_s is None else max(0.0, self._end_s - self._now_s())

    def _now_s(self) -> float:
        return self._clock() - self._begun

    def _work(self) -> None:
        failed = 0
        lost = None if self._before is None else (self._before.time_s, "seasift was ended from outside")
        try:
            while not self._stop.wait(self._patience.wait_s(failed)):
                got = self._index
                self._connected(lost)
                failed = 0 if self._index > got else failed + 1
                lost = (self._now_s(), "the connection was lost") if self._index > got else lost
                if failed >= self._patience.tries or self._index == self._first_index:
                    break
        finally:
            if lost is not None and not self._stop.is_set():
                self.gaps.append(Gap(self._name, lost[0], None, f"{lost[1]} ({self._lost})"))
            self._mailbox.close()

    def _connected(self, lost: tuple[float, str] | None) -> None:
        """Pass on images until the connection ends.

        Args:
            lost: since when images are missing, and why.
        """
        import av

        self._lost = "it ended"
        try:
            with _connect(self._address, self._patience.silence_s) as container:
                if not container.streams.video:
                    self._lost = "it has no images"
                    return
                track = container.streams.video[0]
                prepare_decoder(track)
                for frame in deinterlaced(self._decoded(container, track)):
                    if lost is not None:
                        self.gaps.append(Gap(self._name, lost[0], frame.time_s, lost[1]))
                        lost = None
                    self._mailbox.put(_Arrived(frame, pixel_aspect(track), fps(track)))
        except (av.FFmpegError, OSError, ValueError) as error:
            self._lost = getattr(error, "strerror", None) or type(error).__name__

    def _decoded(self, container: InputContainer, track: VideoStream) -> Iterator[Decoded]:
        import av

        for packet in container.demux(track):
            if self._stop.is_set():
                return
            try:
                images = packet.decode()
            except av.error.InvalidDataError:
                continue
            for image in images:
                index, self._index = self._index, self._index + 1
                if not image.is_corrupt:
                    yield Decoded(index, self._now_s(), image)


def _connect(address: str, silence_s: float) -> InputContainer:
    import av

    if _DEVICE.fullmatch(address):
        return av.open(address, format="v4l2", timeout=silence_s)
    options = {"rtsp_transport": "tcp"} if address.lower().startswith("rtsp") else {}
    return av.open(address, options=options, timeout=silence_s)
