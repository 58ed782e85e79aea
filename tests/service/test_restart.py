"""A server that is killed or told to stop in the middle of its work, as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from seasift.core.image import encode_image
from seasift.service.client import Client
from seasift.service.state import STOP_S
from tests.service.server_process import ServerProcess
from tests.service.test_jobs import archive
from tests.tiny_model import quarters, save_tiny


def many(count: int) -> bytes:
    """An archive of images, each with objects of its own."""
    return archive(
        **{f"{n:03d}.png": encode_image(quarters(130 + n, 0, 250 - n, 0)) for n in range(count)}, bad=b""
    )


@pytest.mark.slow
def test_a_job_whose_server_was_killed_ends_right(tmp_path: Path) -> None:
    model, jobs, release = save_tiny(tmp_path / "tiny.onnx"), tmp_path / "jobs", tmp_path / "release"
    upload = tmp_path / "dive.zip"
    upload.write_bytes(many(40))
    with ServerProcess(model, jobs, hold_after=15, release=release) as server:
        job_id = Client(server.url).submit(upload)["id"]
        server.wait_for(lambda: server.get(f"/v1/jobs/{job_id}")["done"] >= 12)
        server.signal(signal.SIGKILL)
        assert server.ended() == -signal.SIGKILL
    with ServerProcess(model, jobs) as server:
        job = server.wait_for(lambda: ended(server.get(f"/v1/jobs/{job_id}")))
        assert (job["state"], job["done"], job["failures"]) == ("done", 40, 0)
        seen = Client(server.url).text("/metrics")
        again = Client(server.url).submit(upload)["id"]
        server.wait_for(lambda: ended(server.get(f"/v1/jobs/{again}")))
        name = "predictions.json"
        assert Client(server.url).fetch(job_id, name) == Client(server.url).fetch(again, name), (
            "as if never killed"
        )
    (count,) = (line for line in seen.splitlines() if line.startswith("seasift_pictures_total "))
    assert float(count.split()[1]) <= 40 - 12, "what was finished is not done again"


def ended(job: dict[str, Any]) -> dict[str, Any] | None:
    return job if job["state"] not in ("queued", "running") else None


@pytest.mark.slow
def test_sigterm_finishes_what_is_under_way(tmp_path: Path) -> None:
    model, jobs, release = save_tiny(tmp_path / "tiny.onnx"), tmp_path / "jobs", tmp_path / "release"
    image = tmp_path / "a.png"
    image.write_bytes(encode_image(quarters(250, 0, 160, 200)))
    with ServerProcess(model, jobs, hold_after=0, release=release) as server:
        answers: list[bytes] = []
        asks = threading.Thread(target=lambda: answers.append(Client(server.url).predict([image])))
        asks.start()
        waits = threading.Thread(target=lambda: answers.append(Client(server.url).predict([image])))
        server.wait_for(lambda: "seasift_queue_pictures 0.0" in Client(server.url).text("/metrics"))
        waits.start()
        server.wait_for(lambda: "seasift_queue_pictures 1.0" in Client(server.url).text("/metrics"))
        server.signal(signal.SIGTERM)
        reason = server.wait_for(lambda: not_ready(server.url))
        assert reason == "shutting down"
        release.touch()
        asks.join(30)
        waits.join(30)
        assert server.ended() == 0
    assert [len(json.loads(answer)["images"][0]["objects"]) for answer in answers] == [3, 3]
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(server.url + "/healthz", timeout=5)
    statuses = [line["status"] for line in server.log if line.get("path") == "/v1/predict"]
    assert statuses == [200, 200]


def not_ready(url: str) -> str | None:
    try:
        urllib.request.urlopen(url + "/readyz", timeout=5).close()
    except urllib.error.HTTPError as error:
        with error:
            return str(json.loads(error.read())["reason"])
    return None


@pytest.mark.slow
def test_a_server_whose_model_never_ends_its_first_run_ends_at_sigterm(tmp_path: Path) -> None:
    model = save_tiny(tmp_path / "tiny.onnx")
    with ServerProcess(model, tmp_path / "jobs", trouble="stuck") as server:
        server.wait_for(lambda: {"first run", "listening"} <= set(server.events()))
        server.signal(signal.SIGTERM)
        begun = time.monotonic()
        assert server.ended() == 0
        assert time.monotonic() - begun < 0.5 + STOP_S + 5, "drain, bound, and a slow machine"
        assert "ended without waiting longer" in server.events()


@pytest.mark.slow
def test_a_server_told_to_stop_before_it_listens_ends(tmp_path: Path) -> None:
    with ServerProcess(save_tiny(tmp_path / "tiny.onnx"), tmp_path / "jobs", trouble="early") as server:
        assert server.ended() == 0
        assert "ended without waiting longer" not in server.events()


@pytest.mark.slow
def test_a_server_told_to_stop_while_its_model_loads_ends(tmp_path: Path) -> None:
    fifo = tmp_path / "model"
    os.mkfifo(fifo)
    loads = (
        "import seasift.inference.predictor as p; from seasift.cli.main import main;"
        f"p.load_predictor = lambda *a, **b: open({str(fifo)!r}).read(); main()"
    )
    program = [sys.executable, "-c", loads, "serve", "--port", "0"]
    # The pipe opens once the other side reads, which it does until this one closes.
    with subprocess.Popen(program) as process, fifo.open("w"):
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
