"""What two parts of a split share: files, images by content, groups such as videos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from seasift.data.check_document import FATAL, WARNING, Defect


@dataclass(frozen=True)
class Leak:
    """Two parts of a split that share something.

    Attributes:
        split: its name.
        parts: the two.
        files: names in both.
        images: pairs of names, one of each part, of images that are equal pixel by pixel.
        groups: groups with images in both.
        images_in_groups: how many images of the first and of the second part are of those groups.
        images_in_parts: how many images they have.
    """

    split: str
    parts: tuple[str, str]
    files: tuple[str, ...]
    images: tuple[tuple[str, str], ...]
    groups: tuple[str, ...]
    images_in_groups: tuple[int, int]
    images_in_parts: tuple[int, int]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def find_leaks(
    split: str,
    parts: Mapping[str, Sequence[str]],
    group_of: Mapping[str, str],
    digests: Mapping[str, str],
) -> list[Leak]:
    """Compare any two parts of a split.

    Args:
        split: its name.
        parts: part name to file names.
        group_of: file name to group; empty if no groups are known.
        digests: file name to digest of its pixels, of the images that could be read.
    Returns:
        The pairs that share anything.
    """
    return [
        leak for pair in combinations(parts, 2) if (leak := _compare(split, pair, parts, group_of, digests))
    ]


def _compare(
    split: str,
    pair: tuple[str, str],
    parts: Mapping[str, Sequence[str]],
    group_of: Mapping[str, str],
    digests: Mapping[str, str],
) -> Leak | None:
    first, second = (set(parts[part]) for part in pair)
    by_digest = {digests[name]: name for name in sorted(first) if name in digests}
    equal = tuple(
        (by_digest[digests[name]], name)
        for name in sorted(second - first)
        if name in digests and digests[name] in by_digest
    )
    groups = {group_of[n] for n in first if n in group_of} & {group_of[n] for n in second if n in group_of}
    if not (first & second or equal or groups):
        return None
    within = tuple(sum(group_of.get(name) in groups for name in names) for names in (first, second))
    files = tuple(sorted(first & second))
    return Leak(
        split, pair, files, equal, tuple(sorted(groups)), (within[0], within[1]), (len(first), len(second))
    )


def defects_of(leak: Leak) -> Iterator[Defect]:
    """A leak as defects: shared images are fatal, shared groups a warning."""
    first, second = leak.parts
    index = f"split {leak.split}"
    for name in leak.files:
        what = f"is in {first} and in {second}; expected one part only"
        yield Defect(
            FATAL, "leakage", name, index, what, "Take it out of one list, or run: seasift data split"
        )
    for one, other in leak.images:
        what = f"in {second} is the same image as {one} in {first}; expected each image in one part"
        yield Defect(FATAL, "leakage", other, index, what, "Remove one of them")
    if leak.groups:
        shown = ", ".join(leak.groups[:5]) + (" ..." if len(leak.groups) > 5 else "")
        what = (
            f"{len(leak.groups)} groups ({shown}) have images in {first} and in {second}: "
            f"{leak.images_in_groups[1]:,} of {leak.images_in_parts[1]:,} images of {second}"
        )
        remedy = (
            "Figures on it reward memory; use a split by group, such as leak-free or by: seasift data split"
        )
        yield Defect(WARNING, "shared groups", index, "", what, remedy)


def check_lists(split: str, parts: Mapping[str, Sequence[str]], known: Mapping[str, Any]) -> Iterator[Defect]:
    """Defects of the lists of file names themselves."""
    for part, names in parts.items():
        index = f"split {split}, part {part}"
        if not names:
            yield Defect(
                WARNING, "empty part", index, "", "no file names; expected some", "Draw the split again"
            )
        for name, count in Counter(names).items():
            if name not in known:
                what = "is in the list but not in the data set; expected only files that are"
                yield Defect(FATAL, "unknown file", name, index, what, "Take it out of the list")
            if count > 1:
                what = f"is in the list {count} times; expected once"
                yield Defect(FATAL, "duplicate name", name, index, what, "Take the others out")


def find_twins(
    digests: Mapping[str, str], parts: Mapping[str, Sequence[str]] | None = None
) -> Iterator[Defect]:
    """Equal images under two names; those that lie in two parts of a split are leaks, not told here.

    Args:
        digests: file name to digest of its pixels.
        parts: part name to file names, if there is one split only.
    """
    part_of = {name: part for part, names in (parts or {}).items() for name in names}
    first: dict[str, str] = {}
    for name in sorted(digests):
        twin = first.setdefault(digests[name], name)
        if twin != name and part_of.get(twin) == part_of.get(name):
            what = f"is the same image as {twin}; expected each once"
            yield Defect(WARNING, "same image", name, "", what, "Remove one of them")
