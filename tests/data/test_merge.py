"""Merging data sets: what each object may be, where each image is from, and that nothing leaks between sources."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO

from seasift.core.errors import DatasetError
from seasift.data.check import check
from seasift.data.dives import groups_of
from seasift.data.merge import merge
from seasift.data.prepared import open_prepared, resolve_split
from seasift.data.stats import describe, statistics
from seasift.data.stats_page import Example, draw_truth
from tests.data.merge_fake import MAP, coarse_set, fine_set, merge_map

ANIMALS_AND_PLANT, TRASH, ALL = [5, 8, 9], [20, 21], [3, 5, 8, 9, 20, 21]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The two sets. For reading only."""
    folder = tmp_path_factory.mktemp("sources")
    return [fine_set(folder), coarse_set(folder)]


def document(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "annotations" / "default-published.json").read_text())
    return found


def test_objects_keep_what_is_known_and_no_more(sources: list[Path], tmp_path: Path) -> None:
    merge(sources, merge_map(tmp_path), tmp_path / "out")
    found = document(tmp_path / "out")
    own = json.loads((sources[0] / "annotations" / "default-published.json").read_text())
    assert found["categories"] == own["categories"]
    assert found["annotations"][:6] == own["annotations"]
    assert found["images"][:6] == [
        {**image, "source": "fine", "video": image["file_name"][4:10]} for image in own["images"]
    ]
    images = {image["id"]: image for image in found["images"]}
    coarse = {images[a["image_id"]]["file_name"]: a for a in found["annotations"][6:]}
    assert sorted(coarse) == [f"coarse/{name[0]}/{name}.png" for name in ("a1", "a2", "b1", "b2", "c1")]
    expected = {"a1": (TRASH, True, 0), "a2": (ANIMALS_AND_PLANT, True, 0), "b1": (None, None, 0)}
    expected |= {"b2": (ALL, None, 1), "c1": (ALL, None, 0)}
    for name, (classes, loose, crowd) in expected.items():
        mine = coarse[f"coarse/{name[0]}/{name}.png"]
        assert (mine.get("class_set"), mine.get("loose_box"), mine["iscrowd"]) == (classes, loose, crowd)
        assert mine["category_id"] in (classes or [3])
        assert (mine["segmentation"], mine["bbox"]) == ([], [10, 12, 30, 20])
        assert images[mine["image_id"]]["background_labelled"] is False
        assert images[mine["image_id"]]["source"] == "coarse"
    assert len({a["id"] for a in found["annotations"]}) == len(found["annotations"])
    whole = COCO(str(tmp_path / "out" / "annotations" / "default-published.json"))
    assert len(whole.getAnnIds()) == 11


def test_images_splits_and_videos(sources: list[Path], tmp_path: Path) -> None:
    merged = merge(sources, merge_map(tmp_path), tmp_path / "out")
    prepared = open_prepared(tmp_path / "out")
    assert merged.done
    mine = prepared.schemes()["mine"]
    assert len(mine["train"]) == 4 + 5
    assert [name[:10] for name in mine["val"]] == ["vid_000003", "vid_000003"]
    for image in (*mine["train"], *mine["val"]):
        source = (
            sources[1].parent / "images" / Path(image).name if "/" in image else sources[0] / "images" / image
        )
        assert (prepared.images_dir / image).read_bytes() == source.read_bytes()
    groups = groups_of([*mine["train"], *mine["val"]], prepared.group)
    assert {groups[name] for name in mine["val"]} == {"000003"}
    assert {groups[name] for name in mine["train"]} == {
        "000001",
        "000002",
        "coarse/a",
        "coarse/b",
        "coarse/c",
    }
    assert resolve_split(tmp_path / "out", split="train").name == "both default published mine/train"
    assert not merge(sources, merge_map(tmp_path), tmp_path / "out").done
    assert [(s["name"], s["images"], s["objects"]) for s in prepared.record["sources"]] == [
        ("fine", 6, 6),
        ("coarse", 5, 5),
    ]


