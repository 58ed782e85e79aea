"""Times of files whose clock jumps, or whose header does not tell how long they are."""

from __future__ import annotations

import io
import struct
from itertools import pairwise
from pathlib import Path

import av
import pytest

from seasift.video.dive import Dive, DiveFrame, open_dive
from tests.tiny_video import GOP, encode, number_of, numbered_image, save_kind, save_video

WRAP_S = 2**33 / 90_000
COUNT = 40  # images a recording, 10 a second


def recording(path: Path, begin_s: float, codec: str = "libx264") -> bytes:
    """A transport (or program) stream whose clock begins about there."""
    options = {"output_ts_offset": str(begin_s)}  # the muxer adds 1.4 s
    with av.open(str(path), "w", options=options) as container:
        track = container.add_stream(codec, rate=10)
        track.width, track.height, track.pix_fmt = 96, 64, "yuv420p"
        track.codec_context.options = GOP
        for index in range(COUNT):
            container.mux(track.encode(av.VideoFrame.from_ndarray(numbered_image(index), format="rgb24")))
        container.mux(track.encode())
    return path.read_bytes()


def joined(folder: Path, begins_s: list[float], suffix: str = ".ts") -> Path:
    """Recordings put together byte by byte."""
    path = folder / f"joined{suffix}"
    codec = "libx264" if suffix == ".ts" else "mpeg2video"
    path.write_bytes(
        b"".join(recording(folder / f"{k}{suffix}", begin_s, codec) for k, begin_s in enumerate(begins_s))
    )
    return path


def seen(frames: list[DiveFrame]) -> list[tuple[int, int, float]]:
    return [(number_of(frame.image_rgb_u8), frame.frame, round(frame.time_s, 2)) for frame in frames]


def opened(*paths: Path, start_s: float | None = None) -> Dive:
    dive = open_dive(paths, start_s=start_s)
    assert isinstance(dive, Dive)
    return dive


JOINED = {
    "once": [0, 0],
    "twice": [0, 0, 0],
    "far": [5000, 10],
    "little": [0, 3.5],
    "hardly": [0, 3.9],
    "more than a day": [94_000, 0],
    "again and again": [5000, 10, 5],
    "wraps": [WRAP_S - 2],
    "wraps between keyframes": [WRAP_S - 2.15],
    "wraps and jumps": [WRAP_S - 2.4, 0, WRAP_S - 2.4],
}


@pytest.mark.parametrize("name", JOINED)
def test_recordings_put_together_go_on(tmp_path: Path, name: str) -> None:
    begins_s = JOINED[name]
    path = joined(tmp_path, begins_s)
    dive = opened(path)
    whole = list(dive.frames())
    expected = [(i % COUNT, i, round(i / 10, 2)) for i in range(COUNT * len(begins_s))]
    assert seen(whole) == expected
    assert dive.gaps == []
    assert len(dive.notes) == len(begins_s) - 1, "each time that the clock goes back is told"
    assert dive.end_s() == pytest.approx(len(expected) / 10)
    for start_s in (0.5, 2.0, 4.0, 5.5, 7.9):
        frames = list(opened(path, start_s=start_s).frames())
        assert seen(frames) == [row for row in expected if row[2] >= start_s]
    for index in (3, 22, 39, 41, 66):
        if index < len(whole):
            last = whole[index]
            rest = list(opened(path).frames((0, last.frame), after_time_s=last.time_s))
            assert seen(rest) == expected[index + 1 :]


def test_program_streams_put_together(tmp_path: Path) -> None:
    path = joined(tmp_path, [0, 0], ".vob")
    whole = list(opened(path).frames())
    assert [(number, frame) for number, frame, _ in seen(whole)] == [(i % COUNT, i) for i in range(2 * COUNT)]
    steps = [b.time_s - a.time_s for a, b in pairwise(whole)]
    assert steps == pytest.approx([0.1] * len(steps), abs=0.001)
    assert seen(list(opened(path, start_s=5).frames())) == [row for row in seen(whole) if row[2] >= 5]


