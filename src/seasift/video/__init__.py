"""Footage: decoding, seeking, orientation, gaps, one clock for a dive, live sources, writing MP4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seasift._lazy import lazy

if TYPE_CHECKING:
    from seasift.video.dive import Dive as Dive
    from seasift.video.dive import open_dive as open_dive
    from seasift.video.frames import FrameSampling as FrameSampling
    from seasift.video.reading import FrameReader as FrameReader
    from seasift.video.reading import open_video as open_video
    from seasift.video.writing import VideoWriter as VideoWriter

__all__ = ["Dive", "FrameReader", "FrameSampling", "VideoWriter", "open_dive", "open_video"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Dive": "seasift.video.dive:Dive",
        "FrameReader": "seasift.video.reading:FrameReader",
        "FrameSampling": "seasift.video.frames:FrameSampling",
        "VideoWriter": "seasift.video.writing:VideoWriter",
        "open_dive": "seasift.video.dive:open_dive",
        "open_video": "seasift.video.reading:open_video",
    },
)
