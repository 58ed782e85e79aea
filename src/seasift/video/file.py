"""A video file opened by PyAV (FFmpeg), and the facts in its header."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from seasift.core.errors import ImageError
from seasift.core.files import check_regular
from seasift.core.types import SizeHW
from seasift.video.orientation import oriented_size, pixel_aspect

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

# Codecs whose images depend on no other and are stored in display order.
EACH_ALONE = frozenset(
    {"mjpeg", "prores", "dnxhd", "dvvideo", "rawvideo", "ffv1", "huffyuv", "ffvhuff", "utvideo"}
)
# Larger frames count as damage: a wrong bit in a header must not cost gigabytes.
MOST_PIXELS = 1 << 27
# A video may name other files or addresses; only the file itself is read.
# `clock` handles counters that wrap: FFmpeg mistakes a reset counter for one that wrapped.
_OPTIONS = {"protocol_whitelist": "file", "correct_ts_overflow": "0"}
# For these, FFmpeg reports a guessed length.
_WITHOUT_LENGTH = frozenset(
    {"mpegts", "mpeg", "mpegvideo", "h264", "hevc", "m4v", "dv", "mjpeg", "obu", "ivf"}
)
_RAW = frozenset(
    {"h264", "hevc", "vvc", "mpegvideo", "m4v", "mjpeg", "h263", "h261", "obu", "cavsvideo", "vc1", "dirac"}
)
_FARTHEST_S = 60.0
_MOST_FPS = 1000


_BROKE_OFF = (
    "{path}: is truncated: the recording or the copy ended before the index that MP4 and MOV have at their end. "
    "Copy it again, or rebuild the index with a repair program."
)


@dataclass(frozen=True)
class VideoHeader:
    """Facts in a file's header, confirmed by its first image.

    Attributes:
        size_hw: px, upright, with square pixels.
        aspect: width of a stored pixel by its height; None if the file does not say.
        fps: nominal; never used to compute times.
        frames: number of frames by the header.
        duration_s: length of the image track, by the header or as FFmpeg guesses.
        stated_s: length of the image track, if the header states it.
        created_utc: time of the first image, if the metadata says.
        note: a line for the user on the choice of the track; None without a choice.
    """

    size_hw: SizeHW
    aspect: Fraction | None
    fps: float | None
    frames: int | None
    duration_s: float | None
    stated_s: float | None
    created_utc: datetime | None
    note: str | None = None


@contextmanager
def opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video at its image track; see `image_tracks`.

    Raises:
        ImageError: missing, not a video, without an image track, truncated so that nothing can be read.
    """
    import av

    try:
        check_regular(path, ImageError, most=sys.maxsize)
        # "file:" keeps FFmpeg from taking a name with a colon for an address.
        container = av.open(f"file:{path}", options=dict(_OPTIONS), metadata_errors="replace")
    except FileNotFoundError:
        raise ImageError(f"{path}: no such file. Check the name and the folder you are in.") from None
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        if _broke_off(path):
            raise ImageError(_BROKE_OFF.format(path=path)) from None
        raise ImageError(
            f"{path}: not a video FFmpeg can read ({reason}); expected MP4, MOV, MKV, AVI, TS "
            "or alike. Copy it again, or convert it."
        ) from None
    with container:
        yield container, _track(container, path)


def _broke_off(path: Path) -> bool:
    """Whether an MP4 or MOV has images (mdat), but no complete index (moov). ISO/IEC 14496-12, 4.2."""
    parts = set()
    try:
        length = path.stat().st_size
        with path.open("rb") as file:
            for _ in range(64):
                start = file.read(16)
                size = int.from_bytes(start[:4], "big")
                if size == 1:
                    size = int.from_bytes(start[8:16], "big")
                whole = file.tell() - len(start) + size <= length
                parts.add(start[4:8] if whole or start[4:8] != b"moov" else b"")
                if len(start) < 8 or size < 8:
                    break
                file.seek(size - len(start), 1)
    except OSError:
        return False
    return b"ftyp" in parts and b"mdat" in parts and b"moov" not in parts


def read_header(path: Path) -> VideoHeader:
    """Read a file's header and first image.

    Raises:
        ImageError: as `opened`, or no image and no size can be read.
    """
    import av

    with opened(path) as (container, track):
        aspect = pixel_aspect(track)
        try:
            size_hw = oriented_size(next(container.decode(track)), aspect)
        except (av.FFmpegError, OSError, ValueError, StopIteration):
            size_hw = track.height, track.width
        if not all(size_hw):
            raise ImageError(f"{path}: none of its images can be read. Copy it again, or convert it.")
        return VideoHeader(
            size_hw=size_hw,
            aspect=aspect,
            fps=fps(track),
            frames=track.frames or None,
            duration_s=duration_s(container, track),
            stated_s=stated_s(container, track),
            created_utc=created_utc(container, track),
            note=on_times(container, track, path) or on_tracks(container, path),
        )


