"""Statistics against counting by hand on the synthetic set; the page holds what it should."""

from __future__ import annotations

import base64
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seasift.core.errors import DatasetError
from seasift.core.image import decode_image
from seasift.data.coco import read_coco
from seasift.data.draw_scheme import add_scheme
from seasift.data.prepare import prepare
from seasift.data.stats import describe, statistics
from seasift.data.stats_page import choose_examples, draw_truth, render_stats_page
from seasift.data.trashcan import VIDEO


@pytest.fixture
def prepared(synthetic: Path, tmp_path: Path) -> Path:
    """The synthetic set, prepared, with a scheme of two splits that share the third video."""
    prepared, _ = prepare(synthetic, tmp_path / "out")
    names = [image.file_name for image in read_coco(synthetic).images]
    add_scheme(prepared, "mine", {"train": names[:5], "val": names[5:]})
    return tmp_path / "out"


def _by_hand(document: dict[str, Any], names: set[str], category: str | None) -> dict[str, int]:
    """The plainest way to count."""
    name_of = {c["id"]: c["name"] for c in document["categories"]}
    file_of = {image["id"]: image["file_name"] for image in document["images"]}
    chosen = [
        a
        for a in document["annotations"]
        if file_of[a["image_id"]] in names and category in (None, name_of[a["category_id"]])
    ]
    single = [a for a in chosen if not a["iscrowd"]]
    images = {file_of[a["image_id"]] for a in chosen} if category else names
    return {
        "objects": len(single),
        "crowds": len(chosen) - len(single),
        "pictures": len(images),
        "groups": len({name.split("_")[1] for name in images}),
        "small": sum(a["area"] < 1024 for a in single),
        "medium": sum(1024 <= a["area"] < 9216 for a in single),
        "large": sum(a["area"] >= 9216 for a in single),
    }


def test_counts_are_those_by_hand(synthetic: Path, prepared: Path) -> None:
    document = json.loads(synthetic.read_text())
    names = [image["file_name"] for image in document["images"]]
    stats = statistics(describe(prepared, scheme="mine", group=VIDEO))
    assert list(stats.splits) == ["train", "val", "all"]
    found = stats.to_json()
    for split, chosen in (("train", names[:5]), ("val", names[5:]), ("all", names)):
        expected = _by_hand(document, set(chosen), None)
        assert {key: found["parts"][split][key] for key in expected} == expected
        for category in document["categories"]:
            expected = _by_hand(document, set(chosen), category["name"])
            row = found["by_class"][category["name"]][split]
            assert {key: row[key] for key in expected} == expected, (split, category)
    assert [found["parts"][split]["empty_pictures"] for split in ("train", "val", "all")] == [0, 1, 1]
    assert found["parts"]["all"]["objects_per_picture"] == [1, 3, 3, 0, 0, 0, 0, 1]
    assert (stats.splits["train"].groups, stats.splits["val"].groups, stats.splits["all"].groups) == (3, 2, 4)


def test_a_border_is_a_medium_and_a_large_object(synthetic: Path, tmp_path: Path) -> None:
    document = json.loads(synthetic.read_text())
    for annotation, area in zip(document["annotations"], (32**2 - 1, 32**2, 96**2 - 1, 96**2), strict=False):
        annotation["area"] = area
    document["annotations"] = document["annotations"][:4]
    (tmp_path / "a.json").write_text(json.dumps(document))
    counts = statistics(describe(tmp_path / "a.json")).splits["a"]
    assert (counts.small, counts.medium, counts.large) == (1, 2, 1)


def test_classes_together_are_counted_by_image(synthetic: Path) -> None:
    stats = statistics(describe(synthetic))
    index = {name: number for number, name in enumerate(stats.classes)}
    together = stats.together
    assert np.array_equal(together, together.T)
    assert together[index["trash_bag"], index["animal_fish"]] == 2
    assert together[index["trash_bag"], index["rov"]] == 1
    assert together[index["animal_fish"], index["rov"]] == 0
    # Seven fish in one image count once.
    assert together[index["animal_fish"], index["animal_fish"]] == 3
    assert together[index["plant"]].sum() == 0


