"""Defects of a data set: severity, location and remedy; and those that only all objects together show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

FATAL: Literal["fatal"] = "fatal"
WARNING: Literal["warning"] = "warning"

# Kinds that `repair.repair_document` mostly mends.
REPAIRED = frozenset(
    {
        "duplicate id",
        "box reaches out",
        "box outside",
        "empty box",
        "broken mask",
        "empty mask",
        "duplicate name",
    }
)


@dataclass(frozen=True)
class Defect:
    """A defect, its location, and its remedy.

    Attributes:
        severity: fatal if training or evaluation would stop or be wrong; else warning.
        kind: a short name, the same for all defects of a kind.
        file: the annotation file, image or list.
        location: inside the file, such as "annotation 12"; "" for the whole file.
        what: the found and the expected value.
        remedy: what to do.
    """

    severity: Literal["fatal", "warning"]
    kind: str
    file: str
    location: str
    what: str
    remedy: str

    def line(self) -> str:
        """The defect on one line."""
        location = f", {self.location}" if self.location else ""
        text = f"{self.severity}: {self.file}{location}: {self.what}. {self.remedy}."
        return " ".join(text.split())

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"place" if key == "location" else key: value for key, value in asdict(self).items()}


# Fewer crowds than this say nothing about a class.
_FEW = 3


def whole_file(items: list[Any], categories: Mapping[int, str], file: str) -> Iterator[Defect]:
    """Warn of missing fields, and of crowds that are single objects.

    Args:
        items: the annotations of the document.
        categories: id to name.
        file: its name, for the defects.
    """
    objects = [item for item in items if isinstance(item, dict)]
    total = len(objects)
    without_mask = sum(item.get("segmentation") in (None, []) for item in objects)
    if without_mask:
        what = f"{without_mask:,} of {total:,} objects have no mask, only a box"
        remedy = "They train boxes and classes; masks are not evaluated on a file that lacks any"
        yield Defect(WARNING, "no mask", file, "annotations", what, remedy)
    without_area = sum(item.get("area") is None for item in objects)
    if without_area:
        what = f"{without_area:,} of {total:,} objects have no area"
        yield Defect(
            WARNING, "no area", file, "annotations", what, "The area of the mask is used, or else of the box"
        )
    yield from _crowds(objects, categories, file)


def _crowds(objects: list[dict[str, Any]], categories: Mapping[int, str], file: str) -> Iterator[Defect]:
    crowds = [item for item in objects if item.get("iscrowd") in (1, True)]
    remedy = "Crowds are neither trained nor evaluated. CVAT writes every brush mask so: write iscrowd 0 if each is one object"
    if crowds and len(crowds) == len(objects):
        what = f"all {len(objects):,} objects are crowds (iscrowd 1)"
        yield Defect(WARNING, "only crowds", file, "annotations", what, remedy)
        return
    of_class = Counter(str(item.get("category_id")) for item in objects)
    for number, count in Counter(str(item.get("category_id")) for item in crowds).items():
        if count == of_class[number] >= _FEW:
            name = next((name for key, name in categories.items() if str(key) == number), "?")
            what = f"all its {count:,} objects are crowds (iscrowd 1)"
            yield Defect(WARNING, "only crowds", file, f"category {number} ({name})", what, remedy)
