"""Every command is one call of a public function with the same names and defaults."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable

import pytest

USE_CASES = {
    "adapt": "seasift.adaptation.api",
    "survey": "seasift.survey.api",
    "evaluate": "seasift.evaluation.api",
    "train": "seasift.training.api",
    "export": "seasift.export.api",
    "bench": "seasift.speed.api",
}
ONLY_IN_PYTHON = {"progress", "warn", "tell"}


def use_case(name: str, module: str) -> Callable[..., object]:
    function: Callable[..., object] = getattr(importlib.import_module(module), name)
    return function


@pytest.mark.parametrize("name", USE_CASES)
def test_a_command_is_a_call(name: str) -> None:
    command = inspect.signature(use_case(name, f"seasift.cli.{name}")).parameters
    function = inspect.signature(use_case(name, USE_CASES[name])).parameters
    assert {each: parameter.default for each, parameter in command.items()} == {
        each: parameter.default for each, parameter in function.items() if each not in ONLY_IN_PYTHON
    }
