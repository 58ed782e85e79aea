"""What a model file says of the training behind it: data, commands, hours, hardware."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import yaml

from seasift import __version__
from seasift.core.errors import SeasiftError
from seasift.runtime import box
from seasift.runtime.model_file import read_model_file
from seasift.training.checkpoint import read_checkpoint
from seasift.training.recipe import Recipe, load_recipe, shipped_recipes

MOST_BEFORE = 8  # runs of a chain in which each took its initial weights from the one before
_HERE = ("data.path", "data.cache")  # of the machine that trained


def training_record(
    checkpoint: Path, hardware: str | None = None, most_before: int = MOST_BEFORE
) -> dict[str, Any]:
    """The record of a checkpoint's run, without folders of the machine.

    Args:
        checkpoint: best.ckpt or last.ckpt of a run.
        hardware: what it and the runs before it ran on, where their checkpoints do not say.
        most_before: earlier runs that are looked up.
    Returns:
        "seasift", the version that wrote this; "data"; "recipe", resolved; "seed"; "steps"; "pictures_seen";
        "command"; "hours" and "hardware" where they are known; and "before", the same of the runs that led to its
        initial weights, first one first, where the files are still there.
    """
    content = read_checkpoint(checkpoint)
    resolved = Recipe.model_validate(content["hyper_parameters"]["recipe"])
    before = _before(resolved.model.weights, hardware, most_before)
    steps, seconds = content["global_step"], content.get("train_seconds")
    on = content.get("hardware") or hardware or _machine_beside(checkpoint)
    recipe = resolved.model_dump(mode="json")
    recipe["data"].pop("path")
    recipe["data"].pop("cache")
    recipe["model"]["weights"] = Path(recipe["model"]["weights"]).name
    record = {
        "seasift": __version__,
        "data": content["hyper_parameters"].get("data", {}),
        "recipe": recipe,
        "seed": resolved.seed,
        "steps": steps,
        "pictures_seen": content["batches_done"] * resolved.training.batch_size,
        "command": _command(resolved, steps, before),
    }
    record |= {"hours": round(seconds / 3600, 2)} if seconds else {}
    record |= {"hardware": on} if on else {}
    return record | ({"before": before} if before else {})


def command_of(recipe: Recipe, out: str) -> str:
    """The shell command that trains by a resolved recipe: what it changes in the shipped one that is nearest."""
    wanted = _leaves(recipe)
    changes = {}
    for name in shipped_recipes():
        own = _leaves(load_recipe(name))
        changes[name] = {key: value for key, value in wanted.items() if own[key] != value}
    nearest = min(changes, key=lambda name: len(changes[name]))
    sets = [f"--set {shlex.quote(f'{key}={_yaml(value)}')}" for key, value in changes[nearest].items()]
    return " ".join([f"seasift train {nearest} --data DATA -o {out}", *sets])


def _command(recipe: Recipe, steps: int, before: list[dict[str, Any]]) -> str:
    """As `command_of`, with paths that fit the commands of the runs before."""
    weights, training = recipe.model.weights, recipe.training
    if before and weights.endswith(".ckpt"):
        weights = f"{_folder(before[-1]['recipe']['name'], len(before))}/{Path(weights).name}"
    elif weights not in box.names():
        weights = Path(weights).name
    if steps >= training.max_steps:  # the clock did not stop it, and should not the next time
        training = training.model_copy(update={"max_minutes": None})
    model = recipe.model.model_copy(update={"weights": weights})
    return command_of(
        recipe.model_copy(update={"model": model, "training": training}),
        _folder(recipe.name, len(before) + 1),
    )


def _folder(name: str, place: int) -> str:
    return f"runs/{name}" if place == 1 else f"runs/{name}-{place}"


def _before(weights: str, hardware: str | None, most: int) -> list[dict[str, Any]]:
    """Records of the runs that made initial weights, which may be gone or of another program."""
    try:
        if most and weights.endswith(".ckpt"):
            last = training_record(Path(weights), hardware, most - 1)
        elif most and (weights.endswith(".onnx") or weights in box.names()):
            last = dict(read_model_file(box.find(weights)).info.training)
        else:
            return []
    except SeasiftError:
        return []
    earlier = last.pop("before", [])
    return [*earlier, last] if "recipe" in last else []


def _machine_beside(checkpoint: Path) -> str | None:
    try:
        said = json.loads((checkpoint.parent / "run.json").read_text(encoding="utf-8")).get("machine")
    except (OSError, ValueError, AttributeError):
        return None
    return said if isinstance(said, str) else None


def _leaves(recipe: Recipe) -> dict[str, Any]:
    content = recipe.model_dump(mode="json", exclude={"about"})
    leaves: dict[str, Any] = {}
    for key, value in content.items():
        leaves |= (
            {f"{key}.{name}": each for name, each in value.items()}
            if isinstance(value, dict)
            else {key: value}
        )
    return {key: value for key, value in leaves.items() if key not in _HERE}


def _yaml(value: Any) -> str:
    """A value as `--set` reads it; words without quotation marks where they stay words."""
    return value if isinstance(value, str) and yaml.safe_load(value) == value else json.dumps(value)