def test_one_damaged_stamp_moves_nothing(tmp_path: Path) -> None:
    """Of an image in the middle the stamp lies 20 minutes off, forward or back."""
    for off_s in (1200, -1200):
        path = tmp_path / f"{off_s}.ts"
        with av.open(str(path), "w", options={"output_ts_offset": "3000"}) as container:
            track = container.add_stream("mpeg2video", rate=10)
            track.width, track.height, track.pix_fmt = 96, 64, "yuv420p"
            track.codec_context.options = {"g": "12"}
            for index in range(COUNT):
                frame = av.VideoFrame.from_ndarray(numbered_image(index), format="rgb24")
                container.mux(track.encode(frame))
            container.mux(track.encode())
        data = bytearray(path.read_bytes())
        indices = [
            at
            for at in range(0, len(data), 188)
            if data[at + 1] & 0x40 and b"\0\0\1\xe0" in data[at : at + 188]
        ]
        at = data.index(b"\0\0\1\xe0", indices[20]) + 9
        timestamp = stamp_of(data[at : at + 5]) + off_s * 90_000
        data[at : at + 5] = bytes_of(timestamp, data[at] >> 4)
        path.write_bytes(data)
        dive = opened(path)
        assert seen(list(dive.frames())) == [(i, i, i / 10) for i in range(COUNT)]
        assert dive.notes == []


