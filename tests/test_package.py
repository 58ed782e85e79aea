"""The wheel holds everything that runs without the repository."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = pytest.importorskip("hatchling.build", reason="hatchling is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    code = f"import os; os.chdir({str(ROOT)!r}); import hatchling.build as b; print(b.build_wheel({str(folder)!r}))"
    assert build
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return folder / done.stdout.split()[-1]


def test_the_wheel_holds_recipes_weights_splits_and_pages(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in (
        "seasift/recipes/yolact-resnet50.yaml",
        "seasift/weights/default.onnx",
        "seasift/weights/default.md",
        "seasift/weights/sift-m-official.onnx",
        "seasift/weights/sift-m-official.md",
        "seasift/weights/sift-m-material.onnx",
        "seasift/weights/sift-m-material.md",
        "seasift/data/trashcan_splits/leak-free/test.txt",
        "seasift/data/trashcan_splits/dive-free/test.txt",
        "seasift/data/trashcan_splits/dives.csv",
        "seasift/evaluation/templates/report.html",
        "seasift/formats/predictions-1.schema.json",
        "seasift/formats/tracks-1.schema.json",
        "seasift/py.typed",
        "seasift/service/page/index.html",
        "seasift/service/page/seasift.css",
        "seasift/service/page/app.js",
        "seasift/service/review_page/review.html",
        "seasift/service/review_page/review.js",
        "seasift/service/page/example-1-shrimp.jpg",
    ):
        assert name in names, name
    assert not [name for name in names if name.startswith(("tests", "examples", "benchmarks"))]


def test_models_in_the_box_and_the_wheel_are_small_enough(wheel: Path) -> None:
    sizes = [path.stat().st_size for path in (ROOT / "src/seasift/weights").glob("*.onnx")]
    assert sizes
    assert max(sizes) <= 25_000_000
    assert wheel.stat().st_size <= 40_000_000


def test_the_wheel_works_outside_the_repository(wheel: Path, tmp_path: Path) -> None:
    """Unpacked elsewhere and first on the path, the packaged seasift predicts and lists its recipes."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); import seasift; print(seasift.__file__); "
        "from seasift.recipes.recipe import shipped_recipes; print(*shipped_recipes()); "
        "from seasift.data.schemes import shipped_schemes; print(len(shipped_schemes('trashcan')['leak-free']['train'])); "
        "import numpy as np; from seasift.inference.predictor import load_predictor; "
        "found = load_predictor().predict([np.zeros((50, 60, 3), np.uint8)]); print(found[0].size_hw)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    index, recipes, names, size = done.stdout.splitlines()
    assert Path(index).is_relative_to(tmp_path)
    assert "yolact-resnet50" in recipes
    assert int(names) > 4000
    assert size == "(50, 60)"
