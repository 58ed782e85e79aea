"""What the user named: pictures, folders, globs, videos, standard input."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from seasift.core import picture
from seasift.runtime import video
from seasift.runtime.live import is_live, without_password
from seasift.runtime.names import natural_key

STDIN = "-"


@dataclass(frozen=True)
class Source:
    """Something that gives pictures.

    Attributes:
        name: what results call it: the path as given, with forward slashes, or "-".
        kind: one picture, a video, one picture's bytes on standard input, or a live source.
        path: None for standard input and live sources.
        address: of a live source, with its password if it has one.
        found_by: the folder or pattern that gave it; "" if it was named itself.
    """

    name: str
    kind: Literal["picture", "video", "stdin", "live"]
    path: Path | None = None
    address: str | None = None
    found_by: str = field(default="", compare=False)

    @property
    def moves(self) -> bool:
        """Whether it gives frames, and not one picture."""
        return self.kind in ("video", "live")

    @classmethod
    def of_file(cls, path: Path, found_by: str = "") -> Source:
        """A file, by its suffix; anything that is not a video's is tried as a picture."""
        kind: Literal["picture", "video"] = "video" if path.suffix.lower() in video.SUFFIXES else "picture"
        return cls(readable(path.as_posix()), kind, path, found_by=found_by)


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
    """Turn what the user named into sources, each file once, those of folders and globs in natural order.

    Args:
        inputs: paths of pictures, videos and folders, globs (also where the shell does not expand them), "-",
            addresses of live sources.
        recursive: look into the folders of folders, too.
        leave_out: a folder whose files are not taken from within others: the output of an earlier run.
    Returns:
        Sources; a Failure for a folder or glob without pictures. A file that does not exist is a source:
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
        matches = sorted(map(Path, glob.glob(given, recursive=True)), key=natural_key)  # noqa: PTH207 - pathlib cannot take an absolute pattern
        if not matches:
            yield Failure.of(
                path.as_posix(), f"{given}: nothing matches this pattern. Check it, or quote it."
            )
        for match in matches:
            yield from (
                [Source.of_file(match, given)]
                if match.is_file()
                else _expand_one(str(match), recursive, leave_out)
            )
    else:
        yield Source.of_file(path)


def _in_folder(folder: Path, recursive: bool, leave_out: Path | None) -> Iterator[Source | Failure]:
    suffixes = picture.SUFFIXES | video.SUFFIXES
    files = [
        path
        for path in _visible(folder, recursive)
        if path.suffix.lower() in suffixes and not (leave_out and leave_out in path.resolve().parents)
    ]
    if not files:
        deeper = "" if recursive else " Pass --recursive to look into its folders, too."
        error = f"{folder}: a folder without pictures or videos; expected {picture.FORMATS}.{deeper}"
        yield Failure.of(folder.as_posix(), error)
    yield from (Source.of_file(path, folder.as_posix()) for path in sorted(files, key=natural_key))


def _visible(folder: Path, recursive: bool) -> Iterable[Path]:
    """Files whose name, and whose folders' names below `folder`, do not begin with a dot."""
    for path in folder.rglob("*") if recursive else folder.glob("*"):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path
