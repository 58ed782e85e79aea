"""What a survey finds in its folder before it begins."""

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
"""What `seasift review` keeps decisions in."""


def check_unreviewed(folder: Path) -> None:
    """Keep a person's work: the decisions in a folder are about its tracks, which a survey would replace.

    Raises:
        InputError: the folder holds decisions.
    """
    count = _decisions(folder / REVIEW)
    if count:
        raise InputError(
            f"{folder}: holds a review with {count:,} decision{'s' * (count > 1)} on the tracks there, which a survey "
            f"would replace. Give another -o, or move {REVIEW} away to give the review up."
        )


def _decisions(path: Path) -> int:
    if not path.is_file():
        return 0
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(path)) as base:
        query = "SELECT COUNT(DISTINCT track) FROM decisions WHERE NOT undone"
        return int(base.execute(query).fetchone()[0])
    return 0  # not a review's


def beginnings(folder: Path, dive: Dive | LiveDive, store: Store) -> Iterator[str]:
    """Lines for the user: the run goes on, or begins anew, or replaces results."""
    resume = store.resume()
    if store.anew:
        yield f"{folder}: settings, files or versions changed since the survey that broke off there: beginning anew."
    elif store.complete:
        yield "all frames were looked at before: writing the results."
    elif resume is not None:
        file = dive.videos[resume.last.video].file
        yield f"going on from frame {resume.last.frame + 1:,} of {file} ({clock_time(resume.last.dive_s)} into the dive)."
    left = earlier_results(folder, [])
    if left:
        yield f"{folder}: holds results of an earlier run ({left}), which this one replaces where it writes the same files."
