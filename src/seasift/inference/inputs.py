"""Inputs that the user names: images, folders, globs, videos, standard input.

The files of a dive are sorted by the numbers, chapters and timestamps in their names.
"""

from __future__ import annotations

import glob
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Literal

from seasift.core import image
from seasift.core.errors import ImageError, InputError
from seasift.core.files import resolved
from seasift.video.file import created_utc, opened
from seasift.video.kinds import Kind, chapter_of, kind_in_folder, kind_of, left_out, natural_key
from seasift.video.live import is_live, without_password

STDIN = "-"


@dataclass(frozen=True)
class Source:
    """Something that gives images.

    Attributes:
        name: what results call it: the path as given, with forward slashes, or "-".
        kind: one image, a video, one image's bytes on standard input, or a live source.
        path: None for standard input and live sources.
        address: of a live source, with its password if it has one.
        found_by: the folder or pattern that gave it; "" if it was named itself.
    """

    name: str
    kind: Literal["image", "video", "stdin", "live"]
    path: Path | None = None
    address: str | None = None
    found_by: str = field(default="", compare=False)

    @property
    def moves(self) -> bool:
        """Whether it gives frames, and not one image."""
        return self.kind in ("video", "live")

    @classmethod
    def of_file(cls, path: Path, found_by: str = "", kind: Kind | None = None) -> Source:
        """A file, by its content; anything that is not footage is tried as an image."""
        return cls(readable(path.as_posix()), kind or kind_of(path), path, found_by=found_by)


@dataclass(frozen=True)
class Failure:
    """A file that gave no result, and why, in one line."""

    file: str
    error: str

    @classmethod
    def of(cls, name: str, error: object) -> Failure:
        """With both as text that can be written."""
        return cls(readable(name), readable(" ".join(str(error).split())))


def readable(name: str) -> str:
    """A file name as text that can be written: bytes that are no UTF-8, which Linux allows, as `\\udcff`."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def expand(
    inputs: Sequence[str],
    *,
    recursive: bool = False,
    leave_out: Path | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> list[Source | Failure]:
    """Turn what the user named into sources, each file once, those of folders and globs in natural order.

    Args:
        inputs: paths of images, videos and folders, globs (also where the shell does not expand them), "-",
            addresses of live sources.
        recursive: search subfolders, too.
        leave_out: a folder whose files are not taken from within others: the output of an earlier run.
        note: takes a line about what a folder holds that is not taken.
    Returns:
        Sources; a Failure for a folder or glob without images. A file that does not exist is a source:
        reading it tells.
    """
    found: dict[object, Source | Failure] = {}
    for given in inputs:
        for item in _expand_one(given, recursive, leave_out, note):
            path = item.path if isinstance(item, Source) else None
            found.setdefault(resolved(path) if path else item, item)
    return list(found.values())


def _expand_one(
    given: str, recursive: bool, leave_out: Path | None, note: Callable[[str], None]
) -> Iterator[Source | Failure]:
    if given == STDIN:
        yield Source(STDIN, "stdin")
        return
    if is_live(given):
        yield Source(readable(without_password(given)), "live", address=given)
        return
    if not given.strip():
        yield Failure.of('""', "an empty name; expected an image, a video or a folder. Is a variable unset?")
        return
    path = Path(given)
    if path.is_dir():
        yield from _in_folder(path, recursive, leave_out, note)
    elif glob.has_magic(given) and not path.exists():
        matches = sorted(map(Path, glob.glob(given, recursive=True)), key=natural_key)  # noqa: PTH207 - pathlib cannot take an absolute pattern
        if not matches:
            yield Failure.of(
                path.as_posix(), f"{given}: nothing matches this pattern. Check it, or quote it."
            )
        for match in matches:
            yield from (
                [Source.of_file(match, given)]
                if match.is_file()
                else _expand_one(str(match), recursive, leave_out, note)
            )
    else:
        yield Source.of_file(path)


def _in_folder(
    folder: Path, recursive: bool, leave_out: Path | None, note: Callable[[str], None]
) -> Iterator[Source | Failure]:
    paths = [
        path
        for path in _visible(folder, recursive)
        if not (leave_out and leave_out in resolved(path).parents)
    ]
    kinds = {path: kind_in_folder(path) for path in sorted(paths, key=natural_key)}
    others = [path for path, kind in kinds.items() if kind is None]
    deeper = 0 if recursive else _folders(folder, leave_out)
    more = " Pass --recursive to search its subfolders." if not recursive else ""
    if len(others) == len(kinds):
        found = f"; it holds {left_out(others)}" if others else ""
        error = (
            f"{folder}: a folder without images or videos{found}; expected {image.FORMATS}, or footage.{more}"
        )
        yield Failure.of(folder.as_posix(), error)
        return
    parts = [left_out(others)] if others else []
    if deeper:
        parts.append(f"what is in its {deeper} folder{'s' * (deeper > 1)}")
    if parts:
        note(f"{folder}: left out {' and '.join(parts)}.{more if deeper else ''}")
    yield from (Source.of_file(path, folder.as_posix(), kind) for path, kind in kinds.items() if kind)


def _folders(folder: Path, leave_out: Path | None) -> int:
    """How many folders lie in a folder, but for hidden ones and that of the results."""
    return sum(
        path.is_dir() and not path.name.startswith(".") and resolved(path) != leave_out
        for path in folder.iterdir()
    )


def _visible(folder: Path, recursive: bool) -> Iterable[Path]:
    """Files whose name, and whose folders' names below `folder`, do not begin with a dot."""
    for path in folder.rglob("*") if recursive else folder.glob("*"):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


