"""Memory of `seasift predict` does not grow with the number of images."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from seasift.core.image import write_image
from tests.tiny_model import quarters, save_tiny

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "memory.py"


@pytest.fixture(scope="module")
def memory() -> ModuleType:
    """The benchmark's script as a module."""
    spec = importlib.util.spec_from_file_location("memory", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_is_flat(memory: ModuleType, tmp_path: Path) -> None:
    """3,000 images with 3 objects each, whose entries alone would take some 30 MB."""
    save_tiny(tmp_path / "tiny.onnx")
    write_image(tmp_path / "a.jpg", quarters(250, 0, 160, 200, size=200))
    memory.many([tmp_path / "a.jpg"], 3000, tmp_path / "many")
    command = [sys.executable, "-m", "seasift", "predict", str(tmp_path / "many")]
    command += ["-m", str(tmp_path / "tiny.onnx"), "-f", "json,csv", "-o", str(tmp_path / "out")]
    samples = memory.watch(command, tmp_path / "out" / ".seasift-partial.jsonl", 0.05)
    early = max(held for done, held in samples if done < 600)
    assert len(samples) > 10
    assert max(held for _, held in samples) - early < 10
