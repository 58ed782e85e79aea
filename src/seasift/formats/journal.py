"""A file of finished results, so that memory does not grow and the same command resumes after a kill.

It also finds results of an earlier run in a folder, so that nobody mistakes them for those of the last run.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from seasift.core.errors import InputError
from seasift.core.files import resolved
from seasift.formats.document import Image, plain

NAME = ".seasift-partial.jsonl"


class Journal(Mapping[str, Image]):
    """Finished images by key, each read back on request; a file with one JSON line per image.

    Its first line holds the settings. Use as a context manager. A normal exit removes the file, because the documents are
    complete; the entries stay readable as long as this object exists. An error keeps the file.

    Attributes:
        anew: whether results of a run with other settings were found and discarded.
    """

    def __init__(self, path: Path | None, settings: Any) -> None:
        """Resume a run with the same settings, or start afresh.

        Args:
            path: the journal; None for a nameless file that always disappears at the end.
            settings: JSON values that a result depends on.
        Raises:
            InputError: the file cannot be written.
        """
        self.path = path
        self.settings_sha256 = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
        self._indices: dict[str, tuple[int, int]] = {}  # position and length of a line
        self._file: IO[bytes] | None = None
        self._end = 0
        self.anew = False

    def __enter__(self) -> Journal:
        self._end = self._take_up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._close()
        elif self.path is not None:
            self._detach(self.path)

    def __len__(self) -> int:
        return len(self._indices)

    def __iter__(self) -> Iterator[str]:
        return iter(self._indices)

    def __contains__(self, key: object) -> bool:
        return key in self._indices

    @property
    def last(self) -> Image | None:
        """The last finished image."""
        key = next(reversed(self._indices), None)
        return None if key is None else self[key]

    def __getitem__(self, key: str) -> Image:
        start, length = self._indices[key]
        file = self._opened()
        file.seek(start)
        return _entry(json.loads(file.read(length)))[1]

    def add(self, key: str, image: Image) -> None:
        """Record a finished image, after everything for it was written."""
        file = self._opened()
        line = json.dumps({"key": key, "image": plain(image)}, ensure_ascii=False).encode() + b"\n"
        file.seek(self._end)
        file.write(line)
        file.flush()
        self._indices[key] = self._end, len(line)
        self._end += len(line)

    def _detach(self, path: Path) -> None:
        """Remove the file's name; the content stays readable as long as the journal exists."""
        try:
            path.unlink(missing_ok=True)
        except PermissionError:  # Windows cannot remove an open file
            old, new = self._opened(), tempfile.TemporaryFile()  # noqa: SIM115
            old.seek(0)
            shutil.copyfileobj(old, new)
            self._close()
            self._keep(new)
            path.unlink(missing_ok=True)

    def _keep(self, file: IO[bytes]) -> None:
        self._file = file
        self._close_at_end = weakref.finalize(self, file.close)

    def _close(self) -> None:
        if self._file is not None:
            self._close_at_end()
            self._file = None

    def _opened(self) -> IO[bytes]:
        """The file, after the last whole line; opened late, so that a run without results leaves no file."""
        if self._file is not None:
            return self._file
        try:
            if self.path is None:
                file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
            else:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                file = self.path.open("r+b" if self._end else "w+b")
        except OSError as error:
            index = self.path.parent if self.path else Path(tempfile.gettempdir())
            reason = error.strerror or type(error).__name__
            raise InputError(f"{index}: cannot be written to ({reason}). Give another -o.") from None
        self._keep(file)
        file.truncate(self._end)
        if not self._end:
            self._end = file.write(json.dumps({"settings": self.settings_sha256}).encode() + b"\n")
        return file

    def _take_up(self) -> int:
        """Find finished images; returns the number of valid bytes: a kill can truncate the last line."""
        if self.path is None or not self.path.is_file():
            return 0
        good = 0
        with self.path.open("rb") as file:
            for line in file:
                try:
                    value = json.loads(line) if line.endswith(b"\n") else {}
                    if good == 0:
                        if value.get("settings") != self.settings_sha256:
                            self.anew = True
                            return 0
                    else:
                        self._indices[_entry(value)[0]] = good, len(line)
                except (ValueError, KeyError, AttributeError, TypeError):
                    break
                good += len(line)
        return good


def beginnings(folder: Path | None, journal: Journal) -> Iterator[str]:
    """Lines for the user: the run resumes, starts again, or replaces results."""
    last = journal.last
    if journal.anew:
        yield f"{folder}: settings or versions differ from the interrupted run; starting again."
    elif last is not None:
        after = (
            last.file
            if last.frame is None
            else f"frame {last.frame:,} of {last.file.rpartition('#frame=')[0]}"
        )
        yield f"resuming after {after}: {len(journal):,} images were done before."
    left = "" if folder is None or last is not None else earlier_results(folder, [])
    if left:
        yield f"{folder}: holds results of an earlier run ({left}); this run replaces files of the same names."


class Finished(Sequence[Image]):
    """Some images of a journal in another order, read one by one while the journal is open."""

    def __init__(self, journal: Journal, keys: Sequence[str]) -> None:
        self._journal, self._keys = journal, keys

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, index: Any) -> Any:
        return self._journal[self._keys[index]]

    def __iter__(self) -> Iterator[Image]:
        return (self._journal[key] for key in self._keys)


def _entry(value: Any) -> tuple[str, Image]:
    return value["key"], Image.model_validate_json(json.dumps(value["image"]))


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
