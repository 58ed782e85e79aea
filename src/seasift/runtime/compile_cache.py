"""Compiled graphs, kept in the user's cache folder: the next process imports one in a fifth of the time.

Nothing depends on it: what is missing, damaged or cannot be written is as if it had never been kept.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from seasift.core.files import write_bytes

VARIABLE = "SEASIFT_CACHE"
KEPT = 8  # graphs of some 15 MB; those that were not used for longest go
_MARK = b"seasift compiled graph 1\n"  # a check sum follows, then the graph


def folder() -> Path | None:
    """Where compiled graphs are kept: `SEASIFT_CACHE`, or the system's place for caches; None if it is "off"."""
    chosen = os.environ.get(VARIABLE, "")
    if chosen.lower() == "off":
        return None
    if chosen:
        return Path(chosen)
    import platformdirs

    return platformdirs.user_cache_path("seasift", appauthor=False) / "compiled"


def load(key: Mapping[str, str]) -> bytes | None:
    """The graph that was kept under a key; None if there is none, or not a whole one.

    Args:
        key: everything that a compiled graph depends on.
    """
    place = _place(key)
    if place is None:
        return None
    try:
        data = place.read_bytes()
        place.touch()
    except OSError:
        return None
    start = len(_MARK) + hashlib.sha256().digest_size
    graph = data[start:]
    whole = data[:start] == _MARK + hashlib.sha256(graph).digest()
    return graph if whole else None


def store(key: Mapping[str, str], graph: bytes) -> None:
    """Keep a graph under a key, whole or not at all, and let go of the oldest. A cache that fails is no error."""
    place = _place(key)
    if place is None:
        return
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_bytes(place, _MARK + hashlib.sha256(graph).digest() + graph)
        kept = sorted(place.parent.glob("*.graph"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in kept[KEPT:]:
            path.unlink(missing_ok=True)


def _place(key: Mapping[str, str]) -> Path | None:
    where = folder()
    name = hashlib.sha256(json.dumps(dict(key), sort_keys=True).encode()).hexdigest()[:32]
    return None if where is None else where / f"{name}.graph"
