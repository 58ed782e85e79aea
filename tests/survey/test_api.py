"""`seasift.survey(...)` from Python: what it gives, and that package and function are one name."""

from __future__ import annotations

import csv
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

from seasift.core.errors import InputError
from seasift.inference.predictor import load_predictor
from seasift.survey.api import SurveyResult, survey
from tests.survey.dives import contents, save_dive, save_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("api")
    save_model(folder)
    save_dive(folder / "dive.mp4")
    return folder


@pytest.fixture(scope="module")
def result(folder: Path) -> SurveyResult:
    return survey(
        str(folder / "dive.mp4"),
        output=folder / "out",
        every="1",
        model=folder / "tiny.onnx",
        formats=["geojson"],
    )


def test_counts_are_those_of_the_table(result: SurveyResult) -> None:
    with (result.output / "counts.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    dive = {row["name"]: (int(row["unique"]), int(row["maxn"])) for row in rows if row["scope"] == "dive"}
    seen = {name: figures for name, figures in dive.items() if figures != (0, 0)}
    assert {name: (count.unique, count.maxn) for name, count in result.counts.items()} == seen
    assert len(dive) > len(seen), "classes that were not seen have zeros"
    assert len(result.minutes) == sum(row["scope"] == "minute" for row in rows)
    # By hand: red is twice in the image at once; it is there, elsewhere, and comes back after a pause.
    assert (result.counts["red thing"].maxn, result.counts["red thing"].unique) == (2, 3)
    assert result.frames == 80


def test_tracks_are_those_of_the_document(result: SurveyResult) -> None:
    document = json.loads((result.output / "tracks.json").read_text(encoding="utf-8"))
    assert [(track.id, track.name) for track in result.tracks] == [
        (track["id"], track["name"]) for track in document["tracks"]
    ]
    assert len(result.tracks) == sum(count.unique for count in result.counts.values())


def test_what_could_not_be_done_is_said(result: SurveyResult) -> None:
    assert not result.complete
    assert [line.split()[0] for line in result.warnings] == ["geojson"]  # there are no positions
    assert result.gaps == []
    assert all(path.exists() for path in result.written)


def test_a_loaded_model_gives_the_same(folder: Path, result: SurveyResult) -> None:
    seconds: list[tuple[int, int]] = []
    model = load_predictor(str(folder / "tiny.onnx"), precision="auto", throughput=True)
    again = survey(
        [folder / "dive.mp4"],
        output=folder / "again",
        every="1",
        end=1e9,
        model=model,
        progress=lambda done, total: seconds.append((done, total)),
    )
    assert again.counts == result.counts
    assert again.complete
    assert contents(folder / "again")["tracks.csv"] == contents(folder / "out")["tracks.csv"]
    assert seconds[-1][0] <= seconds[-1][1]
    with pytest.raises(InputError, match="--engine ray"):
        survey([folder / "dive.mp4"], output=folder / "none", model=model, ray_address="auto")
    assert not (folder / "none").exists()


@pytest.mark.parametrize(
    "order",
    [
        "import seasift.survey",
        "import seasift.survey.store",
        "import seasift.survey.api; import seasift.survey.store",
        "from seasift.survey.store import Store; import seasift.survey.report",
    ],
)
def test_package_and_function_are_one(order: str) -> None:
    code = f"""import seasift; {order}
import inspect
try:
    seasift.survey([], output="none")
except TypeError:
    raise
except seasift.core.errors.SeasiftError as error:
    print(type(error).__name__)
from seasift.survey.store import NAME
from seasift.survey import api
assert seasift.survey.api is api
assert list(inspect.signature(seasift.survey).parameters)[:2] == ["inputs", "output"]
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["InputError"]


def test_the_package_names_the_arguments() -> None:
    import seasift.survey

    assert inspect.signature(seasift.survey) == inspect.signature(survey)  # type: ignore[arg-type]
