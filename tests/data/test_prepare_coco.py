"""Preparing any COCO data set."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from seasift.core.errors import DatasetError
from seasift.data.prepare import prepare
from seasift.data.prepared import open_prepared, resolve_split


def _halves(synthetic: Path, folder: Path, *, same_ids: bool = False) -> Path:
    """The synthetic set as two COCO files over one folder of images."""
    document = json.loads(synthetic.read_text())
    shutil.copytree(synthetic.parent / "images", folder / "pictures")
    for split, images in (("train", document["images"][:5]), ("val", document["images"][5:])):
        ids = {image["id"] for image in images}
        annotations = [a for a in document["annotations"] if a["image_id"] in ids]
        if same_ids:
            new = {image["id"]: number for number, image in enumerate(images)}
            images = [{**image, "id": new[image["id"]]} for image in images]
            annotations = [{**a, "id": n, "image_id": new[a["image_id"]]} for n, a in enumerate(annotations)]
        content = {**document, "images": images, "annotations": annotations}
        _write(folder / f"instances_{split}.json", content)
    return folder


def _write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("same_ids", [False, True])
def test_each_file_becomes_a_part(synthetic: Path, tmp_path: Path, same_ids: bool) -> None:
    prepare(_halves(synthetic, tmp_path / "in", same_ids=same_ids), tmp_path / "out")
    whole = json.loads(synthetic.read_text())
    assert open_prepared(tmp_path / "out").schemes().keys() == {"published"}
    for split, names in (("train", whole["images"][:5]), ("val", whole["images"][5:])):
        found = resolve_split(tmp_path / "out", split=split)
        assert [i.file_name for i in found.coco.images] == [i["file_name"] for i in names]
        ids = {image["id"] for image in names}
        truth = [(a["category_id"], tuple(a["bbox"])) for a in whole["annotations"] if a["image_id"] in ids]
        assert [(a.category_id, a.bbox_xywh) for a in found.coco.annotations] == truth


def test_ids_stay_where_they_can(synthetic: Path, tmp_path: Path) -> None:
    prepare(_halves(synthetic, tmp_path / "in"), tmp_path / "out")
    stored = json.loads((tmp_path / "out" / "annotations" / "default-published.json").read_text())
    whole = json.loads(synthetic.read_text())
    assert [a["id"] for a in stored["annotations"]] == [a["id"] for a in whole["annotations"]]
    assert stored["annotations"] == whole["annotations"]


def test_one_file_with_its_images_elsewhere(synthetic: Path, tmp_path: Path) -> None:
    alone = tmp_path / "there" / "mine.json"
    alone.parent.mkdir()
    shutil.copy(synthetic, alone)
    with pytest.raises(DatasetError, match=r"8 of 8 images are missing.*--images"):
        prepare(alone, tmp_path / "out")
    prepared, _ = prepare(alone, tmp_path / "out", images=synthetic.parent / "images")
    assert prepared.record["name"] == "mine"
    assert len(prepared.split(split="all").coco.images) == 8
    assert not prepare(alone, tmp_path / "out", images=synthetic.parent / "images")[1]


def test_out_inside_the_source(synthetic: Path, tmp_path: Path) -> None:
    source = _halves(synthetic, tmp_path / "in")
    prepare(source, source / "prepared")
    assert not prepare(source, source / "prepared")[1]


def test_names_in_folders_stay(synthetic: Path, tmp_path: Path) -> None:
    document = json.loads(synthetic.read_text())
    for image in document["images"]:
        target = tmp_path / "in" / "dive 1" / image["file_name"]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(synthetic.parent / "images" / image["file_name"], target)
        image["file_name"] = f"dive 1/{image['file_name']}"
    prepare(_write(tmp_path / "in" / "a.json", document), tmp_path / "out", images=tmp_path / "in")
    assert (tmp_path / "out" / "images" / "dive 1" / "vid_000001_frame0000001.png").is_file()
    assert len(resolve_split(tmp_path / "out", split="all").coco.images) == 8


@pytest.mark.parametrize(
    "name", ["../a.png", "/tmp/a.png", "C:\\a.png", "a\\b.png", "a\nb.png", "x/../../a.png"]
)
def test_a_image_cannot_leave_its_folder(synthetic: Path, tmp_path: Path, name: str) -> None:
    document = json.loads(synthetic.read_text())
    document["images"][0]["file_name"] = name
    folder = tmp_path / "in" / "images"
    shutil.copytree(synthetic.parent / "images", folder)
    shutil.copy(folder / "vid_000001_frame0000002.png", tmp_path / "in" / "a.png")
    with pytest.raises(DatasetError, match=r"file_name|missing") as error:
        prepare(_write(tmp_path / "in" / "a.json", document), tmp_path / "out")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_the_same_file_name_in_two_parts(synthetic: Path, tmp_path: Path) -> None:
    source = _halves(synthetic, tmp_path / "in")
    shutil.copy(source / "instances_train.json", source / "again.json")
    with pytest.raises(DatasetError, match=r"5 file names are used twice.*put the folder into file_name"):
        prepare(source, tmp_path / "out")


def test_files_of_one_name(synthetic: Path, tmp_path: Path) -> None:
    source = _halves(synthetic, tmp_path / "in")
    shutil.copytree(source, source / "copy")
    with pytest.raises(DatasetError, match=r"two COCO files for the split 'train'.*Rename"):
        prepare(source, tmp_path / "out")


def test_different_categories(synthetic: Path, tmp_path: Path) -> None:
    source = _halves(synthetic, tmp_path / "in")
    document = json.loads((source / "instances_val.json").read_text())
    document["categories"][0]["name"] = "bag"
    _write(source / "instances_val.json", document)
    with pytest.raises(DatasetError, match="different categories"):
        prepare(source, tmp_path / "out")


def test_a_truncated_coco_file_is_not_skipped(synthetic: Path, tmp_path: Path) -> None:
    source = _halves(synthetic, tmp_path / "in")
    path = source / "instances_val.json"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DatasetError, match=r"instances_val\.json: not JSON"):
        prepare(source, tmp_path / "out")


def test_a_folder_without_coco_and_a_prepared_one(synthetic: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no COCO file"):
        prepare(synthetic.parent / "images", tmp_path / "out")
    prepare(synthetic, tmp_path / "out")
    with pytest.raises(DatasetError, match="is a prepared data set already"):
        prepare(tmp_path / "out", tmp_path / "again")


@pytest.mark.parametrize(
    "record",
    ["", "[]", "{}", '{"schema": "seasift-dataset/9"}', '{"schema": "seasift-dataset/1", "name": 3}'],
)
def test_a_damaged_record_is_one_line_and_force_mends_it(
    synthetic: Path, tmp_path: Path, record: str
) -> None:
    prepare(synthetic, tmp_path / "out")
    (tmp_path / "out" / "dataset.json").write_text(record)
    with pytest.raises(DatasetError) as error:
        open_prepared(tmp_path / "out")
    assert "\n" not in str(error.value)
    prepare(synthetic, tmp_path / "out", force=True)
    assert len(resolve_split(tmp_path / "out").coco.images) == 8
