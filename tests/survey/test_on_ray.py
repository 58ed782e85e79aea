"""A survey by two workers of a Ray cluster on this machine: the folder is byte for byte that of a run without."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from seasift.core.errors import InputError, MissingExtraError
from seasift.survey import on_ray
from seasift.survey.engine import parse_engine
from seasift.survey.looking import Look
from seasift.survey.on_ray import OnRay
from seasift.survey.plan import Plan
from seasift.survey.report import write_report
from seasift.survey.row import BROKE
from seasift.survey.run import run
from seasift.survey.store import NAME
from tests.survey.dives import contents, plan_of, save_dive, save_model

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
        with pytest.raises(InputError, match="expected openvino, "):
            parse_engine(text)


def test_without_ray_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seasift.core.extras.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[ray\]'"):
        plan_of(tmp_path, engine="ray")
    with pytest.raises(InputError, match="without --engine ray"):
        plan_of(tmp_path, ray_address="auto")


def test_a_worker_opens_the_model_as_the_machine_that_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seasift.survey.prepare.require_ray", lambda: None)
    plan = plan_of(tmp_path, engine="ray", precision="auto")
    assert isinstance(plan.looking, OnRay)
    image = np.zeros((64, 64, 3), np.uint8)
    assert len(plan.looking.open_look()(image)[0]) == len(plan.look(image)[0])


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
    """Opens the model in a worker, which is killed at a certain look, the first time that one comes there."""

    open_look: Any
    mark: Path
    at: int
    again: bool = False

    def __call__(self) -> Look:
        look, seen = self.open_look(), 0

        def fragile(image: Any) -> Any:
            nonlocal seen
            seen += 1
            if seen == self.at and (self.again or not self.mark.exists()):
                self.mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return look(image)

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
    assert isinstance(plan.looking, OnRay)
    given = {
        "workers": 2,
        "part_s": PART_S,
        "address": os.environ.get("RAY_ADDRESS"),
        "tell": lines.append,
        **changes,
    }
    return replace(plan, looking=replace(plan.looking, **given)), lines


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
    assert isinstance(plan.looking, OnRay)
    mark = tmp_path / "killed"
    plan, lines = on_cluster(plan, open_look=Fragile(plan.looking.open_look, mark, 30))
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
    assert isinstance(plan.looking, OnRay)
    fragile = Fragile(plan.looking.open_look, tmp_path / "killed", 30, again=True)
    result = run(on_cluster(plan, open_look=fragile)[0], report=write_report)
    assert BROKE in {gap[3] for gap in result.gaps}
    assert result.last is not None
