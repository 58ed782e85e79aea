"""Preparing an archive of TrashCan's layout, drawn by the tests."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from seasift.core.errors import DatasetError
from seasift.data import trashcan
from seasift.data.check import check
from seasift.data.prepare import prepare
from seasift.data.prepared import open_prepared, resolve_split
from tests.data import trashcan_fake as fake


@pytest.fixture(autouse=True)
def _published_facts_of_the_drawn_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trashcan, "PUBLISHED_COUNTS", fake.tables())
    monkeypatch.setattr("seasift.data.prepare.shipped_schemes", lambda _name: fake.schemes())


def _tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _without_digest(tree: dict[str, bytes]) -> dict[str, Any]:
    record = json.loads(tree["dataset.json"])
    del record["source_digest"]
    return {**tree, "dataset.json": record}


def test_exact_masks_are_the_drawn_ones(tmp_path: Path) -> None:
    prepare(fake.write_zip(tmp_path / "a.zip", fake.files()), tmp_path / "out")
    for label_set in ("instance", "material"):
        document = json.loads((tmp_path / "out" / "annotations" / f"{label_set}-exact.json").read_text())
        names = {c["id"]: c["name"] for c in document["categories"]}
        for image in fake.images():
            image_id = next(i["id"] for i in document["images"] if i["file_name"] == image.name)
            found = [a for a in document["annotations"] if a["image_id"] == image_id]
            expected = image.published(label_set)
            assert [names[a["category_id"]] for a in found] == [label for label, _ in expected]
            for annotation, (_, mask) in zip(found, expected, strict=True):
                assert np.array_equal(coco_mask.decode(annotation["segmentation"]).astype(bool), mask)
                assert annotation["area"] == mask.sum()
                rows, columns = np.nonzero(mask)
                left, top = columns.min(), rows.min()
                assert annotation["bbox"] == [left, top, columns.max() + 1 - left, rows.max() + 1 - top]


def test_the_table_of_videos_is_written_and_read_again(tmp_path: Path) -> None:
    prepared, _ = prepare(fake.write_zip(tmp_path / "a.zip", fake.files()), tmp_path / "out")
    with (tmp_path / "out" / "videos.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["video"]: row for row in csv.DictReader(file)}
    assert rows["000003"]["date"] == "2015-05-07"
    assert rows["000003"]["clock_from"] == "10:14:19"
    assert prepared.videos()["000003"].dive == rows["000003"]["dive"] == "HD1814"
    (tmp_path / "out" / "videos.csv").write_text("name,date\n")
    with pytest.raises(DatasetError, match="column video"):
        prepared.videos()
    (defect,) = (d for d in check([tmp_path / "out"]).defects if d.severity == "fatal")
    assert defect.file == "videos.csv"


def test_a_table_of_videos_by_a_user_survives(synthetic: Path, tmp_path: Path) -> None:
    prepare(synthetic, tmp_path / "out")
    mine = "video,dive\n1,first\n"
    (tmp_path / "out" / "videos.csv").write_text(mine)
    prepare(synthetic, tmp_path / "out", force=True)
    assert (tmp_path / "out" / "videos.csv").read_text() == mine
    # One that came with another data set goes with it.
    prepare(fake.write_zip(tmp_path / "a.zip", fake.files()), tmp_path / "out", force=True)
    prepare(synthetic, tmp_path / "out", force=True)
    assert not (tmp_path / "out" / "videos.csv").exists()


def test_polygons_stay_as_published(tmp_path: Path) -> None:
    files = fake.files()
    prepare(fake.write_zip(tmp_path / "a.zip", files), tmp_path / "out")
    prepared = json.loads((tmp_path / "out/annotations/instance-polygons.json").read_text())
    published = [
        json.loads(files[f"dataset/instance_version/instances_{split}_trashcan.json"])
        for split in ("train", "val")
    ]
    assert prepared["annotations"] == [a for document in published for a in document["annotations"]]


@pytest.mark.parametrize(
    ("write", "options"),
    [
        (fake.write_folder, {}),
        (fake.write_folder, {"repeated": True}),
        (fake.write_zip, {"repeated": True, "material_images": True}),
    ],
)
def test_every_form_of_the_archive_gives_the_same(
    tmp_path: Path, write: Callable[..., Path], options: dict[str, bool]
) -> None:
    prepare(fake.write_zip(tmp_path / "plain.zip", fake.files()), tmp_path / "plain")
    prepare(write(tmp_path / "other", fake.files(**options)), tmp_path / "out")
    plain, other = _tree(tmp_path / "plain"), _tree(tmp_path / "out")
    assert _without_digest(other) == _without_digest(plain)
    assert sum(name.startswith("images/") for name in other) == 6


def test_images_only_under_original_data(tmp_path: Path) -> None:
    files = {
        name: data
        for name, data in fake.files(repeated=True).items()
        if "instance_version" not in name or name.endswith(".json")
    }
    prepare(fake.write_folder(tmp_path / "in", files), tmp_path / "out")
    assert len(list((tmp_path / "out" / "images").iterdir())) == 6


def test_a_part_is_resolved_for_each_label_set(tmp_path: Path) -> None:
    prepare(fake.write_zip(tmp_path / "a.zip", fake.files()), tmp_path / "out")
    split = resolve_split(tmp_path / "out", labels="material", masks="exact", scheme="official", split="val")
    assert [i.file_name for i in split.coco.images] == [fake.images()[i].name for i in (1, 2)]
    assert split.name == "trashcan-1.0 material exact official-material/val"
    default = resolve_split(tmp_path / "out")
    assert [i.file_name for i in default.coco.images] == [fake.images()[i].name for i in (2, 3, 5)]
    # What the package knows of the videos of these names; nothing is known of vid_000001.
    assert default.dives == {fake.images()[i].name: "HD1814" for i in (2, 3, 5)}
    with pytest.raises(DatasetError, match="did you mean leak-free"):
        resolve_split(tmp_path / "out", scheme="leakfree")


def test_counts_that_differ_from_the_table_name_class_part_got_and_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = fake.tables()
    train, val = tables["material"]["plant"]
    tables["material"]["plant"] = (train, val + 1)
    monkeypatch.setattr(trashcan, "PUBLISHED_COUNTS", tables)
    with pytest.raises(DatasetError, match=rf"material val: .*plant: got {val}, expected {val + 1}"):
        prepare(fake.write_zip(tmp_path / "a.zip", fake.files()), tmp_path / "out")
    assert not (tmp_path / "out" / "dataset.json").exists()


def test_originals_that_do_not_belong_to_the_published_objects(tmp_path: Path) -> None:
    files = fake.files()
    first, last = (f"dataset/original_data/annotations/{fake.images()[i].name}.json" for i in (0, 5))
    files[last] = files[first]
    with pytest.raises(DatasetError, match=r"vid_000004.*objects are trash_bag, but the COCO file has plant"):
        prepare(fake.write_zip(tmp_path / "a.zip", files), tmp_path / "out")


def test_originals_in_another_place(tmp_path: Path) -> None:
    files = fake.files()
    name = f"dataset/original_data/annotations/{fake.images()[5].name}.json"
    document = json.loads(files[name])
    document["objects"][0]["bitmap"]["origin"] = [40, 20]
    files[name] = json.dumps(document).encode()
    with pytest.raises(DatasetError, match="expected the same place"):
        prepare(fake.write_zip(tmp_path / "a.zip", files), tmp_path / "out")


@pytest.mark.parametrize(
    "ending", ["instances_val_trashcan.json", "vid_000001_frame0000002.jpg", ".jpg.json"]
)
def test_an_incomplete_archive(tmp_path: Path, ending: str) -> None:
    files = fake.files()
    missing = next(name for name in sorted(files, reverse=True) if name.endswith(ending))
    del files[missing]
    with pytest.raises(DatasetError, match="missing"):
        prepare(fake.write_zip(tmp_path / "a.zip", files), tmp_path / "out")
    assert not (tmp_path / "out" / "dataset.json").exists()


def test_a_second_run_does_nothing(tmp_path: Path) -> None:
    source = fake.write_zip(tmp_path / "a.zip", fake.files())
    _, first = prepare(source, tmp_path / "out")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    prepared, second = prepare(source, tmp_path / "out")
    assert (first, second) == (True, False)
    assert prepared.fingerprint == open_prepared(tmp_path / "out").fingerprint
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == times


def test_an_interrupted_run_goes_on(tmp_path: Path) -> None:
    source = fake.write_zip(tmp_path / "a.zip", fake.files())
    prepare(source, tmp_path / "whole")

    def stop_at_the_fourth(what: str, done: int, _total: int) -> None:
        if (what, done) == ("copying images", 4):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(source, tmp_path / "out", progress=stop_at_the_fourth)
    with pytest.raises(DatasetError, match="not a prepared data set"):
        open_prepared(tmp_path / "out")
    copied = sorted((tmp_path / "out" / "images").iterdir())
    assert len(copied) == 4
    # One was damaged meanwhile, without a change of its size.
    copied[0].write_bytes(bytes(copied[0].stat().st_size))
    kept = copied[1].stat().st_mtime_ns
    # What a kill in the middle of a file leaves.
    (tmp_path / "out" / "images" / ".a.jpg.123.part").write_bytes(b"half")
    prepare(source, tmp_path / "out")
    assert _tree(tmp_path / "out") == _tree(tmp_path / "whole")
    assert copied[1].stat().st_mtime_ns == kept


def test_a_changed_source_is_prepared_again_and_force_always(tmp_path: Path) -> None:
    files = fake.files()
    prepare(fake.write_zip(tmp_path / "a.zip", files), tmp_path / "out")
    name = f"dataset/instance_version/train/{fake.images()[0].name}"
    files[name] = files[f"dataset/instance_version/train/{fake.images()[1].name}"]
    source = fake.write_zip(tmp_path / "a.zip", files)
    assert prepare(source, tmp_path / "out")[1]
    image = tmp_path / "out" / "images" / fake.images()[0].name
    assert image.read_bytes() == files[name]
    image.write_bytes(b"")
    assert not prepare(source, tmp_path / "out")[1]
    assert prepare(source, tmp_path / "out", force=True)[1]
    assert image.read_bytes() == files[name]


def test_splits_of_the_user_survive(tmp_path: Path) -> None:
    source = fake.write_zip(tmp_path / "a.zip", fake.files())
    prepare(source, tmp_path / "out")
    mine = tmp_path / "out" / "splits" / "mine" / "train.txt"
    mine.parent.mkdir()
    mine.write_text("vid_000001_frame0000001.jpg\n")
    stale = tmp_path / "out" / "splits" / "leak-free" / "old.txt"
    stale.write_text("x\n")
    prepare(source, tmp_path / "out", force=True)
    assert mine.exists()
    assert not stale.exists()


def test_another_data_set_is_not_written_over(tmp_path: Path, synthetic: Path) -> None:
    prepare(synthetic, tmp_path / "out")
    before = _tree(tmp_path / "out")
    source = fake.write_zip(tmp_path / "a.zip", fake.files())
    with pytest.raises(DatasetError, match=r"holds the data set annotations; .*--force"):
        prepare(source, tmp_path / "out")
    assert _tree(tmp_path / "out") == before
    prepare(source, tmp_path / "out", force=True)
    assert open_prepared(tmp_path / "out").record["name"] == "trashcan-1.0"


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 but no more"])
def test_not_an_archive(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DatasetError, match="neither a zip nor a folder"):
        prepare(tmp_path / "a.zip", tmp_path / "out")
    with pytest.raises(DatasetError, match="no such file"):
        prepare(tmp_path / "b.zip", tmp_path / "out")


def test_a_damaged_zip(tmp_path: Path) -> None:
    source = fake.write_zip(tmp_path / "a.zip", fake.files())
    data = bytearray(source.read_bytes())
    index = data.find(b"frame0000001.jpg") + 400
    data[index : index + 50] = bytes(50)
    source.write_bytes(data)
    with pytest.raises(DatasetError, match="cannot be read"):
        prepare(source, tmp_path / "out")
