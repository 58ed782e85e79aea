"""A server in a process of its own, which can be told to hold after some images, and to be killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class ServerProcess:
    """`seasift serve` on a free port. Use as a context manager; leaving it kills what still runs.

    Args:
        model: the model file.
        jobs: folder for jobs.
        hold_after: after so many images the model waits until the file `release` exists.
        trouble: "stuck", the model never ends its first run; "early", SIGTERM comes before the port is open.
    """

    def __init__(
        self,
        model: Path,
        jobs: Path,
        *,
        hold_after: int | None = None,
        release: Path | None = None,
        trouble: str = "",
    ) -> None:
        self._trouble = trouble
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        program = [
            sys.executable,
            "-m",
            "tests.service.server_process",
            str(model),
            str(jobs),
            str(self.port),
        ]
        program += [str(hold_after), str(release)] if hold_after is not None else [trouble]
        self.process = subprocess.Popen(
            program, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2], env=os.environ
        )
        self.log: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.log.append(json.loads(line))

    def __enter__(self) -> ServerProcess:
        if self._trouble:
            return self
        self.wait_for(lambda: self.get("/readyz")["ready"])
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stderr
        self.process.stderr.close()

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.loads(answer.read())

    def wait_for(self, condition: Any, seconds: float = 180) -> Any:
        """The condition's value, once it is true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log
            try:
                if value := condition():
                    return value
            except OSError:
                pass
            time.sleep(0.02)
        raise AssertionError(f"not within {seconds} s: {self.log}")

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        code = self.process.wait(timeout=60)
        self._reader.join()
        return code

    def events(self) -> list[str]:
        return [line["event"] for line in self.log]


def main(model: str, jobs: str, port: str, hold_after: str = "", release: str = "") -> None:
    """What runs in the process."""
    from seasift.inference.predictor import load_predictor
    from seasift.service.app import create_app
    from seasift.service.server import serve
    from seasift.service.settings import ServiceSettings

    predictor = load_predictor(model, threads=1)
    if hold_after == "stuck":

        def stuck(*_images: Any, **_options: Any) -> Any:
            sys.stderr.write(json.dumps({"event": "first run"}) + "\n")  # at once: the log writes there, too
            threading.Event().wait()

        predictor.predict = stuck  # type: ignore[method-assign]
    elif hold_after and hold_after != "early":
        inner, seen, lock = predictor.predict, [0], threading.Lock()

        def holding(images: Sequence[Any], **options: Any) -> Any:
            with lock:
                seen[0] += options["max_objects"] > 1
            while seen[0] > int(hold_after) and not Path(release).exists():
                time.sleep(0.01)
            return inner(images, **options)

        predictor.predict = holding  # type: ignore[method-assign, assignment]
    settings = ServiceSettings(port=int(port), jobs=Path(jobs), workers=1, drain_s=0.5, request_s=30)
    app = create_app(predictor, settings, card="# tiny")
    if hold_after == "early":
        queue = app.state.service.queue
        start = queue.start
        queue.start = lambda: (start(), signal.raise_signal(signal.SIGTERM))
    serve(app, settings)


if __name__ == "__main__":
    main(*sys.argv[1:])
