"""Files by what is in them: footage under any name, tracks, turned and mirrored images."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from seasift.core.image import write_image
from seasift.inference.inputs import Source, expand
from seasift.video.dive import Dive, open_dive
from tests.tiny_video import encode, number_of, numbered_image

COUNT = 12
# Name, container, encoder, pixel format, size: what recorders write.
FILES = {
    "disc.vob": ("vob", "mpeg2video", "yuv420p", (96, 64)),
    "camera.mod": ("vob", "mpeg2video", "yuv420p", (96, 64)),
    "camera.tod": ("mpegts", "mpeg2video", "yuv420p", (96, 64)),
    "camera.mts": ("mpegts", "libx264", "yuv420p", (96, 64)),
    "studio.mxf": ("mxf", "mpeg2video", "yuv420p", (720, 576)),
    "tape.dv": ("dv", "dvvideo", "yuv420p", (720, 576)),
    "fisheye.insv": ("mp4", "libx264", "yuv420p", (96, 64)),
    "GS010001.360": ("mp4", "libx264", "yuv420p", (96, 64)),
    "raw.h264": ("h264", "libx264", "yuv420p", (96, 64)),
    "raw.h265": ("hevc", "libx265", "yuv420p", (96, 64)),
    "web.flv": ("flv", "flv", "yuv420p", (96, 64)),
    "phone.3gp": ("3gp", "mpeg4", "yuv420p", (96, 64)),
    "web.ogv": ("ogg", "libvpx", "yuv420p", (96, 64)),
    "moving.gif": ("gif", "gif", "rgb8", (96, 64)),
    "no suffix": ("matroska", "libx264", "yuv420p", (96, 64)),
    "upper.MPG": ("mpeg", "mpeg1video", "yuv420p", (96, 64)),
    "named as a still.jpg": ("mp4", "libx264", "yuv420p", (96, 64)),
    "of its own.rov": ("avi", "mpeg4", "yuv420p", (96, 64)),
}


def save(path: Path, form: str, codec: str, pixels: str, size: tuple[int, int]) -> Path:
    with av.open(str(path), "w", format=form) as container:
        track = container.add_stream(codec, rate=25)
        track.width, track.height = size
        track.pix_fmt = pixels
        if codec == "libx265":
            track.codec_context.options = {"x265-params": "log-level=none:pools=none:frame-threads=1"}
        for index in range(COUNT):
            numbered = numbered_image(index).repeat(size[1] // 64, 0).repeat(size[0] // 96, 1)
            image = np.full((size[1], size[0], 3), 90, np.uint8)
            image[: numbered.shape[0], : numbered.shape[1]] = numbered
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            container.mux(track.encode(frame.reformat(format=pixels)))
        container.mux(track.encode())
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dive")
    for name, kind in FILES.items():
        save(folder / name, *kind)
    return folder


@pytest.mark.parametrize("name", FILES)
def test_footage_under_any_name(folder: Path, name: str) -> None:
    (source,) = expand([str(folder / name)])
    assert isinstance(source, Source)
    assert source.kind == "video"
    dive = open_dive([folder / name])
    frames = list(dive.frames())
    assert len(frames) == COUNT
    assert [frame.time_s for frame in frames] == pytest.approx([i / 25 for i in range(COUNT)], abs=0.0025)
    assert dive.videos[0].fps == 25
    scale = FILES[name][3][0] // 96
    if name != "tape.dv":  # its pixels are not square
        numbers = [number_of(frame.image_rgb_u8[::scale, ::scale][:64, :96]) for frame in frames]
        assert numbers == list(range(COUNT))
    late = list(open_dive([folder / name], start_s=0.2).frames())
    assert [frame.frame for frame in late] == list(range(5, COUNT))
    assert bool(dive.notes) == name.startswith("raw"), "a stream without times is told"


def test_a_folder_gives_what_is_footage_and_tells_what_it_left_out(folder: Path, tmp_path: Path) -> None:
    for name in FILES:
        shutil.copy(folder / name, tmp_path / name)
    write_image(tmp_path / "still.png", np.zeros((8, 8, 3), np.uint8))
    write_image(tmp_path / "x.jpg", np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "x.jpg").rename(tmp_path / "GX010009.THM")  # a thumbnail
    save(tmp_path / "GX010009.MP4", "mp4", "libx264", "yuv420p", (96, 64))
    save(tmp_path / "GL010009.LRV", "mp4", "libx264", "yuv420p", (96, 64))  # a small copy of it
    save(tmp_path / "GL010010.LRV", "mp4", "libx264", "yuv420p", (96, 64))  # all that is left
    with av.open(str(tmp_path / "voice.m4a"), "w", format="ipod") as container:
        track = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48000
        container.mux(track.encode(frame))
        container.mux(track.encode())
    for name in ("nav.csv", "dive.csv", "notes.txt", "log"):
        (tmp_path / name).write_text("time,latitude\n")
    (tmp_path / "more").mkdir()
    notes: list[str] = []
    sources = [item for item in expand([str(tmp_path)], note=notes.append) if isinstance(item, Source)]
    videos = {source.path.name for source in sources if source.path and source.kind == "video"}
    named = {name for name in FILES if not name.endswith(".jpg")}  # not opened: folders hold many images
    assert videos == {*named, "GX010009.MP4", "GL010010.LRV"}
    (note,) = notes
    for part in ("2 .csv", "1 .txt", "1 .m4a", "1 .thm", "1 .lrv", "1 without suffix", "1 folder"):
        assert part in note


def test_a_image_under_the_name_of_a_video(tmp_path: Path) -> None:
    write_image(tmp_path / "x.png", np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "x.png").rename(tmp_path / "x.mp4")
    for given in (tmp_path, tmp_path / "x.mp4"):
        (source,) = expand([str(given)])
        assert isinstance(source, Source)
        assert source.kind == "image"


def two_tracks(path: Path, sizes: list[tuple[int, int]], default: list[bool], counts: list[int]) -> Dive:
    with av.open(str(path), "w") as container:
        tracks = []
        for (width, height), marked in zip(sizes, default, strict=True):
            track = container.add_stream("libx264", rate=10)
            track.width, track.height, track.pix_fmt = width, height, "yuv420p"
            track.disposition = 1 if marked else 0
            tracks.append(track)
        for track, (width, height), count in zip(tracks, sizes, counts, strict=True):
            for _ in range(count):
                image = np.full((height, width, 3), 90, np.uint8)
                container.mux(track.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(track.encode())
    dive = open_dive([path])
    assert isinstance(dive, Dive)
    return dive


BOTH = [(160, 90), (320, 180)]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(
    ("sizes", "default", "counts", "width"),
    [
        (BOTH, [False, True], [5, 5], 320),
        (BOTH, [True, False], [5, 5], 160),
        (BOTH, [True, True], [5, 5], 320),
        (BOTH[::-1], [False, True], [5, 5], 160),
        ([(96, 64), (96, 64)], [True, True], [5, 4], 96),
    ],
)
def test_of_two_tracks_the_default_one(
    tmp_path: Path,
    suffix: str,
    sizes: list[tuple[int, int]],
    default: list[bool],
    counts: list[int],
    width: int,
) -> None:
    dive = two_tracks(tmp_path / f"two{suffix}", sizes, default, counts)
    frames = list(dive.frames())
    assert {frame.image_rgb_u8.shape[1] for frame in frames} == {width}
    assert len(frames) == 5
    (note,) = dive.notes
    assert f"{width}x" in note


def test_a_track_of_one_image_is_a_cover(tmp_path: Path) -> None:
    dive = two_tracks(tmp_path / "cover.mp4", [(640, 480), (96, 64)], [True, True], [1, 5])
    assert (dive.videos[0].width, len(list(dive.frames()))) == (96, 5)


def matrices() -> Iterator[tuple[int, int, int, int]]:
    """All eight ways to turn and mirror."""
    for first in (1, -1):
        for second in (1, -1):
            yield first, 0, 0, second
            yield 0, first, second, 0


@pytest.mark.parametrize("matrix", list(matrices()))
def test_turned_and_mirrored(tmp_path: Path, matrix: tuple[int, int, int, int]) -> None:
    clip = encode(tmp_path / "v.mp4", [numbered_image(21)] * 2, codec="libx264", options={"crf": "4"})
    stored = next(open_dive([clip]).frames()).image_rgb_u8
    data = bytearray(clip.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    a, b, c, d = matrix
    one, height, width = 1 << 16, *stored.shape[:2]
    left, top = min(0, a * width + c * height), min(0, b * width + d * height)
    values = (a * one, b * one, 0, c * one, d * one, 0, -left * one, -top * one, 1 << 30)
    data[at : at + 36] = struct.pack(">9i", *values)
    clip.write_bytes(data)
    shown = np.zeros((abs(b) * width + abs(d) * height, abs(a) * width + abs(c) * height, 3), np.uint8)
    for y in range(height):
        for x in range(width):  # the middle of a pixel moves as ISO/IEC 14496-12, 8.3.2 says
            u, v = a * (x + 0.5) + c * (y + 0.5) - left, b * (x + 0.5) + d * (y + 0.5) - top
            shown[int(v), int(u)] = stored[y, x]
    dive = open_dive([clip])
    assert (dive.videos[0].height, dive.videos[0].width) == shown.shape[:2]
    np.testing.assert_array_equal(next(dive.frames()).image_rgb_u8, shown)
