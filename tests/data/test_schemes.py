"""Splits by group: nothing torn, every class everywhere, the same seed the same draw."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seasift.core.errors import DatasetError
from seasift.core.instances import Category
from seasift.data.coco import CocoAnnotation, CocoDataset, CocoImage, read_coco
from seasift.data.dives import groups_of
from seasift.data.draw_scheme import add_scheme, draw_folds, draw_scheme
from seasift.data.prepare import prepare
from seasift.data.prepared import resolve_split
from seasift.data.schemes import draw_by_group, halve, shipped_schemes
from seasift.data.trashcan import VIDEO

FRACTIONS = {"train": 0.7, "val": 0.15, "test": 0.15}


def _footage(seed: int, videos: int = 40, classes: int = 5) -> CocoDataset:
    """Images of videos of very different lengths; each class lives in few videos."""
    random = np.random.default_rng(seed)
    homes = [set(random.choice(videos, size=4 + 2 * number, replace=False)) for number in range(classes)]
    images: list[CocoImage] = []
    annotations: list[CocoAnnotation] = []
    for video in range(videos):
        for frame in range(int(random.geometric(0.08))):
            images.append(CocoImage(len(images), f"vid_{video:06d}_frame{frame:07d}.jpg", (10, 10)))
            for number in range(classes):
                if video in homes[number] and random.random() < 0.7:
                    annotations.append(
                        CocoAnnotation(
                            len(annotations),
                            images[-1].id,
                            number,
                            (0, 0, 2, 2),
                            4,
                            False,
                            [[0, 0, 2, 0, 2, 2]],
                        )
                    )
    categories = tuple(Category(number, f"class {number}") for number in range(classes))
    return CocoDataset(categories, tuple(images), tuple(annotations))


def _names(coco: CocoDataset) -> list[str]:
    return [image.file_name for image in coco.images]


@pytest.mark.parametrize("seed", range(4))
def test_no_video_is_torn_and_every_class_is_everywhere(seed: int) -> None:
    coco = _footage(seed)
    group_of = groups_of(_names(coco), VIDEO)
    scheme = draw_scheme([coco], group_of, FRACTIONS, seed=seed)
    assert sorted(name for names in scheme.values() for name in names) == sorted(_names(coco))
    for first, second in combinations(scheme.values(), 2):
        assert not {group_of[name] for name in first} & {group_of[name] for name in second}
    for split, names in scheme.items():
        assert abs(len(names) / len(coco.images) - FRACTIONS[split]) < 0.04
        found = Counter(a.category_id for a in coco.subset(names).annotations)
        assert all(found[category.id] > 0 for category in coco.categories), (split, found)


def test_the_seed_decides() -> None:
    coco = _footage(0)
    group_of = groups_of(_names(coco), VIDEO)
    first = draw_scheme([coco], group_of, FRACTIONS, seed=1)
    assert draw_scheme([coco], dict(reversed(group_of.items())), FRACTIONS, seed=1) == first
    assert draw_scheme([coco], group_of, FRACTIONS, seed=2) != first


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=6))
@settings(max_examples=25, deadline=None)
def test_few_groups_are_shared_about_as_well_as_can_be(rows: list[tuple[int, int, int]]) -> None:
    """The oracle tries every way: no split may lack a column that it could have had."""
    counts = np.array(rows, dtype=float)
    groups = [f"g{number}" for number in range(len(rows))]
    splits = draw_by_group(groups, counts, {"a": 0.5, "b": 0.5}, seed=0)
    assert sorted(splits["a"] + splits["b"]) == groups

    def missing(in_a: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
        return int((counts[in_a].sum(axis=0) == 0).sum() + (counts[~in_a].sum(axis=0) == 0).sum())

    best = min(missing(np.array(choice)) for choice in product([True, False], repeat=len(rows)))
    assert missing(np.array([group in splits["a"] for group in groups])) == best


def test_folds_hold_each_image_out_once() -> None:
    coco = _footage(1)
    group_of = groups_of(_names(coco), VIDEO)
    folds = draw_folds([coco], group_of, 4, seed=0)
    held_out = [name for fold in folds for name in fold["val"]]
    assert sorted(held_out) == sorted(_names(coco))
    for fold in folds:
        assert sorted(fold["train"] + fold["val"]) == sorted(_names(coco))
        assert not {group_of[name] for name in fold["train"]} & {group_of[name] for name in fold["val"]}


def test_thousands_of_images_alone_take_no_time() -> None:
    coco = _footage(0, videos=250)
    assert len(coco.images) > 2500
    scheme = draw_scheme([coco], groups_of(_names(coco), None), FRACTIONS, seed=0)
    for split, names in scheme.items():
        assert abs(len(names) / len(coco.images) - FRACTIONS[split]) < 0.02


def test_halves() -> None:
    names = [f"{number}.jpg" for number in range(11)]
    halves = halve(names, seed=3)
    assert sorted(halves["val"] + halves["test"]) == sorted(names)
    assert (len(halves["val"]), len(halves["test"])) == (6, 5)
    assert halve(list(reversed(names)), seed=3) == halves
    assert halve(names, seed=4) != halves


@pytest.mark.parametrize(
    ("pattern", "message"),
    [("vid_(", "not a regular expression"), ("dive_(\\d+)", "have none"), ("(x)?vid", "have none")],
)
def test_bad_groups(pattern: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        groups_of(["vid_000001_frame0000001.jpg"], pattern)


def test_bad_fractions_and_too_few_groups() -> None:
    coco = _footage(0)
    group_of = groups_of(_names(coco), VIDEO)
    for fractions in ({"train": 0.5, "val": 0.2}, {"train": 1.5, "val": -0.5}):
        with pytest.raises(DatasetError, match="sum to 1"):
            draw_scheme([coco], group_of, fractions, seed=0)
    with pytest.raises(DatasetError, match="1 groups for 3 splits"):
        draw_scheme([coco], dict.fromkeys(_names(coco), "one"), FRACTIONS, seed=0)


def test_an_added_split_is_found_and_not_written_over(synthetic: Path, tmp_path: Path) -> None:
    prepared, _ = prepare(synthetic, tmp_path / "out")
    names = _names(read_coco(synthetic))
    add_scheme(prepared, "mine", {"train": names[:5], "val": names[5:]})
    assert len(resolve_split(tmp_path / "out", scheme="mine", split="train").coco.images) == 5
    add_scheme(prepared, "mine", {"train": names[:5], "val": names[5:]})
    with pytest.raises(DatasetError, match="other lists"):
        add_scheme(prepared, "mine", {"train": names})
    add_scheme(prepared, "mine", {"all": names}, force=True)
    assert prepared.schemes()["mine"] == {"all": names}
    for name in ("", "..", "a/b", ".hidden", "a b"):
        with pytest.raises(DatasetError, match="scheme name"):
            add_scheme(prepared, name, {"train": names})


def test_lists_that_do_not_fit_are_refused(synthetic: Path, tmp_path: Path) -> None:
    prepared, _ = prepare(synthetic, tmp_path / "out")
    for names in (["not there.png"], [read_coco(synthetic).images[0].file_name] * 2):
        add_scheme(prepared, "mine", {"val": names}, force=True)
        with pytest.raises(DatasetError, match="expected all, each once"):
            prepared.split(scheme="mine")


SHIPPED = shipped_schemes("trashcan")


def test_shipped_splits_have_the_published_sizes_and_leave_nothing_out() -> None:
    sizes = {
        scheme: {split: len(names) for split, names in splits.items()} for scheme, splits in SHIPPED.items()
    }
    assert sizes["official-instance"] == {"train": 6065, "val": 1147}
    assert sizes["official-material"] == {"train": 6008, "val": 1204}
    everything = sorted(SHIPPED["official-instance"]["train"] + SHIPPED["official-instance"]["val"])
    assert len(set(everything)) == 7212
    for scheme, splits in SHIPPED.items():
        names = [name for split in splits.values() for name in split]
        assert len(set(names)) == len(names), scheme
        if scheme.startswith("dive-free"):
            left_out = set(everything) - set(names)
            assert {name[:10] for name in left_out} == {"vid_000297", "vid_000434"}
            assert len(left_out) == 44
        elif scheme != "box" and not scheme.startswith("report-rov"):
            assert sorted(names) == everything, scheme


def test_shipped_leak_free_splits_share_no_video() -> None:
    group_of = groups_of([n for names in SHIPPED["leak-free"].values() for n in names], VIDEO)
    assert len(set(group_of.values())) == 312
    for scheme in [name for name in SHIPPED if name.startswith("leak-free") or name == "box"]:
        for first, second in combinations(SHIPPED[scheme].values(), 2):
            assert not {group_of[name] for name in first} & {group_of[name] for name in second}, scheme


def test_the_model_in_the_box_has_seen_no_val_and_no_test() -> None:
    seen = set(SHIPPED["box"]["train"])
    trains = [
        set(SHIPPED[scheme]["train"]) for scheme in ("official-instance", "official-material", "leak-free")
    ]
    assert seen == set.intersection(*trains)
    for scheme in ("official-instance", "official-material", "leak-free", "box"):
        for split in SHIPPED[scheme].keys() - {"train"}:
            assert not seen & set(SHIPPED[scheme][split]), (scheme, split)


@pytest.mark.parametrize("labels", ["instance", "material"])
def test_the_reports_halves_are_halves_of_the_official_val(labels: str) -> None:
    halves = SHIPPED[f"report-halves-{labels}"]
    official = SHIPPED[f"official-{labels}"]
    assert halves["train"] == official["train"]
    assert sorted(halves["val"] + halves["test"]) == sorted(official["val"])
    assert len(halves["val"]) - len(halves["test"]) in (0, 1)


def test_the_reports_mask_rcnn_saw_only_images_with_an_rov() -> None:
    sizes = {
        labels: {split: len(names) for split, names in SHIPPED[f"report-rov-{labels}"].items()}
        for labels in ("instance", "material")
    }
    assert sizes == {"instance": {"train": 2197, "val": 524}, "material": {"train": 2241, "val": 480}}
    for labels in sizes:
        for split, names in SHIPPED[f"report-rov-{labels}"].items():
            assert set(names) < set(SHIPPED[f"official-{labels}"][split])
