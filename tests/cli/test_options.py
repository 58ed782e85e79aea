"""Commands made from options classes."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from seasift.cli import convert as convert_command
from seasift.cli import predict as predict_command
from seasift.cli.options import command_of
from seasift.formats.exchange.options import ConvertOptions
from seasift.prediction.options import PredictOptions


def given_by(options: type[Any], *words: str) -> Any:
    """The options that a command line makes."""
    caught: list[Any] = []
    app = typer.Typer()
    app.command()(command_of(options, caught.append, "Help."))
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return caught[0]


@pytest.mark.parametrize(
    ("options", "words"), [(PredictOptions, ["a.jpg"]), (ConvertOptions, ["a.json", "b.csv", "--to", "coco"])]
)
def test_defaults_of_the_command_line_are_those_of_python(options: type[Any], words: list[str]) -> None:
    given = given_by(options, *words)
    for field in fields(options):
        if field.name not in ("inputs", "source", "target", "to"):
            assert getattr(given, field.name) == field.default


def test_values_reach_their_fields() -> None:
    words = (
        "a.jpg b.jpg -m tiny.onnx --threshold 0.3 --max-objects 4 --classes x,y --classes z --all-classes -r "
    )
    words += (
        "-f json -f csv -o out --masks polygons --every 30 --start 1:30 --tile auto --tile-whole --threads 2"
    )
    got = given_by(PredictOptions, *words.split())
    assert (list(got.inputs), got.model, got.threshold, got.max_objects) == (
        ["a.jpg", "b.jpg"],
        "tiny.onnx",
        0.3,
        4,
    )
    assert (list(got.classes), got.all_classes, got.recursive) == (["x,y", "z"], True, True)
    assert (list(got.formats), str(got.output), got.masks) == (["json", "csv"], "out", "polygons")
    assert (got.every, got.start, got.end, got.tile, got.tile_whole, got.threads) == (
        "30",
        "1:30",
        None,
        "auto",
        True,
        2,
    )


def test_commands_keep_their_names() -> None:
    assert (predict_command.predict.__name__, convert_command.convert.__name__) == ("predict", "convert")
