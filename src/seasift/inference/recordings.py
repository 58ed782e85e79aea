"""What names of video files tell of their order: numbers, chapters of a recording, time stamps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path

from seasift.core.errors import ImageError, InputError
from seasift.inference.inputs import Failure, Source, expand
from seasift.video.file import created_utc, opened
from seasift.video.names import chapter_of, natural_key

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
    sources, told = in_dive_order(sources)
    return [source.path or source.address or source.name for source in sources], failures, [*notes, *told]


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
            files = _sorted(files, notes, told=shell)
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


def _sorted(files: list[Source], notes: list[str], *, told: bool) -> list[Source]:
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
        told = True
    if told and order != paths:
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
