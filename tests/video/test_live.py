"""Live sources: a camera on this machine that hangs up once."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest

from seasift.core.errors import ImageError, InputError
from seasift.video.dive import open_dive
from seasift.video.frames import FrameSampling
from seasift.video.live import LiveDive, Mailbox, Patience, is_live, without_password
from seasift.video.reading import describe_gaps
from tests.live_server import serving
from tests.tiny_video import number_of, save_kind

QUICK = Patience(silence_s=5, tries=2, first_wait_s=0.01)


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return save_kind(tmp_path_factory.mktemp("live"), "h264-ts", count=30).read_bytes()


@pytest.mark.parametrize(
    ("name", "live"),
    [
        ("rtsp://10.0.0.7:554/main", True),
        ("RTSP://rov/1", True),
        ("udp://@:5000", True),
        ("/dev/video0", True),
        ("clip.mp4", False),
        ("/dev/video", False),
        ("c:/dive/1.mp4", False),
        ("rtsp:", False),
    ],
)
def test_what_is_live(name: str, live: bool) -> None:
    assert is_live(name) == live


def test_a_lost_connection_is_made_again(stream: bytes) -> None:
    start = datetime(2024, 5, 1, tzinfo=UTC)
    with serving([stream[: len(stream) // 2], stream]) as address:
        dive = open_dive([address], start_utc=start)
        assert isinstance(dive, LiveDive)
        dive._patience = QUICK
        frames = list(dive.frames())
    (video,) = dive.videos
    assert (video.file, video.width, video.height, video.start_utc) == (address, 96, 64, start)
    numbers = [frame.frame for frame in frames]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] > 30, "frames of the second connection are counted on"
    assert number_of(frames[-1].image_rgb_u8) == 29, "the newest wins"
    times = [frame.time_s for frame in frames]
    assert times == sorted(times)
    assert [frame.dive_s for frame in frames] == times
    first, last = dive.gaps
    assert first.to_s is not None
    assert first.from_s <= first.to_s <= last.from_s
    assert first.reason == "the connection was lost"
    assert last.to_s is None, "the camera was switched off"
    assert describe_gaps(dive.gaps).startswith(f"{address}: no images from ")
    assert describe_gaps(dive.gaps).endswith(". Check the connection.")


def test_the_newest_wins() -> None:
    box: Mailbox[int] = Mailbox()
    for item in (1, 2, 3):
        box.put(item)
    assert box.peek() == 3
    assert box.take() == 3
    assert box.take(timeout_s=0) is None
    box.put(4)
    box.close()
    assert box.take() == 4
    assert box.take() is None


def test_frames_are_timed_by_arrival_and_end_in_time(stream: bytes) -> None:
    seconds = itertools.count()
    with serving([stream, stream]) as address:
        dive = LiveDive(
            address,
            every=FrameSampling(frames=1),
            end_s=20,
            patience=QUICK,
            clock=lambda: float(next(seconds)),
        )
        frames = list(dive.frames())
    assert all(0 < frame.time_s < 20 and frame.time_s == int(frame.time_s) for frame in frames)


def test_nothing_there() -> None:
    with serving([]) as address:
        pass
    with pytest.raises(
        ImageError, match=r"no live images \(.*\); expected a camera's address"
    ) as describe_gaps:
        open_dive([address])
    assert "\n" not in str(describe_gaps.value)


def test_passwords_are_not_shown() -> None:
    assert without_password("rtsp://me:secret@rov:554/a@b") == "rtsp://rov:554/a@b"
    assert without_password("udp://@:5000") == "udp://:5000"
    with pytest.raises(ImageError) as describe_gaps:
        open_dive(["tcp://me:secret@127.0.0.1:9"])
    assert "secret" not in str(describe_gaps.value)


def test_what_does_not_go_with_a_live_source(stream: bytes) -> None:
    with pytest.raises(InputError, match=r"rtsp.*alone"):
        open_dive(["rtsp://rov/1", "clip.mp4"])
    with pytest.raises(InputError, match=r"rtsp.*start"):
        open_dive(["rtsp://rov/1"], start_s=3)
    with serving([stream]) as address:
        dive = open_dive([address])
        with pytest.raises(InputError, match="cannot be gone through again"):
            next(dive.frames((0, 3)))
        assert isinstance(dive, LiveDive)
        dive.close()


def test_waits_grow() -> None:
    patience = Patience(first_wait_s=0.5, most_wait_s=4)
    assert [patience.wait_s(failed) for failed in range(7)] == [0, 0.5, 1, 2, 4, 4, 4]
