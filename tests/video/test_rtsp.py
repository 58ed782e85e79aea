"""A live source over real RTSP: GStreamer's server sends a clip, is killed in the middle and comes back."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import pytest

from seasift.core.errors import ImageError
from seasift.survey.report import write_report
from seasift.survey.run import run
from seasift.video.dive import open_dive
from seasift.video.frames import DiveFrame, FrameSampling
from seasift.video.live import LiveDive, Patience
from tests.rtsp_server import PACKAGES, Camera, python
from tests.survey.dives import frame_image, plan_of, save_model

SHRIMP = Path(__file__).parents[2] / "examples/footage/shrimp.mp4"
PATIENCE = Patience(silence_s=5, tries=9, first_wait_s=0.05)

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _needs_the_server() -> None:
    if python() is None:
        pytest.skip(f"needs GStreamer's RTSP server; on Debian: apt-get install {PACKAGES}")


@pytest.fixture(scope="module")
def sent() -> dict[bytes, int]:
    """The clip's images, and the place of each, by a decoder that knows nothing of RTSP."""
    with av.open(str(SHRIMP)) as container:
        return {
            frame.to_ndarray(format="rgb24").tobytes(): k for k, frame in enumerate(container.decode(video=0))
        }


def test_a_camera_that_is_cut_off_and_comes_back(sent: dict[bytes, int]) -> None:
    frames: list[DiveFrame] = []
    with Camera(SHRIMP) as camera:
        dive = LiveDive(camera.address, every=FrameSampling(frames=1), patience=PATIENCE)
        for frame in dive.frames():
            frames.append(frame)
            if len(frames) == 20:
                camera.switch_off()
                camera.switch_on()
            if len(frames) == 60:
                camera.switch_off()
    (video,) = dive.videos
    assert (video.width, video.height, video.fps) == (640, 360, 30)
    first, last = dive.gaps
    assert first.to_s is not None
    assert (first.reason, last.to_s) == ("the connection was lost", None)
    assert "Connection refused" in last.reason
    assert not [frame for frame in frames if first.from_s < frame.time_s < first.to_s]
    indices = [sent[frame.image_rgb_u8.tobytes()] for frame in frames]  # each to the last bit
    again = next(k for k, frame in enumerate(frames) if frame.time_s >= first.to_s)
    for part in (indices[:again], indices[again:]):
        assert part == sorted(set(part))
        assert len(part) >= 20
    numbers = [frame.frame for frame in frames]
    assert numbers == sorted(set(numbers))


def test_a_password_is_used_and_not_shown() -> None:
    with Camera(SHRIMP, user="me:secret") as camera:
        inside = camera.address.replace("//", "//me:secret@")
        dive = open_dive([inside], every=1.0)
        assert next(dive.frames()).image_rgb_u8.shape == (360, 640, 3)
        assert dive.videos[0].file == camera.address
        dive.close()
        with pytest.raises(ImageError, match="401") as told:
            open_dive([inside.replace("secret", "wrong")])
        assert "wrong" not in str(told.value)


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A red square for ten seconds."""
    path = tmp_path_factory.mktemp("painted") / "red.mp4"
    with av.open(str(path), "w") as container:
        track = container.add_stream("h264", rate=25)
        track.width = track.height = 64
        track.pix_fmt, track.time_base = "yuv420p", Fraction(1, 25)
        track.gop_size = 10
        for _ in range(250):
            container.mux(track.encode(av.VideoFrame.from_ndarray(frame_image(0), format="rgb24")))
        container.mux(track.encode())
    return path


def test_a_survey_goes_on_when_the_camera_is_back(painted: Path, tmp_path: Path) -> None:
    model = save_model(tmp_path)
    seen = 0
    with Camera(painted) as camera:
        plan = plan_of(tmp_path, model=model, inputs=(camera.address,))
        assert isinstance(plan.dive, LiveDive)
        plan.dive._patience = PATIENCE

        def progress(_: object) -> None:
            nonlocal seen
            seen += 1
            if seen == 20:
                camera.switch_off()
                camera.switch_on()
            if seen == 60:
                camera.switch_off()

        result = run(plan, progress=progress, report=write_report)
    tracks = json.loads((tmp_path / "out/tracks.json").read_text("utf-8"))
    assert {track["name"] for track in tracks["tracks"]} == {"red thing"}
    assert sum(len(track["observations"]) for track in tracks["tracks"]) == result.counts.frames.total() >= 60
    (first, last) = result.gaps
    assert first[2] is not None
    assert last[2] is None
    assert tracks["videos"][0]["start_utc"]
