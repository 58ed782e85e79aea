"""The annotated videos of `predict` with the format video."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType

from seasift.core.types import UInt8
from seasift.inference.stream import SourceImage
from seasift.prediction import plan as out
from seasift.prediction.task import Task
from seasift.video.writing import VideoWriter, writing_video


class AnnotatedVideos:
    """One MP4 for each video among the inputs, of the frames that were looked at, with the source's times.

    Use as a context manager. A video that is not complete when an error comes does not appear.
    """

    def __init__(self, task: Task) -> None:
        """Nothing is written before the first frame."""
        self._plan = task.plan
        self._paths = out.overlay_paths(task.short) if "video" in task.plan.formats else {}
        self._start_s = task.span.start_s or 0.0
        self._open = ExitStack()
        self._of: str | None = None
        self._writer: VideoWriter | None = None

    def __enter__(self) -> AnnotatedVideos:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def add(self, image: SourceImage, drawn: UInt8 | None) -> None:
        """The next frame; frames of one video follow each other. A still image has none."""
        if drawn is None or image.time_s is None:
            return
        name = image.source.name
        if self._writer is None or name != self._of:
            self._open.close()
            path = out.video_path(self._plan, self._paths[name])
            self._writer, self._of = self._open.enter_context(writing_video(path)), name
        self._writer.add(drawn, image.time_s - self._start_s)
