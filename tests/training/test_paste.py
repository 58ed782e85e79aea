"""Objects pasted from one image into another."""

from __future__ import annotations

import torch
from torch import Tensor

from seasift.training.augment import LEAST_LEFT, copy_paste, tight_boxes
from seasift.training.batches import Batch


def scenes(seed: int, count: int = 4, objects: int = 3) -> Batch:
    """Images whose colour is their number, with rectangles of a colour of their own."""
    random = torch.Generator().manual_seed(seed)
    masks = torch.zeros(count, objects, 40, 60, dtype=torch.bool)
    images = torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1).repeat(1, 40, 60, 3) * 10
    for image in range(count):
        for index in range(objects):
            y, x = (int(torch.randint(high, (1,), generator=random)) for high in (28, 48))
            masks[image, index, y : y + 12, x : x + 12] = True
            masks[image, :index, y : y + 12, x : x + 12] = False
            images[image][masks[image, index]] = 100 + 10 * image
    present = masks.flatten(2).any(2)
    boxes = torch.zeros(count, objects, 4)
    boxes[present] = tight_boxes(masks[present])
    class_ids = torch.arange(objects).repeat(count, 1)
    names = tuple(f"{n}.png" for n in range(count))
    crowd, whole = torch.zeros_like(present), torch.ones(count, 2)
    return Batch(0, names, images, boxes, class_ids, present, crowd, masks, whole)


def test_masks_boxes_and_pixels_agree_after_pasting() -> None:
    came, went = 0, 0
    for seed in range(20):
        before = scenes(seed)
        after = copy_paste(before, 0.5, torch.Generator().manual_seed(seed))
        own = before.present.shape[1]
        owner, slot = after.present.nonzero(as_tuple=True)
        masks = after.masks[owner, slot]
        assert torch.equal(after.boxes_xyxy[owner, slot], tight_boxes(masks))
        for image, index, mask in zip(owner.tolist(), slot.tolist(), masks, strict=True):
            colours = after.images_rgb_u8[image][mask]
            if index < own:
                kept = mask.sum() / before.masks[image, index].sum()
                assert LEAST_LEFT <= kept <= 1
                assert bool((colours == 100 + 10 * image).all())
                assert after.class_ids[image, index] == before.class_ids[image, index]
            else:
                came += 1
                source = (int(colours.max()) - 100) // 10
                assert source != image
                # A border is mixed with what lay around it, never by more than half.
                assert bool((colours.float() >= 10 * source + 49).all())
        went += int((before.present & ~after.present[:, :own]).sum())
        untouched = ~(after.images_rgb_u8 != before.images_rgb_u8).any(3)
        new = after.masks[:, own:].any(1)
        assert bool((untouched | new).all())
    assert came > 50
    assert went > 0


def test_no_chance_and_no_partner_change_nothing() -> None:
    for batch, chance in ((scenes(0), 0.0), (scenes(0, count=1), 1.0)):
        after = copy_paste(batch, chance, torch.Generator().manual_seed(0))
        assert torch.equal(after.images_rgb_u8, batch.images_rgb_u8)
        assert torch.equal(after.masks, batch.masks)
        assert torch.equal(after.present, batch.present)


def test_boxes_are_tight() -> None:
    mask = torch.zeros(1, 10, 20, dtype=torch.bool)
    mask[0, 2, 5] = mask[0, 7, 11] = True
    expected: Tensor = torch.tensor([[5 / 20, 2 / 10, 12 / 20, 8 / 10]])
    assert torch.allclose(tight_boxes(mask), expected)
