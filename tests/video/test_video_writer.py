"""Annotated videos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from seasift.core.errors import InputError, MissingExtraError
from seasift.video import writing
from seasift.video.writing import writing_video
from tests.tiny_video import number_of, numbered_image

TIMES = [0.0, 0.4, 1.7, 1.8, 2.05, 5.0, 5.0333]


def written(path: Path) -> tuple[list[float], list[Any], Any]:
    with av.open(str(path)) as container:
        track = container.streams.video[0]
        frames = list(container.decode(track))
        facts = (track.codec_context.name, track.width, track.height, float(track.duration * track.time_base))
        return [float(frame.time) for frame in frames], [f.to_ndarray(format="rgb24") for f in frames], facts


def test_times_images_and_length(tmp_path: Path) -> None:
    path = tmp_path / "out" / "a.mp4"
    with writing_video(path) as video:
        for index, time_s in enumerate(TIMES):
            video.add(numbered_image(index), time_s)
        assert not path.exists(), "whole or not at all"
    times, images, facts = written(path)
    assert times == pytest.approx(TIMES, abs=1e-5)
    assert [number_of(image) for image in images] == list(range(7))
    assert facts == ("h264", 96, 64, pytest.approx(5.0333 + 0.0333, abs=1e-4)), "the last one is shown, too"
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "plays while it loads"
    assert [entry.name for entry in path.parent.iterdir()] == ["a.mp4"]


def test_colours(tmp_path: Path) -> None:
    image = np.zeros((32, 64, 3), np.uint8)
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 150, 60)]
    for index, colour in enumerate(colours):
        image[:, index * 16 : index * 16 + 16] = colour
    with writing_video(tmp_path / "a.mp4") as video:
        video.add(image, 0)
    _, (got,), _ = written(tmp_path / "a.mp4")
    assert np.abs(got[16, 8::16].astype(int) - colours).max() < 8


def test_odd_sizes_other_sizes_and_times_that_stand_still(tmp_path: Path) -> None:
    with writing_video(tmp_path / "a.mp4") as video:
        video.add(np.full((33, 49, 3), 90, np.uint8), 1.0)
        video.add(np.full((66, 98, 3), 90, np.uint8), 1.0)
    times, images, _ = written(tmp_path / "a.mp4")
    assert [image.shape for image in images] == [(34, 50, 3)] * 2
    assert times == pytest.approx([1.0, 1.0], abs=1e-4)
    assert times[0] < times[1]


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    def stopped() -> None:
        with writing_video(tmp_path / "a.mp4") as video:
            video.add(numbered_image(0), 0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert list(tmp_path.iterdir()) == []


def test_no_image_no_file(tmp_path: Path) -> None:
    with writing_video(tmp_path / "a.mp4"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").mkdir()
    with (
        pytest.raises(InputError, match=r"a\.mp4: cannot be written"),
        writing_video(tmp_path / "a.mp4") as video,
    ):
        video.add(numbered_image(0), 0)


def test_no_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "_ENCODERS", ("no-such", "nor-this"))
    with (
        pytest.raises(MissingExtraError, match=r"no encoder of H\.264"),
        writing_video(tmp_path / "a.mp4") as video,
    ):
        video.add(numbered_image(0), 0)
