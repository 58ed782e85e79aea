"""Writing the data set while the page goes on asking how far it is."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from seasift.core.errors import Busy, SeasiftError
from seasift.review.folder import Review

FOLDER = "reviewed"


@dataclass(frozen=True)
class Export:
    """How far an export is.

    Attributes:
        done, total: pictures.
        words: what was written or what went wrong, a sentence a line.
        path: of the COCO file, once it is there.
    """

    state: Literal["none", "running", "done", "failed"] = "none"
    done: int = 0
    total: int = 0
    words: list[str] = field(default_factory=list)
    path: str | None = None


class Exporter:
    """One export at a time, into the folder `reviewed` of the survey, by a thread of its own."""

    def __init__(self, review: Review) -> None:
        self._review, self._thread = review, threading.Thread()
        self._lock = threading.Lock()
        self.state = Export()

    def start(self) -> None:
        """Begin.

        Raises:
            Busy: one is under way.
        """
        with self._lock:
            if self.state.state == "running":
                raise Busy("an export is under way. Wait until it is done.")
            self.state = Export("running")
            self._thread = threading.Thread(target=self._run)
            self._thread.start()

    def wait(self) -> None:
        """Until nothing is under way."""
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        def progress(done: int, total: int) -> None:
            self.state = Export("running", done, total)

        end = Export("failed", words=["The export failed; the server's log may say more."])
        try:
            self._review.write()
            made = self._review.export(Path(self._review.tracks.folder) / FOLDER, progress)
            end = Export("done", made.pictures, made.pictures, made.words(), str(made.path))
        except SeasiftError as error:
            end = Export("failed", words=[str(error)])
        except OSError as error:
            end = Export("failed", words=[f"{error.filename or 'a file'}: {error.strerror or error}"])
        finally:
            self.state = end
