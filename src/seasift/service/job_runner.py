"""The thread that does jobs, one after the other.

A finished job leaves files.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sqlite3
import threading
import zipfile
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path

from seasift.core.errors import SeasiftError
from seasift.core.files import replacing, write_bytes
from seasift.core.rollup import RollUp
from seasift.formats.document import FailedFile, Image, complete, plain
from seasift.inference.image_prediction import Choices, result_header
from seasift.isolation.pool import DecoderPool
from seasift.service import job_upload
from seasift.service.image_queue import ImageQueue, QueueResult, QueueTask, Served
from seasift.service.job_store import Job, JobStore
from seasift.service.refusals import is_storage_error
from seasift.service.settings import ServiceSettings
from seasift.service.written import DOCUMENTS, document_bytes, entry_name

OVERLAYS = "overlays.zip"


def choices_text(choices: Choices) -> str:
    """What a job looks for in its images, as the store keeps it."""
    kept = ("threshold", "max_objects", "class_ids", "all_classes", "only_sure")
    rollup = asdict(choices.rollup) if choices.rollup else None
    return json.dumps({name: getattr(choices, name) for name in kept} | {"rollup": rollup})


def choices_from(text: str) -> Choices:
    """The inverse of `choices_text`."""
    value = json.loads(text)
    ids = value["class_ids"]
    every_class = value.get("all_classes", not value.get("once", False))  # jobs of older versions say `once`
    return Choices(
        value["threshold"],
        value["max_objects"],
        None if ids is None else tuple(ids),
        every_class,
        rollup=RollUp(**value["rollup"]) if value.get("rollup") else None,
        only_sure=value.get("only_sure", False),
    )


def write_results(job: Job, store: JobStore, model: Served, folder: Path) -> None:
    """Write the documents, and the overlays as an archive, into `folder/result`."""
    images, failures = [], []
    for _, image, failure in store.images(job.id):
        if image is not None:
            images.append(Image.model_validate_json(image))
        elif failure is not None:
            failures.append(FailedFile.model_validate_json(failure))
    result = complete(result_header(model, choices_from(job.look)), images, failures)
    for name in DOCUMENTS:
        write_bytes(folder / "result" / name, document_bytes(name, result))
    if job.overlays:
        with replacing(folder / "result" / OVERLAYS) as part, zipfile.ZipFile(part, "w") as archive:
            for path in sorted((folder / "overlays").glob("*.jpg")):
                archive.write(path, path.name)


def result_files(folder: Path) -> list[str]:
    """Names of the files that a job left."""
    return [name for name in (*DOCUMENTS, OVERLAYS) if (folder / "result" / name).is_file()]


def bytes_in(folder: Path) -> int:
    """Of all files below a folder, whatever goes away meanwhile."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.stat(os.path.join(parent, name), follow_symlinks=False).st_size  # noqa: PTH116, PTH118
    return total


LOG = logging.getLogger("seasift.service.jobs")
_SWEEP_S = 60.0
_TROUBLE_S = 5.0
_SORRY = "something went wrong here; the server's log has it."


