"""The notebooks of docs/notebooks run, and are stored as they ran."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
PRIVATE = re.compile(r"(?:/home|/root|/tmp|/work|/Users|/usr|site-packages|[A-Z]:\\\\)")


def code_cells(path: Path) -> list[dict[str, Any]]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def printed(path: Path) -> str:
    outputs = [output for cell in code_cells(path) for output in cell["outputs"]]
    return "".join("".join(output["text"]) for output in outputs if output["output_type"] == "stream")


def test_there_are_three_notebooks() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["predict", "survey", "train"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_as_it_ran(path: Path) -> None:
    cells = code_cells(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    kinds = {output["output_type"] for cell in cells for output in cell["outputs"]}
    assert kinds & {"execute_result", "display_data"}
    assert kinds <= {"stream", "execute_result", "display_data"}, "no error"
    images = re.compile(r"[A-Za-z0-9+/=\\n]{200,}")  # base64 may hold anything
    assert PRIVATE.findall(images.sub("", json.dumps(cells))) == []
    assert path.stat().st_size < 500_000


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path) -> None:
    """In a process of its own: Jupyter's client warns where our tests must not."""
    pytest.importorskip("nbclient", reason="nbclient of the group 'dev' is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel of the group 'dev' is not installed")
    copy = tmp_path / path.name
    copy.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    code = f"from nbclient.cli import main; main(['--inplace', '--timeout=900', '{path.name}'])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = printed(copy)
    if path.stem == "train":
        learnt = re.search(r"mask AP ([.\d]+)", said)
        assert learnt is not None
        assert float(learnt[1]) > 0.0
    else:
        assert "animal_etc" in said, "the shrimp of the clip is an animal of another kind"
