"""`seasift compare`, as a user runs it."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seasift.cli import main as entry
from tests.evaluation.evaluated_folders import evaluated, prepared, trained

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set, two evaluations and a training run. For reading only."""
    folder = tmp_path_factory.mktemp("runs")
    data = prepared(folder / "data")
    evaluated(folder / "one", data, seed=1)
    evaluated(folder / "two", data, seed=2)
    trained(folder / "trained", data, seed=4)
    return folder


@pytest.fixture
def run(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Run:
    """Run the command line in a copy of the folder of runs."""
    shutil.copytree(runs, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["seasift", "compare", *arguments])
        with pytest.raises(SystemExit) as done:
            entry.main()
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return int(done.value.code or 0), out, err

    return call


def test_tables_with_intervals_and_a_page(run: Run) -> None:
    code, out, err = run(
        *("one", "two", "trained", "--data", "data", "--resamples", "50", "--seed", "3", "-o", "out")
    )
    assert code == 0, err
    assert re.search(
        r"^A  one +little default published .*?( +0\.\d{3} \[\.\d{3}, \.\d{3}\]){6}", out, re.MULTILINE
    )
    assert re.search(r"^published: YOLACT ResNet-50.*half of the official val +0\.238", out, re.MULTILINE)
    assert re.search(
        r"^C − A +masks( +[+-]0\.\d{3} \[[+-]\.\d{3}, [+-]\.\d{3}\]){3}  0 is ", out, re.MULTILINE
    )
    assert re.search(r"^C  trained +my recipe .*1 h 07 min", out, re.MULTILINE)
    assert re.search(r"^never there +0 +0( +–){6}", out, re.MULTILINE)
    assert re.search(r"^AR100( +0\.\d{3}){6}$", out, re.MULTILINE)
    assert "note: Only 6 videos (A, B, C)" in out
    assert "out/compare.html" in err
    assert json.loads(Path("out/compare.json").read_text(encoding="utf-8"))["bootstrap"]["seed"] == 3


def test_one_run_alone_without_output(run: Run) -> None:
    before = sorted(Path().rglob("*"))
    code, out, err = run("trained")
    assert (code, err) == (0, "")
    assert "note: No intervals" in out
    assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("nowhere",), "nowhere: no such folder; expected a folder of `seasift evaluate -o`"),
        (("one/report.json",), "one/report.json: a file"),
        (("data",), "data: no report.json in it or in its folder evaluation"),
        (("one", "one/../one"), "given twice"),
        (("one", "--data", "nothing"), "nothing: no such file or folder"),
        (("one", "--data", "one"), "not a prepared data set"),
        (("one", "--data", "data/annotations/default-published.json"), "fingerprint"),
        (("one", "-o", "one/report.json"), "-o one/report.json: a file"),
        (("one", "--resamples", "5"), "--resamples"),
        (("one", "--data", "data", "--group", "("), "group '(': not a regular expression"),
        ((), "RUN"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    run: Run, arguments: tuple[str, ...], complaint: str
) -> None:
    given = arguments if "-o" in arguments else (*arguments, "-o", "out")
    code, out, err = run(*given)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith("seasift: ")
    assert len(err.splitlines()) == (4 if err.startswith("Usage: ") else 1)
    assert complaint.lower() in err.lower()
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("one/report.json", '{"schema": "seas', "one/report.json: not whole JSON"),
        ("one/report.json", '{"schema": "other/1"}', "of schema 'other/1'; expected 'seasift-evaluation/1'"),
        ("one/report.json", "[]", "of schema None"),
        ("one/report.json", '{"schema": "seasift-evaluation/1", "model": 3}', "model is missing or damaged"),
        ("one/predictions.json", "", "one/predictions.json: not whole JSON"),
        ("one/predictions.json", "[NaN]", "holds NaN"),
        ("one/predictions.json", '[{"image_id": "x"}]', "entry 0 is not a COCO result"),
        ("trained/run.json", "nothing", "trained/run.json: not whole JSON"),
        ("trained/run.json", '{"train_seconds": "long"}', "trained/run.json: damaged"),
        ("trained/recipe.yaml", "a: [", "trained/recipe.yaml: not YAML"),
        ("trained/metrics.csv", "pictures,loss/total\n1,high\n", "trained/metrics.csv: not a training curve"),
    ],
)
def test_damaged_files_are_named(run: Run, name: str, content: str, complaint: str) -> None:
    Path(name).write_text(content)
    code, out, err = run("one", "trained", "--data", "data", "--resamples", "20", "-o", "out")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert complaint in err
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (("boxes", "AP"), "high", "boxes.AP is missing or damaged"),
        (("per_class", 0, "masks"), None, "per_class[0].masks"),
        (("per_class", 1, "name"), 7, "per_class[1]"),
        (("data", "pictures"), "many", "data.pictures"),
        (("model", "facts"), {"parameters": "some"}, "model.facts"),
        (("speed",), [], "speed"),
        (("curves", "boxes", "50"), [1], "curves"),
        (("curves",), 5, "curves"),
        (("notes",), "none", "notes"),
        (("notes",), [3], "notes"),
        (("data", "labels"), ["instance"], "data.labels"),
        (("data", "of_pictures"), "all", "data.of_pictures"),
        (("settings", "limit"), [], "settings.limit"),
    ],
)
def test_damaged_values_are_named(
    run: Run, path: tuple[str | int, ...], value: object, complaint: str
) -> None:
    record = json.loads(Path("one/report.json").read_text(encoding="utf-8"))
    inner = record
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    Path("one/report.json").write_text(json.dumps(record))
    code, out, err = run("one")
    assert (code, out) == (2, "")
    assert f"one/report.json: {complaint}" in err


def test_a_training_run_that_was_not_evaluated_is_told_how(run: Run) -> None:
    shutil.rmtree("trained/evaluation")
    code, _, err = run("trained")
    assert code == 2
    assert "Run: seasift evaluate trained/best.ckpt DATA -o trained/evaluation" in err


def test_a_failed_run_leaves_an_earlier_page(run: Run) -> None:
    assert run("one", "-o", "out")[0] == 0
    page = Path("out/compare.html").read_bytes()
    assert run("one", "nowhere", "-o", "out")[0] == 2
    assert Path("out/compare.html").read_bytes() == page
