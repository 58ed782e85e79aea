"""Video groups, dives and days: which images belong together, so that no split separates them.

Two splits leak if they share files, images by content, groups such as videos, dives or minutes.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from importlib.resources import files
from itertools import combinations, product
from typing import Any

from seasift.core.errors import DatasetError
from seasift.data.defects import FATAL, WARNING, Defect


def groups_of(file_names: Collection[str], group: str | None) -> dict[str, str]:
    """The group of each image.

    Args:
        file_names: of the images.
        group: regular expression; the group is its first bracket that matches, or else all that it matches. None: every
            image is its own group.
    Raises:
        DatasetError: no regular expression, or a name without a group.
    """
    if group is None:
        return {name: name for name in file_names}
    try:
        pattern = re.compile(group)
    except re.error as error:
        raise DatasetError(
            f"group {group!r}: not a regular expression ({error}); expected one such as 'vid_(\\d+)_frame'"
        ) from None
    found = {name: pattern.search(name) for name in file_names}
    without = [name for name, match in found.items() if not match or found_group(match) is None]
    if without:
        raise DatasetError(
            f"group {group!r}: {len(without)} of {len(found)} file names have none, first {without[0]}; expected one in "
            "each. Give another --group"
        )
    return {name: found_group(match) or "" for name, match in found.items() if match}


def found_group(match: re.Match[str]) -> str | None:
    """The group of a match: its first bracket that matched, or the whole match without brackets."""
    return next((part for part in match.groups() if part is not None), None) if match.re.groups else match[0]


VIDEOS_FILE = "videos.csv"
CERTAINTIES = ("sure", "clock", "date", "none")


@dataclass(frozen=True)
class VideoFacts:
    """Facts about a video; an empty text is unknown.

    Attributes:
        video: its name, as the data set's group finds it in file names.
        date: as YYYY-MM-DD, "?" for a digit that cannot be read.
        clock_from, clock_to: time of day of its first and last image, HH:MM:SS.
        dive_number: the vehicle's own number of the dive.
        dive: name of the dive group.
        certainty: "sure"; "clock" or "date" if one of its digits may be wrong; "none" without an overlay.
    """

    video: str
    date: str = ""
    clock_from: str = ""
    clock_to: str = ""
    dive_number: str = ""
    dive: str = ""
    certainty: str = "sure"


_COLUMNS = tuple(each.name for each in fields(VideoFacts))


def read_facts(text: str, name: str) -> dict[str, VideoFacts]:
    """Facts by video from a CSV table; other columns than those of `VideoFacts` are ignored.

    Raises:
        DatasetError: no column `video`, a video twice, or an unknown certainty; `name` is the file's.
    """
    reader = csv.DictReader(io.StringIO(text))
    try:
        columns, rows = reader.fieldnames or (), list(reader)
    except csv.Error as error:
        raise DatasetError(f"{name}: not a CSV table ({error}). Save it again as CSV") from None
    if "video" not in columns:
        raise DatasetError(f"{name}: no column video; expected a CSV table with {', '.join(_COLUMNS)}")
    found: dict[str, VideoFacts] = {}
    for row in rows:
        facts = VideoFacts(
            **{column: row[column] or "" for column in _COLUMNS if row.get(column) is not None}
        )
        if facts.certainty not in CERTAINTIES:
            raise DatasetError(
                f"{name}: video {facts.video} has certainty {facts.certainty!r}; expected {', '.join(CERTAINTIES)}"
            )
        if facts.video in found:
            raise DatasetError(f"{name}: video {facts.video} has two rows; expected one. Remove one")
        found[facts.video] = facts
    return found


def facts_table(facts: Iterable[VideoFacts]) -> str:
    """The CSV table that `read_facts` reads."""
    text = io.StringIO()
    table = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(asdict(each) for each in facts)
    return text.getvalue()


def shipped_facts(data_set: str, group: str) -> dict[str, VideoFacts]:
    """The package's facts, by the names that `group` finds in file names such as VIDEO_frame0000001.jpg."""
    path = files("seasift.data") / f"{data_set}_splits" / "dives.csv"
    facts = read_facts(path.read_text(encoding="utf-8"), path.name)
    found = [(re.search(group, f"{video}_frame0000001.jpg"), each) for video, each in facts.items()]
    return {match[1]: replace(each, video=match[1]) for match, each in found if match}


