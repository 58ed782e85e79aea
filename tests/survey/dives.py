"""A painted dive whose objects are known, for the tiny model: things that fill quarters of the image for a while."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np

from seasift.survey import api
from seasift.survey.plan import Plan, Result
from seasift.survey.prepare import SurveyOptions, prepare
from seasift.survey.report import write_report
from seasift.survey.run import run
from tests.tiny_model import save_tiny, tiny_info

FPS, FRAMES = 5, 80
# colour channel, quarter, first and last frame. Red comes back to its quarter after 10 s, longer than tracks wait.
THINGS = ((0, 0, 0, 15), (0, 3, 5, 20), (1, 1, 10, 20), (2, 2, 45, 45), (0, 0, 68, 78))


DEFAULTS = {
    name: parameter.default
    for name, parameter in inspect.signature(api.survey).parameters.items()
    if name not in ("progress", "warn")
}


def frame_image(index: int, size: int = 64) -> Any:
    image = np.zeros((size, size, 3), np.uint8)
    half = size // 2
    for channel, quarter, first, last in THINGS:
        if first <= index <= last:
            top, left = quarter // 2 * half, quarter % 2 * half
            image[top : top + half, left : left + half, channel] = 230
    return image


def save_dive(path: Path, *, frames: int = FRAMES, metadata: dict[str, str] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        container.metadata.update(metadata or {})
        track = container.add_stream("mpeg4", rate=FPS)
        track.width, track.height, track.pix_fmt = 64, 64, "yuv420p"
        track.bit_rate = 2_000_000
        for index in range(frames):
            container.mux(track.encode(av.VideoFrame.from_ndarray(frame_image(index), format="rgb24")))
        container.mux(track.encode())
    return path


def save_model(folder: Path, **changes: Any) -> Path:
    return save_tiny(folder / "tiny.onnx", tiny_info(threshold=0.4, **changes))


def plan_of(folder: Path, out: str = "out", *, model: Path | None = None, **options: Any) -> Plan:
    """A survey of `dive.mp4` in a folder, in which dive and model are made if they are not there."""
    dive = folder / "dive.mp4"
    if not dive.exists():
        save_dive(dive)
    model = model or (folder / "tiny.onnx" if (folder / "tiny.onnx").exists() else save_model(folder))
    given: dict[str, Any] = {**DEFAULTS, "every": "1", "inputs": (str(dive),), **options}
    plan, failures = prepare(SurveyOptions(**{**given, "output": folder / out, "model": str(model)}), print)
    assert not failures
    return replace(plan, commit_every=7)


def survey(folder: Path, out: str = "out", **options: Any) -> Result:
    return run(plan_of(folder, out, **options), report=write_report)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
