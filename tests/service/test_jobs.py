"""Jobs in the test's own process: results, damaged archives, limits, cancelling, expiry."""

from __future__ import annotations

import asyncio
import io
import json
import stat
import time
import tracemalloc
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from seasift.core.errors import InputError
from seasift.formats import validation
from seasift.service.job_store import JobStore
from tests.service.conftest import HERE, NONE, ONE, THREE, Serve
from tests.service.test_limits import Held, held, png_of  # noqa: F401 - held is a fixture
from tests.tiny_video import save_video


def archive(**entries: bytes) -> bytes:
    """A zip archive; `|` in a name stands for a slash."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(name.replace("|", "/"), content)
    return data.getvalue()


def post(client: TestClient, data: bytes, name: str = "dive.zip", **fields: str) -> Any:
    return client.post("/v1/jobs", files={"file": (name, data)}, data=fields)


def finished(client: TestClient, job_id: str) -> dict[str, Any]:
    """The job once it has ended."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        job: dict[str, Any] = client.get(f"/v1/jobs/{job_id}").json()
        if job["state"] not in ("queued", "running"):
            return job
        time.sleep(0.01)
    raise AssertionError(job)


def result(client: TestClient, job_id: str, name: str = "predictions.json") -> bytes:
    answer = client.get(f"/v1/jobs/{job_id}/files/{name}")
    assert answer.status_code == 200, answer.text
    return answer.content


def test_an_archive_of_images(serve: Serve, folder: Path) -> None:
    client = serve(jobs=folder)
    mixed = archive(
        **{"a.png": THREE, "deep|b.jpg": ONE, "bad.png": b"hello", "notes.txt": b"", "__MACOSX|a.png": b""},
        **{".hidden.png": b"", "c.png": NONE},
    )
    answer = post(client, mixed, overlays="true")
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert answer.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert job["total"] == 4
    job = finished(client, job["id"])
    assert (job["state"], job["done"], job["failures"]) == ("done", 4, 1)
    assert job["files"] == ["predictions.json", "predictions.coco.json", "predictions.csv", "overlays.zip"]
    got = json.loads(result(client, job["id"]))
    assert validation.problems(got) == []
    assert [(i["file"], len(i["objects"])) for i in got["images"]] == [
        ("a.png", 3),
        ("deep/b.jpg", 1),
        ("c.png", 0),
    ]
    assert [failure["file"] for failure in got["failures"]] == ["bad.png"]
    overlays = zipfile.ZipFile(io.BytesIO(result(client, job["id"], "overlays.zip")))
    assert overlays.namelist() == ["0001-a.jpg", "0002-b.jpg", "0004-c.jpg"]
    assert not (folder / job["id"] / "upload").exists(), "the upload goes when the results are there"


def test_a_video(serve: Serve, folder: Path, tmp_path: Path) -> None:
    client = serve(jobs=folder)
    clip = save_video(tmp_path / "clip.mp4", count=6).read_bytes()
    job = finished(client, post(client, clip, "clip.mp4", every="2").json()["id"])
    assert (job["state"], job["done"]) == ("done", 3)
    got = json.loads(result(client, job["id"]))
    assert [i["file"] for i in got["images"]] == ["clip.mp4#frame=0", "clip.mp4#frame=2", "clip.mp4#frame=4"]


def packed(method: int) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as file:
        file.writestr("a.png", ONE)
    return data.getvalue()


def with_link() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        link = zipfile.ZipInfo("a.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(link, "/etc/passwd")
    return data.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (archive(**{"..|..|x.png": ONE}), "lies outside of the archive"),
        (archive(**{"|x.png": ONE}), "lies outside of the archive"),
        (archive(**{"a\\..\\x.png": ONE}), "lies outside of the archive"),
        (archive(**{"C:x.png": ONE}), "lies outside of the archive"),
        (with_link(), "is a link"),
        (packed(zipfile.ZIP_LZMA), "Use plain zip"),
        (packed(zipfile.ZIP_BZIP2), "Use plain zip"),
        (archive(**{"a.txt": b"x"}), "without images"),
        (archive(**{"a.png": ONE})[:-30], "not a whole zip archive"),
        (b"#EXTM3U\nhttp://127.0.0.1/x.ts\n", "neither a zip archive nor a video"),
        (b"", "neither a zip archive nor a video"),
        (b"\0\0\0\x18ftypisom" + bytes(40), "holds no image track"),
    ],
)
def test_archives_that_are_refused(serve: Serve, folder: Path, data: bytes, words: str) -> None:
    answer = post(serve(jobs=folder), data)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert str(folder) not in answer.text
    assert [path for path in folder.iterdir() if path.is_dir()] == [], "nothing of it is kept"


