"""The part of a model card that says how the model was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_WORDS = {
    "pictures_seen": "pictures seen",
    "seasift": "seasift version",
    "mean_of": "runs whose weights it is the mean of",
}
_ELSEWHERE = ("recipe", "data", "before", "command")


def training_lines(training: Mapping[str, Any]) -> list[str]:
    """Markdown about a model's training: what it learned from, seed, hours, hardware and the commands in their order.

    Args:
        training: of the model file; that of another program may say anything, and an older one says less.
    """
    before = training.get("before")
    runs = [*(before if isinstance(before, list) else []), training]
    lines = _facts(training)
    commands = [run for run in runs if isinstance(run, dict) and run.get("command")]
    if commands:
        lines += ["", "Made by, in this order (DATA is the prepared data set):", ""]
        lines += [f"- `{run['command']}`{_cost(run)}" for run in commands]
        if len(commands) > 1:
            lines += ["", _sum(commands)]
    return [*lines, "", "The whole recipe is in the file's metadata."]


def _facts(training: Mapping[str, Any]) -> list[str]:
    data = training.get("data")
    lines = []
    if isinstance(data, dict):
        lines += [f"- data, {key}: {value}" for key, value in data.items()]
    elif data:
        lines.append(f"- data: {data}")
    for key, value in training.items():
        if key not in _ELSEWHERE:
            of = _of_steps(training) if key == "steps" else ""
            number = f"{value:,}" if isinstance(value, int) else value
            lines.append(f"- {_WORDS.get(key, key)}: {number}{of}")
    return lines


def _of_steps(training: Mapping[str, Any]) -> str:
    try:
        most = training["recipe"]["training"]["max_steps"]
    except (KeyError, TypeError):
        return ""
    return f" of {most:,}"


def _cost(run: Mapping[str, Any]) -> str:
    parts = [f"{run[key]:,} {word}" for key, word in (("pictures_seen", "pictures"),) if key in run]
    parts += [f"{run['hours']:g} hours"] if "hours" in run else []
    parts += [str(run["hardware"])] if "hardware" in run else []
    return f" ({'; '.join(parts)})" if parts else ""


def _sum(runs: Sequence[Mapping[str, Any]]) -> str:
    trained = [run for run in runs if "pictures_seen" in run]
    pictures = sum(run["pictures_seen"] for run in trained)
    known = [run["hours"] for run in trained if "hours" in run]
    hours = f" in {sum(known):.2f} hours" if len(known) == len(trained) else ""
    return f"In all {pictures:,} pictures{hours}."
