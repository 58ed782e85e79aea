"""Long work: taken at once, done in the background, and found again after a restart."""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import IO, ParamSpec, TypeVar

from seasift.core.errors import BusyError, NotFoundError
from seasift.inference.image_prediction import Choices
from seasift.isolation.pool import DecoderPool
from seasift.service import job_upload
from seasift.service.image_queue import ImageQueue, Served
from seasift.service.job_runner import JobRunner, bytes_in, choices_text, result_files
from seasift.service.job_store import UNFINISHED, Job, JobStore
from seasift.service.refusals import storage_in_words
from seasift.service.settings import ServiceSettings

NO_JOBS = "this server keeps no jobs. Start it with --jobs FOLDER, or send images to /v1/predict."
_LATER_S = 30
P = ParamSpec("P")
T = TypeVar("T")


def _in_words(method: Callable[P, T]) -> Callable[P, T]:
    """A method whose troubles with the disk are told to the client."""

    @wraps(method)
    def told(*args: P.args, **kwargs: P.kwargs) -> T:
        with storage_in_words("the jobs of this server"):
            return method(*args, **kwargs)

    return told


@dataclass(frozen=True)
class Wanted:
    """What a client wants done with its upload."""

    client: str
    file: str
    look: Choices
    every: str
    overlays: bool


class Jobs:
    """A folder of jobs: what clients ask of it, and room. Each job has a folder `<id>` of its own."""

    def __init__(
        self, folder: Path, model: Served, queue: ImageQueue, settings: ServiceSettings, decoders: DecoderPool
    ) -> None:
        """Open the folder.

        Raises:
            InputError: it cannot be used, or another server uses it.
        """
        self._folder, self._model, self._settings, self._decoders = folder, model, settings, decoders
        self._store = JobStore(folder)
        self._entering = threading.Lock()
        self._arriving: set[str] = set()  # ids of uploads that are no jobs yet
        self._sizes: dict[str, int] = {}  # of folders that do not change any more
        self._runner = JobRunner(folder, self._store, model, queue, settings, decoders, self.sweep)

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

    @property
    def alive(self) -> bool:
        """Whether somebody does the jobs."""
        return self._runner.alive

    @_in_words
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

    @_in_words
    def add(self, upload: IO[bytes], wanted: Wanted) -> Job:
        """Keep an upload and let it wait.

        Raises:
            InputError: it is neither an archive of images nor a video. LimitError: it is too large.
            BusyError: see `check_room`.
        """
        job_id = secrets.token_hex(16)
        folder = self._folder / job_id
        self._arriving.add(job_id)
        try:
            folder.mkdir()
            path = folder / "upload"
            with path.open("wb") as file:
                shutil.copyfileobj(upload, file, 1 << 20)
            kind = job_upload.kind_of(path, wanted.file)
            total = job_upload.count_images(
                path, kind, wanted.file, wanted.every, self._settings, self._decoders
            )
            job = Job(
                id=job_id,
                client=wanted.client,
                kind=kind,
                file=wanted.file,
                look=choices_text(wanted.look),
                every=wanted.every,
                overlays=wanted.overlays,
                model=self._model.sha256,
                total=total,
                created=self._store.now(),
            )
            with self._entering:  # or several at once might all find room
                self.check_room(wanted.client)
                self._store.add(job)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            self._arriving.discard(job_id)
        self._runner.wake()
        return job

    @_in_words
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

    @_in_words
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

    @_in_words
    def cancel(self, job_id: str) -> Job:
        """Stop a job if it is not finished, and remove its files.

        Raises:
            NotFoundError: no such job.
        """
        self.get(job_id)
        self._store.finish(job_id, "cancelled")
        shutil.rmtree(self._folder / job_id, ignore_errors=True)
        self._sizes.pop(job_id, None)
        return self.get(job_id)[0]

    @_in_words
    def counts(self) -> dict[str, int]:
        """How many jobs are in each state."""
        counts = dict.fromkeys(("queued", "running", "done", "failed", "cancelled"), 0)
        for job in self._store.all():
            counts[job.state] += 1
        return counts

    def sweep(self, now: float) -> None:
        """Remove finished jobs that are too old, the oldest while all take too much room, and stray folders."""
        folders = self._folders()
        arriving = set(self._arriving)  # read after the folders and before the jobs: none falls in between
        jobs = self._store.all()
        known = {job.id for job in jobs}
        finished = sorted((job.finished or 0, job.id) for job in jobs if job.state not in UNFINISHED)
        used = self._bytes()
        for ended, job_id in finished:
            old = now - ended > self._settings.jobs_age_s
            if old or used > self._settings.jobs_bytes:
                used -= self._sizes.get(job_id, 0)
                self._remove(job_id)
                self._store.remove(job_id)
        for name in folders:
            if name not in known and name not in arriving:
                self._remove(name)

    def _remove(self, name: str) -> None:
        shutil.rmtree(self._folder / name, ignore_errors=True)
        self._sizes.pop(name, None)

    def _folders(self) -> list[str]:
        return [path.name for path in self._folder.iterdir() if path.is_dir()]

    def _bytes(self) -> int:
        """Of uploads and results; the database's own are not theirs to give back.

        The folder of a job that has ended is measured once.
        """
        ended = {job.id for job in self._store.all() if job.state not in UNFINISHED}
        total = 0
        for name in self._folders():
            size = self._sizes.get(name)
            if size is None:
                size = bytes_in(self._folder / name)
                if name in ended:
                    self._sizes[name] = size
            total += size
        return total
