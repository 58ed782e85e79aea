"""Evaluate a dive on a Ray cluster: workers decode segments and run the model, this process does the rest.

Each segment is verified. Its worker decodes one frame beyond the end, and the next worker must have begun with that very
frame. If not (damage that hides the number of frames), this process evaluates the rest of the file, as without Ray. So
the frames are those of an unbroken run, in its order (`Row`).
"""

from __future__ import annotations

import logging
import os
import pickle
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from seasift.core.errors import ImageError, InputError, MissingExtraError, how_to_install
from seasift.survey.follow import FramePredictor, PredictedFrame, in_threads, predict_frame
from seasift.survey.kept import Frame
from seasift.video.dive import Dive, LiveDive
from seasift.video.frames import Gap
from seasift.video.segments import Boundary, Part

Rest = Callable[[Dive, int, tuple[int, float] | None], Iterator[PredictedFrame]]
BROKE = "each process that evaluated it crashed"


@dataclass(frozen=True, eq=False)
class Block:
    """Some frames of a segment.

    Attributes:
        part: index of the segment.
        frames: in order.
        first: see `Segment.first`; None until reached.
        done: whether this is the last block of the segment.
        next: see `Segment.next`; only in the last block.
        gaps: see `Segment.gaps`; only in the last block.
        error: why a worker gave up the segment.
    """

    part: int
    frames: tuple[PredictedFrame, ...] = ()
    first: Boundary | None = None
    done: bool = False
    next: Boundary | None = None
    gaps: tuple[Gap, ...] = ()
    error: str | None = None


class Row:
    """Check that each segment begins with the very frame at which the previous one ended.

    If it does not, or its worker gave up, the rest of the file is evaluated again in one run.
    """

    def __init__(
        self,
        dive: Dive,
        parts: Sequence[Part],
        after: Frame | None,
        rest: Rest,
        tell: Callable[[str], None],
    ) -> None:
        """
        Args:
            after: the last evaluated frame before an interruption.
            rest: evaluates what follows a frame (index, time) in a file, see `Dive.rest`.
            tell: called with one line for each deviation.
        """
        self._dive, self._parts, self._rest, self._tell = dive, parts, rest, tell
        self._video = -1
        self._begun = self._done = (
            True  # current segment: its first frame was checked, and nothing is missing
        )
        self._through = True  # current file: nothing is missing
        self._expected: Boundary | None = None  # None: unknown
        self._last = None if after is None else (after.video, after.frame, after.time_s)

    def frames(self, blocks: Iterator[Block]) -> Iterator[PredictedFrame]:
        """All frames in order.

        Args:
            blocks: in order; a segment that failed on all workers has none.
        """
        at = -1
        for block in blocks:
            while at < block.part:
                self._close(at)
                at += 1
                self._open(self._parts[at])
            if not self._done:
                yield from self._take(block)
        for part in range(at, len(self._parts)):
            if part > at:
                self._open(self._parts[part])
            self._close(part)

    def _open(self, part: Part) -> None:
        if part.video != self._video:
            self._video, self._through, self._expected = part.video, False, None
            if part.last is not None and self._last is not None:
                self._expected = Boundary(part.last, self._last[2], opens=True)
        self._begun, self._done = False, self._through

    def _take(self, block: Block) -> Iterator[PredictedFrame]:
        if not self._begun:
            self._begun = True
            if self._expected is not None and not self._expected.same(block.first):
                yield from self._anew("its parts do not fit together")
                return
        for evaluated in block.frames:
            self._last = evaluated.video, evaluated.frame, evaluated.time_s
            yield evaluated
        if block.error is not None:
            yield from self._anew(f"a worker gave up ({block.error})")
        elif block.done:
            self._dive.gaps.extend(block.gaps)
            self._done, self._expected, self._through = True, block.next, block.next is None

    def _anew(self, reason: str) -> Iterator[PredictedFrame]:
        """The rest of the file after its last returned frame."""
        self._done = self._through = True
        file = self._dive.videos[self._video].file
        self._tell(f"{file}: {reason}; the rest of the file is evaluated without Ray.")
        last = self._last
        try:
            after = last[1:] if last is not None and last[0] == self._video else None
            for predicted in self._rest(self._dive, self._video, after):
                last = predicted.video, predicted.frame, predicted.time_s
                yield predicted
        except ImageError as error:
            self._tell(str(error))
            from_s = last[2] if last is not None and last[0] == self._video else 0.0
            self._dive.gaps.append(Gap(file, from_s, None, "it cannot be opened"))
        self._last = last

    def _close(self, index: int) -> None:
        """Report a segment with missing frames, and skip it."""
        if index < 0 or self._done:
            return
        part, self._done, self._expected = self._parts[index], True, None
        file, from_s = self._dive.videos[part.video].file, part.from_s or 0.0
        if self._last is not None and self._last[0] == part.video:
            from_s = max(from_s, self._last[2])
        self._dive.gaps.append(Gap(file, from_s, part.to_s, BROKE))


PART_S = 60.0
_FRAMES = 25  # that a worker returns together
_BLOCK_BYTES = 16 << 20
RETRIES = 5  # for a segment whose worker or machine is lost
_STARTS = 3
_QUIET: dict[str, Any] = {"logging_level": logging.CRITICAL, "log_to_driver": False}