def test_without_groups_and_with_bad_ones(synthetic: Path, prepared: Path) -> None:
    assert not statistics(describe(synthetic)).grouped
    assert not statistics(describe(prepared, group="none")).grouped
    with pytest.raises(DatasetError, match="have none"):
        describe(prepared, group="dive")
    with pytest.raises(DatasetError, match="no scheme 'min'; did you mean mine"):
        describe(prepared, scheme="min")
    with pytest.raises(DatasetError, match="no such file"):
        describe(prepared / "nothing")


def test_examples_show_every_class_there_is(synthetic: Path) -> None:
    described = describe(synthetic)
    chosen = choose_examples(described.splits, most=12)
    assert set().union(*(example.classes for example in chosen)) == {0, 1, 2}
    assert len({example.image.id for example in chosen}) == len(chosen) <= 3
    assert len(choose_examples(described.splits, most=1)) == 1


def test_masks_are_drawn_and_holes_are_not(synthetic: Path) -> None:
    described = describe(synthetic)
    coco = described.splits["annotations"]
    (example,) = (e for e in choose_examples({"a": coco.subset([coco.images[2].file_name])}, most=1))
    ground = np.full((*example.image.size_hw, 3), 100, np.uint8)
    drawn = draw_truth(ground, example, coco)
    changed = (drawn != ground).any(axis=2)
    masks = np.logical_or.reduce(
        [
            a.mask(example.image.size_hw).bitmap(example.image.size_hw)
            for a in coco.annotations_of(example.image.id)
        ]
    )
    assert changed[masks].all()
    # Outlines are smoothed, so they may reach a pixel further; the hole, 14 px wide, stays as it was.
    assert not changed[48 - 10, 64]
    assert not changed[0, 0]
    assert (ground == 100).all()


class _Tags(HTMLParser):
    """Collects images and looks at whether every tag is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "img":
            self.sources.append(found.get("src") or "")
        self.links += [found[key] or "" for key in ("href", "src") if key in found]
        if tag not in ("meta", "img", "br", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_stands_alone(prepared: Path) -> None:
    described = describe(prepared, scheme="mine", group=VIDEO)
    page = render_stats_page(described, statistics(described), citation="A & B", licence="open")
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    assert all(link.startswith("data:image/") for link in tags.links)
    svgs = [source for source in tags.sources if source.startswith("data:image/svg+xml")]
    jpegs = [source for source in tags.sources if source.startswith("data:image/jpeg")]
    assert len(svgs) == 4
    assert len(jpegs) == 2
    for source in svgs:
        assert b"<svg" in base64.b64decode(source.partition(",")[2])
    for source in jpegs:
        image = decode_image(base64.b64decode(source.partition(",")[2]), "embedded")
        assert image.shape in {(96, 128, 3), (67, 101, 3)}
    assert "A &amp; B" in page
    assert re.search(r"8 images, \d+ objects of 4 classes, 4 videos", page)
    assert page == render_stats_page(described, statistics(described), citation="A & B", licence="open")


def test_a_missing_image_is_named_on_the_page(synthetic: Path, tmp_path: Path) -> None:
    shutil.copy(synthetic, tmp_path / "a.json")
    described = describe(tmp_path / "a.json")
    page = render_stats_page(described, statistics(described))
    assert "no such file" in page
    assert "data:image/jpeg" not in page


def test_names_cannot_write_into_the_page(synthetic: Path, tmp_path: Path) -> None:
    document = json.loads(synthetic.read_text())
    document["categories"][0]["name"] = "<script>alert(1)</script>"
    (tmp_path / "a.json").write_text(json.dumps(document))
    described = describe(tmp_path / "a.json", images=synthetic.parent / "images")
    page = render_stats_page(described, statistics(described))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("keep", ["nothing", "pictures"])
def test_an_empty_data_set_is_described_too(synthetic: Path, tmp_path: Path, keep: str) -> None:
    document = json.loads(synthetic.read_text())
    document["annotations"] = []
    if keep == "nothing":
        document["images"] = []
    (tmp_path / "a.json").write_text(json.dumps(document))
    described = describe(tmp_path / "a.json")
    stats = statistics(described)
    assert stats.splits["a"].objects == 0
    json.dumps(stats.to_json(), allow_nan=False)
    assert "0 objects" in render_stats_page(described, stats)
