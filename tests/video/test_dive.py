"""Frames of a dive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seasift.core.errors import ImageError, InputError
from seasift.video import dive as dives
from seasift.video.dive import Dive, DiveFrame, open_dive
from seasift.video.frames import parse_time
from tests.tiny_video import KINDS, encode, number_of, numbered_image, save_kind, save_video


def frames_of(path: Path, **options: Any) -> list[DiveFrame]:
    return list(open_dive([path], **options).frames())


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("kinds")
    return {kind: save_kind(folder, kind) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_containers_and_codecs(clips: dict[str, Path], kind: str) -> None:
    dive = open_dive([clips[kind]])
    frames = list(dive.frames())
    assert [frame.frame for frame in frames] == list(range(64))
    assert [number_of(frame.image_rgb_u8) for frame in frames] == list(range(64))
    assert [frame.time_s for frame in frames] == pytest.approx([i / 10 for i in range(64)], abs=1e-6)
    assert frames[0].image_rgb_u8.shape == (64, 96, 3)
    (video,) = dive.videos
    assert (video.width, video.height, video.fps, video.duration_s) == (96, 64, 10, pytest.approx(6.4))
    assert dive.gaps == []


@pytest.mark.parametrize("kind", KINDS)
def test_goes_on_after_any_frame(clips: dict[str, Path], kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    every = 0.25
    whole = frames_of(clips[kind], every=every)
    starts: list[Any] = []
    decoded = dives.decoded

    def watched(*arguments: Any, **options: Any) -> Any:
        starts.append(options["start"])
        return decoded(*arguments, **options)

    monkeypatch.setattr(dives, "decoded", watched)
    for index in (1, 9, 23):
        last = whole[index]
        rest = list(open_dive([clips[kind]], every=every).frames((0, last.frame), after_time_s=last.time_s))
        assert [(f.frame, f.time_s) for f in rest] == [(f.frame, f.time_s) for f in whole[index + 1 :]]
        for got, expected in zip(rest, whole[index + 1 :], strict=True):
            np.testing.assert_array_equal(got.image_rgb_u8, expected.image_rgb_u8)
    assert len(starts) == 3, "the frame was found without decoding all, or by AVI's rule in one pass"


def test_goes_on_without_a_time_and_with_a_wrong_one(clips: dict[str, Path]) -> None:
    clip = clips["h264-mp4"]
    for options in ({}, {"after_time_s": 7.7}):
        rest = list(open_dive([clip]).frames((0, 60), **options))
        assert [number_of(frame.image_rgb_u8) for frame in rest] == list(range(61, 64))


@pytest.mark.parametrize("kind", ["h264-mp4", "hevc-ts", "mpeg2-mkv", "mpeg4-avi", "mjpeg-mov"])
def test_start_and_end(clips: dict[str, Path], kind: str) -> None:
    frames = frames_of(clips[kind], start_s=5.25, end_s=6.1, every=0.5)
    assert [(frame.frame, round(frame.time_s, 3)) for frame in frames] == [(53, 5.3), (58, 5.8)]
    assert [number_of(frame.image_rgb_u8) for frame in frames] == [53, 58]


def test_the_way_to_the_start_is_not_decoded(clips: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from seasift.video.decoding import _Reader

    seen: list[Any] = []
    images = _Reader._images

    def counted(self: Any, *parts: Any) -> Any:
        for image in images(self, *parts):
            seen.append(image.pts)
            yield image

    monkeypatch.setattr(_Reader, "_images", counted)
    assert len(frames_of(clips["h264-ts"], start_s=5.5)) == 9
    assert len(seen) < 35


def test_the_way_to_the_start_is_not_read_where_an_index_tells(
    clips: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from seasift.video.decoding import _Reader

    read: list[Any] = []
    packets = _Reader.packets

    def counted(self: Any, stop: Any) -> Any:
        for packet in packets(self, stop):
            read.append(packet.dts)
            yield packet

    monkeypatch.setattr(_Reader, "packets", counted)
    for kind in ("h264-mp4", "hevc-10-bit-mp4", "prores-mov"):
        read.clear()
        assert [number_of(frame.image_rgb_u8) for frame in frames_of(clips[kind], start_s=6)] == [
            60,
            61,
            62,
            63,
        ]
        assert len(read) < 45
        read.clear()
        rest = open_dive([clips[kind]]).frames((0, 60), after_time_s=6.0)
        assert [number_of(frame.image_rgb_u8) for frame in rest] == [61, 62, 63]
        assert len(read) < 45


def test_several_files_are_one_dive(tmp_path: Path) -> None:
    paths = [save_video(tmp_path / f"{i}.mp4", count=5) for i in range(3)]
    (tmp_path / "1b.mp4").write_text("no video")
    dive = open_dive(
        [paths[0], paths[1], tmp_path / "1b.mp4", str(paths[2])], every=0.2, start_s=0.3, end_s=1.4
    )
    assert [video.offset_s for video in dive.videos] == [0, 0.5, 1.0]
    assert [video.start_utc for video in dive.videos] == [None] * 3
    got = [(frame.video, frame.frame, round(frame.dive_s, 3)) for frame in dive.frames()]
    assert got == [(0, 3, 0.3), (1, 0, 0.5), (1, 2, 0.7), (1, 4, 0.9), (2, 0, 1.0), (2, 2, 1.2)]
    assert [str(gap) for gap in dive.gaps] == [
        f"{tmp_path.as_posix()}/1b.mp4: nothing could be read from 0.00 s to its end: it cannot be opened."
    ]
    again = dive.frames((1, 2), after_time_s=0.2)
    assert [(frame.video, frame.frame) for frame in again] == [(1, 4), (2, 0), (2, 2)]


def test_clock(tmp_path: Path) -> None:
    """By the metadata if they leave room for each file, else without pauses; a given start wins."""
    start = datetime(2024, 5, 1, 12, 0, 0, tzinfo=UTC)

    def clip(name: str, after_s: float) -> Path:
        when = (start + timedelta(seconds=after_s)).isoformat().replace("+00:00", "Z")
        images = (numbered_image(i) for i in range(50))
        return encode(tmp_path / name, images, metadata={"creation_time": when})

    a, b, c = clip("a.mp4", 0), clip("b.mp4", 65), clip("c.mp4", 2)
    pause = open_dive([a, b])
    assert [video.offset_s for video in pause.videos] == [0, 65]
    assert [video.start_utc for video in pause.videos] == [start, start + timedelta(seconds=65)]
    assert [video.offset_s for video in open_dive([a, c]).videos] == [0, 5], "c began before a ended"
    given = start.replace(year=2020)
    assert open_dive([a, b], start_utc=given).videos[1].start_utc == given + timedelta(seconds=65)


def test_uneven_times(tmp_path: Path) -> None:
    times = [0, 400, 1700, 1800, 2050, 5000]
    clip = save_video(tmp_path / "v.mkv", count=6, pts=times)
    assert [round(frame.time_s * 1000) for frame in frames_of(clip)] == times
    assert [frame.frame for frame in frames_of(clip, every=1)] == [0, 2, 4, 5]


def test_wide_pixels_become_square(tmp_path: Path) -> None:
    images = [numbered_image(i) for i in range(3)]
    wide = encode(tmp_path / "wide.mp4", images, codec="libx264", aspect=Fraction(64, 45))
    assert [frame.image_rgb_u8.shape for frame in frames_of(wide)] == [(64, 137, 3)] * 3  # 96 x 64 / 45
    high = open_dive([encode(tmp_path / "high.mp4", images, codec="libx264", aspect=Fraction(8, 9))])
    assert (high.videos[0].width, high.videos[0].height) == (96, 72)
    assert next(high.frames()).image_rgb_u8.shape == (72, 96, 3)


@pytest.mark.parametrize("matrix", ["bt2020nc", "bt2020c", "ictcp", "ycgco"])
def test_colours_of_hdr_are_near(tmp_path: Path, matrix: str) -> None:
    hdr = (
        f"log-level=none:pools=none:frame-threads=1:colorprim=bt2020:transfer=smpte2084:colormatrix={matrix}"
    )
    clip = encode(
        tmp_path / "hdr.mp4",
        [numbered_image(i) for i in range(3)],
        codec="libx265",
        pixels="yuv420p10le",
        options={"preset": "ultrafast", "x265-params": hdr},
    )
    assert [number_of(frame.image_rgb_u8) for frame in frames_of(clip)] == [0, 1, 2]


def combed(image: Any) -> float:
    """How much rows differ from both of their neighbours, which are like each other."""
    rows = image[..., 0].astype(int)
    middle, around = rows[1:-1], (rows[:-2] + rows[2:]) // 2
    return float(np.abs(middle - around).mean())


@pytest.mark.parametrize(("name", "codec"), [("i.ts", "mpeg2video"), ("i.mp4", "libx264")])
def test_interlaced_footage_is_made_whole(tmp_path: Path, name: str, codec: str) -> None:
    """A bar that moves from field to field: as stored, its edges are combs."""
    woven = []
    for index in range(24):
        image = np.full((64, 96, 3), 60, np.uint8)
        for field in (0, 1):
            left = 4 + (2 * index + field) * 4 % 72
            image[field::2, left : left + 16] = 220
        woven.append(image)
    interlaced = (
        {"flags": "+ildct+ilme", "top": "1", "qscale": "2"}
        if codec == "mpeg2video"
        else {"x264-params": "tff=1", "crf": "10"}
    )
    frames = frames_of(encode(tmp_path / name, woven, codec=codec, options=interlaced))
    assert [frame.frame for frame in frames] == list(range(24))
    assert max(combed(frame.image_rgb_u8) for frame in frames[2:-2]) < 0.5 * min(map(combed, woven))
    progressive = frames_of(
        encode(tmp_path / f"p{name}", woven, codec=codec, options={"qscale": "2", "crf": "10"})
    )
    assert min(combed(frame.image_rgb_u8) for frame in progressive) > 0.7 * min(map(combed, woven))


def test_no_dive(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one video"):
        open_dive([])
    with pytest.raises(ImageError, match=r"gone\.mp4: no such file"):
        open_dive([tmp_path / "gone.mp4"])
    with pytest.raises(InputError, match="from 5 s to 3 s"):
        open_dive([tmp_path / "gone.mp4"], start_s=5, end_s=3)


def test_names_that_look_like_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_video(tmp_path / "concat:a|b.mp4", count=2)
    monkeypatch.chdir(tmp_path)
    dive = open_dive(["concat:a|b.mp4"])
    assert isinstance(dive, Dive)
    assert len(list(dive.frames())) == 2


def test_a_playlist_reaches_nothing(tmp_path: Path) -> None:
    """A file that names an address must not make FFmpeg call there."""
    (tmp_path / "list.ts").write_text("#EXTM3U\n#EXTINF:5,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(ImageError):
        open_dive([tmp_path / "list.ts"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90", 90), ("90s", 90), ("1.5", 1.5), ("1:30", 90), ("01:00:01.25", 3601.25), (" .5 s", 0.5)],
)
def test_seconds(text: str, expected: float) -> None:
    assert parse_time(text, "--start") == expected


@pytest.mark.parametrize("text", ["", "-1", "1:", "a", "1:2:3:4", "nan", "1 h"])
def test_no_seconds(text: str) -> None:
    with pytest.raises(InputError, match=r"--start .*; expected seconds like 90"):
        parse_time(text, "--start")


def test_a_later_file_that_becomes_unreadable_is_a_gap(tmp_path: Path) -> None:
    first, later, last = (save_video(tmp_path / f"{name}.mp4", count=5) for name in ("a", "b", "c"))
    dive = open_dive([first, later, last])
    assert isinstance(dive, Dive)
    later.unlink()
    assert [(frame.video, frame.frame) for frame in dive.frames()] == [
        (v, f) for v in (0, 2) for f in range(5)
    ]
    (gap,) = dive.gaps
    assert (gap.file, gap.from_s) == (later.as_posix(), 0.0)
    first.unlink()
    with pytest.raises(ImageError, match="no such file"):
        list(dive.frames())
