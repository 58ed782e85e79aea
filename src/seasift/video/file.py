"""A video file opened by PyAV (FFmpeg), and what its header tells."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from seasift.core.errors import ImageError
from seasift.core.types import SizeHW
from seasift.video.orientation import oriented_size, pixel_aspect

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

# Codecs whose images need no other and are stored as shown.
EACH_ALONE = frozenset(
    {"mjpeg", "prores", "dnxhd", "dvvideo", "rawvideo", "ffv1", "huffyuv", "ffvhuff", "utvideo"}
)
# Larger frames are taken for damage: a wrong bit in a header must not cost gigabytes.
MOST_PIXELS = 1 << 27
# A video may name other files or addresses; only the file itself is read.
_OPTIONS = {"protocol_whitelist": "file"}


_BROKE_OFF = (
    "{path}: is truncated: the recording or the copy broke off before the index that MP4 and MOV have at their end. "
    "Copy it again, or rebuild the index with a repair program."
)


@dataclass(frozen=True)
class Header:
    """What a file says of itself, and its first image confirms.

    Attributes:
        size_hw: px, upright, with square pixels.
        aspect: width of a stored pixel by its height; None if the file does not say.
        fps: nominal; times never follow from it.
        frames: as far as the header says.
        duration_s: of the image track, as far as the header says.
        created_utc: of the first image, if the metadata says.
    """

    size_hw: SizeHW
    aspect: Fraction | None
    fps: float | None
    frames: int | None
    duration_s: float | None
    created_utc: datetime | None


@contextmanager
def opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video at its first image track.

    Raises:
        ImageError: missing, not a video, without an image track, truncated so that nothing can be read.
    """
    import av

    try:
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
    """Whether an MP4 or MOV has images (mdat), but no whole index (moov). ISO/IEC 14496-12, 4.2."""
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


def read_header(path: Path) -> Header:
    """What a file's header and first image tell.

    Raises:
        ImageError: as `opened`, or no image and no size.
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
        return Header(
            size_hw=size_hw,
            aspect=aspect,
            fps=fps(track),
            frames=track.frames or None,
            duration_s=duration_s(container, track),
            created_utc=created_utc(container, track),
        )


def _track(container: InputContainer, path: Path) -> VideoStream:
    from av.stream import Discard

    tracks = [track for track in container.streams.video if track.codec_context is not None]
    images = [track for track in tracks if not int(track.disposition) & _ATTACHED]
    if not images:
        if _broke_off(path):
            raise ImageError(_BROKE_OFF.format(path=path))
        raise ImageError(
            f"{path}: holds no image track, or is truncated; expected a whole video. Copy it again."
        )
    for stream in container.streams:
        if stream.index != images[0].index:
            stream.discard = Discard.all  # sound is not even read
    prepare_decoder(images[0])
    return images[0]


_ATTACHED = 0x400  # AV_DISPOSITION_ATTACHED_PIC: a cover, not footage


def prepare_decoder(track: VideoStream) -> None:
    """Threads, no frames of absurd sizes, and no half images out of MJPEG, which does not mark them.

    Several frames at once only where no frame needs another: else it hangs on the threads' luck which frames of a
    damaged file are marked, and a run that goes on in the middle would not be the unbroken one.
    """
    track.thread_type = "AUTO" if track.codec_context.name in EACH_ALONE else "SLICE"
    options = {"max_pixels": str(MOST_PIXELS)}
    if track.codec_context.name == "mjpeg":
        options["err_detect"] = "explode"
    track.codec_context.options = options


def zero_s(container: InputContainer) -> float:
    """What the file's clock shows at its beginning: of a transport stream anything, else mostly 0."""
    return (container.start_time or 0) / 1_000_000


def duration_s(container: InputContainer, track: VideoStream) -> float | None:
    """Length of the image track by the header, seconds; None if it does not say."""
    if track.duration and track.time_base:
        return float(track.duration * track.time_base)
    return container.duration / 1_000_000 if container.duration else None


def fps(track: VideoStream) -> float | None:
    """Nominal frames a second; None if unknown."""
    rate = track.average_rate or track.guessed_rate
    return float(rate) if rate else None


def created_utc(container: InputContainer, track: VideoStream) -> datetime | None:
    """`creation_time` of the metadata; None without one, or from a camera whose clock was never set."""
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
