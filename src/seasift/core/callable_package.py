"""A package that can be called, for a function and a package of one name: `seasift.survey(...)`, `seasift.survey.store`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any


class CallablePackage(ModuleType):
    """A package that calls one of its functions, which is imported at the first use."""

    _function_of: tuple[str, str]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self._function()(*args, **kwargs)

    @property
    def __signature__(self) -> inspect.Signature:
        """The function's docstring, for `help` and notebooks."""
        return inspect.signature(self._function(), eval_str=False)

    def _function(self) -> Callable[..., Any]:
        module, name = self._function_of
        found: Callable[..., Any] = getattr(import_module(module), name)
        return found


def make_callable(package: str, module: str, function: str) -> None:
    """Make calls of a package calls of a function.

    The import of any module of a package binds the package to its name in the parent package. It would replace a function
    of the same name there, at a time that depends on the order of imports. Here both are one object.

    Args:
        package: its `__name__`; call this in its `__init__.py`.
        module, function: location of the function; imported at the first call.
    """
    itself = sys.modules[package]
    itself.__class__ = CallablePackage
    itself._function_of = (module, function)  # type: ignore[attr-defined]
