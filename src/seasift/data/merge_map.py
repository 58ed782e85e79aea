"""The map of a merge: the meaning of each source's categories in the classes of the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seasift.core.classes import group_of
from seasift.core.errors import DatasetError, expected
from seasift.core.files import read_regular
from seasift.core.instances import Category
from seasift.core.yaml_text import load_yaml

OBJECT, IGNORE = "object", "ignore"
Meaning = str | list[str]


class _MapPart(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceMap(_MapPart):
    """One source.

    Attributes:
        name: starts the file names of its images; the first source's keep theirs.
        background: "unlabelled" if objects may be missing from its annotations.
        loose_boxes: all categories, or these, have boxes that contain the objects but have no exact edges.
        categories: category to its meaning: a class, a supercategory, "object", several of these, or "ignore". A category
            that is not listed means the class with its name.
        labels, masks: label set and mask version of a prepared source (None: its default).
        group: regular expression for the video in its file names (None: its own, or the field `video` of its images).
        facts: CSV table of its videos with video, date, clock_from, clock_to, dive_number, dive, certainty.
        videos: use only these: a list, or a text file with one per line.
        licence, citation: for the record.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    background: Literal["labelled", "unlabelled"] = "labelled"
    loose_boxes: bool | list[str] = False
    categories: dict[str, Meaning] = {}
    labels: str | None = None
    masks: str | None = None
    group: str | None = None
    facts: Path | None = None
    videos: Path | list[str] | None = None
    licence: str | None = None
    citation: str | None = None


class MergeMap(_MapPart):
    """A merge.

    Attributes:
        name: of the merged data set.
        sources: in the order of the command line; the classes are those of the first.
        supercategories: name to classes (empty: by the first word of the classes, as in TrashCan).
        splits: splitting scheme to split to its images: "SOURCE", or "SOURCE:SCHEME/SPLIT" of a prepared one. Without it,
            every scheme of the first source stays, and the images of the others join its train split.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    sources: list[SourceMap] = Field(min_length=2)
    supercategories: dict[str, list[str]] = {}
    splits: dict[str, dict[str, list[str]]] | None = None


def read_merge_map(path: Path, sources: int) -> MergeMap:
    """Read a map; its file names are relative to it.

    Args:
        path: of the YAML file.
        sources: number of data sets to merge.
    Raises:
        DatasetError: no file, not YAML, an unknown key, a wrong value, or another number of sources.
    """
    try:
        content = load_yaml(read_regular(path, DatasetError).decode("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"{path}: cannot be read ({error}); expected a map in YAML. Check the path"
        ) from None
    except ValueError as error:
        raise DatasetError(f"{path}: not YAML ({error}). Correct the file") from None
    try:
        found = MergeMap.model_validate(content)
    except ValidationError as error:
        raise DatasetError(f"{path}: {_explain(error)}") from None
    names = [source.name for source in found.sources]
    if len(names) != sources:
        raise DatasetError(
            f"{path}: describes {len(names)} sources for {sources} data sets; expected one for each, in the same order"
        )
    if len(set(names)) < len(names):
        raise DatasetError(
            f"{path}: two sources with one name in {', '.join(names)}; expected each once. Rename one"
        )
    if found.sources[0].categories:
        raise DatasetError(
            f"{path}: categories of the first source, {names[0]}; expected none, since its classes are those of the "
            "merged set. Remove them, or put another source first"
        )
    return found.model_copy(update={"sources": [_from_here(source, path.parent) for source in found.sources]})


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    index = ".".join(str(part) for part in first["loc"]) or "the file"
    if first["type"] == "extra_forbidden":
        known = SourceMap if first["loc"][0] == "sources" else MergeMap
        return f"unknown key {index}; {expected(str(first['loc'][-1]), known.model_fields)}"
    return f"{index}: got {str(first['input'])[:60]!r}; {first['msg']}"


def _from_here(source: SourceMap, folder: Path) -> SourceMap:
    changed: dict[str, Any] = {}
    if source.facts is not None:
        changed["facts"] = folder / source.facts
    if isinstance(source.videos, Path):
        changed["videos"] = folder / source.videos
    return source.model_copy(update=changed)


def class_sets(
    source: SourceMap,
    own: Sequence[Category],
    classes: Sequence[Category],
    supercategories: Mapping[str, Sequence[str]],
) -> dict[int, tuple[int, ...]]:
    """The meaning of each category of a source: category id to ids of classes; empty for "ignore".

    Args:
        source: its map.
        own: categories of the source.
        classes: of the merged set.
        supercategories: name to classes.
    Raises:
        DatasetError: a category without a meaning, an unknown category or meaning.
    """
    names = [category.name for category in own]
    named = {*source.categories, *(source.loose_boxes if isinstance(source.loose_boxes, list) else ())}
    for name in sorted(named):
        if name not in names:
            raise DatasetError(
                f"map of {source.name}: the source has no category {name!r}; {expected(name, names)}"
            )
    ids = {category.name: category.id for category in classes}
    groups = _supercategories(classes, supercategories)
    found: dict[int, tuple[int, ...]] = {}
    for category in own:
        meaning = source.categories.get(category.name, category.name)
        words = [meaning] if isinstance(meaning, str) else meaning
        if words == [IGNORE]:
            found[category.id] = ()
            continue
        meant: set[int] = set()
        for word in words:
            if word not in ids and word not in groups and word != OBJECT:
                known = [*ids, *groups, OBJECT, IGNORE]
                raise DatasetError(
                    f"map of {source.name}: category {category.name!r} means {word!r}; {expected(word, known)}. "
                    f"Write a class, a supercategory, {OBJECT!r} or {IGNORE!r}"
                )
            meant |= set(ids.values()) if word == OBJECT else {ids[word]} if word in ids else groups[word]
        if not meant:
            raise DatasetError(
                f"map of {source.name}: category {category.name!r} means nothing; expected a class"
            )
        found[category.id] = tuple(sorted(meant))
    return found


def _supercategories(classes: Sequence[Category], given: Mapping[str, Sequence[str]]) -> dict[str, set[int]]:
    ids = {category.name: category.id for category in classes}
    if not given:
        groups: dict[str, set[int]] = {}
        for name, number in ids.items():
            groups.setdefault(group_of(name), set()).add(number)
        return groups
    for group, members in given.items():
        for name in members:
            if name not in ids:
                raise DatasetError(f"supercategory {group!r}: no class {name!r}; {expected(name, ids)}")
    return {group: {ids[name] for name in members} for group, members in given.items()}
