"""A dive: several video files, or one live source, as one sequence of frames on one clock.

Frames are decoded in a thread of their own, a few frames in advance.
"""

from __future__ import annotations

import math
import queue
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from seasift.core.errors import ImageError, InputError
from seasift.video.clock import Note
from seasift.video.decoding import decoded
from seasift.video.dive_clock import begins, measured_s
from seasift.video.file import VideoHeader, read_header
from seasift.video.frames import GRACE_S, DiveFrame, DiveVideo, FrameSampling, Gap, Report
from seasift.video.live import Before, LiveDive, is_live
from seasift.video.orientation import Decoded, oriented_rgb
from seasift.video.seeking import Start
from seasift.video.segments import Part, Segment, cuts, keyframes

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class _End:
    error: BaseException | None


def prefetch(
    make: Callable[[threading.Event], Iterator[T]], depth: int, stop: threading.Event | None = None
) -> Generator[T]:
    """Yield the items of `make`, which a thread produces while the caller is busy.

    At most `depth` items wait and one is being made, so memory does not grow. An error of the source is raised at its
    position. When the caller closes this generator early, the event passed to `make`, `stop` or a new one, is set, the
    source is closed and the thread ends.
    """
    waiting: queue.Queue[T | _End] = queue.Queue(depth)
    stop = stop or threading.Event()

    def work() -> None:
        error: BaseException | None = None
        source = make(stop)
        try:
            for item in source:
                waiting.put(item)
                del item  # else it stays in memory while the next is made
                if stop.is_set():
                    break
        except BaseException as caught:
            error = caught
        finally:
            close = getattr(source, "close", None)
            if close is not None:
                close()
            waiting.put(_End(error))

    thread = threading.Thread(target=work, name="seasift-decode", daemon=True)
    thread.start()
    ended = False
    try:
        while True:
            item = waiting.get()
            if isinstance(item, _End):
                ended = True
                if item.error is not None:
                    raise item.error
                return
            yield item
            del item
    finally:
        stop.set()
        alive = not sys.is_finalizing()  # then, threads do not run any more
        while alive and not ended:  # makes room, so that the thread sees the request to stop
            ended = isinstance(waiting.get(), _End)
        if alive:
            thread.join()


__all__ = ["Before", "Dive", "DiveFrame", "DiveVideo", "Gap", "LiveDive", "open_dive"]

_AHEAD = 4  # decoded frames that wait for the caller
_SAME_S = 0.00001


@dataclass(frozen=True)
class _OpenFile:
    path: Path
    header: VideoHeader
    video: DiveVideo
    end_s: float | None = None  # measured, on the file's clock; for the last file only on request


