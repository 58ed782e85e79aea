"""`seasift survey` of a live source: what is refused, and how Ctrl-C ends it. See tests/video/test_rtsp.py for a camera."""

from __future__ import annotations

import signal
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import pytest

from seasift.core.errors import InputError
from seasift.survey.api import ending_by_key
from seasift.survey.plan import Plan
from seasift.survey.prepare import check_live
from seasift.survey.report import write_report
from seasift.survey.run import run
from seasift.survey.store import NAME
from seasift.video.frames import FrameSampling
from seasift.video.live import LiveDive, Patience
from tests.live_server import serving
from tests.survey.dives import frame_image, plan_of, save_model
from tests.tiny_video import save_kind

PATIENT = Patience(silence_s=5, tries=99, first_wait_s=5)


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return save_kind(tmp_path_factory.mktemp("live"), "h264-ts", count=30).read_bytes()


@pytest.mark.parametrize(
    ("on_ray", "video", "option"), [(True, False, "--engine ray"), (False, True, "--video")]
)
def test_what_needs_footage_twice_is_refused(stream: bytes, on_ray: bool, video: bool, option: str) -> None:
    with serving([stream]) as address:
        dive = LiveDive(address, every=FrameSampling(frames=1), patience=PATIENT)
        with pytest.raises(InputError, match=option):
            check_live(dive, on_ray=on_ray, video=video)


@pytest.mark.parametrize("key", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_is_the_end_of_a_live_source(stream: bytes, key: signal.Signals) -> None:
    before = signal.getsignal(key)
    seen, told = 0, list[str]()
    with serving([stream]) as address:
        dive = LiveDive(address, every=FrameSampling(frames=1), patience=PATIENT)
        with ending_by_key(dive, told.append):
            for _ in dive.frames():  # would wait for the camera for minutes
                seen += 1
                if seen == 1:
                    signal.raise_signal(key)
                    assert signal.getsignal(key) is before  # the next one stops
    assert seen >= 1
    assert len(told) == 1
    assert signal.getsignal(key) is before


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A red square for a second, as a camera sends it."""
    path = tmp_path_factory.mktemp("painted") / "red.ts"
    with av.open(str(path), "w", format="mpegts") as container:
        track = container.add_stream("h264", rate=25)
        track.width = track.height = 64
        track.pix_fmt = "yuv420p"
        for _ in range(25):
            container.mux(track.encode(av.VideoFrame.from_ndarray(frame_image(0), format="rgb24")))
        container.mux(track.encode())
    return path.read_bytes()


def live_plan(folder: Path, address: str, **options: Any) -> Plan:
    plan = plan_of(folder, inputs=(address,), model=folder / "tiny.onnx", **options)
    assert isinstance(plan.dive, LiveDive)
    plan.dive._patience = Patience(silence_s=5, tries=1)
    return replace(plan, commit_every=1)


@pytest.fixture
def killed(painted: bytes, tmp_path: Path) -> tuple[Path, str, datetime]:
    """A folder with what a killed survey of a camera leaves in it; the camera's address; and when it was killed."""
    save_model(tmp_path)
    with serving([painted]) as address:
        plan = live_plan(tmp_path, address)

        def kill(_: object) -> None:
            raise MemoryError

        with pytest.raises(MemoryError):
            run(plan, progress=kill)
        plan.dive.close()
    return tmp_path, address, datetime.now(UTC)


def test_a_killed_survey_of_a_camera_goes_on(killed: tuple[Path, str, datetime], painted: bytes) -> None:
    folder, address, then = killed
    with serving([painted], port=int(address.rpartition(":")[2])):
        plan = live_plan(folder, address)
        begun = plan.dive.videos[0].start_utc
        assert begun is not None
        assert begun < then
        result = run(plan, report=write_report)
    (gap, lost) = result.gaps
    assert gap[3] == "seasift was ended from outside"
    assert result.first is not None
    assert result.last is not None
    assert result.first.frame < result.last.frame
    assert (gap[1], lost[2]) == (result.first.time_s, None)
    assert gap[1] < gap[2] <= result.last.time_s
    assert (then - begun).total_seconds() < gap[2] < (datetime.now(UTC) - begun).total_seconds()
    assert result.counts.frames.total() >= 2


def test_a_killed_survey_of_a_camera_that_is_gone_is_written(killed: tuple[Path, str, datetime]) -> None:
    folder, address, _ = killed
    result = run(live_plan(folder, address), report=write_report)
    assert result.counts.frames.total() == 1
    ((_, from_s, to_s, reason),) = result.gaps
    assert result.first is not None
    assert (from_s, to_s) == (result.first.time_s, None)
    assert reason == "seasift was ended from outside (Connection refused)"
    assert (folder / "out/report.html").exists()
    assert not (folder / "out" / NAME).exists()


def test_other_options_do_not_delete_what_cannot_be_had_again(
    killed: tuple[Path, str, datetime],
) -> None:
    folder, address, _ = killed
    kept = (folder / "out" / NAME).read_bytes()
    plan = live_plan(folder, address, threshold=0.5)
    with pytest.raises(InputError, match=r"live survey.*other options"):
        run(plan)
    with pytest.raises(InputError, match="live survey"):
        run(live_plan(folder, "tcp://127.0.0.1:1"))  # another camera
    with pytest.raises(InputError, match="live survey"):
        run(plan_of(folder, model=folder / "tiny.onnx"))  # of a file
    assert (folder / "out" / NAME).read_bytes() == kept