@pytest.mark.parametrize("off_s", [1200, -1200])
@pytest.mark.parametrize("lost", [False, True])
def test_a_damaged_display_time_of_the_first_image_moves_nothing(
    tmp_path: Path, off_s: int, lost: bool
) -> None:
    """FFmpeg takes it for the beginning of the file, before which the other images would lie."""
    path = save_kind(tmp_path, "hevc-ts", count=COUNT)
    data = bytearray(path.read_bytes())
    at = data.index(b"\0\0\1\xe0") + 9
    assert data[at] >> 4 == 3, "a display time and a decoding time"
    if lost:  # the first image cannot be decoded
        following = data.index(b"\0\0\1\xe0", at)
        for packet in range(at // 188 * 188 + 188, following // 188 * 188, 188):
            data[packet + 100 : packet + 188] = bytes(88)
        data[at + 10 : at // 188 * 188 + 188] = bytes(at // 188 * 188 + 178 - at)
        path.write_bytes(data)
    whole = [(frame.frame, frame.time_s) for frame in opened(path).frames()]
    assert whole
    timestamp = stamp_of(data[at : at + 5]) + off_s * 90_000
    data[at : at + 5] = bytes_of(timestamp % (1 << 33), 3)
    path.write_bytes(data)
    found = [(frame.frame, frame.time_s) for frame in opened(path).frames()]
    assert [index for index, _ in found] == [index for index, _ in whole]
    steps = [[b[1] - a[1] for a, b in pairwise(each[1:])] for each in (found, whole)]
    assert steps[0] == pytest.approx(steps[1])
    assert found[-1][1] == pytest.approx(whole[-1][1], abs=0.5)
    index, time_s = found[len(found) // 2]
    rest = [(frame.frame, frame.time_s) for frame in opened(path).frames((0, index), after_time_s=time_s)]
    assert rest == found[len(found) // 2 + 1 :]


def stamp_of(data: bytes) -> int:
    """ISO/IEC 13818-1, 2.4.3.6: 33 bits in five bytes."""
    return (data[0] >> 1 & 7) << 30 | data[1] << 22 | data[2] >> 1 << 15 | data[3] << 7 | data[4] >> 1


def bytes_of(timestamp: int, mark: int) -> bytes:
    return bytes(
        [
            mark << 4 | (timestamp >> 30 & 7) << 1 | 1,
            timestamp >> 22 & 255,
            (timestamp >> 15 & 127) << 1 | 1,
            timestamp >> 7 & 255,
            (timestamp & 127) << 1 | 1,
        ]
    )


class Pipe(io.RawIOBase):
    """Takes what is written and cannot go back, as a pipe."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self.data += piece
        return len(piece)


def through_a_pipe(source: Path, path: Path) -> Path:
    pipe = Pipe()
    with av.open(str(source)) as read, av.open(pipe, "w", format="matroska") as container:
        track = container.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(video=0):
            if packet.size:
                packet.stream = track
                container.mux(packet)
    path.write_bytes(pipe.data)
    return path


def test_files_without_a_length_in_the_header(tmp_path: Path) -> None:
    clip = save_kind(tmp_path, "h264-mp4")
    a, b = (through_a_pipe(clip, tmp_path / f"{k}.mkv") for k in range(2))
    with av.open(str(a)) as container:
        assert container.duration is None
        assert container.streams.video[0].duration is None
    dive = opened(a, b)
    assert [video.offset_s for video in dive.videos] == [0, pytest.approx(6.4, abs=0.002)]
    frames = list(dive.frames())
    assert [(frame.video, number_of(frame.image_rgb_u8)) for frame in frames] == [
        (video, i) for video in range(2) for i in range(64)
    ]
    late = opened(a, b, start_s=6.95)
    first = next(late.frames())
    assert (first.video, first.frame) == (1, 6)
    assert opened(b, a).end_s() == pytest.approx(12.8, abs=0.002)


def test_headers_that_state_too_little(tmp_path: Path) -> None:
    mkv = save_video(tmp_path / "v.mkv", count=25)
    data = bytearray(mkv.read_bytes())
    at = data.index(b"\x44\x89\x88") + 3  # Duration, a float of eight bytes
    data[at : at + 8] = struct.pack(">d", struct.unpack(">d", data[at : at + 8])[0] / 5)
    mkv.write_bytes(data)
    mp4 = save_video(tmp_path / "v.mp4", count=25)
    data = bytearray(mp4.read_bytes())
    for box, away in ((b"mvhd", 20), (b"mdhd", 20), (b"tkhd", 24)):  # version 0
        at = data.index(box) + away
        data[at : at + 4] = struct.pack(">I", struct.unpack(">I", data[at : at + 4])[0] // 5)
    mp4.write_bytes(data)
    for path in (mkv, mp4):
        dive = opened(path, path)
        assert dive.videos[1].offset_s == pytest.approx(2.5, abs=0.002)
        assert len(list(dive.frames())) == 50
        assert len(list(opened(path, start_s=2).frames())) == 5


def test_images_that_an_edit_list_hides_count_for_nothing(tmp_path: Path) -> None:
    clip = save_kind(tmp_path, "h264-mp4")
    path = tmp_path / "edited.mp4"
    with (
        av.open(str(clip)) as read,
        av.open(str(path), "w", options={"avoid_negative_ts": "disabled"}) as container,
    ):
        track = container.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(video=0):
            if packet.size and packet.pts is not None and packet.dts is not None and packet.time_base:
                moved = round(1.5 / packet.time_base)
                packet.pts, packet.dts = packet.pts - moved, packet.dts - moved
                packet.stream = track
                container.mux(packet)
    whole = seen(list(opened(path).frames()))
    assert whole == [(15 + i, i, round(i / 10, 2)) for i in range(49)]
    for start_s in (0.5, 1.0, 1.5, 2.2, 4.0):
        assert seen(list(opened(path, start_s=start_s).frames())) == [
            row for row in whole if row[2] >= start_s
        ]
    assert opened(path, path).videos[1].offset_s == pytest.approx(4.9)


def test_frames_of_vp8_that_are_never_shown_count_for_nothing(tmp_path: Path) -> None:
    images = (numbered_image(i) for i in range(64))
    clip = encode(tmp_path / "all.webm", images, codec="libvpx", options={"g": "16", "b": "400k"})
    path = tmp_path / "hidden.webm"
    with av.open(str(clip)) as read, av.open(str(path), "w") as container:
        track = container.add_stream_from_template(read.streams.video[0])
        for index, packet in enumerate(read.demux(video=0)):
            if not packet.size or packet.pts is None:
                continue
            if index % 16 == 15:  # RFC 6386, 9.1: bit 4 of the first byte says whether a frame is shown
                hidden = av.Packet(bytes([bytes(packet)[0] & ~16]) + bytes(packet)[1:])
                hidden.pts = hidden.dts = packet.pts - 1
                hidden.time_base, hidden.stream = packet.time_base, track
                container.mux(hidden)
            packet.stream = track
            container.mux(packet)
    with av.open(str(path)) as container:
        assert sum(bool(packet.size) for packet in container.demux(video=0)) == 68
    whole = [(frame.frame, round(frame.time_s, 3)) for frame in opened(path).frames()]
    assert whole == [(i, i / 10) for i in range(64)]
    assert [(f.frame, round(f.time_s, 3)) for f in opened(path, start_s=5).frames()] == whole[50:]