def test_limits_of_archives(serve: Serve, folder: Path) -> None:
    client = serve(
        jobs=folder, job_images=2, job_unpacked_bytes=100_000, image_pixels=5000, request_bytes=50_000
    )
    assert post(client, archive(**{f"{n}.png": NONE for n in range(3)})).status_code == 413
    bomb = archive(**{"a.png": bytes(120_000)})
    assert len(bomb) < 1000
    assert "when unpacked" in post(client, bomb).json()["error"]
    large = archive(**{"a.png": bytes(60_000), "b.png": png_of(9999, 9999)})
    job = finished(client, post(client, large).json()["id"])
    assert (job["state"], job["failures"]) == ("done", 2)
    errors = [f["error"] for f in json.loads(result(client, job["id"]))["failures"]]
    assert ["60,000 bytes" in errors[0], "9,999 x 9,999 px" in errors[1]] == [True, True]
    upload = serve(jobs=folder.with_name("other"), job_upload_bytes=500)
    assert post(upload, bytes(2000)).status_code == 413


def lying(said: int, really: int) -> bytes:
    """An archive with an image that says to have so many bytes, in both places, but unpacks to others."""
    data = bytearray(archive(**{"a.png": bytes(really)}))
    for index in (22, data.rfind(b"PK\1\2") + 24):
        assert data[index : index + 4] == really.to_bytes(4, "little")
        data[index : index + 4] = said.to_bytes(4, "little")
    return bytes(data)


@pytest.mark.parametrize("said", [100, 8_000_000])
def test_a_size_that_is_a_lie_costs_no_memory(serve: Serve, folder: Path, said: int) -> None:
    bomb = lying(said, 12_000_000)
    assert len(bomb) < 20_000
    client = serve(jobs=folder)
    tracemalloc.start()
    try:
        job = finished(client, post(client, bomb).json()["id"])
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (job["state"], job["failures"]) == ("done", 1)
    assert "damaged in the archive" in json.loads(result(client, job["id"]))["failures"][0]["error"]
    assert most < 2 * said + 5_000_000


def test_an_archive_in_an_archive_stays_packed(serve: Serve, folder: Path) -> None:
    nested = archive(**{"more.zip": archive(**{"b.png": bytes(100_000)}), "a.png": ONE})
    client = serve(jobs=folder, job_unpacked_bytes=10_000)
    job = finished(client, post(client, nested).json()["id"])
    assert (job["state"], job["total"], job["failures"]) == ("done", 1, 0)


def test_a_job_that_never_ends_to_arrive(serve: Serve, folder: Path) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
        while sent < 100:
            sent += 1
            yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\nPK' * 500

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = serve(jobs=folder, job_upload_bytes=5000).post("/v1/jobs", content=endless(), headers=headers)
    assert (answer.status_code, "more than 5,000 bytes" in answer.json()["error"]) == (413, True)


def test_a_long_list_of_files_is_refused_before_it_is_read(serve: Serve, folder: Path) -> None:
    many = archive(**{"x" * 60_000 + f"{n}.png": b"" for n in range(20)})
    assert "lists too many files" in post(serve(jobs=folder, job_images=1), many).json()["error"]


def test_jobs_of_a_client_and_cancelling(serve: Serve, folder: Path, held: Held) -> None:  # noqa: F811
    client = serve(held, jobs=folder, jobs_per_client=2)
    first, second = (post(client, archive(**{"a.png": ONE})).json()["id"] for _ in range(2))
    answer = post(client, archive(**{"a.png": ONE}))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")
    assert client.delete(f"/v1/jobs/{second}").json()["state"] == "cancelled"
    assert client.get(f"/v1/jobs/{first}/files/predictions.json").status_code == 404, "not yet"
    third = post(client, archive(**{"a.png": ONE})).json()["id"]
    held.door.set()
    assert finished(client, first)["state"] == finished(client, third)["state"] == "done"
    assert client.get(f"/v1/jobs/{second}").json()["files"] == []
    assert client.delete(f"/v1/jobs/{first}").json()["state"] == "done"
    assert client.get(f"/v1/jobs/{first}").json()["files"] == [], "the client removed them"