def test_check_and_stats_take_it(sources: list[Path], tmp_path: Path) -> None:
    merge(sources, merge_map(tmp_path), tmp_path / "out")
    report = check([tmp_path / "out"])
    assert report.fatal == 0
    assert any(defect.kind == "no mask" for defect in report.defects)
    described = describe(tmp_path / "out")
    stats = statistics(described)
    train = stats.partial["train"]
    assert (train.coarse, train.without_mask, train.loose_box, train.unlabelled) == (4, 5, 2, 5)
    counted = {name: row["train"].objects for name, row in stats.by_class.items()}
    assert counted == {
        "rov": 2,
        "plant": 1,
        "animal_fish": 1,
        "animal_crab": 1,
        "trash_bag": 0,
        "trash_can": 0,
    }
    boxed = Example("train", described.splits["train"].images[-1], {})
    black = np.zeros((60, 80, 3), np.uint8)
    drawn = draw_truth(black, boxed, described.splits["train"]).any(axis=2)
    assert not drawn[14:30, 12:38].any()  # an outline, not filled
    assert drawn[12, 10:40].all()
    assert drawn[12:32, 39].all()


def test_a_merged_set_merges_again(sources: list[Path], tmp_path: Path) -> None:
    merge(sources, merge_map(tmp_path), tmp_path / "once")
    names = {"rov": "vehicle", "plant": "plant", "animal_fish": "animal", "animal_crab": "animal"}
    names |= {"trash_bag": "trash", "trash_can": "trash"}
    again = {"name": "old", "categories": names, "background": "labelled"}
    path = merge_map(tmp_path, sources=[{"name": "fine"}, {**again, "videos": ["coarse/a"]}], name="twice")
    merge([sources[0], tmp_path / "once"], path, tmp_path / "twice")
    found = document(tmp_path / "twice")
    sets = [a.get("class_set") for a in found["annotations"][6:]]
    assert sets == [TRASH, ANIMALS_AND_PLANT]
    assert all(image["background_labelled"] is False for image in found["images"][6:])


def test_images_join_a_train_split_and_nothing_else(sources: list[Path], tmp_path: Path) -> None:
    merge(sources, merge_map(tmp_path), tmp_path / "out")
    assert {k: sorted(v) for k, v in open_prepared(tmp_path / "out").schemes().items()} == {
        "mine": ["train", "val"],
        "published": ["all"],
    }
    with pytest.raises(DatasetError, match="train"):
        merge([sources[0].parent / "fine" / "fine.json", sources[1]], merge_map(tmp_path), tmp_path / "no")


def test_splits_as_the_map_says(sources: list[Path], tmp_path: Path) -> None:
    wanted = {"all": {"train": ["fine", "coarse"]}, "own": {"train": ["coarse"], "val": ["fine:mine/val"]}}
    merge(sources, merge_map(tmp_path, splits=wanted), tmp_path / "out")
    schemes = open_prepared(tmp_path / "out").schemes()
    assert {
        scheme: {split: len(names) for split, names in splits.items()} for scheme, splits in schemes.items()
    } == {
        "all": {"train": 11},
        "own": {"train": 5, "val": 2},
    }
    for item in ("fin", "fine:mina/val", "fine:mine/vel"):
        path = merge_map(tmp_path, splits={"own": {"train": [item]}})
        with pytest.raises(DatasetError, match=re.escape(repr(item))) as error:
            merge(sources, path, tmp_path / "no")
        assert "\n" not in str(error.value)


def _facts(path: Path, *rows: str) -> str:
    path.write_text("\n".join(["video,date,dive", *rows]) + "\n", encoding="utf-8")
    return path.name


@pytest.mark.parametrize(
    ("rows", "held_out"),
    [
        (["a,2001-05-06,", "b,2003-01-01,"], ["000003,2001-05-06,"]),
        (["a,,HD7", "b,2003-01-01,HD8"], ["000003,,HD7", "000001,2003-01-01,HD8"]),
    ],
)
def test_a_shared_dive_or_day_is_refused_or_left_out(
    sources: list[Path], tmp_path: Path, rows: list[str], held_out: list[str]
) -> None:
    facts = {
        "fine": {"facts": _facts(tmp_path / "fine.csv", *held_out)},
        "coarse": {"facts": _facts(tmp_path / "coarse.csv", *rows)},
    }
    path = merge_map(tmp_path, **facts)
    with pytest.raises(DatasetError, match=re.escape("coarse/a/a1.png")) as error:
        merge(sources, path, tmp_path / "out")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()
    merged = merge(sources, path, tmp_path / "out", drop_leaks=True)
    assert merged.dropped == {"mine": 2}
    assert merged.undated["coarse"] == 1  # sequence c
    train = open_prepared(tmp_path / "out").schemes()["mine"]["train"]
    assert [name for name in train if name.startswith("coarse/a")] == []
    assert len(train) == 4 + 3
    assert open_prepared(tmp_path / "out").videos()["coarse/b"].date == "2003-01-01"


