"""What may befall a server with jobs: full disks, damaged stores, old stores, clocks, and clients that go away."""

from __future__ import annotations

import errno
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from seasift.core.errors import InputError
from seasift.isolation.pool import DecoderPool
from seasift.service import job_runner, job_upload, jobs
from seasift.service.job_store import Job, JobStore
from seasift.service.settings import ServiceSettings
from tests.service.conftest import ONE, Serve
from tests.service.test_jobs import archive, finished, post
from tests.tiny_video import save_video

UPLOAD = archive(**{"a.png": ONE})


def kept_job(number: int, **changes: Any) -> Job:
    values = {
        "client": "",
        "kind": "archive",
        "file": "a.zip",
        "look": "{}",
        "every": "1s",
        "overlays": False,
    }
    return Job(id=f"{number:032x}", model="", total=1, created=float(number), **{**values, **changes})


def full(*_arguments: Any, **_named: Any) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_said_and_ends_nothing(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve(jobs=folder)
    monkeypatch.setattr(job_runner, "_TROUBLE_S", 0.01)
    with monkeypatch.context() as patch:
        patch.setattr(jobs.shutil, "copyfileobj", full)
        answer = post(client, UPLOAD)
        assert (answer.status_code, "disk is full" in answer.json()["error"]) == (507, True)
        assert [path for path in folder.iterdir() if path.is_dir()] == []
    tried = threading.Event()

    def noted(*_arguments: Any) -> None:
        tried.set()
        full()

    with monkeypatch.context() as patch:
        patch.setattr(job_runner, "write_results", noted)
        job_id = post(client, UPLOAD).json()["id"]
        assert tried.wait(30)
        assert client.get(f"/v1/jobs/{job_id}").json()["state"] in ("queued", "running")
        assert client.get("/readyz").status_code == 200
    assert finished(client, job_id)["state"] == "done", "once there is room"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (sqlite3.OperationalError("database or disk is full"), 507),
        (sqlite3.OperationalError("database is locked"), 503),
        (sqlite3.DatabaseError("database disk image is malformed"), 503),
        (OSError(errno.ENOSPC, "No space left on device"), 507),
        (OSError(errno.EIO, "Input/output error"), 503),
    ],
)
def test_trouble_with_the_store_is_an_answer_in_words(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    client = serve(jobs=folder)
    store = client.app.state.service.jobs._store  # type: ignore[attr-defined]

    def broken(*_arguments: Any) -> Any:
        raise error

    monkeypatch.setattr(store, "_jobs", broken)
    for answer in (
        post(client, UPLOAD),
        client.get(f"/v1/jobs/{'0' * 32}"),
        client.delete(f"/v1/jobs/{'0' * 32}"),
    ):
        assert (answer.status_code, "disk" in answer.json()["error"]) == (status, True)


def test_the_thread_outlives_any_error_of_the_store(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_runner, "_TROUBLE_S", 0.01)
    client = serve(jobs=folder)
    service = client.app.state.service  # type: ignore[attr-defined]
    store, failed = service.jobs._store, threading.Event()

    def broken(*_arguments: Any) -> Any:
        failed.set()
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        for name in ("claim", "finish"):
            patch.setattr(store, name, broken)
        job_id = post(client, UPLOAD).json()["id"]
        assert failed.wait(30)
    assert finished(client, job_id)["state"] == "done"
    assert service.jobs.alive


def test_a_server_whose_job_thread_has_ended_is_not_ready(serve: Serve, folder: Path) -> None:
    client = serve(jobs=folder)
    runner = client.app.state.service.jobs._runner  # type: ignore[attr-defined]
    assert client.get("/readyz").status_code == 200
    runner.stop()
    answer = client.get("/readyz")
    assert (answer.status_code, "jobs" in answer.json()["reason"]) == (503, True)


def one_line(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        JobStore(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_damaged_store_is_one_line(folder: Path) -> None:
    JobStore(folder).close()
    path = folder / "jobs.sqlite"
    whole = path.read_bytes()
    path.write_bytes(b"not a database" * 100)
    assert "damaged" in one_line(folder)
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    assert "damaged" in one_line(folder)
    path.write_bytes(whole)
    JobStore(folder).close()


def test_a_locked_store_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seasift.service.job_store._LOCKED_S", 0.05)
    JobStore(folder).close()
    other = sqlite3.connect(folder / "jobs.sqlite")
    other.executescript("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;")
    try:
        assert "another program uses it" in one_line(folder)
    finally:
        other.close()
    JobStore(folder).close()


@pytest.mark.parametrize(
    "script",
    [
        "PRAGMA user_version = 99",
        "ALTER TABLE jobs RENAME COLUMN look TO choices",
        "ALTER TABLE images RENAME TO pictures",
        "DROP TABLE jobs; DROP TABLE images; CREATE TABLE notes (text TEXT)",
    ],
)
def test_a_store_of_another_version_is_refused_at_the_start(folder: Path, script: str) -> None:
    JobStore(folder).close()
    other = sqlite3.connect(folder / "jobs.sqlite")
    other.executescript(script)
    other.close()
    assert "another version" in one_line(folder)


def test_a_store_without_a_version_is_taken_over(folder: Path) -> None:
    store = JobStore(folder)
    store.add(kept_job(1))
    store.close()
    other = sqlite3.connect(folder / "jobs.sqlite")
    other.execute("PRAGMA user_version = 0")
    other.close()
    store = JobStore(folder)
    assert [job.id for job in store.all()] == [kept_job(1).id]
    store.close()


def test_a_sweep_measures_each_kept_job_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = JobStore(folder)
    for number in range(60):
        store.add(kept_job(number))
        store.finish(kept_job(number).id, "done")
        (folder / kept_job(number).id).mkdir()
        (folder / kept_job(number).id / "x").write_bytes(bytes(100))
    now = store.now()
    store.close()
    measured: list[Path] = []

    def counted(path: Path) -> int:
        measured.append(path)
        return job_runner.bytes_in(path)

    monkeypatch.setattr(jobs, "bytes_in", counted)
    settings = ServiceSettings(jobs=folder, jobs_bytes=5000)
    kept = jobs.Jobs(folder, None, None, settings, None)  # type: ignore[arg-type]
    kept.sweep(now)
    assert len(measured) == 60
    assert len(kept._store.all()) == 50, "the ten oldest went, for room"
    assert kept._bytes() == 5000
    kept.sweep(now)
    assert len(measured) == 60, "what has ended does not change"
    kept.stop()


def test_a_clock_that_jumps_expires_nothing(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve(jobs=folder, jobs_age_s=1000)
    kept = client.app.state.service.jobs  # type: ignore[attr-defined]
    job_id = finished(client, post(client, UPLOAD).json()["id"])["id"]
    real = time.time
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: real() + 10 * 365 * 86400)
        (folder / ("f" * 32)).mkdir()
        kept._arriving.add("f" * 32)  # an upload on its way
        kept.sweep(kept._store.now())
        assert (folder / ("f" * 32)).exists()
        assert client.get(f"/v1/jobs/{job_id}").status_code == 200
        later = finished(client, post(client, UPLOAD).json()["id"])
    assert later["finished"] < "2030" or real() > 1.9e9, "written by the server's own clock"


def test_cancelling_ends_the_decoder(tmp_path: Path, decoders: DecoderPool) -> None:
    """Of a video whose next wanted frame is far away, the rest is not decoded."""
    clip = save_video(tmp_path / "clip.mp4", count=6)
    killed = decoders.killed
    found = job_upload.entries(clip, "video", "clip.mp4", "2", ServiceSettings(), decoders, (), lambda: True)
    assert [entry.index for entry in found][3:] == []
    wanted = job_upload.entries(clip, "video", "clip.mp4", "2", ServiceSettings(), decoders, ())
    assert [entry.index for entry in wanted] == [0, 2, 4]
    assert decoders.killed <= killed + 1


def test_clean_stops_do_not_count_against_a_job(folder: Path) -> None:
    for _ in range(5):
        store = JobStore(folder)
        if not store.all():
            store.add(kept_job(1))
        job = store.claim()
        assert job is not None, "failed after clean stops"
        store.forgive()
        store.close()
    for _ in range(3):
        store = JobStore(folder)
        store.claim()
        store.close()
    store = JobStore(folder)
    assert (store.claim(), store.all()[0].state) == (None, "failed"), "a job that ends the server still fails"
    store.close()


def test_posts_against_deletes(serve: Serve, folder: Path) -> None:
    client = serve(jobs=folder, jobs_per_client=1000)
    statuses: set[int] = set()

    def work() -> None:
        for _ in range(12):
            answer = post(client, UPLOAD, overlays="true")
            statuses.add(answer.status_code)
            job_id = answer.json()["id"]
            statuses.add(client.delete(f"/v1/jobs/{job_id}").status_code)
            statuses.add(client.get(f"/v1/jobs/{job_id}/files/predictions.json").status_code)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses <= {200, 202, 404}, statuses
    last = finished(client, post(client, UPLOAD).json()["id"])
    assert last["state"] == "done"
    left = {path.name for path in folder.iterdir() if path.is_dir()}
    assert left == {last["id"]}, "what a cancelled job wrote late is gone, too"


def test_a_file_that_goes_while_it_is_asked_for(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: TestClient = serve(jobs=folder)
    job_id = finished(client, post(client, UPLOAD).json()["id"])["id"]
    kept = client.app.state.service.jobs  # type: ignore[attr-defined]
    monkeypatch.setattr(kept, "file", lambda _id, name: folder / "gone" / name)
    answer = client.get(f"/v1/jobs/{job_id}/files/predictions.json")
    assert (answer.status_code, "gone" in answer.json()["error"]) == (404, True)
