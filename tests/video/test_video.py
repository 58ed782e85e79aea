"""Frames of videos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seasift.core.errors import ImageError, InputError
from seasift.video.reading import FrameSampling, expected_count, frames
from tests.tiny_video import frame_image, index_of, save_video, turn_clockwise


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """25 frames, 10 a second."""
    return save_video(tmp_path_factory.mktemp("video") / "clip.mp4")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", list(range(25))),
        ("10", [0, 10, 20]),
        ("100", [0]),
        ("1s", [0, 10, 20]),
        ("0.5s", [0, 5, 10, 15, 20]),
        (".25 s", [0, 3, 5, 8, 10, 13, 15, 18, 20, 23]),
        ("0.01s", list(range(25))),
        ("60s", [0]),
    ],
)
def test_every(clip: Path, text: str, expected: list[int]) -> None:
    got = list(frames(clip, FrameSampling.parse(text)))
    assert [frame.frame for frame in got] == expected
    assert [index_of(frame.image_rgb_u8) for frame in got] == expected
    assert [frame.time_s for frame in got] == pytest.approx([i / 10 for i in expected])


def test_progress_expects_what_comes(clip: Path) -> None:
    for text in ("1", "10", "0.5s", "1s"):
        assert (
            abs(
                expected_count(clip, FrameSampling.parse(text))
                - len(list(frames(clip, FrameSampling.parse(text))))
            )
            <= 1
        )
    assert expected_count(clip.with_name("none.mp4"), FrameSampling(frames=1)) == 1


def test_uneven_times(tmp_path: Path) -> None:
    clip = save_video(tmp_path / "v.mkv", count=6, pts=[0, 400, 1700, 1800, 2050, 5000])
    assert [frame.frame for frame in frames(clip, FrameSampling(seconds=1))] == [0, 2, 4, 5]


def test_image_is_rgb_and_whole(clip: Path) -> None:
    first = next(frames(clip, FrameSampling(frames=1)))
    assert first.image_rgb_u8.dtype == np.uint8
    assert np.abs(first.image_rgb_u8.astype(int) - frame_image(0)).max() < 25  # lossy


def test_turned_footage_is_turned_in_its_orientation(tmp_path: Path) -> None:
    clip = turn_clockwise(save_video(tmp_path / "phone.mp4", count=2))
    shown = next(frames(clip, FrameSampling(frames=1))).image_rgb_u8
    assert shown.shape == (48, 32, 3)
    # The black quarter was left top; turned clockwise it is right top.
    quarters = [shown[:24, :16], shown[:24, 16:], shown[24:, :16], shown[24:, 16:]]
    assert np.argmin([part.mean() for part in quarters]) == 1


@pytest.mark.parametrize("text", ["", "0", "-3", "0s", "s", "2 minutes", "1.5", "nan", "1e3"])
def test_every_that_makes_no_sense(text: str) -> None:
    with pytest.raises(InputError, match="expected a number of frames like 30, or of seconds like 2s"):
        FrameSampling.parse(text)


def test_bad_videos(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "text.mp4").write_text("hello")
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "half.mp4").write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    for name in ("text.mp4", "empty.mp4", "half.mp4"):
        with pytest.raises(ImageError, match=r"not a video FFmpeg can read|before the index") as caught:
            list(frames(tmp_path / name, FrameSampling(frames=1)))
        assert "\n" not in str(caught.value)
    with pytest.raises(ImageError, match="no such file"):
        list(frames(tmp_path / "none.mp4", FrameSampling(frames=1)))


def test_sound_without_images(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        track = container.add_stream("aac", rate=44100)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 44100
        container.mux(track.encode(sound))
        container.mux(track.encode())
    with pytest.raises(ImageError, match="no image track"):
        list(frames(tmp_path / "sound.mp4", FrameSampling(frames=1)))