def test_a_shared_video_is_found_by_its_name(sources: list[Path], tmp_path: Path) -> None:
    other = shutil.copytree(sources[0], tmp_path / "other")
    for image in (other / "images").iterdir():  # other images of the same videos
        assert cv2.imwrite(str(image), 255 - cv2.imread(str(image)))
    path = merge_map(tmp_path, sources=[{"name": "fine"}, {"name": "other"}])
    with pytest.raises(DatasetError, match="a video"):
        merge([sources[0], other], path, tmp_path / "out")
    merged = merge([sources[0], other], path, tmp_path / "out", drop_leaks=True)
    assert merged.dropped == {"mine": 2}


def test_the_same_image_is_taken_once(sources: list[Path], tmp_path: Path) -> None:
    other = shutil.copytree(sources[1].parent, tmp_path / "coarse")
    twin = cv2.imread(str(sources[0] / "images" / "vid_000003_frame0000001.png"))
    (other / "images" / "a1.png").unlink()
    assert cv2.imwrite(str(other / "images" / "a1.png"), twin, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    merged = merge([sources[0], other / "coarse.json"], merge_map(tmp_path), tmp_path / "out")
    assert merged.twins == {"coarse": 1}
    names = [image["file_name"] for image in document(tmp_path / "out")["images"]]
    assert "coarse/a/a1.png" not in names
    assert len(names) == 10


def _text(text: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / "map.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return make


def _with(**changes: Any) -> Callable[[Path], Path]:
    return lambda folder: merge_map(folder, **changes)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda folder: folder / "none.yaml", "none.yaml"),
        (_text("a: [1"), "not YAML"),
        (_text("5"), "map.yaml"),
        (_with(sauces=[]), "sauces"),
        (_with(coarse={"categorys": {}}), "categories"),
        (_with(coarse={"background": "some"}), "background"),
        (_with(sources=[MAP["sources"][1], MAP["sources"][1]]), "coarse"),
        (_with(sources=[*MAP["sources"], {"name": "third"}]), "3 sources for 2"),
        (_with(fine={"categories": {"rov": "plant"}}), "fine"),
        (_with(coarse={"categories": {}}), "plastic"),
        (_with(coarse={"categories": {**MAP["sources"][1]["categories"], "plastik": "trash"}}), "plastik"),
        (_with(coarse={"categories": {**MAP["sources"][1]["categories"], "plastic": "rubbish"}}), "rubbish"),
        (_with(coarse={"categories": {**MAP["sources"][1]["categories"], "plastic": []}}), "plastic"),
        (_with(coarse={"loose_boxes": ["boat"]}), "boat"),
        (_with(supercategories={"trash": ["trash_bottle"]}), "trash_bottle"),
        (_with(coarse={"videos": ["z"]}), "'z'"),
        (_with(coarse={"videos": "no.txt"}), "no.txt"),
        (_with(coarse={"facts": "no.csv"}), "no.csv"),
        (_with(coarse={"labels": "instance"}), "labels"),
        (_with(fine={"labels": "material"}), "material"),
        (_with(coarse={"name": "../up"}), "name"),
    ],
)
def test_what_cannot_be_merged_is_said_in_one_line(
    sources: list[Path], tmp_path: Path, make: Callable[[Path], Path], named: str
) -> None:
    with pytest.raises(DatasetError, match=re.escape(named)) as error:
        merge(sources, make(tmp_path), tmp_path / "out")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_another_data_set_is_not_written_over(sources: list[Path], tmp_path: Path) -> None:
    merge(sources, merge_map(tmp_path), tmp_path / "out")
    with pytest.raises(DatasetError, match="both"):
        merge(sources, merge_map(tmp_path, name="others"), tmp_path / "out")
    assert merge(sources, merge_map(tmp_path, name="others"), tmp_path / "out", force=True).done
    with pytest.raises(DatasetError, match="source"):
        merge(sources, merge_map(tmp_path), sources[0], force=True)
