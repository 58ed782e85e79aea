"""What the user named: images, folders, globs, videos, standard input."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from seasift.core import image
from seasift.core.files import resolved
from seasift.video.kinds import Kind, kind_in_folder, kind_of, left_out
from seasift.video.live import is_live, without_password
from seasift.video.names import natural_key

STDIN = "-"


@dataclass(frozen=True)
class Source:
    """Something that gives images.

    Attributes:
        name: what results call it: the path as given, with forward slashes, or "-".
        kind: one image, a video, one picture's bytes on standard input, or a live source.
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
        """Whether it gives frames, and not one image."""
        return self.kind in ("video", "live")

    @classmethod
    def of_file(cls, path: Path, found_by: str = "", kind: Kind | None = None) -> Source:
        """A file, by its content; anything that is not footage is tried as an image."""
        return cls(readable(path.as_posix()), kind or kind_of(path), path, found_by=found_by)


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
    inputs: Sequence[str],
    *,
    recursive: bool = False,
    leave_out: Path | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> list[Source | Failure]:
    """Turn what the user named into sources, each file once, those of folders and globs in natural order.

    Args:
        inputs: paths of images, videos and folders, globs (also where the shell does not expand them), "-",
            addresses of live sources.
        recursive: look into the folders of folders, too.
        leave_out: a folder whose files are not taken from within others: the output of an earlier run.
        note: takes a line about what a folder holds that is not taken.
    Returns:
        Sources; a Failure for a folder or glob without images. A file that does not exist is a source:
        reading it tells.
    """
    found: dict[object, Source | Failure] = {}
    for given in inputs:
        for item in _expand_one(given, recursive, leave_out, note):
            path = item.path if isinstance(item, Source) else None
            found.setdefault(resolved(path) if path else item, item)
    return list(found.values())


def _expand_one(
    given: str, recursive: bool, leave_out: Path | None, note: Callable[[str], None]
) -> Iterator[Source | Failure]:
    if given == STDIN:
        yield Source(STDIN, "stdin")
        return
    if is_live(given):
        yield Source(readable(without_password(given)), "live", address=given)
        return
    if not given.strip():
        yield Failure.of('""', "an empty name; expected an image, a video or a folder. Is a variable unset?")
        return
    path = Path(given)
    if path.is_dir():
        yield from _in_folder(path, recursive, leave_out, note)
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
                else _expand_one(str(match), recursive, leave_out, note)
            )
    else:
        yield Source.of_file(path)


def _in_folder(
    folder: Path, recursive: bool, leave_out: Path | None, note: Callable[[str], None]
) -> Iterator[Source | Failure]:
    paths = [
        path
        for path in _visible(folder, recursive)
        if not (leave_out and leave_out in resolved(path).parents)
    ]
    kinds = {path: kind_in_folder(path) for path in sorted(paths, key=natural_key)}
    others = [path for path, kind in kinds.items() if kind is None]
    deeper = 0 if recursive else _folders(folder, leave_out)
    more = " Pass --recursive to look into its folders, too." if not recursive else ""
    if len(others) == len(kinds):
        found = f"; it holds {left_out(others)}" if others else ""
        error = (
            f"{folder}: a folder without images or videos{found}; expected {image.FORMATS}, or footage.{more}"
        )
        yield Failure.of(folder.as_posix(), error)
        return
    parts = [left_out(others)] if others else []
    if deeper:
        parts.append(f"what is in its {deeper} folder{'s' * (deeper > 1)}")
    if parts:
        note(f"{folder}: left out {' and '.join(parts)}.{more if deeper else ''}")
    yield from (Source.of_file(path, folder.as_posix(), kind) for path, kind in kinds.items() if kind)


def _folders(folder: Path, leave_out: Path | None) -> int:
    """How many folders lie in a folder, but for hidden ones and that of the results."""
    return sum(
        path.is_dir() and not path.name.startswith(".") and resolved(path) != leave_out
        for path in folder.iterdir()
    )


def _visible(folder: Path, recursive: bool) -> Iterable[Path]:
    """Files whose name, and whose folders' names below `folder`, do not begin with a dot."""
    for path in folder.rglob("*") if recursive else folder.glob("*"):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path
