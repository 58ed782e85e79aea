"""A client of the service. It trusts the server with images and the token, not with names of files."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

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
RESULT_FILES = ("predictions.json", "predictions.coco.json", "predictions.csv", "overlays.zip")
_JOB_ID = re.compile(r"[0-9a-f]{32}")


class Client:
    """A server at an address such as `http://127.0.0.1:8000`."""

    def __init__(self, url: str, token: str | None = None, *, timeout_s: float = 300) -> None:
        """Remember where the server is; nothing is sent.

        Raises:
            InputError: not an address of HTTP.
        """
        try:
            urlsplit(url)  # knows a torn IPv6 address, which httpx takes for a name
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, ValueError):
            parsed = httpx.URL("")
        if parsed.scheme not in ("http", "https") or not parsed.host:
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
        return _job(self._post("/v1/jobs", fields, [("file", upload)]))

    def job(self, job_id: str) -> dict[str, Any]:
        """How far a job is."""
        return _job(self._send("GET", f"/v1/jobs/{job_id}"))

    def cancel(self, job_id: str) -> dict[str, Any]:
        """Stop a job and remove its files."""
        return _job(self._send("DELETE", f"/v1/jobs/{job_id}"))

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
        """One of the files of a finished job.

        Raises:
            InputError: a name that no job leaves.
        """
        if name not in RESULT_FILES:
            raise InputError(f"{name}: no file of a job; expected one of {', '.join(RESULT_FILES)}.")
        return self._send("GET", f"/v1/jobs/{job_id}/files/{name}")

    def text(self, path: str) -> str:
        """What a GET of a path answers."""
        return self._send("GET", path).decode()

    def _post(self, path: str, fields: Mapping[str, Any], files: Sequence[tuple[str, Path]]) -> bytes:
        given = {name: value for name, value in fields.items() if value is not None}
        with ExitStack() as stack:
            try:
                parts = [(name, (_shown(file), stack.enter_context(file.open("rb")))) for name, file in files]
            except OSError as error:
                raise InputError(
                    f"{error.filename}: cannot be read ({error.strerror}). Check the name."
                ) from None
            return self._send("POST", path, data=given, files=parts)

    def _send(self, method: str, path: str, **content: Any) -> bytes:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            # No redirect is followed: neither the token nor an image goes to an address that the user did not name.
            answer = httpx.request(
                method,
                self._url + path,
                headers=headers,
                timeout=self._timeout_s,
                follow_redirects=False,
                **content,
            )
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeEncodeError) as error:
            raise SeasiftError(
                f"{self._url}: no answer ({error or type(error).__name__}). Is `seasift serve` running there?"
            ) from None
        if not answer.is_success:
            raise _refusal(answer)
        return answer.content


def _refusal(answer: httpx.Response) -> SeasiftError:
    if answer.is_redirect:
        return SeasiftError(
            f"{answer.url}: redirects to {_plain(answer.headers['Location'])}; nothing was sent there. "
            "If that is your server, give its address as --url."
        )
    try:
        words = _plain(str(answer.json()["error"]))
    except (ValueError, KeyError, TypeError):
        words = f"{answer.url}: answered {answer.status_code}; expected a seasift server."
    if answer.status_code == 429:
        wait = answer.headers.get("Retry-After", "1")
        return BusyError(words, int(wait) if wait.isdecimal() and len(wait) < 9 else 1)
    kind = _KINDS.get(answer.status_code, InputError if answer.status_code < 500 else SeasiftError)
    return kind(words)


def _job(data: bytes) -> dict[str, Any]:
    """A job of an answer, whose id and names of files are such as this program gives them.

    Raises:
        SeasiftError: they are not, and might lead to another address or folder.
    """
    try:
        value = json.loads(data)
        job_id, state, names = value["id"], str(value["state"]), list(value["files"])
        counts = [int(value[name]) for name in ("done", "total", "failures")]
    except (ValueError, KeyError, TypeError):
        raise SeasiftError("the server's answer is no job; expected a seasift server.") from None
    if not isinstance(job_id, str) or not _JOB_ID.fullmatch(job_id):
        raise SeasiftError(f"the server calls a job {_plain(job_id)!r}; expected 32 hexadecimal digits.")
    for name in names:
        if name not in RESULT_FILES:
            raise SeasiftError(
                f"the server names a file {_plain(name)!r}; expected only {', '.join(RESULT_FILES)}. "
                "Nothing was written."
            )
    done, total, failures = counts
    error = _plain(str(value.get("error") or ""))
    job: dict[str, Any] = {**value, "state": state, "files": names, "error": error}
    return {**job, "done": done, "total": total, "failures": failures}


def _plain(text: object) -> str:
    """A server's words, fit for a terminal."""
    return "".join(c if c.isprintable() else "_" for c in str(text)[:500])


def _shown(file: Path) -> str:
    return os.fsencode(file.name).decode("utf-8", "replace")
