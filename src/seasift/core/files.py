"""Write files whole or not at all, and check output paths."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seasift.core.errors import InputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`; it becomes `path` on success and is removed on any error.

    The temporary name is short and independent of `path`, whose name may be as long as the disk allows.

    Raises:
        OSError: it cannot be written; names `path`, not the temporary file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{os.urandom(8).hex()}.part")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        if error.errno is None or str(error.filename) != str(part):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        part.unlink(missing_ok=True)


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
