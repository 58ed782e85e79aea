"""Write files whole or not at all, and check output paths."""

from __future__ import annotations

import json
import os
import re
import stat
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from seasift.core.errors import InputError

MOST_BYTES = 2 << 30
"""Of a model or a document: an ONNX file cannot be larger, and no document comes near it."""
_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


def check_regular(path: Path, error: type[InputError] = InputError, *, most: int = MOST_BYTES) -> int:
    """Refuse what never ends or blocks: a pipe, a device, a socket, and files that are too large.

    Returns:
        Its size in bytes.
    Raises:
        OSError: there is no such file. InputError: of the class `error`.
    """
    found = path.stat()
    for is_kind, words in _KINDS:
        if is_kind(found.st_mode):
            raise error(f"{path}: {words}; expected a file. Save what it gives in a file, and name that.")
    if found.st_size > most:
        raise error(f"{path}: {found.st_size:,} bytes; expected at most {most:,}. Divide it.")
    return found.st_size


def read_regular(path: Path, error: type[InputError] = InputError, *, most: int = MOST_BYTES) -> bytes:
    """The bytes of a file, no more than it has when it is opened.

    Raises:
        OSError: it cannot be read. InputError: of the class `error`, as `check_regular`.
    """
    size = check_regular(path, error, most=most)
    with path.open("rb") as file:
        return file.read(size)


def resolved(path: Path) -> Path:
    """The path without links, as far as they lead anywhere: `Path.resolve` fails at links in a circle."""
    return Path(os.path.realpath(path))


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`; it becomes `path` on success and is removed on any error.

    The temporary name is short and independent of `path`, whose name may be as long as the disk allows. What killed
    processes of this machine left in the folder is removed at the first file that this process writes there.

    Raises:
        OSError: it cannot be written; names `path`, not the temporary file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        path.stat()  # fails at links in a circle, which would be replaced in silence
    _remove_left_over(path.parent)
    part = path.with_name(f".{_HOST}-{os.getpid()}-{_process()}-{os.urandom(4).hex()}.part")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        if error.errno is None or str(error.filename) != str(part):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        part.unlink(missing_ok=True)


_NODE = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
_HOST = format(zlib.crc32(_NODE.encode("utf-8", "replace")), "08x")
_PART = re.compile(r"\.([0-9a-f]{8})-(\d+)-([0-9a-f]{8})-[0-9a-f]{8}\.part")
_ABANDONED_S = 86_400.0
_visited: set[tuple[str, Path]] = set()


@cache
def _token(_pid: int) -> str:
    return os.urandom(4).hex()


def _process() -> str:
    """What tells this process from another with the same number, such as the first one of a container."""
    return _token(os.getpid())


def _remove_left_over(folder: Path) -> None:
    key = (_process(), folder.absolute())
    if key in _visited:
        return
    _visited.add(key)
    with suppress(OSError):
        for entry in os.scandir(folder):
            found = _PART.fullmatch(entry.name)
            if found and _is_left_over(entry, *found.groups()):
                with suppress(OSError):
                    os.unlink(entry.path)  # noqa: PTH108


def _is_left_over(entry: os.DirEntry[str], host: str, pid: str, token: str) -> bool:
    """Whether nobody writes to a temporary file any more."""
    try:
        if time.time() - entry.stat(follow_symlinks=False).st_mtime > _ABANDONED_S:
            return True
    except OSError:
        return False
    if host != _HOST or os.name == "nt":  # there, no signal asks whether a process lives
        return False
    if int(pid) == os.getpid():
        return token != _process()
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with `\\n` line ends, whole or not at all."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def write_bytes(path: Path, data: bytes) -> None:
    """Write bytes, whole or not at all."""
    with replacing(path) as part:
        part.write_bytes(data)


def write_json(path: Path, value: Any, *, indent: int | None = None) -> None:
    """Write JSON, whole or not at all. NaN and infinity are errors: other readers refuse them."""
    write_text(path, json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False) + "\n")


def check_onnx_name(output: Path) -> None:
    """Check that a model file can be written to a path.

    Raises:
        InputError: another ending, or a folder.
    """
    if output.suffix != ".onnx":
        raise InputError(f"-o {output}: expected a name that ends in .onnx.")
    check_file("-o", output)


def check_file(option: str, path: Path) -> None:
    """Check that a file can be written to a path.

    Raises:
        InputError: the path is a folder, or inside a file.
    """
    if path.is_dir():
        raise InputError(f"{option} {path}: a folder; expected the name of a file.")
    _check_above(option, path)


def check_folder(output: Path) -> None:
    """Check that files can be written into a folder, which need not exist.

    Raises:
        InputError: a file has the name of the folder or of one above it.
    """
    if output.exists() and not output.is_dir():
        raise InputError(f"-o {output}: a file; expected a folder, or an unused name.")
    _check_above("-o", output)


def _check_above(option: str, path: Path) -> None:
    above = next((folder for folder in path.parents if folder.exists()), None)
    if above is not None and not above.is_dir():
        raise InputError(f"{option} {path}: {above} is a file; expected a folder there, or nothing.")
