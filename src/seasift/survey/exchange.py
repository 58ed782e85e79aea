"""tracks.json in other tools' formats, beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seasift.core.errors import InputError
from seasift.formats.exchange import registry
from seasift.formats.exchange.convert import convert


def write_formats(tracks: Path, names: Sequence[str], videos: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Write `tracks-NAME.suffix` for each format; one that cannot hold the dive does not stop the others.

    A format whose file is about one video gets a file for each of several, `tracks-NAME-01-VIDEO.suffix`.

    Args:
        tracks: the survey's tracks.json.
        names: of formats, see `registry.named`.
        videos: files of the dive, as tracks.json has them.
    Returns:
        What was written, and a line for each file that was not.
    """
    written, refused = [], []
    for name in names:
        for part, video in _parts(registry.named(name), videos):
            target = tracks.with_name(f"tracks-{name}{part}{registry.named(name).suffixes[0]}")
            try:
                convert(tracks, target, to=name, video=video)
            except InputError as error:
                refused.append(f"{name} was not written: {error} (Options are those of `seasift convert`.)")
                target.unlink(missing_ok=True)  # of an earlier run
            else:
                written.append(target)
    return written, refused


def _parts(entry: registry.Format, videos: Sequence[str]) -> list[tuple[str, str | None]]:
    if not entry.one_video or len(videos) < 2:
        return [("", None)]
    return [(f"-{index:02}-{Path(video).stem}", video) for index, video in enumerate(videos, start=1)]
