"""A survey by two workers of a Ray cluster on this machine: the folder is byte for byte that of a run without."""

from __future__ import annotations

import os
import pickle
import random
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from seasift.core.errors import InputError, MissingExtraError
from seasift.core.instances import Instances
from seasift.core.types import Float64, UInt8
from seasift.survey import on_ray
from seasift.survey.engine import parse_engine
from seasift.survey.follow import FramePredictor, PredictedFrame, in_threads, predict_here
from seasift.survey.kept import Frame
from seasift.survey.on_ray import BROKE, Block, OnRay, Row, predict_split
from seasift.survey.plan import Plan
from seasift.survey.report import write_report
from seasift.survey.run import run
from seasift.survey.store import NAME
from seasift.video.dive import Dive, open_dive
from tests.survey.dives import contents, plan_of, save_dive, save_model
from tests.tiny_video import number_of, save_kind
from tests.video.mutated_videos import KINDS as DAMAGED
from tests.video.mutated_videos import mutated


def predict(image: UInt8) -> tuple[Instances, Float64]:
    """The number in the image stands in for what a model makes of it."""
    return Instances.empty((64, 96)), np.array([number_of(image), image.astype(np.int64).sum()], float)


def facts(predicted: PredictedFrame) -> Any:
    return predicted.video, predicted.frame, predicted.time_s, predicted.dive_s, predicted.statistics.tolist()


def in_parts(
    dive: Dive, part_s: float, after: Frame | None = None, spoil: Any = None
) -> tuple[list[Any], list[Any], list[str]]:
    """Frames, gaps and what was told, by way of pickles as between machines."""
    lines: list[str] = []
    parts = dive.parts(part_s, None if after is None else (after.video, after.frame, after.time_s))
    sent = pickle.loads(pickle.dumps(dive.anywhere()))

    def blocks() -> Iterator[Block]:
        for index, part in enumerate(parts):
            for block in predict_split(predict, sent, index, part):
                block = pickle.loads(pickle.dumps(block))
                block = block if spoil is None else spoil(block)
                if block is not None:
                    yield block

    def rest(dive: Dive, video: int, after: tuple[int, float] | None) -> Iterator[PredictedFrame]:
        return in_threads(predict, 1, dive.rest(video, after))

    row = Row(dive, parts, after, rest, lines.append)
    return [facts(each) for each in row.frames(blocks())], gaps_of(dive), lines


def gaps_of(dive: Dive) -> list[Any]:
    return sorted({(gap.file, gap.from_s, gap.to_s, gap.reason) for gap in dive.gaps}, key=str)


def unbroken(dive: Dive) -> tuple[list[Any], list[Any]]:
    frames = [facts(each) for each in predict_here(predict, 1, dive, None)]
    return frames, gaps_of(dive)


