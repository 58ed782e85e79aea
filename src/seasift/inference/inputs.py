"""What the user named: images, folders, globs, videos, standard input."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seasift.core import image
from seasift.video import reading
from seasift.video.live import is_live, without_password

STDIN = "-"


@dataclass(frozen=True)
class Source:
    """Something that gives images.

    Attributes:
        name: what results call it: the path as given, with forward slashes, or "-".
        kind: one image, a video, one picture's bytes on standard input, or a live source.
        path: None for standard input and live sources.
        address: of a live source, with its password if it has one.
    """

    name: str
    kind: Literal["picture", "video", "stdin", "live"]
    path: Path | None = None
    address: str | None = None

    @property
    def moves(self) -> bool:
        """Whether it gives frames, and not one image."""
        return self.kind in ("video", "live")

    @classmethod
    def of_file(cls, path: Path) -> Source:
        """A file, by its suffix; anything that is not a video's is tried as an image."""
        kind: Literal["picture", "video"] = "video" if path.suffix.lower() in reading.SUFFIXES else "picture"
        return cls(readable(path.as_posix()), kind, path)


@dataclass(frozen=True)
class Failure:
    """A file that gave no result, and why, in one line."""

    file: str
    error: str

    @classmethod
    def of(cls, name: str, error: object) -> Failure:
        """With both as text that can be written."""
        return cls(readable(name), readable(" ".join(str(error).split())))


def readable(name: str) -> str:
    """A file name as text that can be written: bytes that are no UTF-8, which Linux allows, as `\\udcff`."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def expand(
    inputs: Sequence[str], *, recursive: bool = False, leave_out: Path | None = None
) -> list[Source | Failure]:
    """Turn what the user named into sources, each file once, in a fixed order.

    Args:
        inputs: paths of images, videos and folders, globs (also where the shell does not expand them), "-",
            addresses of live sources.
        recursive: look into the folders of folders, too.
        leave_out: a folder whose files are not taken from within others: the output of an earlier run.
    Returns:
        Sources; a Failure for a folder or glob without images. A file that does not exist is a source:
        reading it tells.
    """
    found: dict[object, Source | Failure] = {}
    for given in inputs:
        for item in _expand_one(given, recursive, leave_out):
            path = item.path if isinstance(item, Source) else None
            found.setdefault(path.resolve() if path else item, item)
    return list(found.values())


def _expand_one(given: str, recursive: bool, leave_out: Path | None) -> Iterator[Source | Failure]:
    if given == STDIN:
        yield Source(STDIN, "stdin")
        return
    if is_live(given):
        yield Source(readable(without_password(given)), "live", address=given)
        return
    path = Path(given)
    if path.is_dir():
        yield from _in_folder(path, recursive, leave_out)
    elif glob.has_magic(given) and not path.exists():
        matches = sorted(glob.glob(given, recursive=True))  # noqa: PTH207 - pathlib cannot take an absolute pattern
        if not matches:
            yield Failure.of(
                path.as_posix(), f"{given}: nothing matches this pattern. Check it, or quote it."
            )
        for match in matches:
            yield from (
                _expand_one(match, recursive, leave_out)
                if not Path(match).is_file()
                else [Source.of_file(Path(match))]
            )
    else:
        yield Source.of_file(path)


def _in_folder(folder: Path, recursive: bool, leave_out: Path | None) -> Iterator[Source | Failure]:
    suffixes = image.SUFFIXES | reading.SUFFIXES
    files = [
        path
        for path in _visible(folder, recursive)
        if path.suffix.lower() in suffixes and not (leave_out and leave_out in path.resolve().parents)
    ]
    if not files:
        deeper = "" if recursive else " Pass --recursive to look into its folders, too."
        error = f"{folder}: a folder without images or videos; expected {image.FORMATS}.{deeper}"
        yield Failure.of(folder.as_posix(), error)
    yield from (Source.of_file(path) for path in sorted(files, key=lambda path: path.as_posix()))


def _visible(folder: Path, recursive: bool) -> Iterable[Path]:
    """Files whose name, and whose folders' names below `folder`, do not begin with a dot."""
    for path in folder.rglob("*") if recursive else folder.glob("*"):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path
