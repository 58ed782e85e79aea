"""benchmarks/service.py at a small size: that it runs, and that the server's memory is flat."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from seasift.core.image import write_image
from tests.tiny_model import quarters, save_tiny

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "service.py"


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_benchmark_runs_and_memory_is_flat(tmp_path: Path) -> None:
    save_tiny(tmp_path / "tiny.onnx")
    write_image(tmp_path / "a.jpg", quarters(250, 0, 160, 200, size=400))
    command = [sys.executable, str(SCRIPT), str(tmp_path / "a.jpg"), "--model", str(tmp_path / "tiny.onnx")]
    command += ["--clients", "1", "8", "--count", "16", "--rounds", "1", "--memory", "600"]
    subprocess.run([*command, "--json", str(tmp_path / "found.json")], check=True, timeout=540)
    found = json.loads((tmp_path / "found.json").read_text())
    for subjects in found["clients"].values():
        assert set(subjects) == {"engine", "seasift", "naive"}
        assert all(row["pictures_s"] > 0 and row["p99_ms"] >= row["p50_ms"] for row in subjects.values())
        assert subjects["engine"]["to_engine"] == subjects["naive"]["to_naive"] == 1
    held = found["memory_mb"]
    assert len(held) == 10
    assert max(held[5:]) < max(held[:5]) + 5, held
