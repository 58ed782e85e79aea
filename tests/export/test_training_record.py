"""What is said of a training can be given back to `seasift train`, and a chain of runs is told from its start."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from seasift.export.card import training_lines
from seasift.export.training_record import command_of, training_record
from seasift.modelfile import bundled
from seasift.modelfile.info import read_model_file
from seasift.recipes.recipe import Recipe, load_recipe


def given_back(command: str) -> Recipe:
    """The recipe that the command line trains by."""
    words = shlex.split(command)
    assert words[:2] == ["seasift", "train"]
    return load_recipe(words[2], [words[i + 1] for i, word in enumerate(words) if word == "--set"])


@pytest.mark.parametrize(
    "changes",
    [
        [],
        ["name=mine", "training.ema=null", "data.labels='yes'"],
        ["augment.size=[192,320]", "optimizer.lr=1e-5", "model.weights=runs/a b/last.ckpt"],
    ],
)
def test_a_command_gives_the_recipe_back(changes: list[str]) -> None:
    recipe = load_recipe("sift-m", changes)
    command = command_of(recipe, "runs/x")
    assert command.startswith("seasift train sift-m --data DATA -o runs/x")
    assert given_back(command) == recipe
    assert command.count("--set") == len(changes)


def checkpoint(folder: Path, *changes: str, **more: Any) -> Path:
    """As training leaves it, without weights."""
    folder.mkdir()
    recipe = load_recipe("sift-s", [f"data.path={folder.as_posix()}", *changes])
    content = {
        "hyper_parameters": {"recipe": recipe.model_dump(), "categories": [], "data": {"train": folder.name}},
        "global_step": 10,
        "batches_done": 10,
    }
    torch.save(content | more, folder / "last.ckpt")
    return folder / "last.ckpt"


def test_a_chain_of_runs_is_told_from_its_start(tmp_path: Path) -> None:
    first = checkpoint(tmp_path / "first", "training.max_steps=20", "training.max_minutes=5")
    (tmp_path / "first" / "run.json").write_text(json.dumps({"machine": "slide rule"}))
    second = checkpoint(
        tmp_path / "second",
        f"model.weights={first.as_posix()}",
        "training.max_steps=10",
        "training.max_minutes=5",
        train_seconds=5400.0,
        hardware="abacus",
    )
    record = training_record([second], "m.onnx")
    assert str(tmp_path) not in json.dumps(record)
    assert (record["hours"], record["hardware"], record["steps"]) == (1.5, "abacus", 10)
    (before,) = record["before"]
    assert (before["data"], before["hardware"], "hours" in before) == (
        {"train": "first"},
        "slide rule",
        False,
    )
    one, two = (given_back(each["command"]) for each in (before, record))
    assert (one.training.max_minutes, two.training.max_minutes) == (
        5,
        None,
    )  # the clock did not end the second
    assert " -o runs/sift-s " in before["command"]
    assert two.model.weights == "runs/sift-s/last.ckpt"
    assert training_record([second], "m.onnx", "an AMD")["before"][0]["hardware"] == "an AMD"
    text = "\n".join(training_lines(record))
    assert text.index(f"- `{before['command']}` (160 images; slide rule)") < text.index(record["command"])
    assert f"- `{record['command']}` (160 images; 1.5 hours; abacus)" in text
    assert "In all 320 images." in text  # of the first run nobody knows the hours
    first.unlink()
    assert "before" not in training_record([second], "m.onnx")


def test_runs_of_a_mean_are_told_once_each(tmp_path: Path) -> None:
    first = checkpoint(tmp_path / "first")
    both = [
        checkpoint(tmp_path / f"by-{seed}", f"model.weights={first.as_posix()}", f"seed={seed}")
        for seed in (2, 3)
    ]
    record = training_record(both, "mean of two.onnx")
    told = [given_back(run["command"]) for run in record["before"]]
    assert [(run.seed, run.model.weights) for run in told] == [
        (1, "imagenet"),
        (2, "runs/sift-s/last.ckpt"),
        (3, "runs/sift-s/last.ckpt"),
    ]
    assert record["command"] == (
        "seasift export runs/sift-s-2/last.ckpt runs/sift-s-3/last.ckpt -o 'mean of two.onnx'"
    )
    text = "\n".join(training_lines(record))
    assert "- runs whose weights it is the mean of: 2" in text
    assert text.index(record["before"][2]["command"]) < text.index(record["command"])
    assert "In all 480 images." in text
    assert training_record([both[0], first], "m.onnx")["before"] == record["before"][:2]


def test_runs_told_by_a_model_file_keep_their_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = checkpoint(tmp_path / "first")
    second = checkpoint(tmp_path / "second", f"model.weights={first.as_posix()}", "seed=2")
    known = {
        "one.onnx": training_record([first], "one.onnx"),
        "two.onnx": training_record([second, first], "two.onnx"),
    }

    def read(path: Path) -> Any:
        return SimpleNamespace(info=SimpleNamespace(training=known[path.name]))

    monkeypatch.setattr("seasift.export.training_record.read_model_file", read)
    third, fourth = (checkpoint(tmp_path / f"of-{name}", f"model.weights={name}", "seed=3") for name in known)
    record = training_record([first, third, fourth], "m.onnx")
    assert [run["command"].split(" -o ")[1].split()[0] for run in record["before"]] == [
        *("runs/sift-s", "runs/sift-s-2", "two.onnx"),
        *("runs/sift-s-4", "runs/sift-s-5"),
    ]
    assert record["command"] == (
        "seasift export runs/sift-s/last.ckpt runs/sift-s-4/last.ckpt runs/sift-s-5/last.ckpt -o m.onnx"
    )


def test_files_of_other_programs_and_older_ones_are_told_as_they_are() -> None:
    assert training_lines({"data": "COCO", "epochs": 12})[:2] == ["- data: COCO", "- epochs: 12"]
    assert training_lines({}) == ["", "The whole recipe is in the file's metadata."]


@pytest.mark.parametrize("name", bundled.names())
def test_commands_on_bundled_cards_can_be_given_again(name: str) -> None:
    card = bundled.card_of(name) or ""
    commands = [line.split("`")[1] for line in card.splitlines() if line.startswith("- `seasift train ")]
    assert commands
    for command in commands:
        assert given_back(command).data.scheme in {"box", "leak-free", "official"}, command
    lines = training_lines(read_model_file(bundled.find(name)).info.training)
    assert [line.split("`")[1] for line in lines if line.startswith("- `seasift train ")] == commands
