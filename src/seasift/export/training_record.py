"""What a model file says of the training behind it: data, commands, hours, hardware."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from seasift import __version__
from seasift.core.errors import SeasiftError
from seasift.modelfile import bundled
from seasift.modelfile.info import read_model_file
from seasift.models.checkpoint import read_checkpoint
from seasift.recipes.recipe import Recipe, load_recipe, recorded_recipe, shipped_recipes

MOST_BEFORE = 8  # runs of a chain in which each took its initial weights from the one before
_HERE = ("data.path", "data.cache")  # of the machine that trained


def training_record(
    checkpoints: Sequence[Path], file_name: str, hardware: str | None = None
) -> dict[str, Any]:
    """The record of a checkpoint's run, without folders of the machine.

    Args:
        checkpoints: best.ckpt or last.ckpt of a run, or of several whose weights were averaged.
        file_name: of the model file made of them.
        hardware: what they and the runs before them ran on, where their checkpoints do not say.
    Returns:
        "seasift", the version that wrote this; "data"; "recipe", resolved; "seed"; "steps"; "pictures_seen";
        "command"; "hours" and "hardware" where they are known; and "before", the same of the runs that led to its
        initial weights, first one first, where the files are still there. Of a mean: "data" and "recipe" of the
        last one, "mean_of", how many; "command", which averages; and "before", all runs.
    """
    scout = _Runs(hardware)
    for checkpoint in checkpoints:
        scout.add(checkpoint)
    runs = _Runs(hardware, scout.given)
    indices = [runs.add(checkpoint) for checkpoint in checkpoints]
    last = runs.records[-1]
    if len(checkpoints) > 1:
        same = {key: last[key] for key in ("seasift", "data", "recipe")}
        command = shlex.join(["seasift", "export", *indices, "-o", file_name])
        return same | {"mean_of": len(checkpoints), "command": command, "before": runs.records}
    before = runs.records[:-1]
    return last | ({"before": before} if before else {})


class _Runs:
    """Records of runs and of those that their initial weights came from, each once, in an order to repeat them in.

    Args:
        hardware: see `training_record`.
        given: records from model files, told first: their folders have numbers, and ours go on from there.
    """

    def __init__(self, hardware: str | None, given: Sequence[dict[str, Any]] = ()) -> None:
        self.records, self.given = list(given), list(given)
        self._hardware, self._folders = hardware, dict[Path, str]()

    def add(self, checkpoint: Path, most_before: int = MOST_BEFORE) -> str:
        """Tell of a checkpoint's run and of at most so many before it; its path in the commands."""
        home = checkpoint.resolve().parent
        if home not in self._folders:
            content = read_checkpoint(checkpoint)
            resolved = recorded_recipe(content["hyper_parameters"]["recipe"])
            weights = self._weights(resolved.model.weights, most_before)
            folder = _folder(resolved.name, len(self.records) + 1)
            command = _command(resolved, content["global_step"], weights, folder)
            on = content.get("hardware") or self._hardware or _machine_beside(checkpoint)
            record = _record(content, resolved, command, on)
            known = [run for run in self.given if _but_names(run) == _but_names(record)]
            self.records += [] if known else [record]
            self._folders[home] = _folder_in(known[0]["command"]) if known else folder
        return f"{self._folders[home]}/{checkpoint.name}"

    def _weights(self, weights: str, most: int) -> str:
        """Tell of the runs that made initial weights, which may be gone or of another program; their path."""
        try:
            if most and weights.endswith(".ckpt"):
                return self.add(Path(weights), most - 1)
            if most and (weights.endswith(".onnx") or weights in bundled.known()):
                last = dict(read_model_file(bundled.find(weights)).info.training)
                chain = [*last.pop("before", []), last] if "recipe" in last else []
                self.records += [run for run in chain if run not in self.records]
                self.given += [run for run in chain if run not in self.given]
        except SeasiftError:
            pass
        return weights if weights in bundled.names() else Path(weights).name


def _record(content: dict[str, Any], resolved: Recipe, command: str, on: str | None) -> dict[str, Any]:
    recipe = resolved.model_dump(mode="json")
    recipe["data"].pop("path")
    recipe["data"].pop("cache")
    recipe["model"]["weights"] = Path(recipe["model"]["weights"]).name
    seconds = content.get("train_seconds")
    record = {
        "seasift": __version__,
        "data": content["hyper_parameters"].get("data", {}),
        "recipe": recipe,
        "seed": resolved.seed,
        "steps": content["global_step"],
        "pictures_seen": content["batches_done"] * resolved.training.batch_size,
        "command": command,
    }
    record |= {"hours": round(seconds / 3600, 2)} if seconds else {}
    return record | ({"hardware": on} if on else {})


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


def _command(recipe: Recipe, steps: int, weights: str, folder: str) -> str:
    """As `command_of`, with paths that fit the commands of the runs before."""
    training = recipe.training
    if steps >= training.max_steps:  # the clock did not stop it, and should not the next time
        training = training.model_copy(update={"max_minutes": None})
    model = recipe.model.model_copy(update={"weights": weights})
    return command_of(recipe.model_copy(update={"model": model, "training": training}), folder)


def _but_names(record: dict[str, Any]) -> dict[str, Any]:
    """What is the same of one run, whoever tells of it."""
    return {key: value for key, value in record.items() if key not in ("command", "hardware")}


def _folder_in(command: str) -> str:
    words = shlex.split(command)
    return words[words.index("-o") + 1]


def _folder(name: str, index: int) -> str:
    return f"runs/{name}" if index == 1 else f"runs/{name}-{index}"


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
