"""What the sources of a merge share: images, videos, dives and days."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seasift.core.image import read_image
from seasift.data.content import Progress
from seasift.data.dives import VideoFacts, may_be_one_day
from seasift.data.merge_source import MergeSource


@dataclass(frozen=True)
class SourceLeak:
    """An image that shares something with a held-out split of another source.

    Attributes:
        image: its name in the merged set.
        split: where it is.
        held_out: the other split.
        other: video there.
        what: "a video", "a dive" or "a day".
    """

    image: str
    split: str
    held_out: str
    other: str
    what: str


def find_twins_between(sources: Sequence[MergeSource], tell: Progress) -> dict[str, set[str]]:
    """Images that an earlier source has too, pixel by pixel: source to file names."""
    total, done = sum(len(source.images) for source in sources), 0
    seen: dict[str, str] = {}
    twins: dict[str, set[str]] = {}
    for source in sources:
        for image in source.images:
            pixels = read_image(source.folder / image.file_name)
            digest = hashlib.blake2b(
                pixels.tobytes() + str(pixels.shape).encode(), digest_size=16
            ).hexdigest()
            if seen.setdefault(digest, source.name) != source.name:
                twins.setdefault(source.name, set()).add(image.file_name)
            done += 1
            tell("comparing images", done, total)
    return twins


def leaks_between(sources: Sequence[MergeSource], splits: Mapping[str, Sequence[str]]) -> list[SourceLeak]:
    """Images of one source in a split whose video, dive or day another source has in another split.

    Images of `train` are named, those of the held-out split where both are held out. What is not known, a video or
    its date, cannot be found.
    """
    videos = {split: [_videos(source, set(names)) for source in sources] for split, names in splits.items()}
    order = sorted(splits, key=lambda split: split != "train")
    leaks = []
    for index, split in enumerate(order):
        for held_out in order[index + 1 :]:
            for k, (source, here) in enumerate(zip(sources, videos[split], strict=True)):
                others = [
                    pair for j, pair in enumerate(zip(sources, videos[held_out], strict=True)) if j != k
                ]
                for video, images in here.items():
                    found = next(
                        (hit for other, there in others if (hit := _shared(source, video, other, there))),
                        None,
                    )
                    if found:
                        leaks += [SourceLeak(image, split, held_out, *found) for image in images]
    return leaks


def _videos(source: MergeSource, names: set[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for image in source.images:
        if image.new_name in names and image.video:
            found.setdefault(image.video, []).append(image.new_name)
    return found


def _shared(
    source: MergeSource, video: str, other: MergeSource, there: Mapping[str, list[str]]
) -> tuple[str, str] | None:
    """The video of the other source, and what the two share."""
    if video in there and source.group == other.group:
        return video, "a video"
    mine = source.facts.get(video)
    if mine is None:
        return None
    for name in there:
        facts = other.facts.get(name)
        what = facts and _one_dive(mine, facts)
        if what:
            return name, what
    return None


def _one_dive(one: VideoFacts, other: VideoFacts) -> str | None:
    if (one.dive and one.dive == other.dive) or (one.dive_number and one.dive_number == other.dive_number):
        return "a dive"
    return "a day" if may_be_one_day(one, other) else None
