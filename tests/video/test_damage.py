"""Truncated and damaged videos: what can be read is, the rest is told with times."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import av
import pytest

from seasift.core.errors import ImageError
from seasift.video.dive import open_dive
from seasift.video.frames import FrameSampling
from seasift.video.reading import frames
from tests.tiny_video import number_of, save_kind

ROOT = Path(__file__).parents[2]


def packets_of(path: Path) -> list[tuple[int, int, int, bool]]:
    """Place in the file, size, time in tenths of a second and whether it is a keyframe, of each image."""
    with av.open(str(path)) as container:
        track = container.streams.video[0]
        return [
            (
                packet.pos or 0,
                packet.size,
                round((packet.pts or 0) * (packet.time_base or 0) * 10),
                packet.is_keyframe,
            )
            for packet in container.demux(track)
            if packet.size
        ]


def spoil(path: Path, index: int, size: int) -> None:
    data = bytearray(path.read_bytes())
    data[index : index + size] = bytes(size)
    path.write_bytes(data)


@pytest.mark.parametrize("kind", ["mjpeg-mov", "prores-mov"])
def test_one_bad_image_of_images_that_stand_alone(tmp_path: Path, kind: str) -> None:
    clip = save_kind(tmp_path, kind)
    index, size, _, _ = packets_of(clip)[20]
    spoil(clip, index, size)
    dive = open_dive([clip])
    assert [number_of(frame.image_rgb_u8) for frame in dive.frames()] == [i for i in range(64) if i != 20]
    (gap,) = dive.gaps
    assert (gap.file, gap.from_s, gap.to_s) == (clip.as_posix(), pytest.approx(2.0), pytest.approx(2.1))


def test_images_after_a_bad_one_wait_for_a_keyframe(tmp_path: Path) -> None:
    clip = save_kind(tmp_path, "h264-mp4")
    packets = packets_of(clip)
    index, size, tenths, _ = packets[30]
    keys = [time for _, _, time, key in packets if key]
    again = min(time for time in keys if time > tenths)
    spoil(clip, index + 4, size - 4)
    dive = open_dive([clip])
    got = [number_of(frame.image_rgb_u8) for frame in dive.frames()]
    assert got == [frame for frame in got if frame < tenths or frame >= again], "no traces of the damage"
    assert got[-1] == 63
    assert len(got) >= 64 - (again - max(time for time in keys if time < tenths))
    (gap,) = dive.gaps
    assert gap.to_s == pytest.approx(again / 10)
    assert gap.from_s <= tenths / 10


@pytest.mark.parametrize("kind", ["h264-open-gop-mkv", "h264-avi", "mjpeg-avi"])
def test_truncated(tmp_path: Path, kind: str) -> None:
    clip = save_kind(tmp_path, kind)
    index, _, _, _ = packets_of(clip)[40]
    clip.write_bytes(clip.read_bytes()[:index])
    dive = open_dive([clip])
    got = [number_of(frame.image_rgb_u8) for frame in dive.frames()]
    assert got == list(range(len(got)))
    assert 36 <= len(got) <= 40
    assert dive.gaps[-1].to_s == pytest.approx(6.4)
    assert 3.6 <= dive.gaps[0].from_s <= 4.0


def test_a_recording_that_broke_off_before_its_index(tmp_path: Path) -> None:
    clip = save_kind(tmp_path, "h264-mp4")
    clip.write_bytes(clip.read_bytes()[:-1500])
    with pytest.raises(ImageError, match=r"a\.mp4: is truncated") as told:
        open_dive([clip])
    assert "\n" not in str(told.value)


def test_a_hole_in_a_transport_stream(tmp_path: Path) -> None:
    clip = save_kind(tmp_path, "h264-ts")
    packets = packets_of(clip)
    first = next(i for i, (_, _, _, key) in enumerate(packets) if key and i > 20)
    last = next(i for i, (_, _, _, key) in enumerate(packets) if key and i > first)
    data = clip.read_bytes()
    clip.write_bytes(data[: packets[first][0]] + data[packets[last][0] :])
    dive = open_dive([clip])
    got = [number_of(frame.image_rgb_u8) for frame in dive.frames()]
    assert not set(got) & set(range(first + 1, last)), "what was cut out"
    assert {*range(first - 3), *range(last, 64)} <= set(got)
    (gap,) = dive.gaps
    assert gap.from_s == pytest.approx(first / 10, abs=0.21)
    assert gap.to_s == pytest.approx(last / 10)


def test_frames_of_one_file_tell_at_the_end(tmp_path: Path) -> None:
    clip = save_kind(tmp_path, "mjpeg-mov")
    for index, size, tenths, _ in packets_of(clip):
        if tenths in (10, 20, 30, 40):
            spoil(clip, index, size)
    got = []
    with pytest.raises(ImageError) as told:
        got += [frame.frame for frame in frames(clip, FrameSampling(frames=10))]
    assert got == [0, 11, 21, 31, 41, 50, 60] or not got
    assert "nothing could be read from 1.00 s to 1.10 s" in str(told.value)
    assert str(told.value).endswith("and 1 more parts. Copy it again.")
    assert "\n" not in str(told.value)


def read_mutated(folder: Path, count: int, limit_s: float) -> list[dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.video.mutated_videos", str(folder), str(count)],
        capture_output=True,
        text=True,
        timeout=limit_s,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def check(results: list[dict[str, object]], count: int, other_images: int = 0) -> None:
    assert len(results) == count
    for result in results:
        lines = result["lines"]
        assert isinstance(lines, list)
        assert result["places"], result
        assert result["frames"] or lines, "nothing came, and nobody was told"
        assert all("\n" not in line and str(result["name"]) in line for line in lines)
    assert [result for result in results if not result["same"]][other_images:] == []
    assert sum(bool(result["lines"]) for result in results) > count / 3
    assert sum(bool(result["frames"]) for result in results) > count / 3


def test_mutated_videos(tmp_path: Path) -> None:
    """No crash, no hang, one clear line for each part that could not be read."""
    check(read_mutated(tmp_path, 48, 120), 48)


@pytest.mark.slow
def test_many_mutated_videos(tmp_path: Path) -> None:
    # FFmpeg leaves what is missing of a frame of H.264 as it was in memory, and in a rare one does not mark it.
    check(read_mutated(tmp_path, 3000, 1800), 3000, other_images=3)


def test_a_lost_packet_of_hevc_is_told_though_no_image_is_marked(tmp_path: Path) -> None:
    """FFmpeg decodes on without a word; the counter in the transport stream shows that something is missing."""
    whole = save_kind(tmp_path, "hevc-ts", count=40).read_bytes()
    packets = [whole[start : start + 188] for start in range(0, len(whole), 188)]
    pids = [int.from_bytes(packet[1:3], "big") & 0x1FFF for packet in packets]
    video = [index for index, pid in enumerate(pids) if pid == max(set(pids), key=pids.count)]
    noted = 0
    for lost in video[12:-12:6]:
        path = tmp_path / "lost.ts"
        path.write_bytes(b"".join(packets[:lost] + packets[lost + 1 :]))
        dive = open_dive([path])
        list(dive.frames())
        lines = [line for line in dive.notes if "damaged packets, the first near" in line]
        assert len(lines) <= 1
        noted += bool(lines) and not dive.gaps
    assert noted >= 2, "a packet that held a whole small image leaves no trace; others do"
    dive = open_dive([save_kind(tmp_path, "hevc-ts", count=40)])
    list(dive.frames())
    assert not [line for line in dive.notes if "damaged packets" in line]