def predict_split(predict: FramePredictor, dive: Dive, index: int, part: Part) -> Iterator[Block]:
    """The work of a worker. It returns everything that later steps may need of an image."""
    segment = dive.segment(part)
    waiting: list[PredictedFrame] = []
    try:
        for frame in segment.frames(threading.Event()):
            found = predict_frame(predict, frame)
            crops = tuple(found.crop(k) for k in range(len(found.instances)))
            waiting.append(replace(found, crop=crops.__getitem__))
            if len(waiting) == _FRAMES:
                yield Block(index, tuple(waiting), segment.first)
                waiting.clear()
    except Exception as error:  # the main process meets the error again, and can report it
        yield Block(index, tuple(waiting), segment.first, done=True, error=str(error) or type(error).__name__)
        return
    end = segment.next, tuple(segment.gaps)
    yield Block(index, tuple(waiting), segment.first, True, *end)


class Worker:
    """Runs in a process of the cluster; opens the model once."""

    def __init__(self, kept: Any) -> None:
        import ray

        open_frame_predictor, self._dive, self._parts = pickle.loads(ray.get(kept[0]))
        self._look: FramePredictor = open_frame_predictor()

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Map rows with the index of a segment to rows with a block each."""
        for index in batch["part"].tolist():
            for block in predict_split(self._look, self._dive, index, self._parts[index]):
                yield {"block": [pickle.dumps(block)]}


@dataclass
class OnRay:
    """A `FramePredictions`.

    Attributes:
        open_frame_predictor: loads the model in a worker; can be pickled.
        predict, at_once: evaluate frames here if workers cannot.
        address: address of the cluster: `auto`, `host:6379` or `ray://host:10001`; None starts one on this machine.
        cpus: CPUs of each worker.
        workers: number of processes; None uses as many as fit in the cluster.
        part_s: approximate length of a segment.
        tell: called with one line for each deviation.
    """

    open_frame_predictor: Callable[[], FramePredictor]
    predict: FramePredictor
    max_in_flight: int
    address: str | None = None
    cpus: int = 1
    workers: int | None = None
    part_s: float = PART_S
    tell: Callable[[str], None] = field(default=lambda _: None)

    def __call__(self, dive: Dive | LiveDive, after: Frame | None) -> Iterator[PredictedFrame]:
        """See `FramePredictions`; only for files."""
        assert isinstance(dive, Dive)  # the command refuses live sources
        parts = dive.parts(self.part_s, None if after is None else (after.video, after.frame, after.time_s))
        if not parts:
            return
        blocks = self._blocks(dive, parts)
        try:
            yield from Row(dive, parts, after, self.predict_rest, self.tell).frames(blocks)
        finally:
            blocks.close()

    def predict_rest(
        self, dive: Dive, video: int, after: tuple[int, float] | None
    ) -> Iterator[PredictedFrame]:
        """See `Dive.rest`; in this process."""
        return in_threads(self.predict, self.max_in_flight, dive.rest(video, after))

    def _blocks(self, dive: Dive, parts: Sequence[Part]) -> Any:
        """Blocks of all segments in order, several at once; a segment that fails has none."""
        ray = connect(self.address)
        try:
            context = ray.data.DataContext.get_current()
            context.execution_options.preserve_order = True
            context.enable_progress_bars = False
            context.target_max_block_size = _BLOCK_BYTES
            context.max_errored_blocks = -1
            logging.getLogger("ray.data").setLevel(logging.CRITICAL)
            room = max(1, int(ray.cluster_resources().get("CPU", 1)) // self.cpus)
            workers = min(self.workers or room, len(parts))
            kept = ray.put(pickle.dumps((self.open_frame_predictor, dive.anywhere(), parts)))
            rows = ray.data.from_items(
                [{"part": k} for k in range(len(parts))], override_num_blocks=len(parts)
            )
            # By default Ray retries for ever, so a file that crashes its worker would never end. Ray 2.60 has no other option.
            warnings.filterwarnings("ignore", message=".*ray_remote_args_fn")
            blocks = rows.map_batches(
                Worker,
                batch_size=1,
                fn_constructor_args=([kept],),  # in a list, or Ray would replace it by the value
                num_cpus=self.cpus,
                compute=ray.data.ActorPoolStrategy(min_size=1, initial_size=workers, max_size=workers),
                ray_remote_args_fn=lambda: {"max_restarts": -1, "max_task_retries": RETRIES},
            )
            for row in blocks.iter_rows():
                yield pickle.loads(row["block"])
        finally:
            ray.shutdown()


def connect(address: str | None) -> Any:
    """Connect Ray to a cluster, or to a new one on this machine.

    Raises:
        MissingExtraError: Ray is not installed. InputError: no cluster answers.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtraError(
            f"--engine ray needs the package ray with its part data, which is not installed ({error.name}). "
            f"{how_to_install('ray')}"
        ) from None
    try:
        if address is None:
            _start_here(ray)
        else:
            ray.init(address=address, **_QUIET)
    except Exception as error:  # a plain Exception if the machine is too busy to start Ray
        ray.shutdown()
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if address is None:
            raise InputError(
                f"--engine ray: Ray did not start here in {_STARTS} attempts ({reason}). On a busy machine try again later, "
                "or without --engine ray."
            ) from None
        raise InputError(
            f"--ray-address {address}: no Ray cluster answers ({reason}). Start one with `ray start --head`, or "
            "leave out --ray-address to use this machine."
        ) from None
    return ray


def _start_here(ray: Any) -> None:
    """Start Ray on this machine; retry on failure, because its agents have only 15 s to load.

    Raises:
        Exception: the error of the last attempt.
    """
    for left in reversed(range(_STARTS)):
        try:
            # Without `local`, Ray searches for the last cluster started here, and waits even if it has ended.
            ray.init(address="local", include_dashboard=False, **_QUIET)
            return
        except Exception:
            ray.shutdown()
            if not left:
                raise
