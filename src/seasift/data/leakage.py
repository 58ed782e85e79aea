"""What two splits of a scheme share: files, images by content, groups such as videos, dives, minutes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

from seasift.data.defects import FATAL, WARNING, Defect
from seasift.data.dives import VideoFacts, dives_of, same_minutes


@dataclass(frozen=True)
class Leak:
    """Two splits of a scheme that share something.

    Attributes:
        scheme: its name.
        splits: the two.
        files: names in both.
        images: pairs of names, one of each split, of images that are equal pixel by pixel.
        groups: groups with images in both.
        images_in_groups: how many images of the first and of the second split are of those groups.
        images_in_splits: how many images they have.
        dives: dives with images in both.
        images_in_dives: how many images of the first and of the second split are of those dives.
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
    """Compare any two splits of a scheme.

    Args:
        scheme: its name.
        splits: split name to file names.
        group_of: file name to group; empty if no groups are known.
        digests: file name to digest of its pixels, of the images that could be read.
        videos: group to date, clock and dive, of the groups where they are known.
    Returns:
        The pairs that share anything.
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
    """A leak as defects: shared images are fatal; shared groups, dives and minutes are warnings."""
    first, second = leak.splits
    index = f"scheme {leak.scheme}"
    for name in leak.files:
        what = f"is in {first} and in {second}; expected one split only"
        yield Defect(
            FATAL, "leakage", name, index, what, "Take it out of one list, or run: seasift data split"
        )
    for one, other in leak.images:
        what = f"in {second} is the same image as {one} in {first}; expected each image in one split"
        yield Defect(FATAL, "leakage", other, index, what, "Remove one of them")
    if leak.groups:
        what = (
            f"{len(leak.groups)} groups ({_listed(leak.groups)}) have images in {first} and in {second}: "
            f"{leak.images_in_groups[1]:,} of {leak.images_in_splits[1]:,} images of {second}"
        )
        remedy = "Figures on it reward memory; use a scheme by dive, such as dive-free, or by group: seasift data split"
        yield Defect(WARNING, "shared groups", index, "", what, remedy)
    if leak.dives:
        what = (
            f"{len(leak.dives)} dives ({_listed(leak.dives)}) have images in {first} and in {second}: "
            f"{leak.images_in_dives[1]:,} of {leak.images_in_splits[1]:,} images of {second}"
        )
        remedy = "Metrics on it say little of a new dive; use a scheme by dive, such as dive-free"
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
    """Defects of the lists of file names themselves."""
    for split, names in splits.items():
        index = f"scheme {scheme}, split {split}"
        if not names:
            yield Defect(
                WARNING, "empty split", index, "", "no file names; expected some", "Draw the scheme again"
            )
        for name, count in Counter(names).items():
            if name not in known:
                what = "is in the list but not in the data set; expected only files that are"
                yield Defect(FATAL, "unknown file", name, index, what, "Take it out of the list")
            if count > 1:
                what = f"is in the list {count} times; expected once"
                yield Defect(FATAL, "duplicate name", name, index, what, "Take the others out")


def find_twins(
    digests: Mapping[str, str], splits: Mapping[str, Sequence[str]] | None = None
) -> Iterator[Defect]:
    """Equal images under two names; those that lie in two splits of a scheme are leaks, not told here.

    Args:
        digests: file name to digest of its pixels.
        splits: split name to file names, if there is one scheme only.
    """
    split_of = {name: split for split, names in (splits or {}).items() for name in names}
    first: dict[str, str] = {}
    for name in sorted(digests):
        twin = first.setdefault(digests[name], name)
        if twin != name and split_of.get(twin) == split_of.get(name):
            what = f"is the same image as {twin}; expected each once"
            yield Defect(WARNING, "same image", name, "", what, "Remove one of them")
