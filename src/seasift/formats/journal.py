"""What a run has finished, kept so that the same command goes on after a kill."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from seasift.core.errors import BadInput
from seasift.formats.document import Image, plain

NAME = ".seasift-partial.jsonl"


class Journal:
    """A file of one JSON line a finished picture; its first line says for which settings.

    Use as a context manager. Leaving it normally removes the file: the documents are complete. Leaving it
    by an error keeps it.
    """

    def __init__(self, path: Path | None, settings: Any) -> None:
        """Take up what a run with the same settings left, or start afresh.

        Args:
            path: of the journal; None keeps it in memory only.
            settings: JSON values that a result depends on.
        Raises:
            BadInput: the file cannot be written.
        """
        self.path = path
        self.settings_sha256 = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
        self.images: dict[str, Image] = {}
        self._file: IO[bytes] | None = None
        self._kept = 0

    def __enter__(self) -> Journal:
        self._kept = self._take_up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        if kind is None and self.path is not None:
            self.path.unlink(missing_ok=True)

    def add(self, key: str, image: Image) -> None:
        """A picture is finished, and so is everything written for it."""
        self.images[key] = image
        self._append({"key": key, "image": plain(image)})

    def _append(self, value: Any) -> None:
        if self.path is None:
            return
        if self._file is None:
            self._file = self._open(self.path)
        self._file.write(json.dumps(value, ensure_ascii=False).encode() + b"\n")
        self._file.flush()

    def _open(self, path: Path) -> IO[bytes]:
        """Behind the last whole line; late, so that a run without any result leaves no file."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("r+b" if self._kept else "wb")
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise BadInput(f"{path.parent}: cannot be written to ({reason}). Give another -o.") from None
        file.truncate(self._kept)
        file.seek(self._kept)
        if not self._kept:
            file.write(json.dumps({"settings": self.settings_sha256}).encode() + b"\n")
        return file

    def _take_up(self) -> int:
        """Read finished pictures; returns how many bytes are good: a kill can tear the last line."""
        if self.path is None or not self.path.is_file():
            return 0
        good = 0
        for line in self.path.read_bytes().splitlines(keepends=True):
            try:
                value = json.loads(line) if line.endswith(b"\n") else {}
                if good == 0:
                    if value.get("settings") != self.settings_sha256:
                        return 0
                else:
                    self.images[value["key"]] = Image.model_validate_json(json.dumps(value["image"]))
            except (ValueError, KeyError, AttributeError, TypeError):
                break
            good += len(line)
        return good
