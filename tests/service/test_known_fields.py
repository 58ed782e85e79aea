"""Fields that nobody asked for are named, not left out in silence."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.service.conftest import ONE, Serve, files
from tests.service.test_jobs import archive


@pytest.mark.parametrize("path", ["/v1/predict", "/detection", "/v1/jobs"])
def test_an_unknown_field_is_named(serve: Serve, folder: Path, path: str) -> None:
    client, upload = serve(jobs=folder), archive(**{"a.png": ONE})
    field = "files" if path == "/v1/predict" else "file"
    given = [(field, ("a", upload if path == "/v1/jobs" else ONE))]
    answer = client.post(path, files=given, data={"treshold": "0.3"})
    assert (answer.status_code, answer.json()["error"].startswith("treshold: ")) == (422, True)
    assert client.post(path + "?mask=rle", files=given).status_code == 422
    assert client.post(path, files=[*given, ("more", ("b", ONE))]).status_code == 422
    assert client.post(path, files=given).status_code in (200, 202)


def test_the_nearest_known_field_is_named(client: TestClient) -> None:
    answer = client.post("/v1/predict", files=files(ONE), data={"treshold": "0.3"})
    assert "did you mean threshold?" in answer.json()["error"]
    answer = client.post("/detection?mask=rle", files={"file": ONE})
    assert "did you mean masks?" in answer.json()["error"]
    answer = client.post("/v1/predict", files=files(ONE), data={"\n\x07": "x"})
    assert answer.status_code == 422
    assert answer.json()["error"].isprintable()
