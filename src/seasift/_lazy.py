"""Packages that load their modules at the first use, and packages that can be called.

This module stays light: `import seasift` loads it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from inspect import Signature
    from typing import Any


def lazy(package: str, names: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make a package's `__getattr__` and `__dir__` (PEP 562).

    Args:
        package: the package's `__name__`.
        names: for each public name its location, as "package.module:name"; or a module, if the name is one.

    >>> __getattr__, __dir__ = lazy(__name__, {"FrameSampling": "seasift.video.frames:FrameSampling"})
    """

    def get(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, attribute = names[name].partition(":")
        found = import_module(module)
        return getattr(found, attribute) if attribute else found

    return get, lambda: sorted(names)


class CallablePackage(ModuleType):
    """A package that calls one of its functions, which is imported at the first use."""

    _function_of: tuple[str, str]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self._function()(*args, **kwargs)

    @property
    def __signature__(self) -> Signature:
        """The function's signature, for `help` and notebooks."""
        from inspect import signature

        return signature(self._function(), eval_str=False)

    def _function(self) -> Callable[..., Any]:
        module, name = self._function_of
        found: Callable[..., Any] = getattr(import_module(module), name)
        return found


def make_callable(package: str, module: str, function: str) -> None:
    """Make calls of a package calls of a function: `seasift.survey(...)`, and `from seasift.survey import store`.

    The import of any module of a package binds the package to its name in the parent package. It would replace a function
    of the same name there, at a time that depends on the order of imports. Here both are one object.

    Args:
        package: its `__name__`; call this in its `__init__.py`.
        module, function: location of the function; imported at the first call.
    """
    itself = sys.modules[package]
    itself.__class__ = CallablePackage
    itself._function_of = (module, function)  # type: ignore[attr-defined]
