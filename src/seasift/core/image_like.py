"""Accept an image as a path, an array or a PIL image, and check it."""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from seasift.core.errors import ImageError, SeasiftError
from seasift.core.image import read_image
from seasift.core.types import UInt8

ImageLike = Any
"""A path (str or os.PathLike), an (H, W, 3) uint8 RGB array, or a PIL image."""

_EXPECTED = "expected a path, an (H, W, 3) uint8 RGB array or a PIL image"
_EXIF_ORIENTATION = 274


def as_image(image: ImageLike, name: str = "image") -> UInt8:
    """Pixels of an image given in any supported form.

    Args:
        image: a path, an (H, W, 3) uint8 RGB array, anything `numpy.asarray` turns into one, or a PIL image of
            any mode; a PIL image is turned upright by its EXIF orientation, like a file.
        name: name of the image in errors.
    Returns:
        (H, W, 3) uint8 RGB, contiguous; an array that already fits is returned unchanged.
    Raises:
        InputError: another type, or an array of another shape, dtype or range; for a path, as in `read_image`.
    """
    if isinstance(image, str | os.PathLike):
        return read_image(image)
    if _is_pil(image):
        return _of_pil(image, name)
    if not (isinstance(image, np.ndarray) or hasattr(image, "__array__")):
        what = "None" if image is None else _of_type(image)
        hint = " Decode it first, or pass the path." if isinstance(image, bytes | bytearray) else ""
        raise ImageError(f"{name}: {what}; {_EXPECTED}.{hint}")
    try:
        array = np.asarray(image)
    except (TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ImageError(f"{name}: {_of_type(image)} is no array ({reason}); {_EXPECTED}.") from None
    _check_shape(array, name)
    _check_values(array, name)
    return np.ascontiguousarray(array, dtype=np.uint8)


def _of_type(value: object) -> str:
    """A type in words: `a value of type bytes`."""
    kind = type(value)
    where = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"a value of type {where}{kind.__qualname__}"


def _check_shape(array: np.ndarray[Any, Any], name: str) -> None:
    shape = f"an array of shape {array.shape}"
    expected = "expected (H, W, 3), RGB"
    if array.ndim == 2:
        raise ImageError(f"{name}: {shape}, grey; {expected}. Use numpy.stack([image] * 3, axis=-1).")
    if array.ndim == 4:
        raise ImageError(f"{name}: {shape}, a batch; {expected}. Pass a list of images: list(images).")
    if array.ndim != 3:
        raise ImageError(f"{name}: {shape}; {expected}.")
    if array.shape[2] != 3:
        advice = {1: "numpy.repeat(image, 3, axis=2)", 4: "image[..., :3], which drops the alpha channel"}
        if array.shape[0] in (1, 3, 4):
            raise ImageError(f"{name}: {shape}, channels first; {expected}. Use image.transpose(1, 2, 0).")
        use = f" Use {advice[array.shape[2]]}." if array.shape[2] in advice else ""
        raise ImageError(f"{name}: {shape}, {array.shape[2]} channels; {expected}.{use}")
    if 0 in array.shape:
        raise ImageError(f"{name}: {shape}, without pixels; {expected}.")


def _check_values(array: np.ndarray[Any, Any], name: str) -> None:
    if array.dtype == np.uint8:
        return
    got = f"{name}: an array of {array.dtype}"
    if array.dtype.kind not in "fiub":
        raise ImageError(f"{got}; expected uint8 values 0..255.")
    low, high = array.min(), array.max()
    use = ""
    if array.dtype.kind == "f" and low >= 0 and high <= 1:
        use = " Use (image * 255).round().astype('uint8')."
    elif array.dtype == bool:
        use = " Use image.astype('uint8') * 255."
    elif low >= 0 and high <= 255:
        use = " Use image.astype('uint8')."
    elif array.dtype == np.uint16:
        use = " Use (image / 257).round().astype('uint8')."
    raise ImageError(f"{got} with values {low:g}..{high:g}; expected uint8 values 0..255.{use}")


def _is_pil(image: object) -> bool:
    return any(kind.__module__ == "PIL.Image" and kind.__name__ == "Image" for kind in type(image).__mro__)


def _of_pil(image: Any, name: str) -> UInt8:
    try:
        orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
        if image.mode.startswith("I;16"):
            wide = np.asarray(image)
            pixels = np.repeat(np.rint(wide / 257).astype(np.uint8)[..., None], 3, axis=2)
        elif image.mode in ("F", "I"):
            raise ImageError(
                f"{name}: a PIL image of mode {image.mode}; expected 8 bits a channel, such as RGB or L. "
                "Convert it: seasift does not guess which value is white."
            )
        else:
            pixels = np.asarray(image.convert("RGB"), np.uint8)
    except SeasiftError:
        raise
    except Exception as error:  # PIL reads lazily and raises what its decoders raise
        reason = " ".join(str(error).split())
        raise ImageError(f"{name}: a PIL image that cannot be decoded ({reason}).") from None
    _check_shape(pixels, name)
    return np.ascontiguousarray(_turned(pixels, orientation))


def _turned(pixels: UInt8, orientation: int) -> UInt8:
    """Upright, by the EXIF orientation 1 to 8."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


class ImageReference:
    """A reference to an image: its path, or a weak reference to its object."""

    __slots__ = ("_object", "_path")

    def __init__(self, image: ImageLike) -> None:
        """Remember an image that `as_image` accepts."""
        self._path = Path(image).absolute() if isinstance(image, str | os.PathLike) else None
        self._object: weakref.ref[Any] | None = None
        if self._path is None:
            try:
                self._object = weakref.ref(image)
            except TypeError:  # a type without weak references
                self._object = None

    def pixels(self) -> UInt8 | None:
        """(H, W, 3) uint8 RGB; None if the image is gone."""
        image = self._path or (self._object() if self._object is not None else None)
        if image is None:
            return None
        try:
            return as_image(image)
        except SeasiftError:
            return None

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and other processes get only the path."""
        return (ImageReference, (self._path,))
