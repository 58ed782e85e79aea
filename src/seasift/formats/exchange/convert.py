"""From one format to another: reads, writes, and says what the second one cannot hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from seasift.core.errors import InputError
from seasift.formats.exchange import registry
from seasift.formats.exchange.content import (
    Content,
    ReadOptions,
    WriteOptions,
    is_image,
    left_out,
)
from seasift.formats.exchange.simplify import Simplified
from seasift.formats.exchange.table import of_video, of_videos
from seasift.formats.tracks import TrackEntry


@dataclass
class Tally:
    """Goes through tracks and counts what it sees."""

    content: Content
    seen: Counter[str] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[TrackEntry]:
        self.seen.clear()
        moving = [not is_image(video) for video in self.content.header.videos]
        for track in self.content.tracks:
            self.seen["objects"] += 1
            self.seen["tracks"] += len(track.observations) > 1
            for one in track.observations:
                self.seen["observations"] += 1
                self.seen["outlines"] += one.mask is not None or bool(one.polygons)
                self.seen["masks"] += one.mask is not None
                self.seen["scores"] += one.score < 1
                self.seen["times"] += moving[one.video]
                self.seen["positions"] += one.position is not None
            yield track


@dataclass(frozen=True)
class Report:
    """What a conversion did.

    Attributes:
        source: format read.
        target: format written.
        counts: `objects`, `observations` and `files`.
        lost: in words, what the target cannot hold.
        notes: what was left out, what was assumed and what to mind, a line each.
        written: the files; several where a file of the format is about one video.
    """

    source: str
    target: str
    counts: dict[str, int]
    lost: tuple[str, ...]
    notes: tuple[str, ...]
    written: tuple[Path, ...]


def convert(
    source: Path,
    target: Path,
    *,
    to: str,
    source_format: str | None = None,
    video: str | None = None,
    reading: ReadOptions | None = None,
    writing: WriteOptions | None = None,
) -> Report:
    """Write `source` in another format.

    Args:
        target: file to write; where a file of the format is about one video and there are several, `NAME-01-VIDEO.suffix` and so
            on stand beside it instead.
        to: format to write.
        source_format: of the source; None to guess.
        video: take only this file of the document.
    Raises:
        InputError: unknown formats, a file that breaks its format, or a document that the target cannot hold.
    """
    writing = writing or WriteOptions()
    output = registry.named(to)
    if not source.is_file():
        what = "a folder" if source.is_dir() else "no such file"
        raise InputError(f"{source}: {what}; expected a file of annotations. Check the name.")
    if target.exists() and target.samefile(source):
        raise InputError(f"{target}: is what is read. Give another name for the output.")
    if target.suffix.lower() not in output.suffixes:
        raise InputError(f"{target}: a file of {output.title} ends in {' or '.join(output.suffixes)}.")
    known = registry.named(source_format) if source_format else registry.guess(source)
    content = registry.read(known, source, reading or ReadOptions())
    content = of_video(content, video) if video else content
    notes = [*content.notes, *left_out(content.left_out)]
    seen: Counter[str] = Counter()
    targets = _targets(target, output, content)
    for path, part in targets:
        tally = Tally(part)
        tracks = Simplified(replace(part, tracks=tally), _tolerance(output, writing))
        said = output.write(path, replace(part, tracks=tracks), writing)
        where = f"{path.name}: " if len(targets) > 1 else ""
        notes += [f"{where}{line}" for line in (*said, *tracks.notes())]
        seen += tally.seen
    counts = {name: seen[name] for name in ("objects", "observations")}
    counts["files"] = len(content.header.videos)
    written = tuple(path for path, _ in targets)
    return Report(known.name, output.name, counts, _lost(seen, output, writing), tuple(notes), written)


def _targets(target: Path, output: registry.Format, content: Content) -> list[tuple[Path, Content]]:
    """The files to write: of a format whose file is about one video, one for each, and one for all images."""
    videos = content.header.videos
    moving = [i for i, video in enumerate(videos) if not is_image(video)]
    still = [i for i, video in enumerate(videos) if is_image(video)]
    if not output.one_video or len(moving) + bool(still) < 2:
        return [(target, content)]
    names = [PurePosixPath(videos[i].file.replace("\\", "/")).stem[:80] for i in moving]
    groups = [([i], name) for i, name in zip(moving, names, strict=True)] + (
        [(still, "images")] if still else []
    )
    return [
        (target.with_name(f"{target.stem}-{number:02}-{name}{target.suffix}"), of_videos(content, group))
        for number, (group, name) in enumerate(groups, start=1)
    ]


def _tolerance(output: registry.Format, writing: WriteOptions) -> float:
    """px by which outlines are simplified: not in seasift's own documents, nor where masks stay exact."""
    exact = writing.masks == "rle" and "masks" in output.holds
    ours = output.name.startswith("seasift-") or "outlines" not in output.holds
    return 0.0 if exact or ours else writing.simplify


def _lost(seen: Counter[str], output: registry.Format, writing: WriteOptions) -> tuple[str, ...]:
    words = {
        "tracks": "which boxes are of one track",
        "outlines": "outlines (boxes only)",
        "masks": "exact masks (outlines only; holes are filled)",
        "scores": "scores",
        "times": "times",
        "positions": "positions",
    }
    lost = [name for name in words if seen[name] and name not in output.holds]
    if "outlines" in lost and "masks" in lost:
        lost.remove("masks")
    as_outlines = output.name in ("coco", "kwcoco", "seasift-predictions") and writing.masks == "polygons"
    if seen["masks"] and as_outlines:
        return (*(words[name] for name in lost), "exact masks (written as outlines; --masks rle keeps them)")
    return tuple(words[name] for name in lost)
