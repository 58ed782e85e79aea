"""The files that a finished job leaves."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from seasift.core.files import replacing, write_bytes
from seasift.formats.document import FailedFile, Image, complete
from seasift.prediction.header import result_header
from seasift.runtime.image_prediction import Choices
from seasift.service.job_store import Job, JobStore
from seasift.service.served import Served
from seasift.service.written import DOCUMENTS, document_bytes

OVERLAYS = "overlays.zip"


def choices_text(choices: Choices) -> str:
    """What a job looks for in its images, as the store keeps it."""
    kept = ("threshold", "max_objects", "class_ids", "all_classes")
    return json.dumps({name: getattr(choices, name) for name in kept})


def choices_from(text: str) -> Choices:
    """The inverse of `choices_text`."""
    value = json.loads(text)
    ids = value["class_ids"]
    every_class = value.get("all_classes", not value.get("once", False))  # jobs of older versions say `once`
    return Choices(value["threshold"], value["max_objects"], None if ids is None else tuple(ids), every_class)


def write_results(job: Job, store: JobStore, model: Served, folder: Path) -> None:
    """Write the documents, and the overlays as an archive, into `folder/result`."""
    images, failures = [], []
    for _, image, failure in store.pictures(job.id):
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
    """Of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
