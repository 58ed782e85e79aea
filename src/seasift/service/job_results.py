"""The files that a finished job leaves."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from seasift.core.files import replacing, write_bytes
from seasift.core.rollup import RollUp
from seasift.formats.document import FailedFile, Image, complete
from seasift.service.job_store import Job, JobStore
from seasift.service.served import Look, Served, document_settings
from seasift.service.written import DOCUMENTS, document_bytes

OVERLAYS = "overlays.zip"


def look_from(text: str) -> Look:
    """How a job looks at pictures, as it was kept."""
    value = json.loads(text)
    ids = value["class_ids"]
    return Look(
        value["threshold"],
        value["max_objects"],
        None if ids is None else tuple(ids),
        value.get("once", False),
        RollUp(**value["rollup"]) if value.get("rollup") else None,
        value.get("only_sure", False),
    )


def write_results(job: Job, store: JobStore, model: Served, folder: Path) -> None:
    """Write the documents, and the overlays as an archive, into `folder/result`."""
    images, failures = [], []
    for _, image, failure in store.pictures(job.id):
        if image is not None:
            images.append(Image.model_validate_json(image))
        elif failure is not None:
            failures.append(FailedFile.model_validate_json(failure))
    result = complete(document_settings(model, look_from(job.look)), images, failures)
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
