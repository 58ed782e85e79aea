"""The review's endpoints and files."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import seasift.service
from seasift.core.image import decode_image
from seasift.review.folder import Review
from seasift.service.review_app import create_review_app
from seasift.service.settings import ServiceSettings

FOLDER = Path(seasift.service.__file__).parent / "review_page"
Start = Callable[..., TestClient]


@pytest.fixture
def out(surveyed: Path, tmp_path: Path) -> Path:
    shutil.copytree(surveyed, tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture
def start(out: Path) -> Iterator[Start]:
    """Start the review of the folder; gives its client."""
    with ExitStack() as stack:

        def begin(reviewer: str = "", **settings: object) -> TestClient:
            app = create_review_app(Review(out), ServiceSettings.model_validate(settings), reviewer=reviewer)
            # On loopback a server may answer to the names of this machine alone.
            return stack.enter_context(
                TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
            )

        yield begin


def states(client: TestClient) -> dict[int, str]:
    return {track["id"]: track["state"] for track in client.get("/v1/review").json()["tracks"]}


def test_tracks_are_listed_with_classes_and_videos(start: Start) -> None:
    found = start().get("/v1/review").json()
    assert [(track["id"], track["name"], track["state"]) for track in found["tracks"]] == [
        (1, "red thing", "undecided"),
        (2, "red thing", "undecided"),
        (3, "green thing", "undecided"),
        (4, "red thing", "undecided"),
    ]
    assert [category["name"] for category in found["categories"]] == [
        "red thing",
        "green thing",
        "blue thing",
    ]
    assert [(Path(video["file"]).name, video["there"]) for video in found["videos"]] == [("dive.mp4", True)]
    assert found["tracks"][3]["first_s"] == pytest.approx(68 / 5)


def test_decisions_outlive_the_server(start: Start) -> None:
    client = start("Ada")
    said = client.post("/v1/review/decisions", json={"track": 2, "word": "accept", "name": "sea pen"}).json()
    assert (said["track"]["state"], said["track"]["reviewer"]) == ("relabelled", "Ada")
    assert said["categories"][-1] == {"id": 9, "name": "sea pen", "group": "other", "coarse": False}
    client.post("/v1/review/decisions", json={"track": 3, "word": "reject", "reviewer": "Bob"})
    again = start()
    assert states(again) == {1: "undecided", 2: "relabelled", 3: "rejected", 4: "undecided"}
    assert again.post("/v1/review/undo", json={"reviewer": "Bob"}).json()["track"]["state"] == "undecided"
    assert again.post("/v1/review/undo", json={"reviewer": "Bob"}).status_code == 404


def test_images_and_views_show_the_track(start: Start) -> None:
    client = start()
    best = client.get("/v1/review/tracks/3/picture")
    assert best.headers["content-type"] == "image/jpeg"
    assert best.headers["cache-control"] == "no-store"
    for data in (best.content, client.get("/v1/review/tracks/3/views/10").content):
        image = decode_image(data, "a.jpg")
        middle = image[image.shape[0] // 2, image.shape[1] // 2].tolist()
        assert middle[1] > 180 > max(middle[0], middle[2])
    assert client.get("/v1/review/tracks/3/views/99").status_code == 404
    assert client.get("/v1/review/tracks/99/picture").status_code == 404


def test_without_the_video_the_best_image_is_left(surveyed: Path, tmp_path: Path) -> None:
    out = tmp_path / "far" / "out"
    shutil.copytree(surveyed, out)
    text = (out / "tracks.json").read_text("utf-8")
    (out / "tracks.json").write_text(text.replace("dive.mp4", "gone.mp4"), "utf-8")
    with TestClient(create_review_app(Review(out)), base_url="http://127.0.0.1") as client:
        assert not client.get("/v1/review").json()["videos"][0]["there"]
        assert client.get("/v1/review/tracks/1/picture").status_code == 200
        answer = client.get("/v1/review/tracks/1/views/0")
    assert (answer.status_code, "--footage" in answer.json()["error"]) == (404, True)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"track": 99, "word": "accept"}, 404),
        ({"track": 1, "word": "maybe"}, 422),
        ({"track": 1, "word": "accept", "name": " "}, 400),
        ({"track": 1, "word": "accept", "colour": "red"}, 422),
        ({}, 422),
    ],
)
def test_wrong_words_change_nothing(start: Start, body: dict[str, object], status: int) -> None:
    client = start()
    answer = client.post("/v1/review/decisions", json=body)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert set(states(client).values()) == {"undecided"}


def test_another_page_cannot_decide_by_a_form(start: Start) -> None:
    """A browser lets any page send plain text to this machine, without asking first."""
    client = start()
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        for path, text in (("decisions", '{"track": 1, "word": "reject"}'), ("undo", "{}"), ("export", "")):
            answer = client.post(f"/v1/review/{path}", content=text, headers={"Content-Type": kind})
            assert answer.status_code in (400, 422), path
    assert set(states(client).values()) == {"undecided"}


def test_the_token_is_asked_for(start: Start) -> None:
    client = start(token="a-token-for-tests")
    assert client.get("/").status_code == 200
    assert client.get("/review/review.js").status_code == client.get("/page/seasift.css").status_code == 200
    assert client.get("/v1/review").status_code == 401
    assert client.post("/v1/review/undo", json={}).status_code == 401
    headers = {"Authorization": "Bearer a-token-for-tests"}
    assert client.get("/v1/review", headers=headers).status_code == 200


def test_export(start: Start, out: Path) -> None:
    client = start()
    assert client.get("/v1/review/export").json()["state"] == "none"
    client.post("/v1/review/decisions", json={"track": 4, "word": "accept"})
    assert client.post("/v1/review/export", json={}).status_code == 202
    until = time.monotonic() + 60
    while (state := client.get("/v1/review/export").json())["state"] == "running":
        assert time.monotonic() < until
    assert (state["state"], state["done"]) == ("done", 11)
    assert Path(state["path"]) == out / "reviewed/annotations.json"
    assert len(list((out / "reviewed/images").glob("*.jpg"))) == 11
    client.post("/v1/review/undo", json={})
    client.post("/v1/review/export", json={})
    client.app.state.service.exporter.wait()  # type: ignore[attr-defined]
    state = client.get("/v1/review/export").json()
    assert (state["state"], "no track is accepted" in state["words"][0]) == ("failed", True)


def test_counts_are_written_when_the_server_ends(surveyed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(surveyed, out)
    with TestClient(create_review_app(Review(out)), base_url="http://127.0.0.1") as client:
        client.post("/v1/review/decisions", json={"track": 1, "word": "reject"})
    lines = (out / "reviewed_counts.csv").read_text("utf-8-sig").splitlines()
    assert lines[1].startswith("dive,,,red thing,2,3,3,0,0,0,2")


def test_each_file_of_the_page_is_sent_with_the_policy(start: Start) -> None:
    client = start()
    page = client.get("/")
    assert page.content == (FOLDER / "review.html").read_bytes()
    assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    for path in FOLDER.iterdir():
        assert client.get(f"/review/{path.name}").content == path.read_bytes()
    assert client.get("/review/..%2Freview_app.py").status_code == 404


def test_nothing_comes_from_elsewhere_and_all_that_is_looked_up_is_there() -> None:
    page = (FOLDER / "review.html").read_text("utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page)
    ids = set(re.findall(r'\bid="([\w-]+)"', page))
    for path in FOLDER.iterdir():
        text = path.read_text("utf-8")
        assert not re.search(r"https?://", text), path.name
        assert set(re.findall(r'\$\("([\w-]+)"\)', text)) <= ids, path.name
        for name in re.findall(r'from "(\.[\w./]+)"', text):
            assert (FOLDER / name).resolve().is_file(), name
