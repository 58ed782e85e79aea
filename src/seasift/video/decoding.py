"""Decode the frames of one video file in order of time, with the times at which its images are shown.

Damaged parts are reported and skipped.
"""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from seasift.video.file import EACH_ALONE, fps, stated_s, zero_s

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from seasift.video.clock import Clock, Note
from seasift.video.file import is_raw, is_stream, opened
from seasift.video.frames import Damage, Gap, Report
from seasift.video.orientation import Decoded, deinterlaced
from seasift.video.seeking import SeekPoints, Start, find_seek_points, jump

_LATE_S = 2.0  # an image older than the last one by less than this is out of order, as damage causes


def stores_as_decoded(container: InputContainer, track: VideoStream) -> bool:
    """Whether timestamps give the order of storage, not of display, as in AVI."""
    return "avi" in container.format.name.split(",") and track.codec_context.name not in EACH_ALONE


class Timestamps:
    """Timestamps of a file, seconds from its beginning.

    Attributes:
        length_s: length of the image track by the header; None if unknown.
        step_s: nominal time from image to image.
        last_s: time of the last image requested.
    """

    def __init__(self, container: InputContainer, track: VideoStream) -> None:
        """Start at the beginning of an open file."""
        self._zero_s = zero_s(container, track)
        self.length_s = stated_s(container, track)
        self.step_s = 1 / (fps(track) or 25.0)
        if "avi" in container.format.name.split(",") and track.frames:
            # FFmpeg shortens the duration of a truncated file, but not its number of images.
            self.length_s = max(self.length_s or 0.0, track.frames * self.step_s)
        self.last_s: float | None = None
        self._shift_s = 0.0
        self._inside: deque[float] | None = deque() if track.codec_context.name in EACH_ALONE else None
        # If images are stored out of display order, the sorted timestamps are the right ones.
        self._sorted: list[int] | None = [] if stores_as_decoded(container, track) else None

    def of_packet(self, packet: Packet[VideoStream]) -> float:
        """Time of a compressed image; that of the last image if it has none."""
        timestamp = packet.pts if packet.pts is not None else packet.dts
        if timestamp is None or not packet.time_base:
            return self.last_s or 0.0
        return max(0.0, float(timestamp * packet.time_base) - self._zero_s)

    def going_in(self, packet: Packet[VideoStream]) -> None:
        """Record a compressed image that goes into the decoder."""
        if self._sorted is not None and packet.dts is not None:
            heappush(self._sorted, packet.dts)
        if self._inside is not None and packet.size:
            self._inside.append(self.of_packet(packet))

    def lost(self, packet: Packet[VideoStream]) -> float:
        """Record that the decoder failed at this image or shortly before: it works on several at once.

        Returns:
            Best estimate of the display time of the missing image.
        """
        if self._sorted is not None and packet.dts in self._sorted:
            self._sorted.remove(packet.dts)
            heapify(self._sorted)
        return self._inside.popleft() if self._inside else self.of_packet(packet)

    def of_frame(self, frame: VideoFrame) -> float | None:
        """Time of the next decoded image, always after the previous one; None for an image that comes too late.

        It is the timestamp that `Clock` put on the file's one clock. An image without a timestamp, or with one that lies
        far back, comes one step after the previous image.
        """
        if self._sorted:
            frame.pts = heappop(self._sorted)
        if self._inside:
            self._inside.popleft()
        last = self.last_s
        on_s = 0.0 if last is None else last + self.step_s
        time_s = on_s if frame.time is None else float(frame.time) - self._zero_s + self._shift_s
        if last is not None and time_s <= last:
            if time_s == last:
                time_s += self.step_s / 16
            elif last - time_s < _LATE_S:
                return None
            else:
                self._shift_s += on_s - time_s
                time_s = on_s
        self.last_s = time_s
        return time_s


