"""Check whether a file is a seasift result document, and locate problems."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from seasift.core.errors import InputError
from seasift.core.files import read_regular
from seasift.formats.document import SCHEMA, Document, FoundObject, Image

_SLACK_PX = 0.01  # boxes are rounded


def read(path: Path) -> Document:
    """Read a result document.

    Raises:
        InputError: missing, not JSON, another document, or invalid; the message locates the first problem.
    """
    value = _load(path)
    found = problems(value)
    if found:
        more = f" ({len(found) - 1} more; `seasift validate --all` lists them)" if len(found) > 1 else ""
        raise InputError(f"{path}: {found[0]}{more}")
    return Document.model_validate(value)


def list_problems(path: Path) -> list[str]:
    """All problems of a file that is JSON, as `problems` gives them; raises InputError if it is not."""
    return problems(_load(path))


def _load(path: Path) -> Any:
    try:
        return json.loads(read_regular(path))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file. Check the name and the folder you are in.") from None
    except OSError as error:
        kind = "a folder" if path.is_dir() else f"cannot be read ({error.strerror})"
        raise InputError(f"{path}: {kind}; expected a JSON document made by `seasift predict`.") from None
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path}: not JSON ({error}); expected a document made by `seasift predict`."
        ) from None


def problems(value: Any) -> list[str]:
    """Each problem as `JSON path: description`, in document order; empty if the document is valid."""
    if not isinstance(value, dict) or "schema" not in value:
        return [f'$: no entry "schema"; expected "{SCHEMA}". Is it a document of `seasift predict`?']
    if value["schema"] != SCHEMA:
        return [f'$.schema: got {json.dumps(value["schema"])[:80]}; this version knows "{SCHEMA}"']
    try:
        # As JSON, so that only JSON's own rules for numbers and lists apply.
        document = Document.model_validate_json(json.dumps(value))
    except ValidationError as error:
        return [_described(problem) for problem in error.errors(include_url=False)]
    return list(_contradictions(document))


def _described(problem: Any) -> str:
    location = "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"])
    if problem["type"] == "missing":
        return f"{location}: missing"
    if problem["type"] == "extra_forbidden":
        return f"{location}: unknown entry; remove it"
    got = json.dumps(problem["input"], default=str)
    return f"{location}: got {got[:60] + '…' if len(got) > 60 else got}; {problem['msg'].lower()}"


def _contradictions(document: Document) -> Iterator[str]:
    """Problems that a schema cannot detect."""
    names = {category.id: category.name for category in document.categories}
    if len(names) < len(document.categories):
        yield "$.categories: two of them have the same id"
    seen: dict[str, int] = {}
    for i, image in enumerate(document.images):
        if image.file in seen:
            yield f"$.images[{i}].file: {image.file!r} is used by $.images[{seen[image.file]}], too"
        seen.setdefault(image.file, i)
        for j, found in enumerate(image.objects):
            location = f"$.images[{i}].objects[{j}]"
            yield from _of_object(found, image, document, names, location)


def _of_object(
    found: FoundObject, image: Image, document: Document, names: dict[int, str], location: str
) -> Iterator[str]:
    if names.get(found.category_id) != found.name:
        yield (
            f"{location}.name: got {found.name!r} for category {found.category_id}; "
            f"$.categories says {names.get(found.category_id, 'nothing about it')!r}"
        )
    if document.classes is not None and found.name not in document.classes:
        yield f"{location}.name: got {found.name!r}, which is not among $.classes"
    if found.score < document.threshold:
        yield f"{location}.score: got {found.score}; expected at least $.threshold, {document.threshold}"
    x, y, width, height = found.box_xywh
    outside = (
        min(x, y) < -_SLACK_PX or x + width > image.width + _SLACK_PX or y + height > image.height + _SLACK_PX
    )
    if outside or min(width, height) < 0:
        yield f"{location}.box_xywh: {found.box_xywh} is not inside {image.width} x {image.height} px"
    yield from _of_mask(found, image, location)


def _of_mask(found: FoundObject, image: Image, location: str) -> Iterator[str]:
    for k, ring in enumerate(found.polygons or ()):
        if len(ring) < 6 or len(ring) % 2:
            yield f"{location}.polygons[{k}]: {len(ring)} numbers; expected x, y of 3 points or more"
    if found.mask is None:
        return
    if found.mask.size != [image.height, image.width]:
        yield f"{location}.mask.size: got {found.mask.size}; expected [{image.height}, {image.width}]"
        return
    try:
        area = _area(found.mask.counts, image.height * image.width)
    except ValueError as error:
        yield f"{location}.mask.counts: {error}"
        return
    if found.area_px != area:
        yield f"{location}.area_px: got {found.area_px}; the mask has {area} pixels"


def _area(counts: str, pixels: int) -> int:
    """Pixels of a compressed RLE, decoded here run by run, because decoders trust their input."""
    runs: list[int] = []
    location = 0
    while location < len(counts):
        value = shift = 0
        more = True
        while more:
            if location >= len(counts) or not 0 <= ord(counts[location]) - 48 < 64:
                raise ValueError("not a compressed run-length text")
            code = ord(counts[location]) - 48
            value |= (code & 0x1F) << shift
            more = bool(code & 0x20)
            location, shift = location + 1, shift + 5
            if not more and code & 0x10:
                value |= -1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
    if any(run < 0 for run in runs) or sum(runs) != pixels:
        raise ValueError(f"its runs cover {sum(runs)} pixels; expected {pixels}")
    return sum(runs[1::2])
