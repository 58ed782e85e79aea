"""A client of the service on the standard library alone. It imports nothing that a caller must install."""

from __future__ import annotations

import json
import os
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seasift.core.errors import (
    BusyError,
    InputError,
    LimitError,
    NotAllowedError,
    NotFoundError,
    SeasiftError,
    TimeLimitError,
)

_KINDS: Mapping[int, type[SeasiftError]] = {
    401: NotAllowedError,
    404: NotFoundError,
    413: LimitError,
    503: TimeLimitError,
}
_BLOCK = 1 << 20


class Client:
    """A server at an address such as `http://127.0.0.1:8000`."""

    def __init__(self, url: str, token: str | None = None, *, timeout_s: float = 300) -> None:
        """Remember where the server is; nothing is sent.

        Raises:
            InputError: not an address of HTTP.
        """
        try:
            scheme = urllib.parse.urlsplit(url).scheme
        except ValueError:  # half a pair of brackets
            scheme = ""
        if scheme not in ("http", "https"):
            raise InputError(f"--url {url!r}; expected an address such as http://127.0.0.1:8000.")
        self._url, self._token, self._timeout_s = url.rstrip("/"), token, timeout_s

    def predict(self, images: Sequence[Path], **fields: Any) -> bytes:
        """What POST /v1/predict answers to some images.

        Args:
            images: their files.
            fields: of the form: `threshold`, `classes` (a list), `format`, `overlay_type`.
        Raises:
            SeasiftError: what the server said, in its words; Busy if it has no room at the moment.
        """
        return self._post("/v1/predict", fields, [("files", path) for path in images])

    def submit(self, upload: Path, **fields: Any) -> dict[str, Any]:
        """Send an archive of images or a video as a job; gives the job.

        Args:
            fields: of the form: `threshold`, `classes`, `every`, `overlays`.
        """
        return _object(self._post("/v1/jobs", fields, [("file", upload)]))

    def job(self, job_id: str) -> dict[str, Any]:
        """How far a job is."""
        return _object(self._send("GET", f"/v1/jobs/{job_id}"))

    def cancel(self, job_id: str) -> dict[str, Any]:
        """Stop a job and remove its files."""
        return _object(self._send("DELETE", f"/v1/jobs/{job_id}"))

    def wait(
        self,
        job_id: str,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
        every_s: float = 0.5,
    ) -> dict[str, Any]:
        """Ask for a job until it ends.

        Raises:
            SeasiftError: it failed or was cancelled.
        """
        while (job := self.job(job_id))["state"] in ("queued", "running"):
            progress(job["done"], job["total"])
            time.sleep(every_s)
        if job["state"] != "done":
            raise SeasiftError(f"job {job_id} {job['state']}: {job['error'] or 'somebody stopped it.'}")
        return job

    def fetch(self, job_id: str, name: str) -> bytes:
        """One of the files of a finished job."""
        return self._send("GET", f"/v1/jobs/{job_id}/files/{name}")

    def text(self, path: str) -> str:
        """What a GET of a path answers."""
        return self._send("GET", path).decode()

    def _post(self, path: str, fields: Mapping[str, Any], files: Sequence[tuple[str, Path]]) -> bytes:
        boundary = secrets.token_hex(16)
        head = b"".join(_field(boundary, name, value) for name, value in _pairs(fields))
        parts = [(_file_head(boundary, name, file), file) for name, file in files]
        end = f"--{boundary}--\r\n".encode()
        try:
            for _, file in parts:
                with file.open(
                    "rb"
                ):  # a folder, or one that may not be read, is found before anything is sent
                    pass
            length = sum(len(top) + file.stat().st_size + 2 for top, file in parts) + len(head) + len(end)
        except OSError as error:
            raise InputError(
                f"{error.filename}: cannot be read ({error.strerror}). Check the name."
            ) from None
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Content-Length": str(length)}
        return self._send("POST", path, _body(head, parts, end), headers)

    def _send(
        self,
        method: str,
        path: str,
        body: Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        # Data set later would take the length's header away, and an upload of unknown length may be refused unread.
        request = urllib.request.Request(self._url + path, body, dict(headers or {}), method=method)
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        try:
            with urllib.request.urlopen(request, timeout=self._timeout_s) as answer:
                data: bytes = answer.read()
                return data
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error) from None
        except OSError as error:
            reason = getattr(error, "reason", None) or error
            raise SeasiftError(
                f"{self._url}: no answer ({reason}). Is `seasift serve` running there?"
            ) from None


def _refusal(error: urllib.error.HTTPError) -> SeasiftError:
    try:
        words = str(json.loads(error.read())["error"])
    except (ValueError, KeyError, TypeError):
        words = f"{error.url}: answered {error.code} {error.reason}; expected a seasift server."
    if error.code == 429:
        return BusyError(words, int(error.headers.get("Retry-After", "1")))
    return _KINDS.get(error.code, InputError if error.code < 500 else SeasiftError)(words)


def _object(data: bytes) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(data)
    return value


def _pairs(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        if value is not None:
            values = value if isinstance(value, list | tuple) else [value]
            yield from ((name, str(each).lower() if isinstance(each, bool) else str(each)) for each in values)


def _field(boundary: str, name: str, value: str) -> bytes:
    return f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


def _file_head(boundary: str, name: str, file: Path) -> bytes:
    shown = os.fsencode(file.name).replace(b'"', b"%22").replace(b"\r", b"%0D").replace(b"\n", b"%0A")
    start = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="'.encode()
    return start + shown + b'"\r\nContent-Type: application/octet-stream\r\n\r\n'


def _body(head: bytes, parts: Sequence[tuple[bytes, Path]], end: bytes) -> Iterator[bytes]:
    yield head
    for top, path in parts:
        yield top
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block
        yield b"\r\n"
    yield end
