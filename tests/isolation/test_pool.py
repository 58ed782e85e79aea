"""Decoders in processes of their own: same images, limits that hold, replaced when they are gone."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from seasift.core.errors import BusyError, EngineError, ImageError, LimitError
from seasift.core.image import SUFFIXES, decode_image, encode_image
from seasift.isolation.pool import DecoderPool, DecodingLimits
from seasift.video.reading import FrameSampling, frames
from tests.tiny_video import save_video

NOISE = np.random.default_rng(1).integers(0, 255, (33, 70, 3), dtype=np.uint8)
CORAL = Path(__file__).parents[2] / "examples" / "footage" / "coral.mp4"  # 120 frames of 0.7 MB
SMALL = encode_image(NOISE)


def png_of(width: int, height: int) -> bytes:
    """A grey PNG of one bit a pixel: a small file, and long work for a decoder."""

    def part(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width + 7) // 8 + 1) * height, 1)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", rows) + part(b"IEND", b"")


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    made = DecoderPool(2)
    yield made
    made.close()


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_images_are_those_of_this_process(pool: DecoderPool, suffix: str) -> None:
    data = encode_image(NOISE, suffix)
    assert np.array_equal(pool.image(data, "a"), decode_image(data, "a"))


@pytest.mark.parametrize("data", [b"", b"GIF89a", SMALL[:60], SMALL.replace(b"IDAT", b"IDOT")])
def test_errors_are_those_of_this_process(pool: DecoderPool, data: bytes) -> None:
    with pytest.raises(ImageError) as ours:
        decode_image(data, "a.png")
    with pytest.raises(ImageError) as theirs:
        pool.image(data, "a.png")
    assert str(theirs.value) == str(ours.value)
    assert pool.killed == 0


def test_threads_share_the_processes(pool: DecoderPool) -> None:
    images = [np.full((20, 30 + number, 3), number, np.uint8) for number in range(40)]
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda image: pool.image(encode_image(image), "a"), images))
    assert all(np.array_equal(one, image) for one, image in zip(found, images, strict=True))
    assert pool.killed == 0


def test_too_many_pixels(pool: DecoderPool) -> None:
    with pytest.raises(LimitError, match="70 x 33 px; expected at most 2,309"):
        pool.image(SMALL, "a.png", max_pixels=2309)


def test_frames_are_those_of_this_process(pool: DecoderPool, tmp_path: Path) -> None:
    path = save_video(tmp_path / "clip.mp4", count=9)
    ours = list(frames(path, FrameSampling.parse("2")))
    theirs = list(pool.frames(path, "clip.mp4", "2"))
    assert [(f.frame, f.time_s) for f in theirs] == [(f.frame, f.time_s) for f in ours]
    assert all(np.array_equal(a.image_rgb_u8, b.image_rgb_u8) for a, b in zip(ours, theirs, strict=True))
    facts = pool.look(path, "clip.mp4", "2")
    assert facts.size_hw == ours[0].image_rgb_u8.shape[:2]
    assert facts.count == len(ours)


def test_a_missing_video_is_named_as_the_user_does(pool: DecoderPool, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"^mine.mp4: no such file"):
        list(pool.frames(tmp_path / "upload", "mine.mp4", "2"))


def test_an_image_that_takes_too_long_is_given_up() -> None:
    pool = DecoderPool(1, DecodingLimits(seconds=0.05))
    try:
        with pytest.raises(LimitError, match=r"slow.png: not decoded within 0.05 s"):
            pool.image(png_of(10_000, 9000), "slow.png")
        pool.limits = DecodingLimits()
        assert pool.killed == 1
        assert np.array_equal(pool.image(SMALL, "a"), NOISE), "another process took its place"
    finally:
        pool.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the address space")
def test_an_image_that_takes_too_much_memory_is_refused() -> None:
    pool = DecoderPool(1, DecodingLimits(memory_bytes=64 << 20))
    try:
        with pytest.raises((ImageError, LimitError), match=r"^large.png: "):
            pool.image(png_of(10_000, 9000), "large.png")
        assert np.array_equal(pool.image(SMALL, "a"), NOISE)
    finally:
        pool.close()


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
def test_a_decoder_that_crashes_is_replaced() -> None:
    pool = DecoderPool(1)
    try:
        running = pool.frames(CORAL, "clip.mp4", "1")
        next(running)
        (process,) = pool._busy
        os.kill(process._popen.pid, signal.SIGSEGV)
        with pytest.raises(ImageError, match=r"clip.mp4: its decoder crashed \(SIGSEGV\)"):
            list(running)
        assert np.array_equal(pool.image(SMALL, "a"), NOISE)
        (idle,) = pool._idle
        os.kill(idle._popen.pid, signal.SIGKILL)
        idle._popen.wait()
        assert np.array_equal(pool.image(SMALL, "a"), NOISE), "one that died while idle is not used"
    finally:
        pool.close()


def test_frames_that_nobody_wants_end() -> None:
    pool = DecoderPool(1)
    unwanted = threading.Event()
    try:
        running = pool.frames(CORAL, "clip.mp4", "1", unwanted.is_set)
        next(running)
        unwanted.set()
        assert len(list(running)) < 119
        again = pool.frames(CORAL, "clip.mp4", "1")
        next(again)
        again.close()
        assert np.array_equal(pool.image(SMALL, "a"), NOISE)
    finally:
        pool.close()


def test_a_closed_pool_says_so() -> None:
    pool = DecoderPool(1)
    pool.close()
    with pytest.raises(EngineError, match="stopped"):
        pool.image(SMALL, "a")


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits")
def test_a_decoder_writes_no_file_and_ends_with_its_server(tmp_path: Path) -> None:
    code = """
import os, signal, sys
from seasift.isolation.pool import DecoderPool
pool = DecoderPool(1); pool.start(1)
print(pool._idle[0]._popen.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    pid, end = int(done.stdout), time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and _running(pid) and time.monotonic() < end:
        os.sched_yield()
    assert not _running(pid)
    target = tmp_path / "file"
    code = f"""
import os
from seasift.isolation.worker import limit
limit(1 << 30)
os.write(os.open({str(target)!r}, os.O_WRONLY | os.O_CREAT), b"x")
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode != 0
    assert not target.exists() or target.stat().st_size == 0


def _running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_machine_without_room_for_processes_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = DecoderPool(1)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "executable", "/nonexistent/python")
            with pytest.raises(BusyError, match="Try again later"):
                pool.image(SMALL, "a")
        assert np.array_equal(pool.image(SMALL, "a"), NOISE)
    finally:
        pool.close()
