"""Names of objects in other tools' files: rolled-up names with their own categories, or the names of classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from seasift.core.classes import group_of
from seasift.core.rollup import ANYTHING, UNGROUPED, coarse_names
from seasift.formats.document import CategoryEntry
from seasift.formats.exchange.content import Content, is_image
from seasift.formats.tracks import TrackEntry


def named_by_class(content: Content) -> Content:
    """The document without its rolled-up names."""

    def by_class(track: TrackEntry) -> TrackEntry:
        return track.model_copy(update={"rollup": None, "class_scores": None})

    settings = content.settings and content.settings.model_copy(update={"names": None})
    header = content.header.model_copy(update={"names": None})
    return replace(content, header=header, settings=settings, tracks=_Changed(content, by_class))


def named_rolled_up(content: Content) -> Content:
    """The document with rolled-up names in place of the class names, for formats that know one name an object.

    The coarse names get categories of their own after those of the classes. A track that is not named by its class has
    the score of its name, and its class is among `class_scores`; so has a single observation. Observations of longer
    tracks keep the score of the class in their frame.
    """
    categories = with_coarse_names(content.header.categories)
    ids = {category.name: category.id for category in categories}
    videos = content.header.videos

    def rolled(track: TrackEntry) -> TrackEntry:
        named = track.rollup
        if named is None:
            return track
        scores = {track.name: track.score} | (track.class_scores or {})
        if named.level == "class":
            return track.model_copy(update={"class_scores": scores})
        seen = track.observations
        if len(seen) == 1 and is_image(videos[seen[0].video]):
            seen = [seen[0].model_copy(update={"score": named.score})]
        return track.model_copy(
            update={
                "name": named.name,
                "category_id": ids[named.name],
                "score": named.score,
                "class_scores": scores,
                "observations": seen,
            }
        )

    header = content.header.model_copy(update={"categories": categories})
    return replace(content, header=header, tracks=_Changed(content, rolled))


def with_coarse_names(categories: Sequence[CategoryEntry]) -> list[CategoryEntry]:
    """Categories of the classes, then of supercategories and "object" with the next ids; a known name keeps its id."""
    known = {category.name: category.id for category in categories}
    for name in coarse_names(known):
        known.setdefault(name, max(known.values()) + 1)
    return [CategoryEntry(id=id_, name=name) for name, id_ in known.items()]


def parent_of(name: str) -> str | None:
    """The next coarser name of a class or supercategory; None for "object"."""
    if name == ANYTHING:
        return None
    group = group_of(name)
    return ANYTHING if group in (name, UNGROUPED) else group


def class_scores(track: TrackEntry) -> list[tuple[str, float]]:
    """Classes that a track might be besides its name, with their scores, the likeliest first; empty without roll-up."""
    if track.rollup is None:
        return []
    scores = {name: score for name, score in (track.class_scores or {}).items() if name != track.name}
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


@dataclass(frozen=True)
class _Changed:
    content: Content
    change: Callable[[TrackEntry], TrackEntry]

    def __iter__(self) -> Iterator[TrackEntry]:
        return (self.change(track) for track in self.content.tracks)
