"""Video groups, dives and days: what images belong together, so that no split tears them apart."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from importlib.resources import files
from itertools import combinations, product

from seasift.core.errors import DatasetError


def groups_of(file_names: Collection[str], group: str | None) -> dict[str, str]:
    """The group of each image.

    Args:
        file_names: of the images.
        group: regular expression; its first bracket that takes part, or all that it finds, is the group. None: every
            image is a group of its own.
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
    """The group that a match names: the first bracket that took part; all that was found if there are no brackets."""
    return next((part for part in match.groups() if part is not None), None) if match.re.groups else match[0]


VIDEOS_FILE = "videos.csv"
CERTAINTIES = ("sure", "clock", "date", "none")


@dataclass(frozen=True)
class VideoFacts:
    """What is known of a video; an empty text is unknown.

    Attributes:
        video: its name, as the data set's group finds it in file names.
        date: as YYYY-MM-DD, "?" for a digit that cannot be read.
        clock_from, clock_to: time of day of its first and last image, HH:MM:SS.
        dive_number: the vehicle's own number of the dive.
        dive: name of the dive group.
        certainty: "sure"; "clock" or "date": one digit of it may be wrong; "none": no overlay.
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
    """Facts by video from a CSV table; columns beside those of `VideoFacts` are not used.

    Raises:
        DatasetError: no column `video`, a video twice, or an unknown certainty; `name` is the file's.
    """
    rows = csv.DictReader(io.StringIO(text))
    if "video" not in (rows.fieldnames or ()):
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
            raise DatasetError(f"{name}: video {facts.video} has two rows; expected one. Take one out")
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
    """The facts in the package by the names that `group` finds in file names such as VIDEO_frame0000001.jpg."""
    path = files("seasift.data") / f"{data_set}_splits" / "dives.csv"
    facts = read_facts(path.read_text(encoding="utf-8"), path.name)
    found = [(re.search(group, f"{video}_frame0000001.jpg"), each) for video, each in facts.items()]
    return {match[1]: replace(each, video=match[1]) for match, each in found if match}


def may_be_one_day(one: VideoFacts, other: VideoFacts) -> bool:
    """Whether two videos may be of one day, as far as their dates were read.

    Two dive numbers settle it. Else each date of certainty "date" may have one wrong digit, unless a dive number
    beside it confirms it (they rise with the date); "?" fits any digit. A video without a date fits no day.
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
    """Video to the first video of its group: videos that may be of one day, or have one dive group, are together.

    Videos without date and dive are left out: nothing ties them to a dive or excludes one.
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
    """File name to dive, of the images whose dive is known.

    Args:
        group_of: file name to video.
        facts: by video.
    """
    return {
        name: facts[video].dive for name, video in group_of.items() if video in facts and facts[video].dive
    }