def may_be_one_day(one: VideoFacts, other: VideoFacts) -> bool:
    """Whether two videos may be of one day, by their dates as read.

    Two dive numbers decide. Else each date of certainty "date" may have one wrong digit, unless a dive number confirms it
    (they rise with the date); "?" fits any digit. A video without a date fits no day.
    """
    if not one.date or not other.date:
        return False
    if one.dive_number and other.dive_number:
        return one.dive_number == other.dive_number or one.date == other.date
    wrong = sum("?" not in (a, b) and a != b for a, b in zip(one.date, other.date, strict=True))
    return wrong <= sum(_may_be_wrong(each) for each in (one, other))


def _may_be_wrong(facts: VideoFacts) -> bool:
    return facts.certainty == "date" and not facts.dive_number and "?" not in facts.date


def days(facts: Mapping[str, VideoFacts]) -> dict[str, str]:
    """Video to the first video of its group. Videos that may be of one day, or that have one dive group, form a group.

    Videos without date and dive are left out: they may be of any dive.
    """
    known = {video: each for video, each in sorted(facts.items()) if each.date or each.dive}
    root = {video: video for video in known}

    def find(video: str) -> str:
        while root[video] != video:
            video = root[video]
        return video

    for (first, one), (second, other) in combinations(known.items(), 2):
        if may_be_one_day(one, other) or (one.dive and one.dive == other.dive):
            ends = sorted((find(first), find(second)))
            root[ends[1]] = ends[0]
    return {video: find(video) for video in known}


def same_minutes(
    first: Collection[str], second: Collection[str], facts: Mapping[str, VideoFacts]
) -> list[tuple[str, str]]:
    """Pairs of two different videos, one of each collection, of one date whose clock times overlap."""
    timed: list[Sequence[VideoFacts]] = [
        [facts[video] for video in sorted(videos) if video in facts and facts[video].clock_from]
        for videos in (first, second)
    ]
    return [
        (one.video, other.video)
        for one, other in product(*timed)
        if one.video != other.video
        and one.date == other.date
        and one.clock_from <= other.clock_to
        and other.clock_from <= one.clock_to
    ]


def dives_of(group_of: Mapping[str, str], facts: Mapping[str, VideoFacts]) -> dict[str, str]:
    """File name to dive, where it is known.

    Args:
        group_of: file name to video.
        facts: by video.
    """
    return {
        name: facts[video].dive for name, video in group_of.items() if video in facts and facts[video].dive
    }


