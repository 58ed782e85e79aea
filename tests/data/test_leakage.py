"""Leakage between any two splits: the same file, the same image, the same video; and bad lists."""

from __future__ import annotations

import json
import shutil
from itertools import combinations
from pathlib import Path

import cv2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seasift.core.errors import DatasetError
from seasift.data.check import CheckReport, check
from seasift.data.dives import find_leaks
from seasift.data.prepare import prepare

VIDEO = r"vid_(\d+)_frame"
# Images of the synthetic set: two of each of four videos.
NAMES = [f"vid_{(number + 1) // 2:06d}_frame{number:07d}.png" for number in range(1, 9)]


def _prepared(synthetic: Path, folder: Path, splits: dict[str, list[str]], group: str | None = VIDEO) -> Path:
    prepare(synthetic, folder)
    shutil.rmtree(folder / "splits")
    (folder / "splits" / "mine").mkdir(parents=True)
    for split, names in splits.items():
        (folder / "splits" / "mine" / f"{split}.txt").write_text("".join(f"{name}\n" for name in names))
    record = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps({**record, "group": group}))
    return folder


def _kinds(report: CheckReport) -> list[tuple[str, str]]:
    return [(d.severity, d.kind) for d in report.defects if d.kind != "empty class"]


def test_parts_by_video_have_no_leak(synthetic: Path, tmp_path: Path) -> None:
    report = check([_prepared(synthetic, tmp_path / "out", {"train": NAMES[:4], "val": NAMES[4:]})])
    assert (_kinds(report), report.leaks, report.grouped) == ([], [], True)


def test_a_video_in_two_parts_is_a_warning(synthetic: Path, tmp_path: Path) -> None:
    report = check([_prepared(synthetic, tmp_path / "out", {"train": NAMES[:5], "val": NAMES[5:]})])
    assert _kinds(report) == [("warning", "shared groups")]
    (leak,) = report.leaks
    assert (leak.scheme, leak.splits, leak.groups) == ("mine", ("train", "val"), ("000003",))
    assert (leak.images_in_groups, leak.images_in_splits) == ((1, 1), (5, 3))


def test_the_group_is_the_one_asked_for(synthetic: Path, tmp_path: Path) -> None:
    folder = _prepared(synthetic, tmp_path / "out", {"train": NAMES[:5], "val": NAMES[5:]}, group=None)
    assert not check([folder]).grouped
    assert check([folder], group=VIDEO).leaks[0].groups == ("000003",)
    assert check([folder], group=r"frame(\d+)").leaks == []
    assert check([folder], group="none").leaks == []
    with pytest.raises(DatasetError, match="not a regular expression"):
        check([folder], group="(")
    with pytest.raises(DatasetError, match="file names have none"):
        check([folder], group="dive_(.)")


def test_a_file_in_two_parts_is_fatal(synthetic: Path, tmp_path: Path) -> None:
    splits = {"train": NAMES[:4], "val": NAMES[4:], "test": [NAMES[7]]}
    report = check([_prepared(synthetic, tmp_path / "out", splits, group=None)])
    assert _kinds(report) == [("fatal", "leakage")]
    assert [(set(leak.splits), leak.files) for leak in report.leaks] == [({"val", "test"}, (NAMES[7],))]


def test_a_copy_under_another_name_and_format_is_fatal(synthetic: Path, tmp_path: Path) -> None:
    folder = _prepared(synthetic, tmp_path / "out", {"train": NAMES[:4], "val": NAMES[4:]})
    images = folder / "images"
    # Other bytes, the same pixels: a copy is found by what it shows.
    pixels = cv2.imread(str(images / NAMES[0]))
    cv2.imwrite(str(images / NAMES[6]), pixels, [cv2.IMWRITE_PNG_COMPRESSION, 0])
    assert (images / NAMES[0]).read_bytes() != (images / NAMES[6]).read_bytes()
    report = check([folder])
    assert ("fatal", "leakage") in _kinds(report)
    assert report.leaks[0].images == ((NAMES[0], NAMES[6]),)
    assert report.leaks[0].groups == ()


def test_two_coco_files_are_two_parts(synthetic: Path, tmp_path: Path) -> None:
    document = json.loads(synthetic.read_text())
    shutil.copytree(synthetic.parent / "images", tmp_path / "images")
    paths = []
    for split, images in (("train", document["images"][:5]), ("val", document["images"][4:])):
        ids = {image["id"] for image in images}
        objects = [a for a in document["annotations"] if a["image_id"] in ids]
        paths.append(tmp_path / f"{split}.json")
        paths[-1].write_text(json.dumps({**document, "images": images, "annotations": objects}))
    report = check(paths)
    assert [(leak.splits, leak.files) for leak in report.leaks] == [(("train", "val"), (NAMES[4],))]
    assert report.fatal == 1


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        ([*NAMES[4:], "none.png"], ("fatal", "unknown file")),
        ([*NAMES[4:], NAMES[4]], ("fatal", "duplicate name")),
        ([], ("warning", "empty split")),
    ],
)
def test_bad_lists(synthetic: Path, tmp_path: Path, names: list[str], kind: tuple[str, str]) -> None:
    folder = _prepared(synthetic, tmp_path / "out", {"train": NAMES[:4], "val": names})
    assert _kinds(check([folder], group="none")) == [kind]


_PARTS = st.dictionaries(
    st.sampled_from(["train", "val", "test"]),
    st.lists(st.integers(0, 7), max_size=8, unique=True),
    min_size=2,
)


@settings(max_examples=200, deadline=None)
@given(splits=_PARTS, looks=st.lists(st.integers(0, 4), min_size=8, max_size=8))
def test_every_shared_thing_is_found_and_nothing_else(splits: dict[str, list[int]], looks: list[int]) -> None:
    """Held to a comparison of each image with each."""
    named = {split: [NAMES[i] for i in indices] for split, indices in splits.items()}
    group_of = {name: name[4:10] for name in NAMES}
    digests = {name: str(look) for name, look in zip(NAMES, looks, strict=True)}
    leaks = {leak.splits: leak for leak in find_leaks("s", named, group_of, digests)}
    for pair in combinations(named, 2):
        both = [(a, b) for a in named[pair[0]] for b in named[pair[1]]]
        files = {a for a, b in both if a == b}
        groups = {group_of[a] for a, b in both if group_of[a] == group_of[b]}
        first = set(named[pair[0]])
        equal = {b for a, b in both if digests[a] == digests[b] and b not in first}
        if pair not in leaks:
            assert (files, groups, equal) == (set(), set(), set())
            continue
        leak = leaks[pair]
        assert (set(leak.files), set(leak.groups)) == (files, groups)
        assert {other for _, other in leak.images} == equal
        assert all(digests[one] == digests[other] and one in first for one, other in leak.images)
