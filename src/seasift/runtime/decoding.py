"""Frames of one video file in the order of time, through damage."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from seasift.runtime.clock import Clock, Note
from seasift.runtime.gaps import Damage, Gap, Report
from seasift.runtime.skim import Skimmed, Start, jump, skim
from seasift.runtime.stamps import Stamps, stores_as_decoded
from seasift.runtime.upright import Decoded, deinterlaced
from seasift.runtime.video_file import EACH_ALONE, is_raw, is_stream, opened, zero_s

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_READ_ERRORS = 8  # in a row, then the rest is given up: some come back for ever
_JUMP_S, _JUMP_STEPS = 0.3, 3.5
_SPOILT_S = 10.0  # some streams have no keyframes, and mend themselves bit by bit


def decoded(
    path: Path,
    name: str,
    report: Report,
    *,
    start: Start | None = None,
    stop: threading.Event | None = None,
    note: Note | None = None,
) -> Iterator[Decoded]:
    """Decode a file.

    Args:
        name: what reports call it.
        report: is told of each part that could not be read.
        start: leave out frames before; packets before are counted and not decoded where that gives the same.
        stop: ends the work between two packets when set.
        note: takes a line for each time the file's clock goes back.
    Returns:
        Progressive frames whose time grows from each to the next. Damaged ones count, but are left out, and so
        are those after them up to the next keyframe, which would show their traces.
    Raises:
        BadPicture: nothing of the file can be read.
    """
    stop = stop or threading.Event()
    with opened(path) as (container, track):
        stamps = Stamps(container, track)
        reader = _Reader(container, track, stamps, Damage(name, report, stamps.step_s))
        packets = Clock(container, track, name, note).on_one_clock(reader.packets(stop))
        skimmed: Skimmed | None = Skimmed(0, None, [])
        if start is not None and not stores_as_decoded(container, track) and not is_raw(container):
            zero = zero_s(container, track)
            index = jump(container, track, start, zero)
            skimmed = skim(packets, start, zero, index)
        if skimmed is not None:
            yield from deinterlaced(reader.frames(skimmed, packets))
            reader.end(name, report)
            return
    yield from decoded(path, name, report, stop=stop, note=note)  # no way there but this


def read_packets(
    container: InputContainer, track: VideoStream, stop: threading.Event, failed: Callable[[str], None]
) -> Iterator[Packet[VideoStream]]:
    """Packets as they lie in the file, the last one empty; goes on after errors.

    Args:
        stop: ends the work between two packets when set.
        failed: takes the reason of each error.
    """
    import av

    errors = 0
    while errors < _READ_ERRORS:
        try:
            for packet in container.demux(track):
                if stop.is_set():
                    return
                errors = 0
                yield packet
            return
        except (av.FFmpegError, OSError, LookupError, ValueError) as error:
            errors += 1
            failed(_why(error))


class _Reader:
    """One pass over an open file."""

    def __init__(self, container: InputContainer, track: VideoStream, stamps: Stamps, damage: Damage) -> None:
        self._container, self._track, self._stamps, self._damage = container, track, stamps, damage
        self._each_alone = track.codec_context.name in EACH_ALONE
        self._spoilt_s: float | None = None  # damaged there, no keyframe since
        self._stopped = False
        # Made for sending, with a picture at every step: a jump is a loss. Elsewhere pauses are no damage.
        self._steady = is_stream(container)

    def packets(self, stop: threading.Event) -> Iterator[Packet[VideoStream]]:
        """Compressed pictures as they lie in the file, the last one empty; goes on after errors."""

        def failed(reason: str) -> None:
            self._bad(self._stamps.last_s or 0.0, f"the file cannot be read here ({reason})")

        yield from read_packets(self._container, self._track, stop, failed)
        self._stopped = stop.is_set()

    def frames(self, skimmed: Skimmed, packets: Iterator[Packet[VideoStream]]) -> Iterator[Decoded]:
        """Whole frames, numbered from where skimming left off."""
        index = skimmed.index - 1
        for frame in self._pictures(skimmed.packets, packets):
            if skimmed.from_pts is not None and frame.pts is not None and frame.pts < skimmed.from_pts:
                continue  # needs pictures from before the point where decoding began
            before_s = self._stamps.last_s
            time_s = self._stamps.of_frame(frame)
            index += 1
            if time_s is None:
                self._damage.bad(before_s or 0.0, "pictures out of order")
                continue
            step_s = self._stamps.step_s
            longest_s = max(_JUMP_S, _JUMP_STEPS * step_s) if self._steady else math.inf
            if before_s is not None and time_s - before_s > longest_s:
                self._damage.bad(before_s + step_s, "no pictures are there")
            if frame.is_corrupt:
                self._bad(time_s, "damaged pictures")
            if self._whole(frame, time_s):
                self._damage.good(time_s)
                yield Decoded(index, time_s, frame)

    def end(self, name: str, report: Report) -> None:
        """Tell what is missing at the end."""
        length_s, step_s = self._stamps.length_s, self._stamps.step_s
        if self._stopped or self._damage.end(length_s):
            return
        reached = 0.0 if self._stamps.last_s is None else self._stamps.last_s + step_s
        short = length_s is not None and reached + max(1.0, 2 * step_s) < length_s
        if self._stamps.last_s is None or short:
            report(Gap(name, reached, length_s, "the file ends early"))

    def _bad(self, time_s: float, reason: str) -> None:
        self._damage.bad(time_s, reason)
        self._spoilt_s = time_s if self._spoilt_s is None else max(self._spoilt_s, time_s)

    def _whole(self, frame: VideoFrame, time_s: float) -> bool:
        """Whether a picture neither is damaged nor rests on one that is."""
        if frame.is_corrupt or self._spoilt_s is None:
            return not frame.is_corrupt
        mended = frame.key_frame and time_s > self._spoilt_s
        if mended or self._each_alone or time_s > self._spoilt_s + _SPOILT_S:
            self._spoilt_s = None
            return True
        self._damage.bad(time_s, "damaged pictures")
        return False

    def _pictures(self, *parts: Iterable[Packet[VideoStream]]) -> Iterator[VideoFrame]:
        import av

        for part in parts:
            for packet in part:
                self._stamps.going_in(packet)
                try:
                    pictures = packet.decode()
                except av.error.EOFError:
                    return
                except (av.FFmpegError, OSError, ValueError) as error:
                    self._bad(self._stamps.lost(packet), f"it cannot be decoded ({_why(error)})")
                    continue
                yield from pictures
                del pictures


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or type(error).__name__)