@dataclass(frozen=True)
class Leak:
    """Two splits of a scheme that share something.

    Attributes:
        scheme: its name.
        splits: the two.
        files: names in both.
        images: pairs of names, one of each split, of images that are equal pixel by pixel.
        groups: groups with images in both.
        images_in_groups: number of images of the first and of the second split in those groups.
        images_in_splits: number of images in each split.
        dives: dives with images in both.
        images_in_dives: number of images of the first and of the second split in those dives.
        clocks: pairs of videos, one of each split, of one date whose clock times overlap.
    """

    scheme: str
    splits: tuple[str, str]
    files: tuple[str, ...]
    images: tuple[tuple[str, str], ...]
    groups: tuple[str, ...]
    images_in_groups: tuple[int, int]
    images_in_splits: tuple[int, int]
    dives: tuple[str, ...] = ()
    images_in_dives: tuple[int, int] = (0, 0)
    clocks: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values, under the keys of the document."""
        keys = {"scheme": "split", "splits": "parts", "images_in_splits": "pictures_in_parts"}
        return {
            keys.get(name, name.replace("images", "pictures")): value for name, value in asdict(self).items()
        }


def find_leaks(
    scheme: str,
    splits: Mapping[str, Sequence[str]],
    group_of: Mapping[str, str],
    digests: Mapping[str, str],
    videos: Mapping[str, VideoFacts] | None = None,
) -> list[Leak]:
    """Compare all pairs of splits of a scheme.

    Args:
        scheme: its name.
        splits: split name to file names.
        group_of: file name to group; empty if no groups are known.
        digests: file name to digest of its pixels, of the images that could be read.
        videos: group to date, clock and dive, where they are known.
    Returns:
        The pairs that share something.
    """
    known = videos or {}
    dive_of = dives_of(group_of, known)
    found = (
        _with_dives(_compare(scheme, pair, splits, group_of, digests), splits, group_of, dive_of, known)
        for pair in combinations(splits, 2)
    )
    return [leak for leak in found if leak.files or leak.images or leak.groups or leak.dives or leak.clocks]


def _compare(
    scheme: str,
    pair: tuple[str, str],
    splits: Mapping[str, Sequence[str]],
    group_of: Mapping[str, str],
    digests: Mapping[str, str],
) -> Leak:
    first, second = (set(splits[split]) for split in pair)
    by_digest = {digests[name]: name for name in sorted(first) if name in digests}
    equal = tuple(
        (by_digest[digests[name]], name)
        for name in sorted(second - first)
        if name in digests and digests[name] in by_digest
    )
    groups = {group_of[n] for n in first if n in group_of} & {group_of[n] for n in second if n in group_of}
    within = tuple(sum(group_of.get(name) in groups for name in names) for names in (first, second))
    files = tuple(sorted(first & second))
    return Leak(
        scheme, pair, files, equal, tuple(sorted(groups)), (within[0], within[1]), (len(first), len(second))
    )


def _with_dives(
    leak: Leak,
    splits: Mapping[str, Sequence[str]],
    group_of: Mapping[str, str],
    dive_of: Mapping[str, str],
    videos: Mapping[str, VideoFacts],
) -> Leak:
    first, second = (set(splits[split]) for split in leak.splits)
    dives = {dive_of[n] for n in first if n in dive_of} & {dive_of[n] for n in second if n in dive_of}
    within = [sum(dive_of.get(name) in dives for name in names) for names in (first, second)]
    seen = [{group_of[name] for name in names if name in group_of} for names in (first, second)]
    clocks = same_minutes(seen[0], seen[1], videos)
    return replace(
        leak, dives=tuple(sorted(dives)), images_in_dives=(within[0], within[1]), clocks=tuple(clocks)
    )


def defects_of(leak: Leak) -> Iterator[Defect]:
    """Defects of a leak: shared images are fatal; shared groups, dives and minutes are warnings."""
    first, second = leak.splits
    index = f"scheme {leak.scheme}"
    for name in leak.files:
        what = f"is in {first} and in {second}; expected one split"
        yield Defect(
            FATAL, "leakage", name, index, what, "Remove it from one list, or run: seasift data split"
        )
    for one, other in leak.images:
        what = f"in {second} is the same image as {one} in {first}; expected each image in one split"
        yield Defect(FATAL, "leakage", other, index, what, "Remove one of them")
    if leak.groups:
        what = (
            f"{len(leak.groups)} groups ({_listed(leak.groups)}) have images in {first} and in {second}: "
            f"{leak.images_in_groups[1]:,} of {leak.images_in_splits[1]:,} images of {second}"
        )
        remedy = "Metrics on it reward memory; use a scheme by dive, such as dive-free, or by group: seasift data split"
        yield Defect(WARNING, "shared groups", index, "", what, remedy)
    if leak.dives:
        what = (
            f"{len(leak.dives)} dives ({_listed(leak.dives)}) have images in {first} and in {second}: "
            f"{leak.images_in_dives[1]:,} of {leak.images_in_splits[1]:,} images of {second}"
        )
        remedy = "Metrics on it say little about a new dive; use a scheme by dive, such as dive-free"
        yield Defect(WARNING, "shared dives", index, "", what, remedy)
    if leak.clocks:
        pairs = _listed([f"{one} and {other}" for one, other in leak.clocks])
        what = (
            f"{len(leak.clocks)} pairs of videos ({pairs}), the first in {first} and the second in {second}, have one "
            "date and overlapping clock times: two cameras of one vehicle, or one recording cut twice"
        )
        yield Defect(WARNING, "same minutes", index, "", what, "Put both videos into one split")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")


def check_lists(
    scheme: str, splits: Mapping[str, Sequence[str]], known: Mapping[str, Any]
) -> Iterator[Defect]:
    """Defects of the lists of file names."""
    for split, names in splits.items():
        index = f"scheme {scheme}, split {split}"
        if not names:
            yield Defect(
                WARNING, "empty split", index, "", "no file names; expected some", "Draw the scheme again"
            )
        for name, count in Counter(names).items():
            if name not in known:
                what = "is in the list but not in the data set; expected only files of the data set"
                yield Defect(FATAL, "unknown file", name, index, what, "Remove it from the list")
            if count > 1:
                what = f"is in the list {count} times; expected once"
                yield Defect(FATAL, "duplicate name", name, index, what, "Remove the others")


def find_twins(
    digests: Mapping[str, str], splits: Mapping[str, Sequence[str]] | None = None
) -> Iterator[Defect]:
    """Equal images under two names; those in two splits of a scheme are leaks and not listed here.

    Args:
        digests: file name to digest of its pixels.
        splits: split name to file names, if there is only one scheme.
    """
    split_of = {name: split for split, names in (splits or {}).items() for name in names}
    first: dict[str, str] = {}
    for name in sorted(digests):
        twin = first.setdefault(digests[name], name)
        if twin != name and split_of.get(twin) == split_of.get(name):
            what = f"is the same image as {twin}; expected each once"
            yield Defect(WARNING, "same image", name, "", what, "Remove one of them")
