"""Check the output folder before a survey begins."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from seasift.core.errors import InputError
from seasift.formats.earlier import earlier_results
from seasift.survey.store import Store
from seasift.survey.words import clock_time
from seasift.video.dive import Dive, LiveDive

REVIEW = "review.sqlite"
"""File of decisions of `seasift review`."""


def check_unreviewed(folder: Path) -> None:
    """Protect a person's decisions on the tracks in a folder, which a survey would replace.

    Raises:
        InputError: the folder holds decisions.
    """
    count = _decisions(folder / REVIEW)
    if count:
        raise InputError(
            f"{folder}: holds a review with {count:,} decision{'s' * (count > 1)} on its tracks, which a survey "
            f"would replace. Give another -o, or move {REVIEW} away to discard the review."
        )


def _decisions(path: Path) -> int:
    if not path.is_file():
        return 0
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(path)) as base:
        query = "SELECT COUNT(DISTINCT track) FROM decisions WHERE NOT undone"
        return int(base.execute(query).fetchone()[0])
    return 0  # not a review


def beginnings(folder: Path, dive: Dive | LiveDive, store: Store) -> Iterator[str]:
    """Lines for the user: the run resumes, starts again, or replaces results."""
    resume = store.resume()
    if store.anew:
        yield f"{folder}: settings, files or versions differ from the interrupted survey; starting again."
    elif store.complete:
        yield "all frames were evaluated before; writing the results."
    elif resume is not None:
        file = dive.videos[resume.last.video].file
        yield f"resuming from frame {resume.last.frame + 1:,} of {file} ({clock_time(resume.last.dive_s)} into the dive)."
    left = earlier_results(folder, [])
    if left:
        yield f"{folder}: holds results of an earlier run ({left}); this run replaces files of the same names."
