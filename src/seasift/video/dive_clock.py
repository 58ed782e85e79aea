"""Where each file begins on a dive's clock.

The real length of a file comes from its packets, whatever its header states.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from seasift.core.errors import ImageError
from seasift.video.clock import Clock, Note
from seasift.video.decoding import read_packets
from seasift.video.file import fps, opened, stated_s
from seasift.video.kinds import chapter_of
from seasift.video.seeking import has_index

_CLOCK_S = 2.0  # cameras store whole seconds, and some store them late
_SAME_S = 1.0
_ROUNDED_S = 5.0
_SHOWN = 3


def begins(
    paths: Sequence[Path], lengths: Sequence[float], created: Sequence[datetime | None], note: Note
) -> list[float]:
    """Seconds from the beginning of the first file to that of each.

    A file begins at the time in its metadata, if the previous file has ended by then. Otherwise it follows the previous
    file without a pause, and a note says why. So does a chapter, whose metadata state the start of its recording.

    Args:
        lengths: of all files but the last.
        created: creation time of each file by its metadata.
        note: receives a line for each reason not to use times of metadata.
    """
    offsets = [0.0]
    origin = created[0]
    silent = [path for path, when in zip(paths, created, strict=True) if when is None]
    repeated: list[Path] = []
    early: list[Path] = []
    recording = created[0]  # start of the current recording, by its metadata
    for index in range(1, len(paths)):
        end, when = offsets[-1] + lengths[index - 1], created[index]
        begin = end
        if when is not None:
            repeats = recording is not None and abs((when - recording).total_seconds()) < _SAME_S
            if repeats and lengths[index - 1] > _SAME_S:
                repeated.append(paths[index])
            elif origin is None:
                origin, recording = when - timedelta(seconds=end), when
            elif _goes_on(paths[index - 1], paths[index], (when - origin).total_seconds() - end):
                recording = when
            elif (when - origin).total_seconds() >= end - _CLOCK_S:
                begin, recording = max(end, (when - origin).total_seconds()), when
            else:
                early.append(paths[index])
        offsets.append(begin)
    if len(paths) > 1:
        _tell(paths, silent, repeated, early, note)
        _tell_chapters(paths, note)
    return offsets


def _goes_on(before: Path, path: Path, pause_s: float) -> bool:
    """Whether a file is the next chapter of the same recording: cameras write those without a pause."""
    a, b = chapter_of(before), chapter_of(path)
    if a is None or b is None or before.parent != path.parent:
        return False
    return (a.recording, a.number + 1) == (b.recording, b.number) and abs(pause_s) <= _ROUNDED_S


def _tell(
    paths: Sequence[Path], silent: list[Path], repeated: list[Path], early: list[Path], note: Note
) -> None:
    if len(silent) == len(paths):
        note(
            "no start time in the files' metadata: files follow each other without pauses. Give --start-utc for times in UTC."
        )
        return
    if silent:
        note(
            f"{_names(silent)}: no start time in the metadata; placed after the previous file without a pause."
        )
    if repeated:
        note(
            f"{_names(repeated)}: the metadata state the start of the whole recording, as in chapters; placed after the "
            "previous chapter without a pause."
        )
    if early:
        note(
            f"{_names(early)}: began before the previous file ended, by the metadata. That time is ignored; placed after "
            "the previous file without a pause. Check the order of the files and the camera's clock."
        )


def _tell_chapters(paths: Sequence[Path], note: Note) -> None:
    for before, path in pairwise(paths):
        a, b = chapter_of(before), chapter_of(path)
        if a is None or b is None or a.recording != b.recording or before.parent != path.parent:
            continue
        if b.number < a.number:
            note(
                f"{path.name} is an earlier chapter than {before.name}, which was given before it. Check the order of the files."
            )
        elif b.number > a.number + 1:
            note(
                f"{path.name}: {b.number - a.number - 1} of the recording's chapters are missing after {before.name}: "
                "later times are too early. Add the missing files."
            )


def _names(paths: Sequence[Path]) -> str:
    names = ", ".join(path.name for path in paths[:_SHOWN])
    return names if len(paths) <= _SHOWN else f"{names} and {len(paths) - _SHOWN} more"


_SHORT_S = 1.0  # sound may be this much longer than the images


def measured_s(path: Path, name: str, note: Note | None = None) -> float:
    """Seconds from the file's beginning to the end of its last image.

    The index of MP4 and MOV gives the length. Other files are read through, but not decoded. If the header states more
    than is there (a truncated copy), the header counts: the missing part is damage, and it had its time.

    Args:
        name: name of the file in notes.
        note: receives a line each time the file's clock goes back.
    """
    try:
        with opened(path) as (container, track):
            clock = Clock(container, track, name, note)
            if has_index(container, track):
                container.seek(track.index_entries[-1].timestamp, stream=track)
            for _ in clock.on_one_clock(
                read_packets(container, track, threading.Event(), lambda _reason: None)
            ):
                pass
            read = clock.end_s or 0.0
            stated = stated_s(container, track)
            step_s = 1 / (fps(track) or 25.0)
            if "avi" in container.format.name.split(",") and track.frames:
                stated = max(
                    stated or 0.0, track.frames * step_s
                )  # FFmpeg shortens the stated length of a truncated file
            return stated if stated and stated > read + max(_SHORT_S, 2 * step_s) else read
    except ImageError:
        return 0.0  # decoding reports the error