@pytest.mark.parametrize("kind", ["h264-mp4", "h264-open-gop-mkv", "hevc-ts", "mpeg4-avi"])
def test_parts_are_the_unbroken_run(kind: str, tmp_path: Path) -> None:
    paths = [save_kind(tmp_path, kind), save_kind(tmp_path, "mjpeg-mov", count=32)]
    for given in ({"every": 0.3}, {"start_s": 1.13, "end_s": 8.1}):
        dive = partial(open_dive, paths, **given)
        assert len(dive().parts(1.0)) > (2 if kind == "mpeg4-avi" else 5)
        frames, gaps = unbroken(dive())
        assert in_parts(dive(), 1.0) == (frames, gaps, [])
        at = frames[len(frames) // 3]
        after = Frame(0, at[0], at[1], round(at[2], 6), round(at[3], 6))
        assert in_parts(dive(), 1.0, after)[0] == frames[len(frames) // 3 + 1 :]


def fits_not(block: Block) -> Block:
    """The worker counted a frame too many on its way to the part."""
    first = block.first
    other = first and replace(first, index=first.index + 1)
    return replace(block, first=other) if block.part == 2 else block


def gave_up(block: Block) -> Block:
    return replace(block, frames=block.frames[:3], error="no such file") if block.part == 2 else block


@pytest.mark.parametrize("spoil", [fits_not, gave_up])
def test_what_a_worker_cannot_do_is_done_here(spoil: Any, tmp_path: Path) -> None:
    paths = [save_kind(tmp_path, "h264-mp4"), save_kind(tmp_path, "mjpeg-mov")]
    frames, gaps = unbroken(open_dive(paths))
    got = in_parts(open_dive(paths), 1.0, spoil=spoil)
    assert got[:2] == (frames, gaps)
    (line,) = got[2]
    assert line.startswith(f"{paths[0].as_posix()}: ")
    assert "without Ray" in line


@pytest.mark.parametrize("part", [0, 2, 6])
def test_a_part_that_breaks_every_worker_is_a_gap_and_stops_nothing(part: int, tmp_path: Path) -> None:
    clip = save_kind(tmp_path, "h264-mp4")
    frames, _ = unbroken(open_dive([clip]))
    got, gaps, _ = in_parts(open_dive([clip]), 1.0, spoil=lambda block: None if block.part == part else block)
    assert got == [frame for frame in frames if not part <= frame[2] < part + 1]
    assert gaps == [(clip.as_posix(), float(part), None if part == 6 else part + 1.0, BROKE)]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(0, 240, 24))
def test_damaged_videos_in_parts_are_the_unbroken_run(seed: int, tmp_path: Path) -> None:
    whole = {kind: save_kind(tmp_path, kind, count=40) for kind in DAMAGED}
    for number in range(seed, seed + 24):
        kind = DAMAGED[number % len(DAMAGED)]
        path = tmp_path / f"{number}-{kind}{whole[kind].suffix}"
        path.write_bytes(mutated(whole[kind].read_bytes(), random.Random(number), number % 6))
        try:
            dive = open_dive([path], every=0.3)
        except InputError:
            continue
        frames, gaps = unbroken(dive)
        got = in_parts(open_dive([path], every=0.3), 1.0)
        assert [frame[:4] for frame in got[0]] == [frame[:4] for frame in frames], path.name
        assert got[1] == gaps, path.name


PART_S = 4.0
pytestmark = pytest.mark.filterwarnings("default")  # Ray warns of its own ways

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra ray")


def test_what_engine_takes() -> None:
    assert [parse_engine(text) for text in ("local", "ray", "onnxruntime", "ray:onnxruntime")] == [
        (False, "openvino"),
        (True, "openvino"),
        (False, "onnxruntime"),
        (True, "onnxruntime"),
    ]
    for text in ("spark", "ray:spark", ""):
        with pytest.raises(InputError, match="expected one of local, openvino, "):
            parse_engine(text)


def test_without_ray_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seasift.core.errors.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[ray\]'"):
        plan_of(tmp_path, engine="ray")
    with pytest.raises(InputError, match="without --engine ray"):
        plan_of(tmp_path, ray_address="auto")


def test_a_worker_opens_the_model_as_the_machine_that_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seasift.survey.prepare.require_ray", lambda: None)
    plan = plan_of(tmp_path, engine="ray", precision="auto")
    assert isinstance(plan.predictions, OnRay)
    image = np.zeros((64, 64, 3), np.uint8)
    assert len(plan.predictions.open_frame_predictor()(image)[0]) == len(plan.predict(image)[0])


@needs_ray
@pytest.mark.slow
def test_a_cluster_that_died_long_ago_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with TemporaryDirectory(dir="/tmp") as folder:  # short: sockets lie in it
        (Path(folder) / "ray").mkdir()
        (Path(folder) / "ray" / "ray_current_cluster").write_text("192.0.2.1:6399")  # of no machine: RFC 5737
        monkeypatch.setenv("RAY_TMPDIR", folder)
        monkeypatch.delenv("RAY_ADDRESS", raising=False)
        ray = on_ray.connect(None)
        try:
            assert ray.cluster_resources()["CPU"] >= 1
            assert "192.0.2.1" not in ray.get_runtime_context().gcs_address
        finally:
            ray.shutdown()


@dataclass
class Fragile:
    """Opens the model in a worker, which is killed at a certain image, the first time that one comes there."""

    open_frame_predictor: Any
    mark: Path
    at: int
    again: bool = False

    def __call__(self) -> FramePredictor:
        predict, seen = self.open_frame_predictor(), 0

        def fragile(image: Any) -> Any:
            nonlocal seen
            seen += 1
            if seen == self.at and (self.again or not self.mark.exists()):
                self.mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return predict(image)

        return fragile


def dive_of(folder: Path) -> tuple[str, ...]:
    """Two videos with a damaged one and one that is none between them."""
    save_model(folder)
    names = ("a.mp4", "damaged.mp4", "none.mp4", "b.mp4")
    for name in names:
        save_dive(folder / name, frames=30 if name == "b.mp4" else 80)
    data = bytearray((folder / "damaged.mp4").read_bytes())
    middle = data.index(b"mdat") + 4000
    data[middle : middle + 1500] = bytes(1500)
    (folder / "damaged.mp4").write_bytes(data)
    (folder / "none.mp4").write_bytes(b"no video" * 100)
    return tuple(str(folder / name) for name in names)


def on_cluster(plan: Plan, **changes: Any) -> tuple[Plan, list[str]]:
    """The plan on two workers, by parts of four seconds, and what will be told."""
    lines: list[str] = []
    assert isinstance(plan.predictions, OnRay)
    given = {
        "workers": 2,
        "part_s": PART_S,
        "address": os.environ.get("RAY_ADDRESS"),
        "tell": lines.append,
        **changes,
    }
    return replace(plan, predictions=replace(plan.predictions, **given)), lines


@needs_ray
@pytest.mark.slow
def test_two_workers_write_what_one_machine_writes(tmp_path: Path) -> None:
    inputs = dive_of(tmp_path)
    alone = run(plan_of(tmp_path, inputs=inputs), report=write_report)
    plan, lines = on_cluster(plan_of(tmp_path, "ray", inputs=inputs, engine="ray"))
    assert len(plan.dive.parts(PART_S)) == 10
    result = run(plan, report=write_report)
    assert result.gaps == alone.gaps
    assert inputs[2] in {gap[0] for gap in result.gaps}
    assert contents(tmp_path / "ray") == contents(tmp_path / "out")
    assert lines == []


@needs_ray
@pytest.mark.slow
def test_goes_on_after_a_kill_with_other_workers(tmp_path: Path) -> None:
    inputs = dive_of(tmp_path)
    run(plan_of(tmp_path, inputs=inputs), report=write_report)
    plan, _ = on_cluster(plan_of(tmp_path, "ray", inputs=inputs, engine="ray"))

    def stop(frame: Any) -> None:
        if frame.seq == 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(plan, progress=stop)
    assert (tmp_path / "ray" / NAME).exists()
    seen: list[int] = []
    plan, _ = on_cluster(plan_of(tmp_path, "ray", inputs=inputs, engine="ray"))
    run(plan, progress=lambda frame: seen.append(frame.seq), report=write_report)
    assert seen[0] == 98
    assert contents(tmp_path / "ray") == contents(tmp_path / "out")


@needs_ray
@pytest.mark.slow
def test_what_a_killed_worker_had_is_done_again(tmp_path: Path) -> None:
    inputs = dive_of(tmp_path)
    run(plan_of(tmp_path, inputs=inputs), report=write_report)
    plan, _ = on_cluster(plan_of(tmp_path, "ray", inputs=inputs, engine="ray"))
    assert isinstance(plan.predictions, OnRay)
    mark = tmp_path / "killed"
    plan, lines = on_cluster(
        plan, open_frame_predictor=Fragile(plan.predictions.open_frame_predictor, mark, 30)
    )
    run(plan, report=write_report)
    assert mark.exists()
    assert contents(tmp_path / "ray") == contents(tmp_path / "out")
    assert lines == []


@needs_ray
@pytest.mark.slow
def test_what_kills_every_worker_is_a_gap_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_ray, "RETRIES", 1)
    inputs = dive_of(tmp_path)
    plan, _ = on_cluster(plan_of(tmp_path, "ray", inputs=inputs, engine="ray"))
    assert isinstance(plan.predictions, OnRay)
    fragile = Fragile(plan.predictions.open_frame_predictor, tmp_path / "killed", 30, again=True)
    result = run(on_cluster(plan, open_frame_predictor=fragile)[0], report=write_report)
    assert BROKE in {gap[3] for gap in result.gaps}
    assert result.last is not None