_YEAR_FIRST = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-_. ]?(\d\d)[-_. ]?(\d\d)[-_. T]{0,3}(\d\d)[-_.:h ]?(\d\d)(?:[-_.:m ]?(\d\d))?(?!\d{3})"
)
_YEAR_LAST = re.compile(
    r"(?<!\d)(\d\d?)(?:[-_. ](?=\d)|(?<=\d\d)(?=\d\d(?:19|20)))(\d\d?)[-_. ]?((?:19|20)\d\d)[-_. T]{1,3}"
    r"(\d\d)[-_.:h ]?(\d\d)(?:[-_.:m ]?(\d\d))?(?!\d)"
)


def videos_of(
    inputs: Sequence[str], *, recursive: bool = False, leave_out: Path | None = None
) -> tuple[list[Path | str], list[Failure], list[str]]:
    """The videos of a dive, or its live source, in order.

    Args:
        inputs: as for `inputs.expand`.
        recursive: search subfolders.
        leave_out: a folder whose files are not taken: the output of an earlier run.
    Returns:
        Paths and addresses; inputs that are no videos; lines for the user on what was left out and how it was ordered.
    Raises:
        InputError: no video among the inputs.
    """
    sources: list[Source] = []
    failures: list[Failure] = []
    notes: list[str] = []
    stills: Counter[str] = Counter()
    for item in expand(inputs, recursive=recursive, leave_out=leave_out, note=notes.append):
        if isinstance(item, Failure):
            failures.append(item)
        elif item.moves:
            sources.append(item)
        elif item.found_by:
            stills[item.found_by] += 1
        else:
            what = (
                "no such file or folder. Check the name and the folder you are in."
                if item.path and not item.path.exists()
                else "not a video; expected MP4, MOV, MKV, AVI, TS or alike. Left out."
            )
            failures.append(Failure.of(item.name, f"{item.name}: {what}"))
    for index, count in stills.items():
        notes.append(f"{index}: left out {count:,} still image{'s' * (count > 1)}: a survey takes videos.")
    if not sources:
        raise InputError(
            failures[0].error
            if failures
            else f"{', '.join(inputs)}: no video among them; expected at least one."
        )
    sources, order_notes = in_dive_order(sources)
    return (
        [source.path or source.address or source.name for source in sources],
        failures,
        [*notes, *order_notes],
    )


