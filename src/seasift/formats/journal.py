"""What a run has finished, kept in a file: memory does not grow, and the same command goes on after a kill."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from seasift.core.errors import InputError
from seasift.formats.document import Image, plain
from seasift.formats.earlier import earlier_results

NAME = ".seasift-partial.jsonl"


class Journal(Mapping[str, Image]):
    """Finished images by their keys, each read back when asked for; a file of one JSON line each.

    Its first line says for which settings. Use as a context manager. Leaving it normally removes the file: the
    documents are complete; the entries can still be read for as long as somebody holds this object. Leaving it by an
    error keeps the file.

    Attributes:
        anew: a run with other settings had left something, which does not count.
    """

    def __init__(self, path: Path | None, settings: Any) -> None:
        """Take up what a run with the same settings left, or start afresh.

        Args:
            path: of the journal; None for a file without a name, gone in the end however that comes.
            settings: JSON values that a result depends on.
        Raises:
            InputError: the file cannot be written.
        """
        self.path = path
        self.settings_sha256 = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
        self._indices: dict[str, tuple[int, int]] = {}  # first byte and length of a line
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
        """The image that was finished last."""
        key = next(reversed(self._indices), None)
        return None if key is None else self[key]

    def __getitem__(self, key: str) -> Image:
        start, length = self._indices[key]
        file = self._opened()
        file.seek(start)
        return _entry(json.loads(file.read(length)))[1]

    def add(self, key: str, image: Image) -> None:
        """An image is finished, and so is everything written for it."""
        file = self._opened()
        line = json.dumps({"key": key, "image": plain(image)}, ensure_ascii=False).encode() + b"\n"
        file.seek(self._end)
        file.write(line)
        file.flush()
        self._indices[key] = self._end, len(line)
        self._end += len(line)

    def _detach(self, path: Path) -> None:
        """Remove the file by name; what it holds can be read until nobody refers to the journal any more."""
        try:
            path.unlink(missing_ok=True)
        except PermissionError:  # Windows removes no open file
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
        """The file, behind the last whole line; late, so that a run without any result leaves no file."""
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
        """Find finished images; returns how many bytes are good: a kill can tear the last line."""
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
    """Lines for the user: the run goes on, or begins anew, or replaces results."""
    last = journal.last
    if journal.anew:
        yield f"{folder}: settings or versions changed since the run that broke off there: beginning anew."
    elif last is not None:
        after = (
            last.file
            if last.frame is None
            else f"frame {last.frame:,} of {last.file.rpartition('#frame=')[0]}"
        )
        yield f"going on after {after}: {len(journal):,} images were done before."
    left = "" if folder is None or last is not None else earlier_results(folder, [])
    if left:
        yield f"{folder}: holds results of an earlier run ({left}), which this one replaces where it writes the same files."


class Finished(Sequence[Image]):
    """Some of a journal's images in an order of their own, read one by one while the journal is open."""

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
