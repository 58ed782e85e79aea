"""Tracks with rolled-up names: what votes decide, and every file of a survey, against values by hand."""

from __future__ import annotations

import csv
import io
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import av
import jsonschema
import numpy as np
import pytest

import seasift.service
from seasift.core.errors import InputError
from seasift.core.image import read_image, write_image
from seasift.core.instances import Category
from seasift.core.rollup import RollUp
from seasift.modelfile import bundled
from seasift.modelfile.info import METADATA_KEY, RollUpEntry, read_model_file
from seasift.modelfile.onnx_file import with_metadata
from seasift.prediction import predict
from seasift.survey import naming as naming_module
from seasift.survey.api import SurveyResult, survey
from seasift.survey.kept import Frame, Seen, Vote
from seasift.survey.naming import Naming
from seasift.survey.run import labels_of
from seasift.survey.store import Store
from tests.survey.dives import contents
from tests.survey.rolled import CATEGORIES, THRESHOLDS, save_rolled_dive, save_rolled_model
from tests.tiny_model import save_tiny, tiny_info


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rollup")
    save_rolled_model(folder)
    save_rolled_dive(folder)
    return folder


def _survey(folder: Path, out: str, **options: Any) -> SurveyResult:
    return survey(folder / "dive.mkv", output=folder / out, model=folder / "tiny.onnx", every="1", **options)


@pytest.fixture(scope="module")
def result(folder: Path) -> SurveyResult:
    return _survey(folder, "out", video=True, formats=["viame-csv"])


def _table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))


def test_a_track_has_the_finest_name_that_is_certain(result: SurveyResult) -> None:
    assert [
        (track.name, track.rollup and (track.rollup.name, track.rollup.level)) for track in result.tracks
    ] == [
        ("trash_bag", ("trash_bag", "class")),
        ("trash_bag", ("trash", "supercategory")),
        ("trash_bag", ("object", "object")),
    ]
    scores = [track.rollup.score for track in result.tracks if track.rollup]
    assert scores == pytest.approx([230 / 255, 1 - 127 * 153 / 255**2, 1 - (148 / 255) ** 2], abs=2e-3)
    assert result.tracks[1].class_scores == pytest.approx({"trash_bag": 0.5, "trash_net": 0.4}, abs=3e-3)


