"""A packed data set: a prepared set in zip parts of limited size; unpacking it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seasift.core.errors import DatasetError
from seasift.core.files import read_regular

PACK_FILE = "pack.json"
PACK_SCHEMA = "seasift-pack/1"


def read_pack(folder: Path) -> dict[str, Any]:
    """What a packed data set says of itself.

    Raises:
        DatasetError: not readable, or of another schema.
    """
    path = folder / PACK_FILE
    try:
        record = json.loads(read_regular(path, DatasetError))
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(
            f"{path}: cannot be read ({error}); expected a record of `seasift data pack`. Copy it again"
        ) from None
    schema = record.get("schema") if isinstance(record, dict) else None
    if schema != PACK_SCHEMA or not _listed(record.get("parts")):
        raise DatasetError(
            f"{path}: of schema {schema!r}; expected {PACK_SCHEMA!r} with parts. Pack the data set again"
        )
    found: dict[str, Any] = record
    return found


def _listed(parts: Any) -> bool:
    return isinstance(parts, list) and all(
        isinstance(part, dict) and isinstance(part.get("file"), str) and isinstance(part.get("sha256"), str)
        for part in parts
    )


def unpack(folder: Path, cache: Path | None = None) -> Path:
    """Unpack a packed data set, if that has not been done; several processes may do so at once.

    Args:
        folder: of the pack.
        cache: where to unpack to (None: `cache` in the folder).
    Returns:
        The prepared data set.
    Raises:
        DatasetError: a part is missing or damaged, or there is nowhere to unpack to.
    """
    record = read_pack(folder)
    digest = hashlib.sha256("".join(part["sha256"] for part in record["parts"]).encode()).hexdigest()
    target = (cache or folder / "cache") / f"unpacked-{digest[:16]}"
    if target.is_dir():
        return target
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for part in record["parts"]:
            _unpack_part(folder, part, unfinished)
        try:
            unfinished.replace(target)
        except OSError:
            if not target.is_dir():  # else another process was first
                raise
    except OSError as error:
        raise DatasetError(
            f"{folder}: cannot be unpacked to {target} ({error.strerror}); expected room and leave to write there. Name "
            "another place, for training with data.cache"
        ) from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return target


def _unpack_part(folder: Path, part: Mapping[str, str], target: Path) -> None:
    path = folder / Path(part["file"]).name
    if not path.is_file():
        raise DatasetError(f"{path}: is missing; expected all parts of the pack. Copy it")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != part["sha256"]:
        raise DatasetError(
            f"{path}: is damaged (another SHA-256 than in {PACK_FILE}); expected it as packed. Copy it again"
        )
    with zipfile.ZipFile(path) as archive:
        archive.extractall(target)
