"""A page of another origin in Chromium, which uses every way that a page has to reach this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from seasift.inference.predictor import OnnxPredictor
from tests.service.page.conftest import Running, running

ATTACK = """async (url) => {
  const form = (name, data) => { const f = new FormData(); f.append(name, new Blob([data]), "a.zip"); return f; };
  const outcomes = [];
  const attempt = async (what) => { try { outcomes.push((await what()).type); } catch { outcomes.push("error"); } };
  for (const [path, name] of [["v1/predict", "files"], ["v1/jobs", "file"], ["detection", "file"]]) {
    await attempt(() => fetch(url + path, { method: "POST", mode: "no-cors", body: form(name, "PK\\x03\\x04") }));
    navigator.sendBeacon(url + path, form(name, "PK\\x03\\x04"));
  }
  await attempt(() => fetch(url + "v1/labels"));
  await new Promise((resolve) => {
    const image = new Image(); image.onload = image.onerror = resolve; image.src = url + "v1/jobs/x";
  });
  const sink = document.createElement("iframe"); sink.name = "sink"; document.body.append(sink);
  const old = document.createElement("form");
  Object.assign(old, { method: "post", action: url + "v1/jobs", enctype: "multipart/form-data", target: "sink" });
  document.body.append(old);
  await new Promise((resolve) => { sink.onload = resolve; old.submit(); });
  const frame = document.createElement("iframe"); frame.id = "page"; document.body.append(frame);
  await new Promise((resolve) => { frame.onload = resolve; frame.src = url; });
  return outcomes;
}"""


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """An origin of its own: another port of this machine, under another name."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>elsewhere</title><body>")

        def log_message(self, *_arguments: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()
        thread.join()


class Watched(Running):
    """Notes method, path and status of each answer."""

    def made(self) -> Any:
        app = super().made()
        self.seen: list[tuple[str, str, int]] = []

        async def watching(scope: Any, receive: Any, send: Any) -> None:
            async def noted(message: Any) -> None:
                if message["type"] == "http.response.start":
                    self.seen.append((scope["method"], scope["path"], message["status"]))
                await send(message)

            await app(scope, receive, noted)

        watching.state = app.state  # type: ignore[attr-defined]
        return watching


def test_a_foreign_page_does_nothing_here(
    browser: Any, tiny: OnnxPredictor, elsewhere: str, tmp_path: Path
) -> None:
    server = Watched(tiny, jobs=tmp_path / "jobs")
    try:
        page = browser.new_page()
        page.goto(elsewhere)
        page.evaluate(ATTACK, server.url)
        framed = page.frames[-1]
        assert framed.locator("#drop, main, canvas").count() == 0, "the page shows in a frame"
        page.close()
    finally:
        server.stop()
    worked = [entry for entry in server.seen if entry[0] != "GET" or entry[1].startswith("/v1")]
    assert len(worked) >= 5, server.seen
    assert {status for _, _, status in worked} == {403}, server.seen
    assert [path for path in (tmp_path / "jobs").iterdir() if path.is_dir()] == []


def test_the_own_page_still_works(tiny: OnnxPredictor, browser: Any) -> None:
    with running(tiny) as server:
        page = browser.new_page()
        page.goto(server.url)
        status = page.evaluate(
            """async () => {
              const f = new FormData(); f.append("files", new Blob(["x"]), "a.png");
              return (await fetch("v1/predict", { method: "POST", body: f })).status; }"""
        )
        page.close()
        assert status == 400, "not an image, but asked from the right place"
