"""Training on labels that leave something open: from the file to the network's targets, and whole runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seasift.core.errors import RecipeError
from seasift.core.prepare import InputSpec
from seasift.data.cache import ImageCache, open_cache
from seasift.data.pack import pack
from seasift.data.prepare import prepare
from seasift.data.prepared import resolve_split
from seasift.models.catalog import FAMILIES
from seasift.recipes.recipe import AugmentRecipe, Recipe, load_recipe
from seasift.training.augment import Augment, copy_paste
from seasift.training.batches import gather, image_shares
from seasift.training.data import data_splits
from seasift.training.run import Options, train

SPEC = InputSpec((72, 96), (0, 0, 0), (1, 1, 1))


@pytest.fixture(scope="module")
def half(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shapes, of which images 1 to 4 are unlabelled outside boxes that are loose and of either class."""
    content = json.loads(shapes.read_text())
    for image in content["images"]:
        if image["id"] <= 4:
            image["background_labelled"] = False
    for annotation in content["annotations"]:
        if annotation["image_id"] <= 4:
            annotation |= {"segmentation": [], "class_set": [3, 7], "loose_box": True}
    return _written(content, shapes, tmp_path_factory.mktemp("half"))


@pytest.fixture(scope="module")
def boxes(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shapes with boxes only."""
    content = json.loads(shapes.read_text())
    for annotation in content["annotations"]:
        del annotation["segmentation"]
    return _written(content, shapes, tmp_path_factory.mktemp("boxes"))


def _written(content: dict[str, Any], shapes: Path, folder: Path) -> Path:
    (folder / "images").symlink_to(shapes.parent / "images")
    (folder / "half.json").write_text(json.dumps(content))
    return folder / "half.json"


@pytest.fixture(scope="module")
def cache(half: Path, tmp_path_factory: pytest.TempPathFactory) -> ImageCache:
    return open_cache(resolve_split(half), SPEC, tmp_path_factory.mktemp("cache"))


def test_the_cache_holds_what_is_known(cache: ImageCache) -> None:
    assert cache.partial is not None
    assert cache.partial.labelled.tolist() == [False] * 4 + [True] * 4
    assert cache.partial.masked.tolist() == [False] * 8 + [True] * 6
    assert cache.partial.tight.tolist() == cache.partial.masked.tolist()
    assert cache.partial.class_sets[:8].all()
    assert cache.partial.class_sets[8:].sum(1).tolist() == [1] * 6
    masks = cache.masks(np.arange(14))
    for mask, box, known in zip(masks, cache.boxes_xyxy, cache.partial.masked, strict=True):
        filled = mask.sum() / ((box[2] - box[0]) * (box[3] - box[1]) * 72 * 96)
        assert filled == pytest.approx(1, abs=0.02) or known


def test_full_labels_have_no_partial_ones(shapes: Path, tmp_path: Path) -> None:
    full = open_cache(resolve_split(shapes), SPEC, tmp_path)
    assert full.partial is None
    assert gather(full, [0, 1]).partial is None


def test_a_batch_holds_them_in_the_order_of_its_objects(cache: ImageCache) -> None:
    batch = gather(cache, [4, 0, 7])
    partial = batch.partial
    assert partial is not None
    assert partial.labelled.tolist() == [True, False, True]
    assert partial.masked.tolist() == [[True, True], [False, False], [False, False]]
    assert partial.class_sets.sum(2).tolist() == [[1, 1], [2, 2], [0, 0]]
    assert partial.coarse.tolist() == [[False, False], [True, True], [False, False]]
    _, targets = Augment(AugmentRecipe(), (0, 0, 0), (1, 1, 1))(batch, 1)
    assert targets.partial is partial
    moved = batch.to(torch.device("cpu"))
    assert moved.partial is not None
    assert torch.equal(moved.partial.class_sets, partial.class_sets)


def test_objects_that_may_be_of_several_classes_are_rare_in_none(cache: ImageCache) -> None:
    shares = image_shares(cache, 1.0)
    assert len(set(shares[:4])) == 1
    assert shares[0] == shares[7]  # an image without any object
    assert shares[4] > shares[0]


def test_only_objects_with_masks_are_pasted(cache: ImageCache) -> None:
    came = 0
    for seed in range(10):
        before = gather(cache, [0, 4, 1, 5])
        after = copy_paste(before, 1.0, torch.Generator().manual_seed(seed))
        assert before.partial is not None
        assert after.partial is not None
        own = before.present.shape[1]
        new = after.present[:, own:]
        assert after.partial.masked.shape == after.present.shape
        assert bool(after.partial.masked[:, own:][new].all())
        assert bool(after.partial.tight[:, own:][new].all())
        one_class = after.partial.class_sets[:, own:][new]
        assert torch.equal(one_class.int().argmax(1), after.class_ids[:, own:][new])
        assert one_class.sum(1).tolist() == [1] * len(one_class)
        assert torch.equal(after.partial.class_sets[:, :own], before.partial.class_sets)
        came += int(new.sum())
    assert came > 10


def recipe(data: Path, cache: Path, *changes: str) -> Recipe:
    """A few steps of a small sift."""
    return load_recipe(
        "sift-s",
        [
            f"data.path={data.as_posix()!r}",
            f"data.cache={cache.as_posix()!r}",
            *("data.labels=null", "data.masks=null", "data.scheme=null", "data.train=all", "data.val=all"),
            *("model.size=[96,96]", "model.weights=none", "model.frozen_reduction=0", "augment.size=null"),
            *("model.frozen_batch_norm=false", "training.batch_size=4", "training.max_steps=2"),
            *("training.validate_every=2", "training.precision=fp32", "training.ema=null"),
            *changes,
        ],
    )


def test_validation_keeps_to_fully_labelled_images(half: Path, tmp_path: Path) -> None:
    learn, val = data_splits(recipe(half, tmp_path))
    assert len(learn.coco.images) == 8
    assert [image.id for image in val.coco.images] == [5, 6, 7, 8]


def test_no_fully_labelled_image_is_an_error(half: Path, tmp_path: Path) -> None:
    content = json.loads(half.read_text())
    for image in content["images"]:
        image["background_labelled"] = False
    (tmp_path / "none.json").write_text(json.dumps(content))
    with pytest.raises(RecipeError, match=r"data\.val"):
        data_splits(recipe(tmp_path / "none.json", tmp_path))


@pytest.mark.parametrize(
    ("arch", "able"),
    [("yolact", False), ("mask-rcnn", False), ("faster-rcnn", True), ("sift", True)],
)
def test_networks_say_what_they_cannot_learn_from(arch: str, able: bool) -> None:
    assert ("objects without masks" in FAMILIES[arch].partial_labels) == able


def test_a_network_that_needs_masks_is_refused(boxes: Path, tmp_path: Path, tiny: Recipe) -> None:
    data = replace_data(tiny, path=str(boxes), cache=str(tmp_path / "cache"))
    with pytest.raises(RecipeError, match=r"yolact.*sift"):
        train(data, Options(tmp_path / "run", accelerator="cpu"))


def replace_data(given: Recipe, **changes: Any) -> Recipe:
    content = given.model_dump()
    content["data"] |= changes
    return Recipe.model_validate(content)


@pytest.mark.slow
def test_sift_trains_on_half_known_labels(half: Path, tmp_path: Path) -> None:
    whole = train(recipe(half, tmp_path), Options(tmp_path / "whole", accelerator="cpu"))
    lines = (whole / "metrics.csv").read_text().splitlines()
    assert len(lines) >= 2
    record = json.loads((whole / "run.json").read_text())
    assert record["pictures_seen"] == 8


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["sift", "faster-rcnn"])
def test_boxes_alone_train_and_judge_box_models(boxes: Path, tmp_path: Path, arch: str) -> None:
    changes = ["model.arch=faster-rcnn", "model.backbone=mobilenet-v2", "augment.scale=null"]
    wanted = recipe(boxes, tmp_path, *(changes if arch == "faster-rcnn" else ()))
    run = train(wanted, Options(tmp_path / "run", accelerator="cpu"))
    head, *lines = (run / "metrics.csv").read_text().splitlines()
    columns = dict(zip(head.split(","), lines[-1].split(","), strict=True))
    assert any(name.endswith("box_AP") and value for name, value in columns.items())
    assert not any(name.endswith("mask_AP") and value for name, value in columns.items())


@pytest.mark.slow
def test_training_takes_a_pack(shapes: Path, tmp_path: Path) -> None:
    prepare(shapes, tmp_path / "prepared")
    pack(tmp_path / "prepared", tmp_path / "pack", max_mb=0.1)
    before = sorted(path.name for path in (tmp_path / "pack").iterdir())
    run = train(recipe(tmp_path / "pack", tmp_path / "cache"), Options(tmp_path / "run", accelerator="cpu"))
    assert (run / "best.ckpt").is_file()
    assert sorted(path.name for path in (tmp_path / "pack").iterdir()) == before
    assert len(list((tmp_path / "cache").glob("unpacked-*"))) == 1
