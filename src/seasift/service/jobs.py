"""Long work: taken at once, done in the background, and found again after a restart."""

from __future__ import annotations

import json
import secrets
import shutil
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from seasift.core.errors import BusyError, NotFoundError
from seasift.service import job_upload
from seasift.service.image_queue import ImageQueue
from seasift.service.job_runner import JobRunner, bytes_in, result_files
from seasift.service.job_store import UNFINISHED, Job, JobStore
from seasift.service.served import Look, Served
from seasift.service.settings import Settings

NO_JOBS = "this server keeps no jobs. Start it with --jobs FOLDER, or send images to /v1/predict."
_LATER_S = 30


@dataclass(frozen=True)
class Wanted:
    """What a client wants done with its upload."""

    client: str
    file: str
    look: Look
    every: str
    overlays: bool


class Jobs:
    """A folder of jobs: what clients ask of it, and room. Each job has a folder `<id>` of its own."""

    def __init__(self, folder: Path, model: Served, queue: ImageQueue, settings: Settings) -> None:
        """Open the folder.

        Raises:
            InputError: it cannot be used, or another server uses it.
        """
        self._folder, self._model, self._settings = folder, model, settings
        self._store = JobStore(folder)
        self._entering = threading.Lock()
        self._runner = JobRunner(folder, self._store, model, queue, settings, self.sweep)

    def start(self) -> None:
        """Go on with what the last server left, then wait for more."""
        self._runner.start()

    def stop(self, within_s: float = 30) -> bool:
        """Finish the images in hand and end; jobs wait for the next server.

        Returns:
            Whether that was done in time; if not, the folder stays taken until the process ends.
        """
        ended = self._runner.stop(within_s)
        if ended:
            self._store.close()
        return ended

    def check_room(self, client: str) -> None:
        """See whether a client may send a job.

        Raises:
            BusyError: it has too many unfinished ones, or there is no room on the disk.
        """
        unfinished, most = self._store.unfinished_of(client), self._settings.jobs_per_client
        if unfinished >= most:
            raise BusyError(
                f"{unfinished} of your jobs are not finished; expected fewer than {most}. "
                "Wait for one, or cancel one.",
                retry_after_s=_LATER_S,
            )
        if self._bytes() >= self._settings.jobs_bytes:
            raise BusyError("the jobs of this server take all the room they may. Try again later.", _LATER_S)

    def add(self, upload: IO[bytes], wanted: Wanted) -> Job:
        """Keep an upload and let it wait.

        Raises:
            InputError: it is neither an archive of images nor a video. LimitError: it is too large.
            BusyError: see `check_room`.
        """
        job_id = secrets.token_hex(16)
        folder = self._folder / job_id
        folder.mkdir()
        try:
            path = folder / "upload"
            with path.open("wb") as file:
                shutil.copyfileobj(upload, file, 1 << 20)
            kind = job_upload.kind_of(path, wanted.file)
            total = job_upload.count_images(path, kind, wanted.file, wanted.every, self._settings)
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
        self._runner.wake()
        return job

    def get(self, job_id: str) -> tuple[Job, int, int, list[str]]:
        """A job, how many of its images are finished, how many of those failed, and its files.

        Raises:
            NotFoundError: unknown, or its results expired.
        """
        job = self._store.get(job_id)
        if job is None:
            raise NotFoundError("no such job; it may have expired. POST /v1/jobs makes one.")
        names = result_files(self._folder / job.id) if job.state == "done" else []
        return job, *self._store.progress(job.id), names

    def file(self, job_id: str, name: str) -> Path:
        """One of the files of a job.

        Raises:
            NotFoundError: no such job, or no such file yet.
        """
        job, _, _, names = self.get(job_id)
        if name not in names:
            raise NotFoundError(
                f"job {job.id} is {job.state} and has no {name}; it has {', '.join(names) or 'none'}."
            )
        return self._folder / job.id / "result" / name

    def cancel(self, job_id: str) -> Job:
        """Stop a job if it is not finished, and remove its files.

        Raises:
            NotFoundError: no such job.
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
