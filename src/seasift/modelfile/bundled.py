"""Bundled models: files that come with the package."""

from __future__ import annotations

from pathlib import Path

import seasift
from seasift.core.errors import ModelError, hint

FOLDER = Path(seasift.__file__).parent / "weights"
DEFAULT = "default"


def names() -> tuple[str, ...]:
    """Names of the bundled models; `default` is the one used when none is named."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.onnx")))


def path_of(name: str) -> Path:
    """Path of a bundled model.

    Raises:
        ModelError: no model of that name; the message lists the available ones.
    """
    if name in names():
        return FOLDER / f"{name}.onnx"
    there = f"bundled: {', '.join(names())}" if names() else "no model is bundled"
    raise ModelError(
        f"model {name!r}{hint(name, names())}: no such file or bundled model ({there}). "
        "Give the path of an .onnx file made by `seasift export`, or the name of a bundled model."
    )


def is_address(model: object) -> bool:
    """Whether a model is named by the address of a server, see `inference.remote`."""
    return isinstance(model, str) and model.lower().startswith(("http://", "https://"))


def card_of(model: str | Path) -> str | None:
    """The Markdown model card in the folder of a model, given by path or bundled name; None without."""
    path = find(model).with_suffix(".md")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def find(model: str | Path) -> Path:
    """Path of a model given by path or bundled name (bundled names take precedence)."""
    if isinstance(model, str) and model in names():
        return path_of(model)
    path = Path(model)
    looks_like_path = isinstance(model, Path) or path.suffix == ".onnx" or len(path.parts) > 1
    return path if looks_like_path or path.exists() else path_of(str(model))
