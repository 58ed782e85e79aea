"""Long work: taken at once, done in the background by one thread, and found again after a restart."""

from __future__ import annotations

import json
import logging
import secrets
import shutil
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from seasift.core.errors import Busy, NotThere, SeasiftError
from seasift.core.files import write_bytes
from seasift.formats.document import FailedFile, plain
from seasift.service import job_upload
from seasift.service.job_results import bytes_in, look_from, result_files, write_results
from seasift.service.job_store import UNFINISHED, Job, JobStore
from seasift.service.picture_queue import PictureQueue, Seen, Task
from seasift.service.served import Look, Served
from seasift.service.settings import Settings
from seasift.service.written import entry_name

LOG = logging.getLogger("seasift.service.jobs")
NO_JOBS = "this server keeps no jobs. Start it with --jobs FOLDER, or send pictures to /v1/predict."
_SWEEP_S = 60.0
_LATER_S = 30
_SORRY = "something went wrong here; the server's log has it."


@dataclass(frozen=True)
class Wanted:
    """What a client wants done with its upload."""

    client: str
    file: str
    look: Look
    every: str
    overlays: bool


class Jobs:
    """A folder of jobs and the thread that does them. Each job has a folder `<id>` of its own."""

    def __init__(self, folder: Path, model: Served, queue: PictureQueue, settings: Settings) -> None:
        """Open the folder.

        Raises:
            BadInput: it cannot be used, or another server uses it.
        """
        self._folder, self._model, self._queue, self._settings = folder, model, queue, settings
        self._store = JobStore(folder)
        self._wake = threading.Event()
        self._entering = threading.Lock()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="seasift-jobs", daemon=True)

    def start(self) -> None:
        """Go on with what the last server left, then wait for more."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the pictures in hand and end; jobs wait for the next server."""
        self._stopping = True
        self._wake.set()
        self._thread.join()
        self._store.close()

    def check_room(self, client: str) -> None:
        """See whether a client may send a job.

        Raises:
            Busy: it has too many unfinished ones, or there is no room on the disk.
        """
        unfinished, most = self._store.unfinished_of(client), self._settings.jobs_per_client
        if unfinished >= most:
            raise Busy(
                f"{unfinished} of your jobs are not finished; expected fewer than {most}. "
                "Wait for one, or cancel one.",
                retry_after_s=_LATER_S,
            )
        if self._bytes() >= self._settings.jobs_bytes:
            raise Busy("the jobs of this server take all the room they may. Try again later.", _LATER_S)

    def add(self, upload: IO[bytes], wanted: Wanted) -> Job:
        """Keep an upload and let it wait.

        Raises:
            BadInput: it is neither an archive of pictures nor a video. OverLimit: it is too large.
            Busy: see `check_room`.
        """
        job_id = secrets.token_hex(16)
        folder = self._folder / job_id
        folder.mkdir()
        try:
            path = folder / "upload"
            with path.open("wb") as file:
                shutil.copyfileobj(upload, file, 1 << 20)
            kind = job_upload.kind_of(path, wanted.file)
            total = job_upload.count_pictures(path, kind, wanted.file, wanted.every, self._settings)
            job = Job(
                id=job_id,
                client=wanted.client,
                kind=kind,
                file=wanted.file,
                look=json.dumps(asdict(wanted.look)),
                every=wanted.every,
                overlays=wanted.overlays,
                model=self._model.sha256,
                total=total,
                created=time.time(),
            )
            with self._entering:  # or several at once might all find room
                self.check_room(wanted.client)
                self._store.add(job)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._wake.set()
        return job

    def get(self, job_id: str) -> tuple[Job, int, int, list[str]]:
        """A job, how many of its pictures are finished, how many of those failed, and its files.

        Raises:
            NotThere: unknown, or its results expired.
        """
        job = self._store.get(job_id)
        if job is None:
            raise NotThere("no such job; it may have expired. POST /v1/jobs makes one.")
        names = result_files(self._folder / job.id) if job.state == "done" else []
        return job, *self._store.progress(job.id), names

    def file(self, job_id: str, name: str) -> Path:
        """One of the files of a job.

        Raises:
            NotThere: no such job, or no such file yet.
        """
        job, _, _, names = self.get(job_id)
        if name not in names:
            raise NotThere(
                f"job {job.id} is {job.state} and has no {name}; it has {', '.join(names) or 'none'}."
            )
        return self._folder / job.id / "result" / name

    def cancel(self, job_id: str) -> Job:
        """Stop a job if it is not finished, and remove its files.

        Raises:
            NotThere: no such job.
        """
        self.get(job_id)
        self._store.finish(job_id, "cancelled")
        shutil.rmtree(self._folder / job_id, ignore_errors=True)
        return self.get(job_id)[0]

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state."""
        counts = dict.fromkeys(("queued", "running", "done", "failed", "cancelled"), 0)
        for job in self._store.all():
            counts[job.state] += 1
        return counts

    def sweep(self, now: float) -> None:
        """Remove finished jobs that are too old, the oldest while all take too much room, and stray folders."""
        jobs = self._store.all()
        known = {job.id for job in jobs}
        finished = sorted((job.finished or 0, job.id) for job in jobs if job.state not in UNFINISHED)
        for ended, job_id in finished:
            old = now - ended > self._settings.jobs_age_s
            if old or self._bytes() > self._settings.jobs_bytes:
                shutil.rmtree(self._folder / job_id, ignore_errors=True)
                self._store.remove(job_id)
        for path in self._folder.iterdir():
            stray = path.is_dir() and path.name not in known
            if (
                stray and now - path.stat().st_mtime > self._settings.job_upload_s
            ):  # not one that just arrives
                shutil.rmtree(path, ignore_errors=True)

    def _bytes(self) -> int:
        """Of uploads and results; the database's own are not theirs to give back."""
        return sum(bytes_in(path) for path in self._folder.iterdir() if path.is_dir())

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            self.sweep(time.time())
            job = self._store.claim()
            if job is None:
                self._wake.wait(_SWEEP_S)
                continue
            try:
                self._do(job)
            except SeasiftError as error:
                self._store.finish(job.id, "failed", " ".join(str(error).split()))
            except Exception:
                if not self._is_running(job.id):  # cancelled, and its files are gone
                    continue
                LOG.exception("job failed", extra={"fields": {"job": job.id}})
                self._store.finish(job.id, "failed", _SORRY)

    def _do(self, job: Job) -> None:
        if job.model != self._model.sha256:
            self._store.start_over(job.id, self._model.sha256)
        done = {place for place, _, _ in self._store.pictures(job.id)}
        waiting: deque[tuple[job_upload.Entry, Future[Seen]]] = deque()
        folder, look = self._folder / job.id, look_from(job.look)
        upload = folder / "upload"
        for entry in job_upload.entries(upload, job.kind, job.file, job.every, self._settings, done):
            waiting.append((entry, self._put(job, entry, look)))
            while len(waiting) > 2 * self._queue.workers:
                self._keep(job, *waiting.popleft())
            if self._stopping or not self._is_running(job.id):
                break
        while waiting:
            self._keep(job, *waiting.popleft())
        if self._stopping:
            self._store.pause(job.id)
        elif self._is_running(job.id):
            write_results(job, self._store, self._model, folder)
            self._store.finish(job.id, "done")
            upload.unlink(missing_ok=True)

    def _is_running(self, job_id: str) -> bool:
        job = self._store.get(job_id)
        return job is not None and job.state == "running"

    def _put(self, job: Job, entry: job_upload.Entry, look: Look) -> Future[Seen]:
        if isinstance(entry.picture, SeasiftError):
            failed: Future[Seen] = Future()
            failed.set_exception(entry.picture)
            return failed
        suffix = ".jpg" if job.overlays else None
        task = Task(entry.file, entry.picture, look, overlay=suffix, frame=entry.frame, time_s=entry.time_s)
        return self._queue.put(task, background=True)

    def _keep(self, job: Job, entry: job_upload.Entry, future: Future[Seen]) -> None:
        """Write what belongs to one picture, then enter it as finished."""
        try:
            seen = future.result()
        except Exception as error:
            words = " ".join(str(error).split())
            if not isinstance(error, SeasiftError):
                LOG.exception("picture failed", extra={"fields": {"job": job.id, "file": entry.file}})
                words = f"{entry.file}: {_SORRY}"
            failure = FailedFile(file=entry.file, error=words)
            self._store.add_picture(job.id, entry.place, failure=json.dumps(plain(failure)))
            return
        if seen.overlay and self._is_running(job.id):
            name = entry_name(entry.place + 1, entry.file.partition("#frame=")[0])
            write_bytes(self._folder / job.id / "overlays" / name, seen.overlay)
        self._store.add_picture(job.id, entry.place, image=json.dumps(plain(seen.entry)))
