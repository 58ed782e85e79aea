"""The command line starts fast and stays in its lane."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from seasift.core.image import write_image
from tests.tiny_model import quarters, save_tiny


@pytest.mark.parametrize(
    "arguments", [["--help"], ["predict", "--help"], ["validate", "--help"], ["--version"]]
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from seasift.cli.main import main\n"
        "sys.argv = ['seasift', *sys.argv[1:]]\n"
        "try: main()\n"
        "except SystemExit as done: assert not done.code\n"
        "heavy = {'numpy', 'cv2', 'openvino', 'av', 'rich', 'torch', 'matplotlib', 'hotcoco'}\n"
        "print('heavy:', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    assert "heavy: []" in done.stdout
    assert done.stderr == ""


def test_a_whole_run_needs_no_training_packages(tmp_path: Path) -> None:
    save_tiny(tmp_path / "tiny.onnx")
    write_image(tmp_path / "a.png", quarters(250, 0, 0, 0))
    code = (
        "import sys\n"
        "from seasift.cli.main import main\n"
        "sys.argv = 'seasift predict a.png -m tiny.onnx -f json,csv,coco,overlay -o out'.split()\n"
        "try: main()\n"
        "except SystemExit as done: assert not done.code\n"
        "heavy = {'torch', 'torchvision', 'lightning', 'timm', 'matplotlib', 'pycocotools', 'onnx'}\n"
        "print('heavy:', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "heavy: []"


def test_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "seasift", "predict"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: ")
    assert "--help' for help." in done.stderr
    assert done.stderr.splitlines()[-1].startswith("seasift: Missing argument")
    assert "Traceback" not in done.stderr
