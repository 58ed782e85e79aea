"""Models by name: the bundled ones, which come with the package, and the user's own.

A model of the user's is a model file in the current folder or in the models folder: the one that the environment variable
SEASIFT_MODELS names, else `models` in the user's data folder (on Linux ~/.local/share/seasift/models).
"""

from __future__ import annotations

import os
from pathlib import Path

import seasift
from seasift.core.errors import ModelError, hint

FOLDER = Path(seasift.__file__).parent / "weights"
DEFAULT = "default"


def names() -> tuple[str, ...]:
    """Names of the bundled models; `default` is the one used when none is named."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.onnx")))


def models_folder() -> Path:
    """The folder of the user's models, which may not exist."""
    given = os.environ.get("SEASIFT_MODELS")
    if given:
        return Path(given)
    import platformdirs

    return platformdirs.user_data_path("seasift", appauthor=False) / "models"


def own() -> dict[str, Path]:
    """The user's model files by name. One in the current folder hides one in the models folder, a bundled one both."""
    found: dict[str, Path] = {}
    for folder in (models_folder(), Path()):
        try:
            found |= {path.stem: path for path in sorted(folder.glob("*.onnx")) if path.is_file()}
        except OSError:  # a folder that cannot be read holds no models
            continue
    return {name: path for name, path in sorted(found.items()) if name not in names()}


def known() -> tuple[str, ...]:
    """Names of all models: the bundled ones, then the user's."""
    return (*names(), *own())


def path_of(name: str) -> Path:
    """Path of a bundled model, or of one of the user's.

    Raises:
        ModelError: no model of that name; the message lists the available ones.
    """
    if name in names():
        return FOLDER / f"{name}.onnx"
    mine = own()
    if name in mine:
        return mine[name]
    there = f"bundled: {', '.join(names())}" if names() else "no model is bundled"
    there += f"; yours: {', '.join(mine)}" if mine else ""
    raise ModelError(
        f"model {name!r}{hint(name, (*names(), *mine))}: no such file or bundled model ({there}). "
        "Give the path of an .onnx file made by `seasift export`, or a name from `seasift models list`."
    )


def is_address(model: object) -> bool:
    """Whether a model is named by the address of a server, see `inference.remote`."""
    return isinstance(model, str) and model.lower().startswith(("http://", "https://"))


def card_of(model: str | Path) -> str | None:
    """The Markdown model card in the folder of a model, given by path or name; None without."""
    path = find(model).with_suffix(".md")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def find(model: str | Path) -> Path:
    """Path of a model given by path or name (bundled names take precedence)."""
    if isinstance(model, str) and model in known():
        return path_of(model)
    path = Path(model)
    looks_like_path = isinstance(model, Path) or path.suffix == ".onnx" or len(path.parts) > 1
    return path if looks_like_path or path.exists() else path_of(str(model))
