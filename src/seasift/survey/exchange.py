"""Write tracks.json in other tools' formats, in the same folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seasift.core.errors import InputError
from seasift.formats.exchange import registry
from seasift.formats.exchange.convert import convert


@dataclass
class Written:
    """Files in other tools' formats.

    Attributes:
        files: in the order of the formats.
        notes: losses and assumptions, a line each.
        refused: a line for each format that was not written.
    """

    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def write_formats(tracks: Path, names: Sequence[str]) -> Written:
    """Write `tracks-NAME.suffix` for each format; one that cannot hold the dive does not stop the others.

    A format with one video per file gets a file for each video, `tracks-NAME-01-VIDEO.suffix`.

    Args:
        tracks: the survey's tracks.json.
        names: names of formats, see `registry.named`.
    """
    done = Written()
    for name in names:
        target = tracks.with_name(f"tracks-{name}{registry.named(name).suffixes[0]}")
        try:
            report = convert(tracks, target, to=name)
        except InputError as error:
            done.refused.append(f"{name} was not written: {error} (Options are those of `seasift convert`.)")
            target.unlink(missing_ok=True)  # left by an earlier run
            continue
        done.files.extend(report.written)
        done.notes.extend(f"{name}: {note}" for note in report.notes)
        if report.lost:
            done.notes.append(f"left out, because {name} cannot hold it: {', '.join(report.lost)}")
    return done