_READ_ERRORS = 8  # in a row, then reading stops: some errors repeat for ever
_JUMP_S, _JUMP_STEPS = 0.3, 3.5
# Decoders that show damage without marking it.
_MARK_LITTLE = frozenset({"hevc", "vp8", "vp9", "libdav1d", "av1"})
_SPOILT_S = 10.0  # some streams have no keyframes and recover gradually


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
        name: name of the file in reports.
        report: receives each part that could not be read.
        start: skip frames before this; earlier packets are counted, not decoded, where that gives the same frames.
        stop: stops between two packets when set.
        note: receives a line each time the file's clock goes back, and one at the end if data were damaged where all
            images look whole.
    Returns:
        Progressive frames in increasing time. Damaged frames are counted but skipped. So are the frames after them
        up to the next keyframe, which would show their traces.
    Raises:
        ImageError: no image of the file can be read.
    """
    stop = stop or threading.Event()
    gaps: list[Gap] = []

    def reported(gap: Gap) -> None:
        gaps.append(gap)
        report(gap)

    with opened(path) as (container, track):
        timestamps = Timestamps(container, track)
        reader = _Reader(container, track, timestamps, Damage(name, reported, timestamps.step_s))
        packets = Clock(container, track, name, note).on_one_clock(reader.packets(stop))
        seek_points: SeekPoints | None = SeekPoints(0, None, [])
        if start is not None and not stores_as_decoded(container, track) and not is_raw(container):
            zero = zero_s(container, track)
            index = jump(container, track, start, zero)
            seek_points = find_seek_points(packets, start, zero, index)
        if seek_points is not None:
            yield from deinterlaced(reader.frames(seek_points, packets))
            reader.end(name, reported)
            if note is not None:
                reader.note_hurt(name, gaps, note)
            return
    yield from decoded(path, name, report, stop=stop, note=note)  # seeking failed: decode from the beginning


def read_packets(
    container: InputContainer, track: VideoStream, stop: threading.Event, failed: Callable[[str], None]
) -> Iterator[Packet[VideoStream]]:
    """Packets in file order, the last one empty; continues after errors.

    Args:
        stop: stops between two packets when set.
        failed: receives the reason of each error.
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

    def __init__(
        self, container: InputContainer, track: VideoStream, timestamps: Timestamps, damage: Damage
    ) -> None:
        self._container, self._track, self._stamps, self._damage = container, track, timestamps, damage
        self._each_alone = track.codec_context.name in EACH_ALONE
        self._spoilt_s: float | None = None  # time of damage without a keyframe since
        self._stopped = False
        self._marks_little = track.codec_context.name in _MARK_LITTLE
        self._hurt_s: list[float] = []  # times of packets that the container marks as damaged
        # Streams made for sending have an image at every step: a jump is a loss. Elsewhere pauses are not damage.
        self._steady = is_stream(container)

    def packets(self, stop: threading.Event) -> Iterator[Packet[VideoStream]]:
        """Compressed images in file order, the last one empty; continues after errors."""

        def failed(reason: str) -> None:
            self._bad(self._stamps.last_s or 0.0, f"the file cannot be read here ({reason})")

        yield from read_packets(self._container, self._track, stop, failed)
        self._stopped = stop.is_set()

    def frames(self, seek_points: SeekPoints, packets: Iterator[Packet[VideoStream]]) -> Iterator[Decoded]:
        """Whole frames, numbered from the seek point."""
        index = seek_points.index - 1
        for frame in self._images(seek_points.packets, packets):
            if (
                seek_points.from_pts is not None
                and frame.pts is not None
                and frame.pts < seek_points.from_pts
            ):
                continue  # needs images from before the point where decoding began
            before_s = self._stamps.last_s
            time_s = self._stamps.of_frame(frame)
            index += 1
            if time_s is None:
                self._damage.bad(before_s or 0.0, "images out of order")
                continue
            step_s = self._stamps.step_s
            longest_s = max(_JUMP_S, _JUMP_STEPS * step_s) if self._steady else math.inf
            if before_s is not None and time_s - before_s > longest_s:
                self._damage.bad(before_s + step_s, "no images are there")
            if frame.is_corrupt:
                self._bad(time_s, "damaged images")
            if self._whole(frame, time_s):
                self._damage.good(time_s)
                yield Decoded(index, time_s, frame)

    def end(self, name: str, report: Report) -> None:
        """Report what is missing at the end."""
        length_s, step_s = self._stamps.length_s, self._stamps.step_s
        if self._stopped or self._damage.end(length_s):
            return
        reached = 0.0 if self._stamps.last_s is None else self._stamps.last_s + step_s
        short = length_s is not None and reached + max(1.0, 2 * step_s) < length_s
        if self._stamps.last_s is None or short:
            report(Gap(name, reached, length_s, "the file ends early"))

    def note_hurt(self, name: str, gaps: Sequence[Gap], note: Note) -> None:
        """Name damaged data that made no gap: decoders of HEVC and VP9 do not mark each image that suffers."""
        near_s = 2 * self._stamps.step_s
        silent = [
            time_s
            for time_s in self._hurt_s
            if not any(
                gap.from_s - near_s <= time_s <= (math.inf if gap.to_s is None else gap.to_s + near_s)
                for gap in gaps
            )
        ]
        if silent:
            note(
                f"{name}: {len(silent):,} damaged packets, the first near {silent[0]:.2f} s, the last near {silent[-1]:.2f} s. "
                "Images near them may be wrong, though none is marked. Copy the file again."
            )

    def _bad(self, time_s: float, reason: str) -> None:
        self._damage.bad(time_s, reason)
        self._spoilt_s = time_s if self._spoilt_s is None else max(self._spoilt_s, time_s)

    def _whole(self, frame: VideoFrame, time_s: float) -> bool:
        """Whether an image is undamaged and depends on no damaged one."""
        if frame.is_corrupt or self._spoilt_s is None:
            return not frame.is_corrupt
        mended = frame.key_frame and time_s > self._spoilt_s
        if mended or self._each_alone or time_s > self._spoilt_s + _SPOILT_S:
            self._spoilt_s = None
            return True
        self._damage.bad(time_s, "damaged images")
        return False

    def _images(self, *parts: Iterable[Packet[VideoStream]]) -> Iterator[VideoFrame]:
        import av

        for part in parts:
            for packet in part:
                self._stamps.going_in(packet)
                if packet.is_corrupt and self._marks_little:
                    self._hurt_s.append(self._stamps.of_packet(packet))
                try:
                    images = packet.decode()
                except av.error.EOFError:
                    return
                except (av.FFmpegError, OSError, ValueError) as error:
                    self._bad(self._stamps.lost(packet), f"it cannot be decoded ({_why(error)})")
                    continue
                yield from images
                del images


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or type(error).__name__)
