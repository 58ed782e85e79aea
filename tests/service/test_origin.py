"""Pages of other origins, which a browser lets send to any address, this machine's included."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.service.conftest import ONE, Serve, files

FOREIGN = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:3000"},
    {"Origin": "http://127.0.0.1.evil.example"},
    {"Origin": "file://127.0.0.1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1"},
)
OWN: tuple[dict[str, str], ...] = (
    {},
    {"Origin": "http://127.0.0.1"},
    {"Origin": "http://127.0.0.1:80"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://behind.a.proxy"},
    {"Sec-Fetch-Site": "none"},
)
WORKING = (
    ("POST", "/v1/predict"),
    ("POST", "/detection"),
    ("POST", "/v1/jobs"),
    ("DELETE", "/v1/jobs/x"),
    ("GET", "/v1/jobs/x"),
    ("GET", "/v1/labels"),
    ("PUT", "/"),
    ("OPTIONS", "/v1/predict"),
)


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_a_foreign_page_gets_nothing_done(serve: Serve, folder: Path, headers: dict[str, str]) -> None:
    client = serve(jobs=folder, cors_origins="https://friend.example")
    for method, path in WORKING:
        if method == "OPTIONS" and "Origin" in headers:
            continue  # without Access-Control-Request-Method it is no preflight; with it, CORS answers
        answer = client.request(method, path, headers=headers)
        assert (answer.status_code, "cors_origins" in answer.json()["error"]) == (403, True), (method, path)
    assert client.post("/v1/predict", files=files(ONE), headers=headers).status_code == 403
    assert client.get("/v1/jobs/x").status_code == 404


@pytest.mark.parametrize("headers", OWN, ids=str)
def test_programs_and_the_own_page_are_served(serve: Serve, headers: dict[str, str]) -> None:
    assert serve().post("/v1/predict", files=files(ONE), headers=headers).status_code == 200


def test_named_origins_are_served(serve: Serve) -> None:
    client = serve(cors_origins="https://friend.example")
    friend = {"Origin": "https://friend.example", "Sec-Fetch-Site": "cross-site"}
    assert client.post("/v1/predict", files=files(ONE), headers=friend).status_code == 200


@pytest.mark.parametrize("path", ["/", "/page/app.js", "/docs", "/healthz"])
def test_a_link_elsewhere_leads_to_the_page(serve: Serve, path: str) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert serve().get(path, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/v1/labels", "/metrics", "/none", "/page/none", "/v1/predict"]
)
def test_no_answer_sits_in_a_frame(serve: Serve, path: str) -> None:
    answer = serve().get(path)
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
