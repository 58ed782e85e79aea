"""Weights in and out. What does not fit is fatal and named; nothing is skipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seasift.core.errors import WeightsError

_NAMED_AT_MOST = 8


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read a `.pth` file that holds a state dict, without running code from it.

    Raises:
        WeightsError: no file, not a PyTorch file, or something else than named tensors.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such file; expected PyTorch weights (.pth). Check the path")
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise WeightsError(
            f"{path}: not a PyTorch file of plain tensors ({type(error).__name__}); expected a saved state dict"
        ) from error
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not all(isinstance(v, Tensor) for v in content.values()):
        raise WeightsError(
            f"{path}: holds a {type(content).__name__}; expected a state dict of named tensors"
        )
    return dict(content)


def load_exactly(module: nn.Module, state: Mapping[str, Tensor], *, source: str) -> None:
    """Load a state dict whose names and shapes must all be those of `module`.

    Raises:
        WeightsError: lists missing, unexpected and differently shaped entries.
    """
    own = module.state_dict()
    problems = [f"{name} is missing" for name in own if name not in state]
    problems += [f"{name} is not part of this network" for name in state if name not in own]
    problems += [
        f"{name} has shape {tuple(state[name].shape)} instead of {tuple(own[name].shape)}"
        for name in own
        if name in state and state[name].shape != own[name].shape
    ]
    _refuse(problems, source)
    module.load_state_dict(state)


def load_in_order(
    module: nn.Module, state: Mapping[str, Tensor], *, source: str, leftover: Sequence[str]
) -> None:
    """Load a state dict of other names whose entries come in the module's own order.

    Args:
        module: the network to fill.
        state: more entries than the network has are allowed only at the end.
        source: what to call the weights in messages.
        leftover: beginnings of names that may be left over (a classifier's head).
    Raises:
        WeightsError: an entry differs in shape or kind, or something else is left over.
    """
    own = module.state_dict()
    entries = list(state.items())
    problems = [
        f"{theirs} {tuple(value.shape)} stands where {ours} {tuple(own[ours].shape)} is expected"
        for ours, (theirs, value) in zip(own, entries, strict=False)
        if value.shape != own[ours].shape or ours.rpartition(".")[2] != theirs.rpartition(".")[2]
    ]
    problems += [f"{name} is missing" for name in list(own)[len(entries) :]]
    problems += [
        f"{name} is not part of this network"
        for name, _ in entries[len(own) :]
        if not name.startswith(tuple(leftover))
    ]
    _refuse(problems, source)
    module.load_state_dict({ours: value for ours, (_, value) in zip(own, entries, strict=False)})


def _refuse(problems: Sequence[str], source: str) -> None:
    if problems:
        named = "; ".join(problems[:_NAMED_AT_MOST])
        more = f"; and {len(problems) - _NAMED_AT_MOST} more" if len(problems) > _NAMED_AT_MOST else ""
        raise WeightsError(
            f"{source}: {len(problems)} entries do not fit the network: {named}{more}. "
            "Give weights of the same architecture and number of classes"
        )
