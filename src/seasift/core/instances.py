"""The objects of one image as one value, and the protocol of models that return it."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from seasift.core import detection
from seasift.core.detection import Category, Detection
from seasift.core.errors import InputError
from seasift.core.image import jpeg_uri
from seasift.core.image_like import ImageLike, ImageReference, as_image
from seasift.core.masks import MaskCrop
from seasift.core.types import Bool, Float32, Int64, SizeHW

if TYPE_CHECKING:
    from seasift import Plot
from typing import Protocol

from seasift.core.types import UInt8

__all__ = ["Category", "Instances"]

_NOTEBOOK_PX = 1280


@dataclass(frozen=True, eq=False, repr=False)
class Instances:
    """N objects of one image, best first when they come from a model.

    Iterate over it or index it with an integer to get a `Detection`; index it with a slice, a bool array (N,) or an
    array of integers to get fewer objects.

    Attributes:
        boxes_xyxy: (N, 4) float32, pixels of the original image, x2/y2 exclusive.
        scores: (N,) float32 in 0..1.
        class_ids: (N,) int64, 0-based, without background.
        size_hw: height and width of the original image, px.
        masks: N crops, or None for a model without masks.
        categories: the classes of the model; `class_id` is the index. Empty where nobody knows them.
        image: where to get the image again, or None. It does not keep the image's pixels in memory.
        class_scores: (N, C) float32, the score of each object for every class; None where the model gives one score an
            object. `core.rollup` makes supercategories of it.

    >>> found = seasift.load()("frame.jpg")
    >>> sure = found[found.scores > 0.5]
    >>> sure.plot().save("out.jpg")
    """

    boxes_xyxy: Float32
    scores: Float32
    class_ids: Int64
    size_hw: SizeHW
    masks: tuple[MaskCrop, ...] | None = None
    categories: tuple[Category, ...] = ()
    image: ImageReference | None = None
    class_scores: Float32 | None = None

    def __post_init__(self) -> None:
        n = len(self.scores)
        if self.boxes_xyxy.shape != (n, 4) or self.class_ids.shape != (n,):
            raise ValueError(
                f"boxes {self.boxes_xyxy.shape}, scores {self.scores.shape} and classes "
                f"{self.class_ids.shape} do not describe the same objects"
            )
        if self.masks is not None and len(self.masks) != n:
            raise ValueError(f"{len(self.masks)} masks for {n} objects")
        if self.class_scores is not None and (self.class_scores.ndim != 2 or len(self.class_scores) != n):
            raise ValueError(f"class scores {self.class_scores.shape} for {n} objects")

    @classmethod
    def empty(cls, size_hw: SizeHW, *, with_masks: bool = True) -> Instances:
        """No objects."""
        return cls(
            np.zeros((0, 4), np.float32),
            np.zeros(0, np.float32),
            np.zeros(0, np.int64),
            size_hw,
            () if with_masks else None,
        )

    @classmethod
    def joined(cls, parts: Sequence[Instances]) -> Instances:
        """The objects of one or more values of the same image, in their order; without masks or class scores if any is."""
        masks = [part.masks for part in parts]
        class_scores = [part.class_scores for part in parts if part.class_scores is not None]
        return replace(
            parts[0],
            boxes_xyxy=np.concatenate([part.boxes_xyxy for part in parts]),
            scores=np.concatenate([part.scores for part in parts]),
            class_ids=np.concatenate([part.class_ids for part in parts]),
            masks=None if None in masks else tuple(mask for each in masks for mask in each or ()),
            class_scores=np.concatenate(class_scores) if len(class_scores) == len(parts) else None,
        )

    def __len__(self) -> int:
        return len(self.scores)

    def __iter__(self) -> Iterator[Detection]:
        return (self._detection(i) for i in range(len(self)))

    @overload
    def __getitem__(self, index: int) -> Detection: ...

    @overload
    def __getitem__(self, index: slice | Sequence[int] | Sequence[bool] | Int64 | Bool) -> Instances: ...

    def __getitem__(self, index: Any) -> Detection | Instances:
        """One object, or some of them as Instances.

        Args:
            index: an integer, a slice, a bool for each object, or integers in the order wanted.
        Raises:
            IndexError: beyond the objects, or not one bool for each. TypeError: another type of index.
        """
        if isinstance(index, int | np.integer) and not isinstance(index, bool):
            if not -len(self) <= index < len(self):
                raise IndexError(f"index {index} with {len(self)} objects")
            return self._detection(int(index) % len(self))
        wanted = np.arange(len(self))[index] if isinstance(index, slice) else np.asarray(index)
        if wanted.size == 0 and wanted.dtype == np.float64:  # an empty list
            wanted = wanted.astype(np.int64)
        if wanted.ndim != 1 or wanted.dtype.kind not in "biu":
            raise TypeError(f"index {index!r}; expected an integer, a slice, or an array (N,) of bool or int")
        if wanted.dtype == bool and len(wanted) != len(self):
            raise IndexError(f"{len(wanted)} bools for {len(self)} objects")
        return self.take(np.flatnonzero(wanted) if wanted.dtype == bool else wanted.astype(np.int64))

    def take(self, keep: Int64 | Bool) -> Instances:
        """Some of the objects: indices (in the order wanted) or a bool for each."""
        index = np.flatnonzero(keep) if keep.dtype == bool else keep
        return replace(
            self,
            boxes_xyxy=self.boxes_xyxy[index],
            scores=self.scores[index],
            class_ids=self.class_ids[index],
            masks=None if self.masks is None else tuple(self.masks[i] for i in index),
            class_scores=None if self.class_scores is None else self.class_scores[index],
        )

    def moved(self, dx: int, dy: int, size_hw: SizeHW) -> Instances:
        """The same objects further right by `dx` and down by `dy`, px, in an image of size `size_hw`."""
        masks = None if self.masks is None else tuple(mask.moved(dx, dy) for mask in self.masks)
        boxes = self.boxes_xyxy + np.array([dx, dy, dx, dy], np.float32)
        return replace(self, boxes_xyxy=boxes, size_hw=size_hw, masks=masks)

    def of_image(self, image: ImageReference) -> Instances:
        """The same objects with a way to get their image again."""
        return replace(self, image=image)

    @property
    def names(self) -> list[str]:
        """The class name of each object."""
        return [self._category(class_id).name for class_id in self.class_ids.tolist()]

    def plot(self, image: ImageLike | None = None) -> Plot:
        """Draw outlines, class names and scores.

        Args:
            image: the image, a path or (H, W, 3) uint8 RGB of `size_hw`; default: the one that the objects were found
                in, if it still exists.
        Returns:
            The drawn image: `.save(path)`, `.image_rgb_u8`; a notebook shows it.
        Raises:
            InputError: the image is gone, or has another size.

        >>> found.plot().save("out.jpg")
        """
        import seasift

        pixels = self._pixels() if image is None else as_image(image)
        if pixels is None:
            raise InputError(
                "plot() without an image: the image is not in memory any more. Pass it: plot(image)."
            )
        if pixels.shape[:2] != self.size_hw:
            (height, width), (own_height, own_width) = pixels.shape[:2], self.size_hw
            raise InputError(
                f"an image of {width}x{height} px; expected {own_width}x{own_height} px. "
                "Pass the image in which the objects were found."
            )
        return seasift.Plot.of(pixels, self)

    def to_coco(self, *, image_id: int = 1, file_name: str = "") -> dict[str, Any]:
        """The objects as a COCO document of one image, with exact masks.

        Args:
            image_id: of the image in the document.
            file_name: of the image in the document.
        Returns:
            `{"images", "categories", "annotations"}`; `annotations` alone is what COCO's `loadRes` takes.

        >>> json.dump(found.to_coco(file_name="frame.jpg"), file)
        """
        return detection.to_coco(list(self), self.categories, self.size_hw, image_id, file_name)

    def to_supervision(self) -> Any:
        """The objects as a `supervision.Detections` with (N, H, W) masks and `data["class_name"]`.

        Raises:
            MissingExtraError: the package supervision is not installed.
        """
        return detection.to_supervision(list(self), self.size_hw, with_masks=self.masks is not None)

    def to_dataframe(self) -> Any:
        """The objects as a `pandas.DataFrame`, a row each, with the columns of `seasift predict --format csv`.

        Raises:
            MissingExtraError: the package pandas is not installed.
        """
        return detection.to_dataframe(list(self), self.size_hw)

    def __repr__(self) -> str:
        counts = Counter(self.names).most_common()
        shown = ", ".join(f"{count} {name}" for name, count in counts[:5])
        more = f" and {len(counts) - 5} more classes" if len(counts) > 5 else ""
        height, width = self.size_hw
        objects = f"{len(self)} object{'' if len(self) == 1 else 's'}"
        return f"Instances({objects} in {width}x{height} px{': ' if counts else ''}{shown}{more})"

    def _repr_html_(self) -> str:
        """For notebooks: the image with outlines, if it still exists, above a line of text."""
        pixels = self._pixels()
        shown = ""
        if pixels is not None and pixels.shape[:2] == self.size_hw:
            uri = jpeg_uri(self.plot(pixels).image_rgb_u8, widest=_NOTEBOOK_PX)
            shown = f'<img src="{uri}" alt="" style="max-width: 100%">'
        return f"<div>{shown}<div>{html.escape(repr(self))}</div></div>"

    def _pixels(self) -> Any:
        return None if self.image is None else self.image.pixels()

    def _category(self, class_id: int) -> Category:
        if class_id < len(self.categories):
            return self.categories[class_id]
        return Category(class_id, f"class_{class_id}")

    def _detection(self, i: int) -> Detection:
        class_id = int(self.class_ids[i])
        category = self._category(class_id)
        x1, y1, x2, y2 = self.boxes_xyxy[i].tolist()
        return Detection(
            category.name,
            float(str(self.scores[i])),  # the shortest decimal that is this float32
            class_id,
            category.id,
            (x1, y1, x2, y2),
            None if self.masks is None else self.masks[i],
            self.size_hw,
        )


class Predictor(Protocol):
    """Images in, Instances out."""

    @property
    def name(self) -> str:
        """Name of the model in tables."""

    @property
    def categories(self) -> tuple[Category, ...]:
        """The classes; the index is the `class_id` of the Instances."""

    def predict(
        self, images_rgb_u8: Sequence[UInt8], *, threshold: float = 0.05, max_objects: int = 100
    ) -> list[Instances]:
        """Find objects in images of any sizes.

        Args:
            images_rgb_u8: each (H, W, 3) uint8, RGB.
            threshold: objects with a lower score are left out.
            max_objects: at most this many per image, the best.
        Returns:
            One Instances per image, in order, best object first.
        """
