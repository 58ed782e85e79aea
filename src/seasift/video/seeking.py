"""Seek to a frame in the middle of a video without decoding everything before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.index import IndexEntries
    from av.packet import Packet
    from av.video.stream import VideoStream

_MARGIN = 20  # frames to decode before the first wanted: more than any codec reorders, and deinterlacing's
_MARGIN_S = 0.5
_MOST_BYTES = 256 << 20


@dataclass(frozen=True)
class Start:
    """The first frame wanted, by its index or its time in the file."""

    index: int | None = None
    time_s: float | None = None


@dataclass(frozen=True, eq=False)
class SeekPoints:
    """Where decoding begins.

    Attributes:
        index: index of the first frame that is used.
        from_pts: frames with earlier timestamps are dropped; None drops none.
        packets: packets already read, to decode first.
    """

    index: int
    from_pts: int | None
    packets: list[Packet[VideoStream]]


@dataclass(frozen=True)
class _Key:
    """A keyframe and the number of images before it."""

    before: int
    pts: int


def has_index(container: InputContainer, track: VideoStream) -> bool:
    """Whether the file has an index of all its images."""
    mov = "mov" in container.format.name.split(",")
    return mov and bool(track.frames) and len(track.index_entries) == track.frames


def jump(container: InputContainer, track: VideoStream, start: Start, zero_s: float) -> IndexEntries | None:
    """Seek to a keyframe well before the start, by the image index of MP4 and MOV.

    Returns:
        The index; None, without seeking, if there is no such index or the start is near the beginning.
    """
    if not has_index(container, track):
        return None
    entries = track.index_entries
    if start.index is not None:
        index = min(start.index - _MARGIN, len(entries) - 1)
    else:
        assert start.time_s is not None
        ticks = (start.time_s + zero_s - 2 * _MARGIN_S) / float(track.time_base or 1)
        index = entries.search_timestamp(int(ticks))
    while index > 0 and not entries[index].is_keyframe:
        index -= 1
    if index <= 0:
        return None
    container.seek(entries[index].timestamp, stream=track)
    return entries


def images_before(packet: Packet[VideoStream], entries: IndexEntries) -> int | None:
    """Number of images before a keyframe's packet; None if it is not in the index."""
    index = -1 if packet.dts is None else entries.search_timestamp(packet.dts, any_frame=True)
    if index < 0 or entries[index].timestamp != packet.dts or not packet.is_keyframe or packet.pts is None:
        return None
    return sum(not entries[earlier].is_discard for earlier in range(index))


def find_seek_points(
    packets: Iterator[Packet[VideoStream]], start: Start, zero_s: float, index: IndexEntries | None = None
) -> SeekPoints | None:
    """Read packets up to a keyframe well before the start, and count those before it.

    One packet counts as one image. In a file where that is wrong (damage, hidden images), frames get other numbers than
    in a full decode. For certainty, compare the time of a known frame.

    Args:
        packets: from the beginning of the file, or from the target of `jump`; packets after the start stay unread.
        zero_s: first value of the file's clock, seconds.
        index: from `jump`.
    Returns:
        None if keyframes are too far apart or the jump missed: decode from the beginning.
    """
    kept: list[Packet[VideoStream]] = []
    key: _Key | None = None
    first_pts: int | None = None
    count, most_pts, size = 0, 0, 0
    for packet in packets:
        pts = packet.pts
        if index is not None and key is None:
            before = images_before(packet, index)
            if before is None:
                return None
            count = before
        if packet.is_keyframe and pts is not None and (key is None or pts > most_pts):
            if key is not None and not _well_before(count, packet, start, zero_s, _MARGIN_S):
                kept.append(packet)
                break
            kept, size, key = [], 0, _Key(count, pts)  # earlier packets are not needed
            first_pts = pts if first_pts is None and count == 0 else first_pts
        kept.append(packet)
        if (
            key is None
            or not shown(packet)
            or (pts is not None and first_pts is not None and pts < first_pts)
        ):
            continue  # depends on data before the first keyframe: a decoder returns no image for it
        count, size = count + 1, size + packet.size
        most_pts = max(key.pts, most_pts, pts if pts is not None else key.pts)
        if not _well_before(count - 2 * _MARGIN, packet, start, zero_s, -_MARGIN_S):
            break
        if size > _MOST_BYTES:
            return None
    if key is None or key.before == 0:
        return SeekPoints(0, None, kept)
    leading = sum(1 for packet in kept if shown(packet) and packet.pts is not None and packet.pts < key.pts)
    return SeekPoints(key.before + leading, key.pts, kept)


def shown(packet: Packet[VideoStream]) -> bool:
    """Whether a packet gives an image: false if an edit list hides it, and for VP8's reference-only frames."""
    if not packet.size or packet.is_discard:
        return False
    return packet.stream.codec_context.name not in ("vp8", "libvpx") or bool(bytes(packet)[0] >> 4 & 1)


def _well_before(
    count: int, packet: Packet[VideoStream], start: Start, zero_s: float, margin_s: float
) -> bool:
    """Whether a packet is far enough before the start, by the images before it or by its timestamp."""
    if start.index is not None:
        return count + _MARGIN <= start.index
    assert start.time_s is not None
    if packet.pts is None or packet.time_base is None:
        return True
    return float(packet.pts * packet.time_base) - zero_s + margin_s <= start.time_s
