"""`seasift survey` of a live source: what is refused, and how Ctrl-C ends it. See tests/runtime/test_rtsp.py for a camera."""

from __future__ import annotations

import signal

import pytest

from seasift.cli.survey_live import check_live, ending_by_key
from seasift.core.errors import BadInput
from seasift.runtime.every import Every
from seasift.runtime.live import LiveDive, Patience
from tests.live_server import serving
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
        dive = LiveDive(address, every=Every(frames=1), patience=PATIENT)
        with pytest.raises(BadInput, match=f"without {option}.*Leave it out"):
            check_live(dive, on_ray=on_ray, video=video)


def test_ctrl_c_is_the_end_of_a_live_source(stream: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT)
    seen = 0
    with serving([stream]) as address:
        dive = LiveDive(address, every=Every(frames=1), patience=PATIENT)
        with ending_by_key(dive):
            for _ in dive.frames():  # would wait for the camera for minutes
                seen += 1
                if seen == 1:
                    signal.raise_signal(signal.SIGINT)  # to this thread, at once; kill may choose another one
                    assert signal.getsignal(signal.SIGINT) is before  # the next one stops
    assert seen >= 1
    assert "writing what was seen" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is before
