"""Schemathesis makes requests from the API's own description, and finds no answer that breaks it.

It is not among the packages of the project, which it would weigh down: `pip install schemathesis` in an environment of its
own, and SCHEMATHESIS=its program if that is not on PATH.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.service.server_process import ServerProcess
from tests.tiny_model import save_tiny

PROGRAM = os.environ.get("SCHEMATHESIS") or shutil.which("schemathesis")
# What the description allows may be refused by 400 alone: that bytes are an image, or a name one of the model's classes,
# it cannot say. A refused field (422) would be an error in the description.
SETTINGS = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", 400, 401, 404, 429]
"""


@pytest.mark.slow
@pytest.mark.skipif(PROGRAM is None, reason="schemathesis is not installed")
def test_no_request_made_from_the_description_is_answered_otherwise_than_it_says(tmp_path: Path) -> None:
    assert PROGRAM
    with ServerProcess(save_tiny(tmp_path / "tiny.onnx"), tmp_path / "jobs") as server:
        (tmp_path / "schemathesis.toml").write_text(SETTINGS, encoding="utf-8")
        command = [PROGRAM, "--config-file", "schemathesis.toml", "run", server.url + "/openapi.json"]
        command += ["--checks", "all", "--seed", "1"]
        command += ["--max-examples", os.environ.get("SCHEMATHESIS_EXAMPLES", "50"), "--no-color"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
        assert server.get("/readyz")["ready"]
