"""tracks.json in other tools' formats, beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seasift.core.errors import BadInput
from seasift.formats.exchange import registry
from seasift.formats.exchange.convert import convert


def write_formats(tracks: Path, names: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Write `tracks-NAME.suffix` for each format; one that cannot hold the dive does not stop the others.

    Args:
        tracks: the survey's tracks.json.
        names: of formats, see `registry.named`.
    Returns:
        What was written, and a line for each format that was not.
    """
    written, refused = [], []
    for name in names:
        target = tracks.with_name(f"tracks-{name}{registry.named(name).suffixes[0]}")
        try:
            convert(tracks, target, to=name)
        except BadInput as error:
            refused.append(f"{name} was not written: {error} (Options are those of `seasift convert`.)")
            target.unlink(missing_ok=True)  # of an earlier run
        else:
            written.append(target)
    return written, refused
