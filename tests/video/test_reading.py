"""Frames of a video in a for loop."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seasift
from tests.tiny_video import index_of, save_video


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """25 frames at 10 per second; each tells its number."""
    return save_video(tmp_path_factory.mktemp("clip") / "clip.mp4")


def decoders() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "seasift-decode"]


@pytest.mark.parametrize(
    ("options", "frames"),
    [
        ({}, [0, 10, 20]),
        ({"every": np.int64(6), "start": np.float32(0)}, [0, 6, 12, 18, 24]),
        ({"every": "6"}, [0, 6, 12, 18, 24]),
        ({"every": "0.5s", "start": 1}, [10, 15, 20]),
        ({"every": "0.5s", "start": "0:01", "end": 2.0}, [10, 15]),
        ({"every": 1, "end": "0.3"}, [0, 1, 2]),
    ],
)
def test_frames_of_the_chosen_times(clip: Path, options: dict[str, Any], frames: list[int]) -> None:
    seen = [
        (frame.frame, index_of(frame.image), round(frame.time_s, 3))
        for frame in seasift.open_video(clip, **options)
    ]
    assert seen == [(i, i, i / 10) for i in frames]


def test_it_can_be_iterated_again(clip: Path) -> None:
    video = seasift.open_video(str(clip))
    assert [f.frame for f in video] == [f.frame for f in video] == [0, 10, 20]
    assert video.size_hw == (32, 48)
    assert video.duration_s == pytest.approx(2.5)
    assert video.gaps == []
    assert "48x32" in repr(video)


def test_the_thread_ends_with_the_loop(clip: Path) -> None:
    for frame in seasift.open_video(clip, every=1):
        assert decoders()
        if frame.frame == 3:
            break
    assert decoders() == []


def test_the_thread_ends_with_the_block(clip: Path) -> None:
    with seasift.open_video(clip, every=1) as video:
        frames = iter(video)
        assert next(frames).frame == 0
        assert decoders()
    assert decoders() == []
    assert list(frames) == []


def test_the_thread_ends_with_an_error_in_the_loop(clip: Path) -> None:
    def fail() -> None:
        with seasift.open_video(clip, every=1) as video:
            for frame in video:
                raise RuntimeError(frame.frame)

    with pytest.raises(RuntimeError):
        fail()
    assert decoders() == []


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("gone.mp4", {}),
        (None, {}),
        (b"clip.mp4", {}),
        ("clip", {"every": "often"}),
        ("clip", {"every": 0}),
        ("clip", {"every": 2.5}),
        ("clip", {"start": "late"}),
        ("clip", {"start": -1}),
        ("clip", {"start": 2, "end": 1}),
        ("clip", {"end": [1]}),
    ],
)
def test_wrong_arguments_are_input_errors(clip: Path, path: Any, options: dict[str, Any]) -> None:
    with pytest.raises(seasift.InputError):
        seasift.open_video(clip if path == "clip" else path, **options)


def test_a_span_behind_the_end_is_an_input_error(clip: Path) -> None:
    with pytest.raises(seasift.InputError):
        list(seasift.open_video(clip, start=60))


def test_damage_is_a_warning_and_a_gap(tmp_path: Path) -> None:
    data = bytearray(save_video(tmp_path / "whole.mp4", count=28).read_bytes())
    begin, end = data.index(b"mdat") + 4, data.index(b"moov")
    third = (end - begin) // 3
    data[begin + third : begin + 2 * third] = bytes(third)
    (tmp_path / "torn.mp4").write_bytes(bytes(data))
    video = seasift.open_video(tmp_path / "torn.mp4", every=1)
    with pytest.warns(UserWarning, match=r"torn\.mp4"):
        seen = [frame.frame for frame in video]
    assert 0 < len(seen) < 28
    assert video.gaps