def in_dive_order(sources: Sequence[Source]) -> tuple[list[Source], list[str]]:
    """Put the videos of a dive into the order of time, as far as their names and metadata tell.

    Files that a folder or a pattern gave are sorted, each folder on its own: by recording and chapter (GoPro), by time
    stamps or numbers in their names; where names differ otherwise, by the metadata's `creation_time`. Files that were
    named one by one keep their order, unless it is just the alphabet's, as a shell sorts what matches a pattern.

    Returns:
        The sources, and a line for the user for each order that is not the one in which they came.
    """
    ordered: list[Source] = []
    notes: list[str] = []
    for found_by, group in groupby(sources, key=lambda source: source.found_by or _folder(source)):
        files = list(group)
        shell = not files[0].found_by
        if found_by and (not shell or _from_shell(files)):
            files = _sorted(files, notes, noted=shell)
        ordered.extend(files)
    return ordered, notes


def _folder(source: Source) -> str:
    return str(source.path.parent) if source.path else ""


def _from_shell(sources: Sequence[Source]) -> bool:
    """Whether files of one folder came in the order in which a shell gives them, which is not that of their numbers."""
    paths = [source.path for source in sources if source.path is not None]
    names = [path.name for path in paths]
    return (
        names in (sorted(names), sorted(names, key=str.casefold)) and len(names) > 1 and _names_decide(paths)
    )


def _sorted(files: list[Source], notes: list[str], *, noted: bool) -> list[Source]:
    paths = [source.path for source in files if source.path is not None]
    by_path = dict(zip(paths, files, strict=True))
    if len(paths) < 2:
        return files
    if _names_decide(paths):
        order = _by_name(paths)
        why = "the numbers in their names"
    else:
        order = _by_time(paths) or paths
        why = "their creation_time"
        noted = True
    if noted and order != paths:
        notes.append(f"files were put in the order of {why}: {', '.join(path.name for path in order)}.")
    return [by_path[path] for path in order]


def _names_decide(paths: Sequence[Path]) -> bool:
    if all(chapter_of(path) for path in paths) or _stamps(paths):
        return True
    return len({re.sub(r"\d+", "0", path.stem).casefold() for path in paths}) == 1


def _by_name(paths: Sequence[Path]) -> list[Path]:
    timestamps = None if all(chapter_of(path) for path in paths) else _stamps(paths)
    if timestamps is None:
        return sorted(paths, key=natural_key)
    return sorted(paths, key=lambda path: (timestamps[path], natural_key(path)))


def _by_time(paths: Sequence[Path]) -> list[Path] | None:
    """By `creation_time`; None unless each file has one and they differ."""
    times: dict[Path, datetime] = {}
    for path in paths:
        try:
            with opened(path) as (container, track):
                when = created_utc(container, track)
        except ImageError:
            continue  # who opens it tells
        if when is None:
            return None
        times[path] = when
    if len(set(times.values())) < 2:
        return None
    last = max(times.values())
    return sorted(paths, key=lambda path: (times.get(path, last), natural_key(path)))


def _stamps(paths: Sequence[Path]) -> dict[Path, datetime] | None:
    """Times in the names; None unless each has one that can be understood in one way."""
    found = {path: _YEAR_FIRST.search(path.stem) for path in paths}
    if all(found.values()):
        return _times({path: match.groups() for path, match in found.items() if match}, (0, 1, 2))
    found = {path: _YEAR_LAST.search(path.stem) for path in paths}
    if not all(found.values()):
        return None
    groups = {path: match.groups() for path, match in found.items() if match}
    ways = [times for order in ((2, 1, 0), (2, 0, 1)) if (times := _times(groups, order)) is not None]
    orders = {tuple(sorted(paths, key=times.__getitem__)) for times in ways}
    return ways[0] if len(orders) == 1 else None


def _times(
    groups: dict[Path, tuple[str | None, ...]], order: tuple[int, int, int]
) -> dict[Path, datetime] | None:
    times: dict[Path, datetime] = {}
    try:
        for path, parts in groups.items():
            year, month, day = (int(parts[index] or 0) for index in order)
            hour, minute, second = (int(part or 0) for part in parts[3:])
            times[path] = datetime(year, month, day, hour, minute, second)
        return times
    except ValueError:
        return None