def _track(container: InputContainer, path: Path) -> VideoStream:
    from av.stream import Discard

    tracks = image_tracks(container)
    if not tracks:
        if _broke_off(path):
            raise ImageError(_BROKE_OFF.format(path=path))
        raise ImageError(
            f"{path}: holds no image track, or is truncated; expected a whole video. Copy it again."
        )
    for stream in container.streams:
        if stream.index != tracks[0].index:
            stream.discard = Discard.all  # sound is not even read
    prepare_decoder(tracks[0])
    return tracks[0]


_STILLS = (
    0x400 | 0x800 | 0x100000
)  # AV_DISPOSITION_ATTACHED_PIC, _TIMED_THUMBNAILS, _STILL_IMAGE: a cover, not footage
_DEFAULT = 0x1


def image_tracks(container: InputContainer) -> list[VideoStream]:
    """Tracks of footage, the chosen one first.

    As in FFmpeg, the order is: tracks marked as default, then more pixels, then file order. A track of a single image
    comes last: it is a cover.
    """
    tracks = [
        track
        for track in container.streams.video
        if track.codec_context is not None and not int(track.disposition) & _STILLS
    ]
    return sorted(
        tracks,
        key=lambda track: (
            track.frames == 1,
            not int(track.disposition) & _DEFAULT,
            -track.codec_context.width * track.codec_context.height,
            track.index,
        ),
    )


def on_tracks(container: InputContainer, path: Path) -> str | None:
    """A line for the user if a file holds several tracks of footage."""
    first, *others = image_tracks(container)
    if not others:
        return None
    why = "marked as default" if int(first.disposition) & _DEFAULT else "the largest"
    rest = ", ".join(_size(track) for track in others)
    return (
        f"{path.as_posix()}: holds {len(others) + 1} image tracks; track {first.index + 1} ({_size(first)}), {why}, is used, "
        f"not {rest}."
    )


def on_times(container: InputContainer, track: VideoStream, path: Path) -> str | None:
    """A line for the user if a file has no times."""
    if not is_raw(container):
        return None
    return f"{path.as_posix()}: a stream without times; {fps(track) or 25:g} images per second are assumed."


def _size(track: VideoStream) -> str:
    return f"{track.codec_context.width}x{track.codec_context.height}"


def prepare_decoder(track: VideoStream) -> None:
    """Set threads, reject frames of absurd size, and reject half images of MJPEG, which does not mark them.

    Decode several frames at once only if no frame depends on another. Otherwise thread timing decides which frames of a
    damaged file are marked, and a resumed run would differ from an unbroken one.
    """
    track.thread_type = "AUTO" if track.codec_context.name in EACH_ALONE else "SLICE"
    options = {"max_pixels": str(MOST_PIXELS)}
    if track.codec_context.name == "mjpeg":
        options["err_detect"] = "explode"
    track.codec_context.options = options


def zero_s(container: InputContainer, track: VideoStream) -> float:
    """First value of the file's clock: anything in a transport stream, mostly 0 elsewhere."""
    zero = (container.start_time or 0) / 1_000_000
    if track.start_time is not None and track.time_base and is_stream(container):
        own = float(track.start_time * track.time_base)
        if not 0 <= own - zero <= _FARTHEST_S:  # another track has another clock
            return own
    return zero


def is_stream(container: InputContainer) -> bool:
    """Whether the file is made for streaming: an image at every step, no header."""
    return bool({"mpegts", "mpeg"} & set(container.format.name.split(",")))


def is_raw(container: InputContainer) -> bool:
    """Whether the file is a coded stream without a container, and so without times."""
    return bool(_RAW & set(container.format.name.split(",")))


def stated_s(container: InputContainer, track: VideoStream) -> float | None:
    """Length of the image track stated in the header, seconds; None if not stated."""
    if is_raw(container) or _WITHOUT_LENGTH & set(container.format.name.split(",")):
        return None
    return duration_s(container, track)


def duration_s(container: InputContainer, track: VideoStream) -> float | None:
    """Length of the image track by the header, or guessed by FFmpeg, seconds. For progress, not for times."""
    if track.duration and track.time_base:
        return float(track.duration * track.time_base)
    return container.duration / 1_000_000 if container.duration else None


def fps(track: VideoStream) -> float | None:
    """Nominal frames a second; None if unknown."""
    for rate in (track.average_rate, track.guessed_rate):
        if rate and 0 < rate <= _MOST_FPS:  # for raw DV, FFmpeg reports 60,000
            return float(rate)
    return None


def created_utc(container: InputContainer, track: VideoStream) -> datetime | None:
    """`creation_time` of the metadata; None if missing, or if the camera's clock was never set."""
    for metadata in (container.metadata, track.metadata):
        text = {key.lower(): value for key, value in metadata.items()}.get("creation_time")
        try:
            when = datetime.fromisoformat((text or "").strip())
        except ValueError:
            continue
        when = when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
        if when.year > 1990:
            return when
    return None
