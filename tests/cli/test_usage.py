"""What the command line says when it is used wrongly, or with nothing at all."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from seasift.cli import main as entry

Say = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    def call(*words: str) -> tuple[int, str, list[str]]:
        monkeypatch.setattr(sys, "argv", ["seasift", *words])
        with pytest.raises(SystemExit) as done:
            entry.main()
        out, err = capsys.readouterr()
        assert isinstance(done.value.code, int)
        return done.value.code, out, err.splitlines()

    return call


def test_nothing_is_answered_by_the_commands_in_groups(say: Say) -> None:
    code, out, err = say()
    assert (code, err) == (0, [])
    found, served = out.index(entry.FIND), out.index(entry.SERVE)
    assert found < out.index("  predict ") < out.index("  survey ") < out.index(entry.EXCHANGE) < served
    assert max(map(len, out.splitlines())) <= 100
    listed = {line.split()[0] for line in out.splitlines() if line.startswith("  ")}
    commands = {each.name for each in entry.app.registered_commands if each.name}
    commands |= {each.callback.__name__ for each in entry.app.registered_commands if each.callback}
    assert commands - {"lr_find"} <= listed


@pytest.mark.parametrize("words", [("data",), ("models",)])
def test_a_group_alone_shows_its_help(say: Say, words: tuple[str, ...]) -> None:
    code, out, err = say(*words)
    assert (code, err) == (0, [])
    assert out.startswith("Usage: ")


@pytest.mark.parametrize(
    ("words", "command", "named"),
    [
        (("predict",), "seasift predict", "INPUTS"),
        (("predict", "--fromat", "x"), "seasift predict", "--format"),
        (("predict", "x", "--masks", "polgons"), "seasift predict", "'polygons'"),
        (("predict", "x", "--precision", "bf17"), "seasift predict", "auto"),
        (("predict", "x", "--format", "json,jsn"), "seasift predict", "'json'"),
        (("evaluate", "x", "y", "--engine", "openvno"), "seasift evaluate", "'openvino'"),
        (("train", "x", "--accelerator", "tpu"), "seasift train", "gpu"),
        (("data", "check"), "seasift data check", "paths"),
        (("predct",), "seasift", "predict"),
    ],
)
def test_wrong_use_shows_the_usage(say: Say, words: tuple[str, ...], command: str, named: str) -> None:
    code, out, err = say(*words)
    assert (code, out) == (2, "")
    assert err[0].startswith(f"Usage: {command} ")
    assert f"Try '{command} --help' for help." in err
    assert err[-1].startswith("seasift: ")
    assert named in err[-1]


def test_completion_can_be_installed(say: Say) -> None:
    code, out, _ = say("--help")
    assert code == 0
    assert "--install-completion" in out