class JobRunner:
    """Takes what waits in the store, oldest first, and hands its images to the queue, behind those of requests."""

    def __init__(
        self,
        folder: Path,
        store: JobStore,
        model: Served,
        queue: ImageQueue,
        settings: ServiceSettings,
        decoders: DecoderPool,
        sweep: Callable[[float], None],
    ) -> None:
        """Make the thread; `sweep` is called with the time now and then."""
        self._folder, self._store, self._sweep = folder, store, sweep
        self._model, self._queue, self._settings, self._decoders = model, queue, settings, decoders
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="seasift-jobs", daemon=True)

    def start(self) -> None:
        """Go on with what the last server left, then wait for more."""
        self._thread.start()

    def wake(self) -> None:
        """A job was added."""
        self._wake.set()

    @property
    def alive(self) -> bool:
        """Whether the thread runs, or has not been started."""
        return self._thread.ident is None or self._thread.is_alive()

    def stop(self, within_s: float = 30) -> bool:
        """Finish the images in hand and end; jobs wait for the next server.

        Returns:
            Whether it ended in time.
        """
        self._stopping = True
        self._wake.set()
        with suppress(sqlite3.Error):
            self._store.forgive()
        if self._thread.ident is not None:
            self._thread.join(within_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        """One job after the other. Nothing that goes wrong ends the thread: it waits and tries again."""
        while not self._stopping:
            self._wake.clear()
            try:
                self._store.requeue()  # of a job whose end could not be written
                self._sweep(self._store.now())
                job = self._store.claim()
                wait_s = _SWEEP_S
                if job is not None:
                    self._attempt(job)
                    continue
            except Exception:
                LOG.exception("the jobs' folder cannot be used; it is tried again")
                wait_s = _TROUBLE_S
            self._wake.wait(wait_s)

    def _attempt(self, job: Job) -> None:
        try:
            self._do(job)
        except SeasiftError as error:
            self._store.finish(job.id, "failed", " ".join(str(error).split()))
        except Exception as error:
            if is_storage_error(error) and self._is_running(job.id):
                self._store.pause(job.id)  # the disk is to blame: the job goes on once there is room
                raise
            if self._is_running(job.id):  # else it was cancelled, and its files are gone
                LOG.exception("job failed", extra={"fields": {"job": job.id}})
                self._store.finish(job.id, "failed", _SORRY)
        finally:
            if self._is_cancelled(job.id):  # what was written after the files were removed
                shutil.rmtree(self._folder / job.id, ignore_errors=True)

    def _do(self, job: Job) -> None:
        if job.model != self._model.sha256:
            self._store.start_over(job.id, self._model.sha256)
        done = {index for index, _, _ in self._store.images(job.id)}
        waiting: deque[tuple[job_upload.UploadEntry, Future[QueueResult]]] = deque()
        folder, look = self._folder / job.id, choices_from(job.look)
        upload = folder / "upload"
        entries = job_upload.entries(
            upload,
            job.kind,
            job.file,
            job.every,
            self._settings,
            self._decoders,
            done,
            lambda: self._ends(job.id),
        )
        try:
            with closing(entries):
                for entry in entries:
                    waiting.append((entry, self._put(job, entry, look)))
                    while len(waiting) > 2 * self._queue.workers:
                        self._keep(job, *waiting.popleft())
                    if self._ends(job.id):
                        break
            while waiting:
                self._keep(job, *waiting.popleft())
        finally:
            for _, future in waiting:
                future.cancel()
        if self._stopping:
            self._store.pause(job.id)
        elif self._is_running(job.id):
            write_results(job, self._store, self._model, folder)
            self._store.finish(job.id, "done")
            upload.unlink(missing_ok=True)

    def _ends(self, job_id: str) -> bool:
        """Whether nothing more is to be done for a job: it was cancelled, or the server stops."""
        return self._stopping or not self._is_running(job_id)

    def _is_running(self, job_id: str) -> bool:
        job = self._store.get(job_id)
        return job is not None and job.state == "running"

    def _is_cancelled(self, job_id: str) -> bool:
        with suppress(sqlite3.Error):
            job = self._store.get(job_id)
            return job is None or job.state == "cancelled"
        return False

    def _put(self, job: Job, entry: job_upload.UploadEntry, look: Choices) -> Future[QueueResult]:
        if isinstance(entry.image, SeasiftError):
            failed: Future[QueueResult] = Future()
            failed.set_exception(entry.image)
            return failed
        suffix = ".jpg" if job.overlays else None
        task = QueueTask(
            entry.file, entry.image, look, overlay=suffix, frame=entry.frame, time_s=entry.time_s
        )
        return self._queue.put(task, background=True)

    def _keep(self, job: Job, entry: job_upload.UploadEntry, future: Future[QueueResult]) -> None:
        """Write what belongs to one image, then enter it as finished."""
        try:
            seen = future.result()
        except Exception as error:
            words = " ".join(str(error).split())
            if not isinstance(error, SeasiftError):
                LOG.exception("image failed", extra={"fields": {"job": job.id, "file": entry.file}})
                words = f"{entry.file}: {_SORRY}"
            failure = FailedFile(file=entry.file, error=words)
            self._store.add_image(job.id, entry.index, failure=json.dumps(plain(failure)))
            return
        if seen.overlay and self._is_running(job.id):
            name = entry_name(entry.index + 1, entry.file.partition("#frame=")[0])
            write_bytes(self._folder / job.id / "overlays" / name, seen.overlay)
        self._store.add_image(job.id, entry.index, image=json.dumps(plain(seen.entry)))