def test_the_document_is_valid_and_says_so(result: SurveyResult) -> None:
    value = json.loads((result.output / "tracks.json").read_text("utf-8"))
    schema = json.loads(files("seasift.formats").joinpath("tracks-1.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(value)
    assert value["names"] == "rollup"


def test_supercategories_count_first(result: SurveyResult) -> None:
    rows = _table(result.output / "counts.csv")
    dive = [(row["level"], row["name"], row["unique"], row["maxn"]) for row in rows if row["scope"] == "dive"]
    assert dive == [
        ("supercategory", "trash", "2", "2"),
        ("supercategory", "object", "1", "1"),
        ("class", "trash_bag", "1", "1"),
        ("supercategory", "animal", "0", "0"),  # zeros come last
        ("class", "trash_net", "0", "0"),
        ("class", "animal_fish", "0", "0"),
    ]
    assert {row["category_id"] for row in rows if row["level"] == "supercategory"} == {""}
    minutes = [(row["level"], row["name"], row["new"]) for row in rows if row["scope"] == "minute"]
    assert minutes == [
        *(("supercategory", "trash", "2"), ("supercategory", "object", "1")),
        ("class", "trash_bag", "1"),
    ]
    value = json.loads((result.output / "counts.json").read_text("utf-8"))
    assert [(row["name"], row["unique"]) for row in value["supercategories"]] == [("trash", 2), ("object", 1)]
    assert [row["name"] for row in value["dive"]] == ["trash_bag"]
    assert [row["new"] for row in value["supercategory_minutes"]] == [2, 1]
    assert value["settings"]["names"] == "rollup"
    assert value["rollup"] == THRESHOLDS
    counts = {name: count.unique for name, count in result.supercategories.items()}
    assert (counts, result.unique) == ({"trash": 2, "object": 1}, 3)
    assert {name: count.unique for name, count in result.counts.items()} == {"trash_bag": 1}


def test_the_table_of_tracks_has_both_names(result: SurveyResult) -> None:
    rows = _table(result.output / "tracks.csv")
    assert [(row["name"], row["rollup_name"], row["rollup_level"]) for row in rows] == [
        *(("trash_bag", "trash_bag", "class"), ("trash_bag", "trash", "supercategory")),
        ("trash_bag", "object", "object"),
    ]


def test_the_report_groups_by_supercategory(result: SurveyResult) -> None:
    page = (result.output / "report.html").read_text("utf-8")
    assert page.index('<tr class="group"><td>trash</td><td>2</td>') < page.index(
        '<tr class="member"><td>trash_bag</td><td>1</td>'
    )
    assert '<tr class="member"><td>class uncertain</td><td>1</td>' in page
    assert "perhaps trash_bag (0.50)" in page
    assert "the class from a score of 0.80, else the supercategory from 0.60" in page


def test_exports_of_a_survey_have_the_name(result: SurveyResult) -> None:
    lines = list(csv.reader(io.StringIO((result.output / "tracks-viame-csv.csv").read_text("utf-8"))))
    assert {line[9] for line in lines if line[0].isdigit()} == {"trash_bag", "trash", "object"}


def test_the_video_is_labelled_with_the_name(result: SurveyResult, tmp_path: Path) -> None:
    assert (result.output / "annotated.mp4").is_file()
    naming = Naming(CLASSES, RollUp(0.8, 0.6, 0.5))
    with _stored(tmp_path, [[0.5, 0.4, 0]], [0], [0.5]) as store:
        named = naming.name_of(store, 1, store.seen(1))
        store.set_class(1, named.class_id, 7, name_id=named.name_id, group_id=named.group_id)
        assert labels_of(store.counted_in(0), naming) == ["trash #7"]


def test_a_threshold_of_the_user_counts_what_is_sure_of_nothing(folder: Path) -> None:
    made = _survey(folder, "threshold", threshold=0.4)
    assert [track.rollup and track.rollup.name for track in made.tracks] == [
        *("trash_bag", "trash", "object", "object")
    ]
    unconfirmed = _survey(folder, "unconfirmed", unconfirmed=True)
    value = json.loads((unconfirmed.output / "tracks.json").read_text("utf-8"))
    assert [track["confirmed"] for track in value["tracks"]] == [True, True, True, False]


def test_names_of_classes_are_as_before(folder: Path) -> None:
    plain = _survey(folder, "class", names="class")
    value = json.loads((plain.output / "tracks.json").read_text("utf-8"))
    assert "names" not in value
    assert not {"rollup", "class_scores"} & {key for track in value["tracks"] for key in track}
    assert {name: count.unique for name, count in plain.counts.items()} == {"trash_bag": 4}
    assert {name: count.unique for name, count in plain.supercategories.items()} == {"trash": 4}
    assert "rollup_name" not in _table(plain.output / "tracks.csv")[0]
    bare = folder / "bare"
    bare.mkdir()
    model = save_tiny(bare / "tiny.onnx", tiny_info(threshold=0.4, categories=CATEGORIES))
    survey(folder / "dive.mkv", output=bare / "out", model=model, every="1")
    for name in ("tracks.csv", "counts.csv"):
        assert contents(bare / "out")[name] == contents(plain.output)[name]


def test_rolled_up_names_want_thresholds(folder: Path, tmp_path: Path) -> None:
    model = save_tiny(tmp_path / "tiny.onnx", tiny_info(categories=CATEGORIES))
    with pytest.raises(InputError, match="complete"):
        survey(folder / "dive.mkv", output=tmp_path / "out", model=model, names="rollup")
    with pytest.raises(InputError, match="class, rollup"):
        survey(folder / "dive.mkv", output=tmp_path / "out", model=model, names="latin")


def _stored(path: Path, frames: list[list[float] | None], class_ids: list[int], scores: list[float]) -> Store:
    store = Store(path / "x.sqlite", {})
    for seq, (given, class_id, score) in enumerate(zip(frames, class_ids, scores, strict=True)):
        store.add_frame(Frame(seq, 0, seq, seq / 5, seq / 5), None, [])
        blob = None if given is None else np.array(given, "<f4").tobytes()
        store.add_seen([Seen(1, seq, class_id, score, (0, 0, 10, 10), None, None, blob)])
    return store


CLASSES = tuple(Category(index, name) for index, name in enumerate(("trash_bag", "trash_net", "animal_fish")))


def test_a_track_that_wavers_is_named_by_its_mean(tmp_path: Path) -> None:
    """A bag in two frames, a net in the third: .6 of bag, but .9 of trash."""
    frames: list[list[float] | None] = [[0.9, 0, 0], [0.9, 0, 0], [0, 0.9, 0]]
    with _stored(tmp_path, frames, [0, 0, 1], [0.9, 0.9, 0.9]) as store:
        named = Naming(CLASSES, RollUp(0.8, 0.6, 0.5)).name_of(store, 1, store.seen(1))
        assert (named.level, Naming(CLASSES).names[named.name_id]) == (1, "trash")
        assert named.level_score == pytest.approx(0.9)
        assert dict(named.class_scores) == pytest.approx({0: 0.6, 1: 0.3})
        assert (named.class_id, named.score) == (0, pytest.approx(0.6))


def test_a_second_opinion_votes(tmp_path: Path) -> None:
    """A model with one score an object: the frame's score of a class is that of the opinion about it."""
    with _stored(tmp_path, [None, None], [0, 0], [0.5, 0.5]) as store:
        store.add_votes([Vote(1, 0, 2, 0.5), Vote(1, 1, 2, 0.3)])
        scores, alone = naming_module._scores_by_frame(store.seen(1), store.votes(1), 3)
        assert alone
        assert scores == pytest.approx(np.array([[0.5, 0, 0.5], [0.5, 0, 0.3]], np.float32))
        named = Naming(CLASSES, RollUp(0.8, 0.45, 0.4)).name_of(store, 1, store.seen(1))
        assert (named.level, named.level_score, named.sure) == (1, 0.5, True)
        unsure = Naming(CLASSES, RollUp(0.8, 0.7, 0.6), only_sure=True)
        assert not unsure.counts(unsure.name_of(store, 1, store.seen(1)))


def test_supercategories_of_a_naming() -> None:
    assert Naming(CLASSES).groups == ("trash", "animal")
    assert Naming(CLASSES, RollUp(1, 1, 1)).groups == ("trash", "animal", "object")
    cod = (*CLASSES, Category(9, "cod"))
    assert Naming(cod, RollUp(1, 1, 1)).groups == ("trash", "animal", "other", "object")
    assert Naming((Category(9, "cod"),)).groups == ()


def test_pictures_are_of_the_counted_tracks(result: SurveyResult) -> None:
    names = sorted(path.name for path in (result.output / "pictures").iterdir())
    assert names == [f"track-{number:06}.jpg" for number in (1, 2, 3)]
    assert read_image(result.output / "pictures" / names[0]).shape[2] == 3


ROW = {
    **{"objects": 100, "videos": 10, "found": (90, 80), "right": (80, 75)},
    **{"found_alike": (1.0, 1.0), "objects_alike": (1.0, 1.0)},
}


def test_supercategories_have_intervals_of_their_own(folder: Path, tmp_path: Path) -> None:
    """Thresholds .6 and .8: supercategories count from .6 (90 found, 80 right), classes from .8 (80 found, 75 right)."""
    counting = {
        **{"data": "painted val", "thresholds": (0.6, 0.8), "classes": [ROW] * 3},
        "supercategories": {"trash": ROW, "animal": ROW},
    }
    save_rolled_model(tmp_path, counting=counting)
    made = survey(folder / "dive.mkv", output=tmp_path / "out", model=tmp_path / "tiny.onnx", every="1")
    trash, anything = made.supercategories["trash"], made.supercategories["object"]
    # Of 2 tracks 1.8 are right, and .8 of the objects are found: 2 objects or some more.
    assert trash.low95 is not None
    assert trash.high95 is not None
    assert trash.low95 <= 2 <= trash.high95 < 8
    assert anything.interval is None
    assert made.counts["trash_bag"].interval
    assert "threshold of 0.8 (of supercategories 0.6) on painted val" in made.interval_note
    page = (made.output / "report.html").read_text("utf-8")
    assert f"{trash.low95} to {trash.high95}" in page
    del counting["supercategories"]
    save_rolled_model(tmp_path, counting=counting)
    again = survey(folder / "dive.mkv", output=tmp_path / "out2", model=tmp_path / "tiny.onnx", every="1")
    assert again.supercategories["trash"].interval is None
    assert again.counts["trash_bag"].interval
    rollup = THRESHOLDS | {"by_class": 0.95, "probability": 0.7, "fitted_on": "painted val"}
    save_rolled_model(tmp_path, counting={**counting, "thresholds": (0.6, 0.95)}, rollup=rollup)
    coarse = survey(folder / "dive.mkv", output=tmp_path / "out3", model=tmp_path / "tiny.onnx", every="1")
    assert coarse.counts == {}
    assert coarse.interval_note.startswith("No interval: no track is named by its class")
    assert coarse.interval_note in (coarse.output / "report.html").read_text("utf-8")


@pytest.fixture(scope="module")
def rolled_default(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled model with thresholds for rolled-up names, as `seasift models complete --rollup` writes them."""
    file = read_model_file(bundled.find("default"))
    rollup = RollUpEntry(
        by_class=0.6, by_supercategory=0.35, by_object=0.3, probability=0.7, fitted_on="nothing"
    )
    path = tmp_path_factory.mktemp("default") / "rolled.onnx"
    info = file.info.model_copy(update={"rollup": rollup})
    path.write_bytes(with_metadata(file.data, METADATA_KEY, info.model_dump_json()))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", ["example-1-shrimp.jpg", "example-2-coral.jpg", "example-3-coral.jpg"])
def test_a_still_video_has_the_names_of_its_image(rolled_default: Path, tmp_path: Path, name: str) -> None:
    """Means over equal frames are the scores of one frame: tracks are named as `predict` names the objects."""
    image = read_image(Path(seasift.service.__file__).parent / "page" / name)[:640, :640]
    image = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
    with av.open(str(tmp_path / "dive.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=5)
        stream.height, stream.width, stream.pix_fmt = *image.shape[:2], "bgr0"
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    write_image(tmp_path / "scene.png", image)
    found = predict(tmp_path / "scene.png", model=rolled_default, precision="f32", threshold=0.01)
    expected = [
        (each.rollup.name, each.rollup.level, each.box_xywh, each.rollup.score)
        for each in found.images[0].objects
        if each.rollup
    ]
    made = survey(
        tmp_path / "dive.mkv",
        **{"output": tmp_path / "out", "model": rolled_default, "every": "1", "threshold": 0.1},
        precision="f32",
    )
    assert made.tracks
    for track in made.tracks:
        assert track.rollup
        box = track.observations[0].box_xywh
        (same,) = [each for each in expected if each[2] == pytest.approx(box, abs=0.01)]
        assert same[:2] == (track.rollup.name, track.rollup.level)
        assert same[3] == pytest.approx(track.rollup.score, abs=1e-4)
    assert sum(count.unique for count in made.supercategories.values()) == len(made.tracks)