def test_jobs_are_counted_by_address(serve: Serve, folder: Path, held: Held) -> None:  # noqa: F811
    here = serve(held, jobs=folder, jobs_per_client=1)
    there = TestClient(here.app, HERE, client=("192.0.2.7", 5000))
    upload = archive(**{"a.png": ONE})
    assert [post(here, upload).status_code for _ in range(2)] == [202, 429]
    assert [there.post("/v1/jobs", files={"file": upload}).status_code for _ in range(2)] == [202, 429]


def test_no_room_for_jobs(serve: Serve, folder: Path, held: Held) -> None:  # noqa: F811
    upload = archive(**{"a.png": ONE})
    client = serve(held, jobs=folder, jobs_bytes=len(upload) + 1)
    first, answer = (post(client, upload) for _ in range(2))
    assert (first.status_code, answer.status_code, answer.headers["Retry-After"]) == (202, 429, "30")
    assert "take all the room" in answer.json()["error"]
    client.delete(f"/v1/jobs/{first.json()['id']}")
    assert post(client, upload).status_code == 202


def test_results_expire_by_age_and_by_size(serve: Serve, folder: Path) -> None:
    client = serve(jobs=folder, jobs_age_s=1000)
    jobs = client.app.state.service.jobs  # type: ignore[attr-defined]
    old = finished(client, post(client, archive(**{"a.png": ONE})).json()["id"])
    assert old["expires"] > old["finished"]
    jobs.sweep(time.time() + 900)
    assert client.get(f"/v1/jobs/{old['id']}").status_code == 200
    jobs.sweep(time.time() + 1001)
    assert client.get(f"/v1/jobs/{old['id']}").status_code == 404
    assert not (folder / old["id"]).exists()
    ids = [finished(client, post(client, archive(**{"a.png": ONE})).json()["id"])["id"] for _ in range(2)]
    small = client.app.state.service.settings.model_copy(  # type: ignore[attr-defined]
        update={"jobs_bytes": jobs._bytes() - 1}
    )
    jobs._settings = small
    jobs.sweep(time.time())
    assert [client.get(f"/v1/jobs/{job_id}").status_code for job_id in ids] == [404, 200], (
        "the older one went"
    )


def test_without_a_folder_there_are_no_jobs(client: TestClient) -> None:
    answer = post(client, archive(**{"a.png": ONE}))
    assert (answer.status_code, "--jobs FOLDER" in answer.json()["error"]) == (404, True)


def test_an_unknown_job(serve: Serve, folder: Path) -> None:
    client = serve(jobs=folder)
    assert client.get("/v1/jobs/..%2F..%2Fetc").status_code == 404
    assert client.get(f"/v1/jobs/{'0' * 32}").status_code == 404
    assert client.get(f"/v1/jobs/{'0' * 32}/files/passwd").status_code == 422


def test_a_folder_belongs_to_one_server(folder: Path) -> None:
    store = JobStore(folder)
    with pytest.raises(InputError, match="another server"):
        JobStore(folder)
    store.close()
    JobStore(folder).close()


def test_time_of_an_upload(serve: Serve, folder: Path) -> None:
    """A body that never ends is answered when its time is over, and nothing of it is kept."""
    client = serve(jobs=folder, job_upload_s=0.2)

    async def endless() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\nPK'
        await asyncio.Event().wait()

    async def post() -> httpx.Response:
        transport = httpx.ASGITransport(client.app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as alone:
            headers = {"Content-Type": "multipart/form-data; boundary=x"}
            return await alone.post("/v1/jobs", content=endless(), headers=headers)

    answer = asyncio.run(post())
    assert answer.status_code == 503
    assert "the upload was not finished within 0.2 s" in answer.json()["error"]
    assert client.get("/metrics").status_code == 200
