"""Packages of optional extras."""

from __future__ import annotations

from importlib.util import find_spec

from seasift.core.errors import MissingExtraError


def how_to_install(extra: str) -> str:
    """The command that installs an extra; seasift is on no package index yet."""
    return f"In the folder of seasift's source run: pip install '.[{extra}]' (or: uv sync --extra {extra})"


def require(extra: str, *modules: str) -> None:
    """Make sure that the packages of an extra are installed.

    Raises:
        MissingExtraError: names the first missing package and the command that installs the extra.
    """
    for module in modules:
        if find_spec(module) is None:
            raise MissingExtraError(
                f"this needs the package {module}, which is not installed. {how_to_install(extra)}"
            )
