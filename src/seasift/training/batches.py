"""Batches from the cache, in an order that depends on the seed and the step alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils.data import IterableDataset

from seasift.core.types import Bool, Float64, Int64, UInt8
from seasift.data.cache import ImageCache
from seasift.models.family import PartialTargets


@dataclass(frozen=True)
class Batch:
    """B images with at most N objects each, as they lie in the cache.

    Attributes:
        number: index of the batch in the run; all chance in its step follows from it.
        file_names: of the images.
        images_rgb_u8: (B, H, W, 3) uint8.
        boxes_xyxy: (B, N, 4) float32, relative to the image.
        class_ids: (B, N) int64.
        present: (B, N) bool, objects to learn.
        crowd: (B, N) bool.
        masks: (B, N, H, W) bool.
        content: (B, 2) float32, the part of the width and height that shows the image.
        partial: what the labels leave open; None if nothing.
    """

    number: int
    file_names: tuple[str, ...]
    images_rgb_u8: Tensor
    boxes_xyxy: Tensor
    class_ids: Tensor
    present: Tensor
    crowd: Tensor
    masks: Tensor
    content: Tensor
    partial: PartialTargets | None = field(default=None, kw_only=True)

    def to(self, device: torch.device) -> Batch:
        """The same on another device."""
        moved = [
            getattr(self, name).to(device, non_blocking=True)
            for name in ("images_rgb_u8", "boxes_xyxy", "class_ids", "present", "crowd", "masks", "content")
        ]
        partial = None if self.partial is None else self.partial.to(device)
        return Batch(self.number, self.file_names, *moved, partial=partial)


_BITS = (128, 64, 32, 16, 8, 4, 2, 1)
_GPU_SHARE = 0.4


@dataclass(frozen=True)
class GpuPixels:
    """Images and masks of a cache in the memory of a GPU, so that a batch costs the CPU next to nothing.

    Attributes:
        images_rgb_u8: (N, H, W, 3) uint8.
        masks_packed: (M, H, ceil(W / 8)) uint8.
    """

    images_rgb_u8: Tensor
    masks_packed: Tensor

    def images(self, indices: list[int]) -> Tensor:
        """(B, H, W, 3) uint8."""
        return self.images_rgb_u8[torch.tensor(indices, device=self.images_rgb_u8.device)]

    def masks(self, rows: Int64) -> Tensor:
        """(B, N) indices of objects, -1 where there is none, to (B, N, H, W) bool."""
        device, (_, height, width, _) = self.images_rgb_u8.device, self.images_rgb_u8.shape
        padded = torch.zeros(*rows.shape, height, width, dtype=torch.bool, device=device)
        objects = torch.from_numpy(rows).to(device)
        packed = self.masks_packed[objects[objects >= 0]]
        bits = (packed[..., None] & torch.tensor(_BITS, dtype=torch.uint8, device=device)) != 0
        padded[objects >= 0] = bits.flatten(2)[..., :width]
        return padded


def load_on_gpu(cache: ImageCache, device: torch.device) -> GpuPixels | None:
    """Copy a cache to a GPU if it takes at most 0.4 of what is free there; else None, and batches are gathered on the CPU."""
    free, _ = torch.cuda.mem_get_info(device)
    if cache.images_rgb_u8.nbytes + cache.masks_packed.nbytes > _GPU_SHARE * free:
        return None
    return GpuPixels(_copied(cache.images_rgb_u8, device), _copied(cache.masks_packed, device))


def _copied(array: UInt8, device: torch.device, rows: int = 256) -> Tensor:
    whole = torch.empty(array.shape, dtype=torch.uint8, device=device)
    for start in range(0, len(array), rows):
        whole[start : start + rows] = torch.from_numpy(np.array(array[start : start + rows])).to(device)
    return whole


def gather(cache: ImageCache, images: list[int], number: int = 0, pixels: GpuPixels | None = None) -> Batch:
    """Collect some images of a cache into one batch; with `pixels`, images and masks are on their GPU."""
    spans = [np.arange(cache.first_object[p], cache.first_object[p + 1]) for p in images]
    most = max(1, *(len(span) for span in spans)) if spans else 1
    rows = np.full((len(images), most), -1, dtype=np.int64)
    for row, span in zip(rows, spans, strict=True):
        row[: len(span)] = span
    real = rows >= 0
    boxes = np.zeros((*rows.shape, 4), dtype=np.float32)
    classes = np.zeros(rows.shape, dtype=np.int64)
    crowd = np.zeros(rows.shape, dtype=bool)
    boxes[real], classes[real] = cache.boxes_xyxy[rows[real]], cache.class_ids[rows[real]]
    crowd[real] = cache.crowd[rows[real]]
    return Batch(
        number,
        tuple(cache.file_names[p] for p in images),
        images_rgb_u8=pixels.images(images) if pixels else _images(cache, images),
        boxes_xyxy=torch.from_numpy(boxes),
        class_ids=torch.from_numpy(classes),
        present=torch.from_numpy(real & ~crowd),
        crowd=torch.from_numpy(crowd),
        masks=pixels.masks(rows) if pixels else _masks(cache, rows),
        content=torch.from_numpy(cache.content[images]),
        partial=_partial(cache, images, rows),
    )


def _images(cache: ImageCache, images: list[int]) -> Tensor:
    return torch.from_numpy(np.stack([cache.images_rgb_u8[p] for p in images]))


def _masks(cache: ImageCache, rows: Int64) -> Tensor:
    masks = np.zeros((*rows.shape, *cache.images_rgb_u8.shape[1:3]), dtype=bool)
    masks[rows >= 0] = cache.masks(rows[rows >= 0])
    return torch.from_numpy(masks)


def _partial(cache: ImageCache, images: list[int], rows: Int64) -> PartialTargets | None:
    """What the labels leave open, of the objects `rows` (B, N), -1 where there is none."""
    known = cache.partial
    if known is None:
        return None
    real = rows >= 0

    def padded(values: Bool) -> Tensor:
        part = np.zeros((*rows.shape, *values.shape[1:]), dtype=bool)
        part[real] = values[rows[real]]
        return torch.from_numpy(part)

    return PartialTargets(
        padded(known.class_sets),
        padded(known.masked),
        padded(known.tight),
        torch.from_numpy(known.labelled[images]),
    )


def process_of() -> tuple[int, int]:
    """Which of how many processes that train together this is."""
    started = dist.is_available() and dist.is_initialized()
    return (dist.get_rank(), dist.get_world_size()) if started else (0, 1)


class BatchStream(IterableDataset[Batch]):
    """Batches `start` to `stop` of an endless, seeded sequence of shuffled passes over the images.

    Batch k is the same whether or not the stream began at 0, so a resumed run sees what an unbroken one
    sees. With several processes each takes its share of every batch.

    Args:
        cache: the images.
        batch_size: images a batch, over all ranks.
        seed: of the order.
        start: first batch.
        stop: batch to stop before.
        rare: images with a class that is on fewer than this share of them come more often.
        pixels: the cache's images and masks on a GPU, where batches are then gathered.
    """

    def __init__(
        self,
        cache: ImageCache,
        *,
        batch_size: int,
        seed: int,
        start: int,
        stop: int,
        rare: float = 0.0,
        pixels: GpuPixels | None = None,
    ) -> None:
        self._cache, self._batch_size, self._seed = cache, batch_size, seed
        self._start, self._stop, self._pixels = start, stop, pixels
        self._shares = image_shares(cache, rare) if rare else None

    def __iter__(self) -> Iterator[Batch]:
        rank, ranks = process_of()
        for number in range(self._start, self._stop):
            yield gather(self._cache, self.images(number)[rank::ranks], number, self._pixels)

    def images(self, number: int) -> list[int]:
        """Indices of the images in batch `number`."""
        count = len(self._cache.file_names)
        indices = range(number * self._batch_size, (number + 1) * self._batch_size)
        orders = {epoch: self._order(epoch) for epoch in {index // count for index in indices}}
        return [int(orders[index // count][index % count]) for index in indices]

    def _order(self, epoch: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        random, count = np.random.default_rng((self._seed, epoch)), len(self._cache.file_names)
        if self._shares is None:
            return random.permutation(count)
        ticks = (np.arange(count) + random.random()) / count
        return random.permutation(np.searchsorted(np.cumsum(self._shares), ticks).clip(max=count - 1))


def image_shares(cache: ImageCache, rare: float) -> Float64:
    """How often each image should come, as shares of a pass.

    Source: Gupta et al. 2019 (LVIS), section 4.1, repeat factor sampling: a class on a share f of the images
        calls for sqrt(rare / f) times as many, an image comes as often as its rarest class asks. An object that may
        be of several classes counts for none.
    """
    count = len(cache.file_names)
    owner = np.repeat(np.arange(count), np.diff(cache.first_object))
    holds = np.zeros((count, int(cache.class_ids.max(initial=0)) + 1), dtype=bool)
    counted = ~cache.crowd
    if cache.partial is not None:
        counted = counted & (cache.partial.class_sets.sum(1) == 1)
    holds[owner[counted], cache.class_ids[counted]] = True
    share = np.maximum(holds.mean(axis=0), 1 / count)
    wanted = np.where(holds, np.sqrt(rare / share), 1.0).max(axis=1, initial=1.0)
    return np.asarray(wanted / wanted.sum(), dtype=np.float64)
