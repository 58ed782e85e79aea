"""Shows the real signature of functions that take the fields of an options class (`takes_fields_of`) in the API reference."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import griffe

DECORATOR = "takes_fields_of"


class RuntimeSignatures(griffe.Extension):
    """Replaces the parameters of decorated functions by those that `inspect.signature` gives."""

    def on_function(self, *, func: griffe.Function, **kwargs: Any) -> None:
        if not any(DECORATOR in str(decorator.value) for decorator in func.decorators):
            return
        function = getattr(importlib.import_module(func.module.path), func.name)
        func.parameters = griffe.Parameters(
            *(
                griffe.Parameter(
                    parameter.name,
                    annotation=None if parameter.annotation is parameter.empty else str(parameter.annotation),
                    kind=getattr(griffe.ParameterKind, parameter.kind.name.lower()),
                    default=None if parameter.default is parameter.empty else repr(parameter.default),
                )
                for parameter in inspect.signature(function).parameters.values()
            )
        )
