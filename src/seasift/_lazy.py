"""Names that a package gives out without loading the modules behind them (PEP 562)."""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


def lazy(package: str, names: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make a package's `__getattr__` and `__dir__`.

    Args:
        package: the package's `__name__`.
        names: for each public name where it lives, as "package.module:name"; or a module, if the name is one.

    >>> __getattr__, __dir__ = lazy(__name__, {"Every": "seasift.video.frames:Every"})
    """

    def get(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, attribute = names[name].partition(":")
        found = import_module(module)
        return getattr(found, attribute) if attribute else found

    return get, lambda: sorted(names)
