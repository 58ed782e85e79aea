"""Measure the real length of a video file by its packets, whatever its header states."""

from __future__ import annotations

import threading
from pathlib import Path

from seasift.core.errors import ImageError
from seasift.video.clock import Clock, Note
from seasift.video.decoding import read_packets
from seasift.video.file import fps, opened, stated_s
from seasift.video.seeking import has_index

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