class Dive:
    """Frames of the files, in order.

    Attributes:
        videos: the files that can be opened.
        gaps: what could not be read. Files that cannot be opened are listed at once, parts of files when `frames` has
            passed them.
        notes: lines for the user about the dive's times, each once; grows as `frames` proceeds.
    """

    def __init__(
        self,
        files: Sequence[_OpenFile],
        gaps: Sequence[Gap],
        every: FrameSampling,
        start_s: float,
        end_s: float | None,
        notes: Sequence[str] = (),
    ) -> None:
        """See `open_dive`."""
        self.notes = list(notes)
        self.videos = [file.video for file in files]
        self.gaps = list(gaps)
        self._unopened = list(gaps)
        self._files = list(files)
        self._every, self._start_s, self._end_s = every, start_s, end_s

    def frames(
        self,
        after: tuple[int, int] | None = None,
        *,
        after_time_s: float | None = None,
        stop: threading.Event | None = None,
    ) -> Iterator[DiveFrame]:
        """Frames of the chosen times, decoded in advance by a separate thread.

        Args:
            after: continue right after this (video, frame) with exactly the frames of an unbroken run.
            after_time_s: that frame's `time_s`. With it, decoding seeks to the frame; if another frame is found there
                (earlier damage), everything is decoded after all.
            stop: asked between two packets; ends the frames when set.
        Returns:
            Frames in order of time. Close the generator to end the thread early. `gaps` starts afresh; for the file of
            `after` it lists what ends after that frame.
        """
        self.gaps = list(self._unopened)
        return prefetch(partial(self._frames, after, after_time_s), _AHEAD, stop)

    def parts(self, length_s: float, after: tuple[int, int, float] | None = None) -> list[Part]:
        """The dive in segments, in order, for processing several at once.

        Args:
            length_s: approximate length of a segment, seconds.
            after: video, frame and `time_s` of a frame: continue right after it.
        """
        parts: list[Part] = []
        for index, file in enumerate(self._files):
            if (after is not None and index < after[0]) or not self._in_range(file):
                continue
            if file.end_s is None:
                measured_s(file.path, file.video.file, self.note)  # for its notes: workers report none
            begin_s = max(0.0, self._start_s - file.video.offset_s)
            end_s = math.inf if self._end_s is None else self._end_s - file.video.offset_s
            from_s: float | None = None
            last: int | None = None
            if after is not None and index == after[0]:
                last, from_s = after[1], after[2] - _SAME_S
                begin_s = after[2]
            for to_s in (*cuts(file.path, begin_s, end_s, length_s), None):
                parts.append(Part(index, from_s, to_s, last))
                from_s, last = to_s, None
        return parts

    def segment(self, part: Part) -> Segment:
        """Prepare to decode a segment; `rest` continues where it differs from an unbroken run."""
        file = self._files[part.video]
        begin_s = max(0.0, self._start_s - file.video.offset_s)
        start = self._start(file) if part.from_s is None else Start(time_s=part.from_s)
        return Segment(
            part,
            run=lambda report, stop: self._decoded(file, start, stop, report),
            choose=lambda run, wanted: self._chosen(part.video, run, wanted),
            share=lambda item: self._every.share(item.index, item.time_s - begin_s),
        )

    def rest(self, video: int, after: tuple[int, float] | None) -> Iterator[DiveFrame]:
        """Frames after (index, time) to the end of the file, as `frames` gives them; None gives the whole file.

        `gaps` receives what could not be read.
        """
        file = self._files[video]

        def make(stop: threading.Event) -> Iterator[DiveFrame]:
            if after is None:
                return self._chosen(video, self._decoded(file, self._start(file), stop))
            return self._rest(video, after[0], after[1], stop)

        return prefetch(make, _AHEAD)

    def anywhere(self) -> Dive:
        """The same dive for a process with another working folder."""
        files = [replace(file, path=file.path.absolute()) for file in self._files]
        return Dive(files, self._unopened, self._every, self._start_s, self._end_s, self.notes)

    def _frames(
        self, after: tuple[int, int] | None, after_time_s: float | None, stop: threading.Event
    ) -> Iterator[DiveFrame]:
        for index, file in enumerate(self._files):
            if stop.is_set() or (after is not None and index < after[0]) or not self._in_range(file):
                continue
            try:
                if after is not None and index == after[0]:
                    yield from self._rest(index, after[1], after_time_s, stop)
                else:
                    yield from self._chosen(index, self._decoded(file, self._start(file), stop))
            except ImageError:
                if index == 0:
                    raise
                self.gaps.append(Gap(file.video.file, 0.0, None, "it cannot be opened any more"))

    def end_s(self) -> float:
        """End of the last file on the dive's clock; the file may be read through to find it."""
        last = self._files[-1]
        length = measured_s(last.path, last.video.file) if last.end_s is None else last.end_s
        return last.video.offset_s + length

    def note(self, line: str) -> None:
        """Add to `notes`."""
        if line not in self.notes:
            self.notes.append(line)

    def _in_range(self, file: _OpenFile) -> bool:
        ended = file.end_s is not None and file.video.offset_s + file.end_s < self._start_s
        return not ended and (self._end_s is None or file.video.offset_s < self._end_s)

    def _start(self, file: _OpenFile) -> Start | None:
        begin_s = self._start_s - file.video.offset_s
        return Start(time_s=begin_s) if begin_s > 0 else None

    def _decoded(
        self, file: _OpenFile, start: Start | None, stop: threading.Event, report: Report | None = None
    ) -> Iterator[Decoded]:
        report = report or self.gaps.append
        if not self._every.keyframes:
            return decoded(file.path, file.video.file, report, start=start, stop=stop, note=self.note)
        begin_s = max(0.0, self._start_s - file.video.offset_s)
        return keyframes(
            file.path,
            file.video.file,
            report,
            lambda index, time_s: self._every.share(index, time_s - begin_s),
            start=start,
            stop=stop,
            note=self.note,
        )

    def _from(
        self, file: _OpenFile, last: int, last_s: float | None, stop: threading.Event
    ) -> Iterator[Decoded]:
        """The frame `last` and those after it."""
        found_s = last_s

        def report(gap: Gap) -> None:
            if found_s is None or gap.to_s is None or gap.to_s > found_s:
                self.gaps.append(gap)

        if last_s is not None:
            run = self._decoded(file, Start(index=last), stop, report)
            for item in run:
                if item.index >= last:
                    if item.index == last and abs(item.time_s - last_s) < _SAME_S:
                        yield item
                        yield from run
                        return
                    break
            found_s = None
        for item in self._decoded(file, self._start(file), stop, report):
            if item.index >= last:
                yield item

    def _rest(
        self, index: int, last: int, last_s: float | None, stop: threading.Event
    ) -> Iterator[DiveFrame]:
        run = self._from(self._files[index], last, last_s, stop)
        return self._chosen(index, run, lambda item: item.index > last)

    def _chosen(
        self, index: int, run: Iterator[Decoded], wanted: Callable[[Decoded], bool] = lambda _: True
    ) -> Iterator[DiveFrame]:
        """Decoded frames in the chosen range and sampling, as images."""
        video, header = self._files[index].video, self._files[index].header
        begin_s = max(0.0, self._start_s - video.offset_s)
        before: int | None = None
        for item in run:
            dive_s = video.offset_s + item.time_s
            if dive_s + GRACE_S < self._start_s:
                continue
            if self._end_s is not None and dive_s + GRACE_S >= self._end_s:
                return
            share = self._every.share(item.index, item.time_s - begin_s)
            if share != before and wanted(item):
                image = oriented_rgb(item.frame, header.aspect, header.size_hw)
                yield DiveFrame(index, item.index, item.time_s, dive_s, image)
            before = share


