"""Docs name only what exists: options of commands, recipe keys, files and functions of the tour of the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from seasift.cli.main import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TOUR = ROOT / "docs" / "contributing" / "tour-of-the-code.md"
FENCED = re.compile(r"^```[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)


def commands_in(text: str) -> list[list[str]]:
    """Words of each line of a code block that calls seasift; continued lines are joined."""
    lines = [line for block in FENCED.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    calls = [re.split(r"(?:^|\s)seasift\s", line.split(" #")[0], maxsplit=1) for line in lines]
    return [
        call[1].split() for call in calls if len(call) == 2 and not call[0].strip().startswith("docker build")
    ]


def command_of(words: list[str]) -> tuple[Any, str]:
    command: Any = typer.main.get_command(app)
    name = "seasift"
    for word in words:
        if word not in getattr(command, "commands", {}):
            break
        command, name = command.commands[word], f"{name} {word}"
    return command, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_option_of_a_shown_command_exists(page: Path) -> None:
    unknown = []
    for words in commands_in(page.read_text(encoding="utf-8")):
        command, name = command_of(words)
        known = {
            option for parameter in command.params for option in [*parameter.opts, *parameter.secondary_opts]
        }
        known |= {"--help", "--version"}
        options = [word.split("=")[0] for word in words if re.fullmatch(r"--?[a-z][-a-z]*(=.*)?", word)]
        unknown += [f"{name} {option}" for option in options if option not in known]
    assert unknown == []


def test_commands_are_found_in_code_blocks() -> None:
    text = "```\nuv run seasift predict a.jpg \\\n    --no-such 3   # --nor-this\n```\n--prose"
    assert commands_in(text) == [["predict", "a.jpg", "--no-such", "3"]]


def names_defined(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, named)}


def test_the_tour_names_files_and_functions_that_exist() -> None:
    text = TOUR.read_text(encoding="utf-8")
    named = re.findall(
        r"`((?:src/seasift|tests|docs)/[\w./-]+\.(?:py|yaml|json|md))`(?:: ((?:`[\w.]+`(?:, )?)+))?", text
    )
    assert len(named) > 10
    missing = []
    for file, functions in named:
        path = ROOT / file
        if not path.is_file():
            missing.append(file)
        elif functions:
            known = names_defined(path)
            wanted = re.findall(r"`([\w.]+)`", functions)
            missing += [f"{file}: {name}" for name in wanted if name.split(".")[-1] not in known]
    assert missing == []
