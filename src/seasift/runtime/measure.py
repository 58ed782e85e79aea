"""How long a video file really is, by its packets, whatever its header states."""

from __future__ import annotations

import threading
from pathlib import Path

from seasift.core.errors import BadPicture
from seasift.runtime.clock import Clock, Note
from seasift.runtime.decoding import read_packets
from seasift.runtime.skim import has_index
from seasift.runtime.video_file import fps, opened, stated_s

_SHORT_S = 1.0  # sound may be that much longer than the pictures


def measured_s(path: Path, name: str, note: Note | None = None) -> float:
    """Seconds from the file's beginning to the end of its last picture.

    MP4 and MOV tell by their index, other files are read through, but not decoded. Where the header states more than
    is there (the copy broke off), its word counts: the missing part is damage, and it had its time.

    Args:
        name: what notes call the file.
        note: takes a line for each time the file's clock goes back.
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
                stated = max(stated or 0.0, track.frames * step_s)  # FFmpeg shortens that of a truncated one
            return stated if stated and stated > read + max(_SHORT_S, 2 * step_s) else read
    except BadPicture:
        return 0.0  # who decodes it tells
