"""Find results of an earlier run in a folder, so that nobody mistakes them for those of the last run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from seasift.core.files import resolved

_PREDICT = ("predictions.json", "predictions.csv", "predictions.coco.json")
_SURVEY = (
    "tracks.csv",
    "tracks.json",
    "counts.csv",
    "counts.json",
    "report.html",
    "annotated.mp4",
    "pictures",
)
_REVIEW = ("reviewed_tracks.json", "reviewed_counts.csv", "reviewed_decisions.csv")
_MANY = ("tracks-*", "overlays/**/*")
_SHOWN = 4


def earlier_results(folder: Path, written: Iterable[Path]) -> str:
    """List results of `predict`, `survey` and `review` that the last run did not write, in words; "" for none.

    Args:
        written: files of the last run, and folders that hold nothing else.
    """
    ours = {resolved(path) for path in written}
    found = [path.relative_to(folder).as_posix() for path in _results(folder) if resolved(path) not in ours]
    overlays = [name for name in found if name.startswith("overlays/")]
    names = [name for name in found if name not in overlays]
    if overlays:
        names.append(f"{len(overlays):,} file{'s' * (len(overlays) > 1)} in overlays")
    more = [f"{len(names) - _SHOWN:,} more"] if len(names) > _SHOWN else []
    return ", ".join([*names[:_SHOWN], *more])


def _results(folder: Path) -> Iterator[Path]:
    for name in (*_SURVEY, *_PREDICT, *_REVIEW):
        if (folder / name).exists():
            yield folder / name
    for pattern in _MANY:
        yield from sorted(path for path in folder.glob(pattern) if path.is_file())
