"""A survey's folder under review: tracks, decisions, footage and written results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from seasift.core.errors import InputError
from seasift.formats.exchange.naming import with_coarse_names
from seasift.review.counts import write_results
from seasift.review.decisions import Decision, Decisions, Word
from seasift.review.export import Exported, export
from seasift.review.frames import Footage, Views
from seasift.review.tracks import Tracks

_LONGEST_NAME = 100


class Review:
    """All data that a page or command needs. Thread-safe.

    Attributes:
        tracks: tracks of the survey.
        decisions: decisions on the tracks.
        footage: the videos, as far as available.
        views: images of tracks, from the videos.
    """

    def __init__(self, folder: Path, *, footage: Path | None = None, names: str | None = None) -> None:
        """Open a folder that `seasift survey` wrote.

        Args:
            footage: current folder of the videos.
            names: "class" or "rollup", see `Tracks`.
        Raises:
            InputError: not a survey's folder, its decisions belong to another run, or it has no rolled-up names.
        """
        self.tracks = Tracks(folder, names=names)
        self.footage = Footage(self.tracks.header, folder, footage)
        self.decisions = Decisions(folder, self.tracks.sha256)
        self.views = Views(self.tracks, self.footage)

    def categories(self) -> dict[str, int]:
        """Id of every class by name: the model's, coarse names if the survey has some, then added ones with the next ids."""
        header = self.tracks.header
        categories = with_coarse_names(header.categories) if header.names else header.categories
        known = {category.name: category.id for category in categories}
        for name in self.decisions.names():
            known.setdefault(name, max(known.values()) + 1)
        return known

    def decide(self, track: int, word: Word, name: str | None = None, reviewer: str = "") -> Decision:
        """Accept or reject a track.

        Args:
            name: class of an accepted track, if not the model's; may be a new class.
        Raises:
            NotFoundError: no such track. InputError: an invalid name.
        """
        row = self.tracks.row(track)
        if word == "reject" or name is None:
            name = row.name
        name = " ".join(name.split())
        if not name or len(name) > _LONGEST_NAME or not name.isprintable():
            raise InputError(
                f"a class of {len(name)} letters; expected 1 to {_LONGEST_NAME} that can be printed."
            )
        return self.decisions.decide(track, word, name, reviewer)

    def write(self) -> list[Path]:
        """Write the corrected tracks and counts into the survey's folder."""
        return write_results(self.tracks, self.decisions.all(), self.categories())

    def export(self, out: Path, progress: Callable[[int, int], None] | None = None) -> Exported:
        """Write the accepted tracks as a COCO data set; see `export.export`."""
        return export(self.tracks, self.decisions.all(), self.categories(), self.footage, out, progress)
