"""What the network sees: the order of batches, and images, boxes and masks that move together."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist

from seasift.core.prepare import InputSpec
from seasift.data.cache import ImageCache, open_cache
from seasift.data.prepared import resolve_split
from seasift.recipes.recipe import AugmentRecipe
from seasift.training.augment import Augment, draw_windows, look_through, photometric
from seasift.training.batches import Batch, BatchStream, GpuPixels, gather, image_shares

NEUTRAL = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
STILL = AugmentRecipe(photometric=False, expand=False, crop=False, flip=False)


SPEC = InputSpec((64, 64), (0, 0, 0), (1, 1, 1))


@pytest.fixture(scope="module")
def cache(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> ImageCache:
    return open_cache(resolve_split(shapes), SPEC, tmp_path_factory.mktemp("cache"))


def stream(cache: ImageCache, **changes: int) -> BatchStream:
    return BatchStream(cache, **({"batch_size": 3, "seed": 1, "start": 0, "stop": 16} | changes))


def test_every_pass_shows_every_image_once(cache: ImageCache) -> None:
    seen = [image for number in range(16) for image in stream(cache).images(number)]
    for start in range(0, 48, 8):
        assert sorted(seen[start : start + 8]) == list(range(8))
    assert seen[:8] != seen[8:16]


def test_a_batch_gathered_from_a_copy_of_the_pixels_is_the_same(cache: ImageCache) -> None:
    pixels = GpuPixels(*(torch.from_numpy(np.array(a)) for a in (cache.images_rgb_u8, cache.masks_packed)))
    assert gather(cache, [3, 0, 5]).masks.any()
    for images in ([3, 0, 5], [7]):
        expected, batch = gather(cache, images, 2), gather(cache, images, 2, pixels)
        assert batch.file_names == expected.file_names
        for name in ("images_rgb_u8", "masks", "boxes_xyxy", "class_ids", "present", "crowd", "content"):
            assert torch.equal(getattr(batch, name), getattr(expected, name)), name


def test_images_with_rare_classes_come_more_often(cache: ImageCache) -> None:
    """Four classes on 1, 4, 8 and 8 of eight images: below a half there is one, on the first."""
    holds = [[0, 1, 2, 3], *[[1, 2, 3]] * 3, *[[2, 3]] * 4]
    flat = [class_id for classes in holds for class_id in classes]
    made = replace(
        cache,
        first_object=np.cumsum([0, *map(len, holds)]),
        class_ids=np.array(flat),
        crowd=np.zeros(len(flat), bool),
    )
    shares = image_shares(made, 0.5)
    np.testing.assert_allclose(shares / shares[-1], [2, *[1] * 7])  # sqrt(0.5 / (1 / 8)) = 2
    rare = BatchStream(made, batch_size=8, seed=1, start=0, stop=90, rare=0.5)
    seen = Counter(image for number in range(90) for image in rare.images(number))
    assert abs(seen[0] - 160) < 15
    assert all(abs(seen[image] - 80) < 15 for image in range(1, 8))
    assert all(Counter(rare.images(number))[0] in (1, 2) for number in range(90))


def test_a_late_start_sees_what_an_early_one_sees(cache: ImageCache) -> None:
    whole = [batch.file_names for batch in stream(cache)]
    assert [batch.file_names for batch in stream(cache, start=5)] == whole[5:]
    assert [batch.file_names for batch in stream(cache, seed=2)] != whole


def test_processes_share_each_batch(cache: ImageCache, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = list(stream(cache, batch_size=4))
    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    shares = []
    for rank in range(2):
        monkeypatch.setattr(dist, "get_rank", lambda rank=rank: rank)
        shares.append(list(stream(cache, batch_size=4)))
    for number, batch in enumerate(whole):
        got = Counter(name for share in shares for name in share[number].file_names)
        assert got == Counter(batch.file_names)


def test_crowds_and_empty_images_are_no_objects(cache: ImageCache) -> None:
    batch = gather(cache, [6, 7])
    assert batch.crowd[0].sum() == 2
    assert not batch.present.any()


def test_a_changed_data_set_gets_a_new_cache(shapes: Path, tmp_path: Path) -> None:
    split = resolve_split(shapes)
    open_cache(split, SPEC, tmp_path)
    before = set(tmp_path.iterdir())
    open_cache(split, SPEC, tmp_path)
    assert set(tmp_path.iterdir()) == before
    fewer = type(split)(split.coco.subset({split.coco.images[0].file_name}), split.images_dir, split.name)
    assert len(open_cache(fewer, SPEC, tmp_path).file_names) == 1


def test_a_broken_build_is_built_again(shapes: Path, tmp_path: Path) -> None:
    split = resolve_split(shapes)

    def pull_the_plug(done: int, _total: int) -> None:
        if done == 3:
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        open_cache(split, SPEC, tmp_path, progress=pull_the_plug)
    again = open_cache(split, SPEC, tmp_path)
    assert all(image.any() for image in again.images_rgb_u8)


def test_without_augmentation_the_image_stays(cache: ImageCache) -> None:
    batch = gather(cache, [0, 1])
    images, targets = Augment(STILL, *NEUTRAL)(batch, seed=0)
    torch.testing.assert_close(images, batch.images_rgb_u8.permute(0, 3, 1, 2).float(), atol=0.01, rtol=0)
    torch.testing.assert_close(targets.boxes_xyxy, batch.boxes_xyxy)
    assert targets.proto_masks.shape[-2:] == (16, 16)
    assert targets.semantic_masks.shape[-2:] == (8, 8)


def _one(image: torch.Tensor, box: torch.Tensor, masks: torch.Tensor) -> Batch:
    one = torch.ones(1, 1, dtype=torch.bool)
    class_ids = torch.zeros(1, 1, dtype=torch.long)
    return Batch(0, ("x",), image, box, class_ids, one, ~one, masks, torch.ones(1, 2))


@pytest.mark.parametrize("seed", range(8))
def test_image_box_and_mask_move_together(seed: int) -> None:
    """One bright rectangle: after any geometry it fills its box and its mask."""
    image = torch.zeros(1, 128, 128, 3, dtype=torch.uint8)
    image[0, 40:72, 24:88] = 200
    masks = (image[..., 0] > 0)[:, None]
    box = torch.tensor([[[24 / 128, 40 / 128, 88 / 128, 72 / 128]]])
    batch = _one(image, box, masks)
    augment = Augment(AugmentRecipe(photometric=False), *NEUTRAL)
    images, targets = augment(batch, seed)
    assert bool(targets.present[0, 0])
    bright = images[0, 0] > 100
    rows, columns = torch.nonzero(bright.any(1)).flatten(), torch.nonzero(bright.any(0)).flatten()
    seen = torch.tensor([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) / 128
    torch.testing.assert_close(targets.boxes_xyxy[0, 0], seen, atol=1.5 / 128, rtol=0)
    for grid in (targets.proto_masks[0, 0], targets.semantic_masks[0, 0]):
        scale = 128 // grid.shape[0]
        small = bright[scale // 2 :: scale, scale // 2 :: scale]
        assert (grid != small).float().mean() < 0.05


@pytest.mark.parametrize("seed", range(8))
def test_a_smaller_part_is_shown_at_the_drawn_scale_from_where_the_image_is(seed: int) -> None:
    image = torch.zeros(1, 256, 256, 3, dtype=torch.uint8)
    image[0, 40:72, 24:88] = 200
    masks = (image[..., 0] > 0)[:, None]
    box = torch.tensor([[[24 / 256, 40 / 256, 88 / 256, 72 / 256]]])
    batch = replace(_one(image, box, masks), content=torch.tensor([[1.0, 0.5]]))
    recipe = AugmentRecipe(photometric=False, flip=False, scale=(0.5, 2.0), size=(96, 128))
    window = draw_windows(batch, recipe, torch.Generator().manual_seed(seed))[0] * 256
    zoom = 128 / (window[2] - window[0])
    assert 0.5 <= zoom <= 2
    torch.testing.assert_close(96 / (window[3] - window[1]), zoom)
    for low, high, content in ((window[0], window[2], 256), (window[1], window[3], 128)):
        if high - low <= content:  # nothing but image
            assert low >= -1e-3
            assert high <= content + 1e-3
        else:  # all of the image
            assert low <= 1e-3
            assert high >= content - 1e-3
    images, targets = Augment(recipe, *NEUTRAL)(batch, seed)
    assert images.shape == (1, 3, 96, 128)
    assert targets.proto_masks.shape == (1, 1, 24, 32)
    if bool(targets.present[0, 0]):
        shown = targets.boxes_xyxy[0, 0] * torch.tensor([128, 96, 128, 96])
        bright = images[0, 0] > 100
        rows, columns = torch.nonzero(bright.any(1)).flatten(), torch.nonzero(bright.any(0)).flatten()
        seen = torch.tensor([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]).float()
        torch.testing.assert_close(shown, seen, atol=1.5, rtol=0)


def test_the_cache_knows_where_the_image_is(shapes: Path, tmp_path: Path) -> None:
    split = resolve_split(shapes)
    for rule in ("stretch", "fit"):
        spec = replace(SPEC, resize=rule)
        cache = open_cache(split, spec, tmp_path)
        expected = [spec.content_hw(image.size_hw) for image in split.coco.images]
        height, width = spec.size_hw
        torch.testing.assert_close(
            torch.from_numpy(cache.content),
            torch.tensor([[across / width, down / height] for down, across in expected]),
        )


def test_area_targets_are_the_covered_share_of_each_cell() -> None:
    """A rectangle whose edges cut cells at a quarter: the shares are exact, and binary targets lose them."""
    image = torch.zeros(1, 96, 96, 3, dtype=torch.uint8)
    masks = torch.zeros(1, 1, 96, 96, dtype=torch.bool)
    masks[0, 0, 8:43, 9:50] = True
    box = torch.tensor([[[9 / 96, 8 / 96, 50 / 96, 43 / 96]]])
    batch = _one(image, box, masks)
    shares = masks[0, 0].float().reshape(24, 4, 24, 4).mean(dim=(1, 3))
    assert ((shares > 0) & (shares < 1)).any()
    _, targets = Augment(STILL, *NEUTRAL, "area")(batch, seed=0)
    torch.testing.assert_close(targets.proto_masks[0, 0], shares)
    assert targets.semantic_masks.dtype == torch.bool
    _, targets = Augment(STILL, *NEUTRAL)(batch, seed=0)
    assert targets.proto_masks.dtype == torch.bool


def test_the_same_seed_gives_the_same_image_and_another_does_not(cache: ImageCache) -> None:
    batch = gather(cache, [0, 1, 2])
    augment = Augment(AugmentRecipe(), *NEUTRAL)
    first, again, other = (augment(batch, seed)[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_expansion_fills_with_the_mean() -> None:
    image = torch.full((1, 3, 8, 8), 50.0)
    window = torch.tensor([[-1.0, -1.0, 3.0, 3.0]])
    out = look_through(image, window, torch.tensor([False]), (8, 8))
    assert out[0, 0, 0, 0] == 0  # zero after the mean was taken off
    assert out[0, 0, 3, 3] == 50


def test_windows_hold_a_centre_or_are_whole(cache: ImageCache) -> None:
    batch = gather(cache, [0, 1, 2, 7])
    random = torch.Generator().manual_seed(0)
    for _ in range(20):
        windows = draw_windows(batch, AugmentRecipe(expand=False), random)
        sides = windows[:, 2:] - windows[:, :2]
        assert bool(((sides > 0.299) & (sides < 1.001)).all())
        centres = (batch.boxes_xyxy[..., :2] + batch.boxes_xyxy[..., 2:]) / 2
        inside = ((centres > windows[:, None, :2]) & (centres < windows[:, None, 2:])).all(-1)
        assert bool((inside & batch.present).any(1)[:3].all())
        assert windows[3].tolist() == [0, 0, 1, 1]


def test_colours_stay_in_range_and_grey_keeps_its_hue() -> None:
    grey = torch.full((16, 3, 4, 4), 120.0)
    out = photometric(grey, torch.Generator().manual_seed(0))
    assert 0 <= float(out.min()) <= float(out.max()) <= 255
    spread = out.amax(1) - out.amin(1)
    assert float(spread.max()) < 0.5
    assert len(np.unique(out[:, 0, 0, 0].numpy().round(1))) > 4
