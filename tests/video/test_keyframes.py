"""Keyframes only: the same indexes, times and images as of decoding all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seasift.core.errors import InputError
from seasift.video.dive import Dive, DiveFrame, open_dive
from seasift.video.frames import FrameSampling
from seasift.video.segments import _KeyframeReader
from tests.tiny_video import KINDS, encode, number_of, numbered_image, save_kind


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("kinds")
    return {kind: save_kind(folder, kind) for kind in KINDS}


def frames_of(path: Path, every: FrameSampling, **options: float) -> tuple[Dive, list[DiveFrame]]:
    dive = open_dive([path], every=every, **options)
    assert isinstance(dive, Dive)
    return dive, list(dive.frames())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "every", [FrameSampling(seconds=0.5, keyframes=True), FrameSampling(frames=24, keyframes=True)]
)
def test_frames_are_those_of_decoding_all(clips: dict[str, Path], kind: str, every: FrameSampling) -> None:
    """10 frames a second; a keyframe each 12 frames where frames need each other."""
    whole = {frame.frame: frame for frame in open_dive([clips[kind]]).frames()}
    dive, got = frames_of(clips[kind], every)
    assert dive.gaps == []
    shares = [every.share(frame.frame, frame.time_s) for frame in got]
    assert shares == sorted({every.share(frame.frame, frame.time_s) for frame in whole.values()})
    for frame in got:
        assert number_of(frame.image_rgb_u8) == frame.frame
        assert frame.time_s == pytest.approx(frame.frame / 10, abs=1e-6)
        np.testing.assert_array_equal(frame.image_rgb_u8, whole[frame.frame].image_rgb_u8)
    for index in (0, len(got) // 2, len(got) - 2):
        last = got[index]
        rest = open_dive([clips[kind]], every=every).frames((0, last.frame), after_time_s=last.time_s)
        assert [frame.frame for frame in rest] == [frame.frame for frame in got[index + 1 :]]


def test_keyframes_are_taken_and_little_else_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = (numbered_image(i) for i in range(64))
    clip = encode(
        tmp_path / "v.mp4", images, codec="libx264", options={"g": "10", "bf": "2", "sc_threshold": "0"}
    )
    sent: list[object] = []
    decode = _KeyframeReader._decode

    def counted(self: _KeyframeReader, packets: list[object]) -> object:
        sent.extend(packets)
        return decode(self, packets)  # type: ignore[arg-type]

    monkeypatch.setattr(_KeyframeReader, "_decode", counted)
    _, got = frames_of(clip, FrameSampling(seconds=1, keyframes=True))
    assert [number_of(frame.image_rgb_u8) for frame in got] == [0, 10, 20, 30, 40, 50, 60]
    assert len(sent) == 7
    _, late = frames_of(clip, FrameSampling(seconds=1, keyframes=True), start_s=3.5, end_s=5.5)
    assert [frame.frame for frame in late] == [40, 50]
    sent.clear()
    _, half = frames_of(clip, FrameSampling(seconds=0.5, keyframes=True))
    assert [frame.frame for frame in half] == list(range(0, 64, 5)), "where there is no keyframe, others"


def test_every_with_keyframes() -> None:
    assert FrameSampling.parse("1s keyframes") == FrameSampling(seconds=1, keyframes=True)
    assert FrameSampling.parse("30 keyframes") == FrameSampling(frames=30, keyframes=True)
    with pytest.raises(InputError):
        FrameSampling.parse("1s keys")


def test_a_damaged_keyframe_is_told(tmp_path: Path) -> None:
    clip = save_kind(tmp_path, "mjpeg-mov")
    from tests.video.test_damage import packets_of, spoil

    index, size, _, _ = packets_of(clip)[20]
    spoil(clip, index, size)
    dive, got = frames_of(clip, FrameSampling(seconds=1, keyframes=True))
    assert [frame.frame for frame in got] == [0, 10, 30, 40, 50, 60]
    (gap,) = dive.gaps
    assert gap.from_s <= 2.0 < (gap.to_s or 0)
