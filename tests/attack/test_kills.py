"""Runs that are killed in the middle: the next run goes on, gives the same results and leaves nothing behind."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_model import quarters, save_tiny
from tests.tiny_video import save_video

pytestmark = [
    pytest.mark.attack,
    pytest.mark.skipif(sys.platform == "win32", reason="no such signal"),
]
KILLS = 12


def start(*arguments: str) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-m", "seasift", *arguments]
    return subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def without_times(name: str, data: bytes) -> Any:
    return json.loads(data) if name.endswith(".json") else len(data) > 0


def killed_and_finished(arguments: list[str], out: Path, chance: random.Random) -> tuple[int, set[str]]:
    """Kill a command at random times, then let it end; how many kills met it at work, and the files that are left."""
    begun = time.monotonic()
    assert start(*arguments).wait() == 0
    whole_s, expected = time.monotonic() - begun, files_in(out)
    shutil.rmtree(out)
    met = 0
    for _ in range(KILLS):
        running = start(*arguments)
        try:
            running.wait(timeout=chance.uniform(0.3, 1.0) * whole_s)
        except subprocess.TimeoutExpired:
            met += 1
            os.kill(running.pid, signal.SIGKILL)
            running.wait()
    assert start(*arguments).wait() == 0
    found = files_in(out)
    for name, data in expected.items():
        assert without_times(name, found[name]) == without_times(name, data), name
    return met, set(found) - set(expected)


def test_predict(tmp_path: Path) -> None:
    from seasift.core.image import write_image

    model = save_tiny(tmp_path / "tiny.onnx")
    for number in range(40):
        write_image(tmp_path / "images" / f"{number}.png", quarters(250, number, 160, 200, size=600))
    arguments = ["predict", str(tmp_path / "images"), "--model", str(model), "-f", "overlay,json"]
    met, left = killed_and_finished(
        [*arguments, "-o", str(tmp_path / "out")], tmp_path / "out", random.Random(1)
    )
    print(f"predict: {met} of {KILLS} kills met it at work; {len(left)} files too many")
    assert not left


def test_survey(tmp_path: Path) -> None:
    model = save_tiny(tmp_path / "tiny.onnx")
    video = save_video(tmp_path / "dive.mp4", count=24)
    out = tmp_path / "out"
    arguments = ["survey", str(video), "--model", str(model), "--video", "-o", str(out)]
    met, left = killed_and_finished(arguments, out, random.Random(2))
    print(f"survey: {met} of {KILLS} kills met it at work; {sorted(left)} too many")
    assert not [name for name in left if name.endswith(".part")]
