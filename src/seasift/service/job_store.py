"""What is known about jobs, in SQLite: every finished image is a row, so a kill at any moment loses none."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seasift.core.errors import InputError

State = Literal["queued", "running", "done", "failed", "cancelled"]
UNFINISHED = ("queued", "running")
MOST_TRIES = 3

_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, client TEXT NOT NULL, kind TEXT NOT NULL, file TEXT NOT NULL, look TEXT NOT NULL,
    every TEXT NOT NULL, overlays INTEGER NOT NULL, model TEXT NOT NULL, total INTEGER NOT NULL,
    created REAL NOT NULL, state TEXT NOT NULL DEFAULT 'queued', finished REAL, tries INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS images (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE, place INTEGER NOT NULL,
    image TEXT, failure TEXT, PRIMARY KEY (job, place)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Job:
    """One row of the table of jobs.

    Attributes:
        kind: of the upload, "archive" or "video".
        file: what results call a video.
        look: how to look at its images, as JSON.
        model: sha256 of the model file that began it.
        created: seconds since 1970, like `finished`.
        tries: how often it was begun since an image was last finished.
    """

    id: str
    client: str
    kind: str
    file: str
    look: str
    every: str
    overlays: bool
    model: str
    total: int
    created: float
    state: State = "queued"
    finished: float | None = None
    tries: int = 0
    error: str = ""


class JobStore:
    """The file `jobs.sqlite` of a folder that this process alone uses."""

    def __init__(self, folder: Path) -> None:
        """Open or make it; jobs that were running when the last server ended wait again.

        Raises:
            InputError: the folder cannot be written to, or another server uses it.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._claim = sqlite3.connect(folder / "lock.sqlite", check_same_thread=False, timeout=0)
            self._claim.execute("BEGIN EXCLUSIVE")  # ends with the process, however that ends
            self._db = sqlite3.connect(folder / "jobs.sqlite", check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            if hasattr(self, "_claim"):
                self._claim.close()
            used = "locked" in str(error)
            reason = "another server uses it" if used else f"it cannot be written to ({error})"
            raise InputError(f"--jobs {folder}: {reason}; expected a folder for this server alone.") from None
        self._lock = threading.Lock()
        self._db.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;"
        )
        self._db.executescript(_TABLES)
        with self._change() as db:
            db.execute("UPDATE jobs SET state = 'queued' WHERE state = 'running'")

    def close(self) -> None:
        """Give the folder free."""
        self._db.close()
        self._claim.close()

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._db:
            yield self._db

    def add(self, job: Job) -> None:
        """Enter a job, which waits then."""
        with self._change() as db:
            row = (
                job.id,
                job.client,
                job.kind,
                job.file,
                job.look,
                job.every,
                job.overlays,
                job.model,
                job.total,
            )
            marks = ", ".join("?" * 10)
            db.execute(
                "INSERT INTO jobs (id, client, kind, file, look, every, overlays, model, total, created) "
                f"VALUES ({marks})",
                (*row, job.created),
            )

    def get(self, job_id: str) -> Job | None:
        """The job of an id."""
        found = self._jobs("WHERE id = ?", job_id)
        return found[0] if found else None

    def all(self) -> list[Job]:
        """All jobs, oldest first."""
        return self._jobs("ORDER BY created")

    def unfinished_of(self, client: str) -> int:
        """How many jobs of a client wait or run."""
        return sum(job.client == client and job.state in UNFINISHED for job in self.all())

    def _jobs(self, condition: str, *values: object) -> list[Job]:
        with self._lock:
            columns = ", ".join(Job.__dataclass_fields__)
            rows = self._db.execute(f"SELECT {columns} FROM jobs {condition}", values).fetchall()
        return [Job(*row) for row in rows]

    def claim(self) -> Job | None:
        """The job that has waited longest; it runs then. One that ended the server too often fails instead."""
        for job in self._jobs("WHERE state = 'queued' ORDER BY created"):
            if job.tries >= MOST_TRIES:
                self.finish(job.id, "failed", f"the server ended {job.tries} times at the same image.")
                continue
            with self._change() as db:
                db.execute("UPDATE jobs SET state = 'running', tries = tries + 1 WHERE id = ?", (job.id,))
            return job
        return None

    def pause(self, job_id: str) -> None:
        """Let a running job wait for the next server; its tries count for nothing."""
        with self._change() as db:
            db.execute(
                "UPDATE jobs SET state = 'queued', tries = 0 WHERE id = ? AND state = 'running'", (job_id,)
            )

    def finish(self, job_id: str, state: State, error: str = "") -> bool:
        """End an unfinished job; False if it had ended."""
        with self._change() as db:
            done = db.execute(
                "UPDATE jobs SET state = ?, error = ?, finished = ? "
                "WHERE id = ? AND state IN ('queued', 'running')",
                (state, error, time.time(), job_id),
            )
            return done.rowcount > 0

    def remove(self, job_id: str) -> None:
        """Forget a job and its images."""
        with self._change() as db:
            db.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

    def start_over(self, job_id: str, model: str) -> None:
        """Forget its images: another model goes on with it."""
        with self._change() as db:
            db.execute("DELETE FROM images WHERE job = ?", (job_id,))
            db.execute("UPDATE jobs SET model = ? WHERE id = ?", (model, job_id))

    def add_image(
        self, job_id: str, index: int, *, image: str | None = None, failure: str | None = None
    ) -> None:
        """An image is finished: its entry, or its failure, as JSON."""
        with self._change() as db:
            db.execute("INSERT OR REPLACE INTO images VALUES (?, ?, ?, ?)", (job_id, index, image, failure))
            db.execute("UPDATE jobs SET tries = 0 WHERE id = ? AND tries > 0", (job_id,))

    def images(self, job_id: str) -> list[tuple[int, str | None, str | None]]:
        """Finished images in order: place, entry, failure."""
        with self._lock:
            query = "SELECT place, image, failure FROM images WHERE job = ? ORDER BY place"
            return self._db.execute(query, (job_id,)).fetchall()

    def progress(self, job_id: str) -> tuple[int, int]:
        """How many images are finished, and how many of them failed."""
        with self._lock:
            query = "SELECT count(*), count(failure) FROM images WHERE job = ?"
            done, failed = self._db.execute(query, (job_id,)).fetchone()
        return int(done), int(failed)
