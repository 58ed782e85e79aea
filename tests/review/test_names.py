"""Review of a survey with rolled-up names: labels, corrections, counts by supercategory, and the data set."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from seasift.core.errors import InputError
from seasift.review.folder import Review
from seasift.service.review_app import create_review_app
from seasift.survey.api import survey
from tests.survey.rolled import save_rolled_dive, save_rolled_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model, dive = save_rolled_model(tmp_path), save_rolled_dive(tmp_path)
    survey(dive, output=tmp_path / "out", model=model, every="1")
    return tmp_path / "out"


def _rows(folder: Path) -> list[tuple[str, ...]]:
    text = (folder / "reviewed_counts.csv").read_text("utf-8-sig")
    return [
        tuple(row[key] for key in ("level", "name", "unique", "reviewed_unique", "undecided"))
        for row in csv.DictReader(io.StringIO(text))
        if row["scope"] == "dive"
    ]


def test_tracks_are_shown_with_their_names_and_likeliest_classes(folder: Path) -> None:
    with TestClient(create_review_app(Review(folder)), base_url="http://127.0.0.1") as client:
        found = client.get("/v1/review").json()
        assert [(each["machine_name"], each["level"], each["class_name"]) for each in found["tracks"]] == [
            ("trash_bag", "class", "trash_bag"),
            ("trash", "supercategory", "trash_bag"),
            ("object", "object", "trash_bag"),
        ]
        assert [each["score"] for each in found["tracks"]] == pytest.approx([0.9, 0.7, 0.66], abs=0.01)
        assert [(each["name"], each["group"]) for each in found["categories"]] == [
            *(("trash_bag", "trash"), ("trash_net", "trash"), ("animal_fish", "animal")),
            *(("trash", "trash"), ("animal", "animal"), ("object", "other")),
        ]
        said = client.post("/v1/review/decisions", json={"track": 2, "word": "accept"}).json()
        assert (said["track"]["state"], said["track"]["name"]) == ("accepted", "trash")
        assert client.get("/v1/review/tracks/3/views/0").status_code == 200


def test_decisions_are_counted_by_supercategory_first(folder: Path) -> None:
    review = Review(folder)
    review.decide(2, "accept")
    review.decide(3, "accept", "animal_fish")
    review.write()
    assert _rows(folder) == [
        ("supercategory", "trash", "2", "1", "1"),
        ("supercategory", "animal", "0", "1", "0"),
        ("supercategory", "object", "1", "0", "0"),
        ("class", "trash_bag", "1", "0", "1"),
        ("class", "animal_fish", "0", "1", "0"),
    ]
    value = json.loads((folder / "reviewed_tracks.json").read_text("utf-8"))
    assert [(each["id"], each["name"]) for each in value["tracks"]] == [(2, "trash"), (3, "animal_fish")]
    ids = {each["name"]: each["id"] for each in value["categories"]}
    assert [each["category_id"] for each in value["tracks"]] == [ids["trash"], ids["animal_fish"]]
    assert "names" not in value
    assert not any("rollup" in each for each in value["tracks"])


def test_ids_of_new_classes_come_after_coarse_names_whatever_is_shown(folder: Path) -> None:
    review = Review(folder)
    review.decide(1, "accept", "sea pen")
    expected = {"trash_bag": 3, "trash_net": 7, "animal_fish": 8, "trash": 9, "animal": 10, "object": 11}
    assert review.categories() == {**expected, "sea pen": 12}
    assert Review(folder, names="class").categories() == {**expected, "sea pen": 12}


def test_the_data_set_has_a_coarse_class_only_if_it_is_used(folder: Path, tmp_path: Path) -> None:
    review = Review(folder)
    review.decide(1, "accept")
    review.decide(2, "accept")
    review.decide(3, "accept", "animal_fish")
    review.export(tmp_path / "set")
    value = json.loads((tmp_path / "set" / "annotations.json").read_text("utf-8"))
    names = {each["id"]: each["name"] for each in value["categories"]}
    assert list(names.values()) == ["trash_bag", "trash_net", "animal_fish", "trash"]
    assert {names[each["category_id"]] for each in value["annotations"]} == {
        *("trash_bag", "trash", "animal_fish")
    }


def test_classes_are_shown_if_asked_for(folder: Path, surveyed: Path) -> None:
    rows = Review(folder, names="class").tracks.rows.values()
    assert {row.name for row in rows} == {"trash_bag"}
    with pytest.raises(InputError, match="--names rollup"):
        Review(surveyed, names="rollup")
    with pytest.raises(InputError, match="class, rollup"):
        Review(folder, names="latin")