def open_dive(
    paths: Sequence[str | Path],
    *,
    every: float | FrameSampling | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    start_utc: datetime | None = None,
    before: Before | None = None,
) -> Dive | LiveDive:
    """Open the files of a dive, in order, or one live source.

    A file begins at the time in its metadata, if the previous file has ended by then. Otherwise it follows that file
    without a pause, and `Dive.notes` says so.

    Args:
        paths: video files; or one live source, such as `rtsp://…` or `/dev/video0`.
        every: interval in seconds, of which the first frame is taken; None takes all frames.
        start_s, end_s: range on the dive's clock, without the end itself. A live source has no start.
        start_utc: when the dive began; overrides the metadata.
        before: a live source to continue, see `LiveDive`.
    Raises:
        InputError: no file, or an empty range. ImageError: none of the files can be opened.
    """
    if not isinstance(every, FrameSampling):
        every = FrameSampling(frames=1) if every is None else FrameSampling(seconds=every)
    if not paths:
        raise InputError("no video file; expected at least one video. Name it.")
    if end_s is not None and end_s <= (start_s or 0.0):
        raise InputError(
            f"a range from {start_s or 0:g} s to {end_s:g} s; expected an end after the start. Change --start or --end."
        )
    live = [str(path) for path in paths if is_live(str(path))]
    if live:
        if len(paths) > 1 or start_s:
            raise InputError(
                f"{live[0]}: got a live source with other inputs or a start; expected it alone. Remove them."
            )
        return LiveDive(live[0], every=every, end_s=end_s, start_utc=start_utc, before=before)
    headers: list[tuple[Path, VideoHeader]] = []
    gaps: list[Gap] = []
    errors: list[ImageError] = []
    for path in map(Path, paths):
        try:
            headers.append((path, read_header(path)))
        except ImageError as error:
            errors.append(error)
            gaps.append(Gap(path.as_posix(), 0.0, None, "it cannot be opened"))
    if not headers:
        raise errors[0]
    notes = [header.note for _, header in headers if header.note]
    files = _on_one_clock(headers, start_utc, notes.append)
    return Dive(files, gaps, every, start_s or 0.0, end_s, notes)


def _on_one_clock(
    headers: Sequence[tuple[Path, VideoHeader]], start_utc: datetime | None, note: Note
) -> list[_OpenFile]:
    lengths = [measured_s(path, path.as_posix(), note) for path, _ in headers[:-1]]
    created = [header.created_utc for _, header in headers]
    offsets = begins([path for path, _ in headers], lengths, created, note)
    first = start_utc
    for when, offset in zip(created, offsets, strict=True):
        if first is None and when is not None:
            first = when - timedelta(seconds=offset)
    return [
        _OpenFile(
            path,
            header,
            DiveVideo(
                file=path.as_posix(),
                width=header.size_hw[1],
                height=header.size_hw[0],
                offset_s=round(offset, 6),
                fps=header.fps,
                frames=header.frames,
                duration_s=header.duration_s if end_s is None else end_s,
                start_utc=first + timedelta(seconds=offset) if first else None,
            ),
            end_s,
        )
        for (path, header), offset, end_s in zip(headers, offsets, [*lengths, None], strict=True)
    ]
