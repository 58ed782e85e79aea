"""`predict -f video` on a disk that is full ends, says so in one line, and leaves nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_model import save_tiny

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits files as Linux does")
ROOT = Path(__file__).parents[2]
CORAL = ROOT / "examples" / "footage" / "coral.mp4"


def runs(folder: Path, sizes: Sequence[int]) -> list[dict[str, Any]]:
    model = save_tiny(folder / "tiny.onnx")
    program = [sys.executable, "-m", "tests.attack.full_disk", str(model), str(CORAL), str(folder)]
    done = subprocess.run(
        [*program, *map(str, sizes)],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(found: list[dict[str, Any]], sizes: Sequence[int]) -> None:
    assert [run["size"] for run in found] == list(sizes)
    for run in found:
        assert run["code"] in (1, 2), run
        assert run["left"] == [], run
        assert "Traceback" not in run["text"], run
        assert "File too large" in run["text"], run


def test_a_full_disk(tmp_path: Path) -> None:
    sizes = (100_000,)
    check(runs(tmp_path, sizes), sizes)


@pytest.mark.attack
def test_a_full_disk_at_thirty_sizes(tmp_path: Path) -> None:
    sizes = [*range(5_000, 105_000, 10_000), *range(110_000, 510_000, 20_000)]
    found = runs(tmp_path, sizes)
    print(f"full disk: {len(found)} sizes, slowest {max(run['s'] for run in found):.1f} s")
    check(found, sizes)
