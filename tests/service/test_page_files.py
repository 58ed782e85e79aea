"""The page's files: types, policy, and that they need no token."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import seasift.service
from seasift.inference.predictor import OnnxPredictor
from seasift.modelfile.bundled import card_of, names
from seasift.service.app import create_app
from tests.service.conftest import HERE, Serve

FOLDER = Path(seasift.service.__file__).parent / "page"
NAMES = sorted(path.name for path in FOLDER.iterdir())


def test_the_page_has_a_strict_policy(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert client.head("/").headers["etag"] == answer.headers["etag"]


@pytest.mark.parametrize("name", NAMES)
def test_each_file_is_sent(client: TestClient, name: str) -> None:
    answer = client.get(f"/page/{name}")
    kinds = {
        "html": "text/html",
        "css": "text/css",
        "js": "text/javascript",
        "svg": "image/svg+xml",
        "jpg": "image/jpeg",
    }
    assert answer.headers["content-type"].split(";")[0] == kinds[name.rpartition(".")[2]]
    assert answer.content == (FOLDER / name).read_bytes()
    again = client.get(f"/page/{name}", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["nothing.js", "..%2Fapp.py", "%2e%2e/app.py", "", "../page/app.js%00"])
def test_other_names_are_not_found(client: TestClient, name: str) -> None:
    answer = client.get(f"/page/{name}")
    assert answer.status_code == 404
    assert answer.json()["error"]


def test_the_page_needs_no_token_but_its_requests_do(serve: Serve) -> None:
    client = serve(token="a-token-for-tests")
    assert client.get("/").status_code == 200
    assert client.get("/page/app.js").status_code == 200
    assert client.get("/v1/labels").status_code == 401


def test_nothing_comes_from_elsewhere_and_no_script_or_style_is_inline() -> None:
    for path in FOLDER.iterdir():
        if path.suffix in {".html", ".css", ".js"}:
            text = path.read_text("utf-8")
            assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text) == [], path.name
    page = (FOLDER / "index.html").read_text("utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page)


def test_all_that_the_scripts_import_and_look_up_is_there() -> None:
    page = (FOLDER / "index.html").read_text("utf-8")
    ids = set(re.findall(r'\bid="([\w-]+)"', page))
    for path in FOLDER.glob("*.js"):
        text = path.read_text("utf-8")
        assert set(re.findall(r'from "\./([\w.]+)"', text)) <= set(NAMES), path.name
        assert set(re.findall(r'(?:\$|getElementById|click)\("([\w-]+)"', text)) <= ids, path.name


def test_labels_have_groups(client: TestClient) -> None:
    assert {label["group"] for label in client.get("/v1/labels").json()["labels"]} == {"other"}


def test_the_card_where_there_is_one(tiny: OnnxPredictor, client: TestClient) -> None:
    with TestClient(create_app(tiny, card="# Model card: Fläche"), base_url=HERE) as with_card:
        answer = with_card.get("/v1/card")
    assert (answer.text, answer.headers["content-type"]) == (
        "# Model card: Fläche",
        "text/markdown; charset=utf-8",
    )
    assert client.get("/v1/card").status_code == 404


def test_models_in_the_box_have_cards(tmp_path: Path) -> None:
    for name in names():
        assert (card_of(name) or "").startswith("# Model card")
    assert card_of(tmp_path / "model.onnx") is None
