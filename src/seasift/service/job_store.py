"""What is known about jobs, in SQLite: every finished image is a row, so a kill at any moment loses none."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seasift.core.errors import InputError

State = Literal["queued", "running", "done", "failed", "cancelled"]
UNFINISHED = ("queued", "running")
MOST_TRIES = 3
SCHEMA = 1
"""Of the tables below. A change of them raises it: a store of another version is refused, not half understood."""

_LOCKED_S = 5.0
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
        self._lock = threading.Lock()
        self._open_connections: list[sqlite3.Connection] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            claim = self._connect(folder / "lock.sqlite")
            claim.execute("BEGIN EXCLUSIVE")  # ends with the process, however that ends
            self._db = self._connect(folder / "jobs.sqlite", timeout_s=_LOCKED_S)
            self._prepare(folder)
        except (OSError, sqlite3.Error) as error:
            self.close()
            reason = f"it cannot be used ({error})"
            if isinstance(error, sqlite3.DatabaseError) and "locked" in str(error):
                reason = (
                    "another server uses it" if len(self._open_connections) < 2 else "another program uses it"
                )
            elif type(error) is sqlite3.DatabaseError:
                reason = f"its database is damaged ({error}); move it away to begin anew"
            raise InputError(f"--jobs {folder}: {reason}; expected a folder for this server alone.") from None
        except InputError:
            self.close()
            raise
        newest = self._db.execute(
            "SELECT max(max(created), max(coalesce(finished, 0))) FROM jobs"
        ).fetchone()[0]
        self._begun, self._begun_tick = max(time.time(), newest or 0.0), time.monotonic()

    def _connect(self, path: Path, timeout_s: float = 0) -> sqlite3.Connection:
        connection = sqlite3.connect(path, check_same_thread=False, timeout=timeout_s)
        self._open_connections.append(connection)
        return connection

    def _prepare(self, folder: Path) -> None:
        """Make the tables, or see that those there are whole and of this version."""
        (said,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if said != "ok":
            raise sqlite3.DatabaseError(" ".join(str(said).split()))
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        found = {table: self._columns(table) for table in ("jobs", "images")}
        tables = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        fits = found == {
            "jobs": set(Job.__dataclass_fields__),
            "images": {"job", "place", "image", "failure"},
        }
        if version not in (0, SCHEMA) or (tables and not fits):
            raise InputError(
                f"--jobs {folder}: jobs.sqlite was written by another version of seasift; expected one of schema "
                f"{SCHEMA}. Finish its jobs with that version, or name another folder."
            )
        self._db.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;"
        )
        self._db.executescript(f"{_TABLES} PRAGMA user_version = {SCHEMA};")
        self.requeue()

    def _columns(self, table: str) -> set[str]:
        return {row[1] for row in self._db.execute(f"PRAGMA table_info({table})")}

    def now(self) -> float:
        """Seconds since 1970. It does not jump when somebody sets the clock while the server runs."""
        return self._begun + time.monotonic() - self._begun_tick

    def close(self) -> None:
        """Give the folder free."""
        for connection in reversed(self._open_connections):
            with suppress(sqlite3.Error):
                connection.close()

    def requeue(self) -> None:
        """Let jobs wait again that were running when their thread or server ended."""
        with self._change() as db:
            db.execute("UPDATE jobs SET state = 'queued' WHERE state = 'running'")

    def forgive(self) -> None:
        """Count no try of what runs: the server is told to stop, and the job is not to blame."""
        with self._change() as db:
            db.execute("UPDATE jobs SET tries = 0 WHERE state = 'running'")

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
                (state, error, self.now(), job_id),
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
        """Finished images in order: index, entry, failure."""
        with self._lock:
            query = "SELECT place, image, failure FROM images WHERE job = ? ORDER BY place"
            return self._db.execute(query, (job_id,)).fetchall()

    def progress(self, job_id: str) -> tuple[int, int]:
        """How many images are finished, and how many of them failed."""
        with self._lock:
            query = "SELECT count(*), count(failure) FROM images WHERE job = ?"
            done, failed = self._db.execute(query, (job_id,)).fetchone()
        return int(done), int(failed)
