"""Rolled-up names in every format: the coarse name, and the scores of classes where there is a field for them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from seasift.core.errors import InputError
from seasift.formats import document, tracks, validation
from seasift.formats.document import CategoryEntry, RolledName
from seasift.formats.exchange.convert import convert
from seasift.formats.exchange.registry import BY_NAME
from seasift.formats.tracks import Observation, Position, TrackEntry, TracksDocument
from tests.formats.exchange.contents import CLIP, header

CLASSES = ["animal_fish", "animal_eel", "trash_bag", "cod"]
SHOWN = ["animal_fish", "animal", "object", "animal_fish"]
SCORES = [0.9, 0.8, 0.6, 0.95]


def _tracks() -> list[TrackEntry]:
    """A fish; a fish or eel; a bag or fish; and a track of one frame."""
    given: list[tuple[str, Any, float, dict[str, float]]] = [
        ("animal_fish", "class", 0.88, {"animal_fish": 0.9, "animal_eel": 0.05}),
        ("animal_eel", "supercategory", 0.4, {"animal_eel": 0.45, "animal_fish": 0.35}),
        ("trash_bag", "object", 0.3, {"trash_bag": 0.33, "animal_fish": 0.3}),
        ("animal_fish", "class", 0.95, {"animal_fish": 0.95}),
    ]
    at = Position(latitude=43.5, longitude=-8.25, depth_m=800.0)
    found = []
    for index, (name, level, score, scores) in enumerate(given):
        times = [0.0] if index == 3 else [0.0, 0.4]
        seen = [
            Observation(
                video=0,
                frame=round(time_s * 25),
                time_s=time_s,
                box_xywh=[10.0 + 50 * index, 20.0, 30.0, 40.0],
                score=0.25,
                position=at,
            )
            for time_s in times
        ]
        found.append(
            TrackEntry(
                id=index + 1,
                category_id=CLASSES.index(name) + 1,
                name=name,
                score=score,
                rollup=RolledName(name=SHOWN[index], level=level, score=SCORES[index]),
                class_scores=scores,
                confirmed=True,
                observations=seen,
            )
        )
    return found


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "tracks.json"
    categories = [CategoryEntry(id=index, name=name) for index, name in enumerate(CLASSES, start=1)]
    head = header([CLIP]).model_copy(update={"names": "rollup", "categories": categories})
    tracks.write(path, head, _tracks())
    return path


def _json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def test_the_tracks_document_keeps_both_names(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "again.json", to="seasift-tracks")
    assert _json(tmp_path / "again.json") == _json(source)
    convert(source, tmp_path / "class.json", to="seasift-tracks", names="class")
    plain = _json(tmp_path / "class.json")
    assert "names" not in plain
    assert [set(track) & {"rollup", "class_scores"} for track in plain["tracks"]] == [set()] * 4
    assert [track["name"] for track in plain["tracks"]] == [track.name for track in _tracks()]


def test_a_tracks_document_without_roll_up_is_read_as_before(source: Path) -> None:
    old = _json(source)
    del old["names"]
    for track in old["tracks"]:
        del track["rollup"], track["class_scores"]
    read = TracksDocument.model_validate_json(json.dumps(old))
    assert read.names is None
    assert document.plain(read) == old


@pytest.mark.parametrize("to", ["coco", "kwcoco"])
def test_coco(source: Path, tmp_path: Path, to: str) -> None:
    convert(source, tmp_path / "a.json", to=to)
    value = _json(tmp_path / "a.json")
    parents = {each["name"]: each.get("supercategory") for each in value["categories"]}
    assert parents == {
        **{"animal_fish": "animal", "animal_eel": "animal", "trash_bag": "trash", "cod": "object"},
        **{"animal": "object", "trash": "object", "object": None},
    }
    ids = {each["id"]: each["name"] for each in value["categories"]}
    assert [ids[i] for i in range(1, 5)] == CLASSES  # those of the model stay
    by_track = {each["track_id"]: each for each in value["annotations"]}
    assert [ids[by_track[i]["category_id"]] for i in (1, 2, 3, 4)] == SHOWN
    assert [by_track[i]["track_score"] for i in (1, 2, 3, 4)] == [0.88, 0.8, 0.6, 0.95]
    assert by_track[2]["class_scores"] == {"animal_eel": 0.45, "animal_fish": 0.35}
    assert by_track[3]["name_level"] == "object"
    convert(source, tmp_path / "b.json", to=to, names="class")
    plain = _json(tmp_path / "b.json")
    assert [each["name"] for each in plain["categories"]] == CLASSES
    assert not {"supercategory"} & set(plain["categories"][0])
    assert {each["track_id"]: each["category_id"] for each in plain["annotations"]} == {
        1: 1,
        2: 2,
        3: 3,
        4: 1,
    }


def test_viame(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "a.csv", to="viame-csv")
    lines = [
        line for line in csv.reader(io.StringIO((tmp_path / "a.csv").read_text("utf-8"))) if line[0].isdigit()
    ]
    pairs = {line[0]: line[9:] for line in lines}
    assert pairs == {
        "1": ["animal_fish", "0.9", "animal_eel", "0.05"],
        "2": ["animal", "0.8", "animal_eel", "0.45", "animal_fish", "0.35"],
        "3": ["object", "0.6", "trash_bag", "0.33", "animal_fish", "0.3"],
        "4": ["animal_fish", "0.95"],
    }
    convert(tmp_path / "a.csv", tmp_path / "back.json", to="seasift-tracks")
    assert [track["name"] for track in _json(tmp_path / "back.json")["tracks"]] == SHOWN


def test_cvat(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "a.xml", to="cvat")
    root = ElementTree.parse(tmp_path / "a.xml").getroot()
    assert [each.findtext("name") for each in root.iterfind(".//labels/label")] == [
        *CLASSES,
        *("animal", "trash", "object"),
    ]
    shown = [
        (track.get("label"), [each.text for each in track.iterfind("attribute")])
        for track in root.iterfind("track")
    ]
    assert shown == [
        ("animal_fish", ["animal_fish", "0.9"]),
        ("animal", ["animal_eel", "0.45"]),
        ("object", ["trash_bag", "0.33"]),
        ("animal_fish", ["animal_fish", "0.95"]),
    ]
    declared = root.iterfind(".//labels/label[1]/attributes/attribute")
    assert {each.findtext("name"): each.findtext("mutable") for each in declared} == {
        **{"score": "True", "time_s": "True"},
        **{"class": "False", "class_score": "False"},
    }


def test_ifdo(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "a.yaml", to="ifdo")
    value = yaml.safe_load((tmp_path / "a.yaml").read_text("utf-8"))
    names = {each["id"]: each["name"] for each in value["image-set-header"]["image-annotation-labels"]}
    (items,) = value["image-set-items"].values()
    said = [
        [(names[label["label"]], label["confidence"]) for label in each["labels"]]
        for each in items[0]["image-annotations"]
    ]
    assert said == [
        [("animal_fish", 0.88)],
        [("animal", 0.8), ("animal_eel", 0.45)],
        [("object", 0.6), ("trash_bag", 0.33)],
        [("animal_fish", 0.95)],
    ]


def test_darwin_core(source: Path, tmp_path: Path) -> None:
    report = convert(source, tmp_path / "a.csv", to="darwin-core")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text("utf-8"))))
    assert [(row["scientificName"], row["vernacularName"]) for row in rows] == [
        ("Vertebrata", "animal_fish"),
        ("Animalia", "animal"),  # no narrower taxon is sure
        ("Vertebrata", "animal_fish"),
    ]
    assert "animal_eel with score 0.450" in rows[1]["identificationRemarks"]
    assert "likeliest" not in rows[0]["identificationRemarks"]
    assert json.loads(rows[1]["dynamicProperties"])["classScores"] == {
        "animal_eel": 0.45,
        "animal_fish": 0.35,
    }
    assert any("1 of kind track (not named as an animal)" in note for note in report.notes)


def test_biigle_and_fathomnet_have_the_name_alone(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "a.csv", to="biigle-csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text("utf-8"))))
    assert [row["label_name"] for row in rows] == SHOWN
    assert [row["label_id"] for row in rows] == ["1", "5", "7", "1"]
    convert(source, tmp_path / "b.csv", to="fathomnet-csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "b.csv").read_text("utf-8"))))
    assert [row["concept"] for row in rows] == [
        *("animal_fish", "animal_fish", "animal", "animal", "object", "object", "animal_fish")
    ]


def test_geojson_label_studio_megadetector(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "a.geojson", to="geojson")
    known = [each["properties"] for each in _json(tmp_path / "a.geojson")["features"]]
    assert [(each["name"], each["name_level"]) for each in known[:3]] == [
        *(("animal_fish", "class"), ("animal", "supercategory"), ("object", "object"))
    ]
    assert known[2]["class_scores"] == {"trash_bag": 0.33, "animal_fish": 0.3}
    convert(source, tmp_path / "b.json", to="label-studio")
    found = _json(tmp_path / "b.json")[0]["predictions"][0]["result"]
    assert [each["value"]["labels"] for each in found] == [[name] for name in SHOWN]
    assert found[1]["meta"] == {"text": ["likeliest class animal_eel, score 0.450"]}
    assert "meta" not in found[0]
    convert(source, tmp_path / "c.json", to="megadetector")
    value = _json(tmp_path / "c.json")
    names = value["detection_categories"]
    found = value["images"][0]["detections"]
    assert sorted(names[each["category"]] for each in found) == sorted([*SHOWN[:3] * 2, SHOWN[3]])
    unsure = next(each for each in found if names[each["category"]] == "animal")
    assert [(value["classification_categories"][i], score) for i, score in unsure["classifications"]] == [
        *(("animal_eel", 0.45), ("animal_fish", 0.35))
    ]
    convert(tmp_path / "c.json", tmp_path / "back.json", to="seasift-predictions")
    back = {found["name"] for image in _json(tmp_path / "back.json")["images"] for found in image["objects"]}
    assert back == set(SHOWN)


def test_predictions_keep_both_names_through_tracks(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "a.json", to="seasift-predictions")
    value = _json(tmp_path / "a.json")
    assert validation.problems(value) == []
    assert value["names"] == "rollup"
    first = {each["name"]: each["rollup"]["name"] for each in value["images"][0]["objects"][1:3]}
    assert first == {"animal_eel": "animal", "trash_bag": "object"}
    convert(tmp_path / "a.json", tmp_path / "b.json", to="seasift-tracks")
    assert [each["rollup"] for each in _json(tmp_path / "b.json")["tracks"]][:4] == [
        {"name": name, "level": level, "score": score}
        for name, level, score in zip(
            SHOWN, ("class", "supercategory", "object", "class"), SCORES, strict=True
        )
    ]


def test_an_object_of_an_image_has_the_score_of_its_name(source: Path, tmp_path: Path) -> None:
    still = CLIP.model_copy(update={"file": "a.png", "frames": 1, "fps": None})
    head = tracks.Header.model_validate_json(source.read_text("utf-8").splitlines()[0][:-1] + "}")
    singles = [each.model_copy(update={"observations": [each.observations[0]]}) for each in _tracks()]
    tracks.write(source, head.model_copy(update={"videos": [still]}), singles)
    convert(source, tmp_path / "a.json", to="coco")
    value = _json(tmp_path / "a.json")
    assert [each["score"] for each in value["annotations"]] == [0.25, 0.8, 0.6, 0.25]


def test_every_format_takes_the_names(source: Path, tmp_path: Path) -> None:
    for name, form in BY_NAME.items():
        for names in ("rollup", "class"):
            assert convert(source, tmp_path / f"{name}{form.suffixes[0]}", to=name, names=names).written
    with pytest.raises(InputError, match="class, rollup"):
        convert(source, tmp_path / "x.json", to="coco", names="latin")
