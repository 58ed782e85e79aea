"""Read and write images, always (H, W, 3) uint8 RGB and upright. Also makes data URIs for self-contained pages."""

from __future__ import annotations

import base64
import io
import os
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from seasift.core.errors import ImageError, InputError, LimitError
from seasift.core.files import read_regular, write_bytes
from seasift.core.image_format import defect_of, format_of, other_kind, size_of
from seasift.core.image_jpeg import decode_jpeg, orientation_of
from seasift.core.image_tiff import raw_kind, read_tiff
from seasift.core.types import UInt8

_MOST_PIXELS = 2**30  # as OpenCV
FORMATS = "JPEG, PNG, TIFF, WebP or BMP"
SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".tif", ".tiff", ".webp", ".bmp"})


def read_image(path: str | os.PathLike[str]) -> UInt8:
    """Read an image file of any name.

    Args:
        path: a JPEG, PNG, TIFF, WebP or BMP file.
    Returns:
        (H, W, 3) uint8 RGB. EXIF rotation is applied, 16-bit values are divided by 257, grey and palette
        become RGB, CMYK is converted, an alpha channel is dropped. Of a TIFF, the first page is read.
    Raises:
        ImageError: missing, a folder, empty, of another format, truncated, damaged, an animation, or not a path.

    >>> image = seasift.read_image("frame.jpg")
    >>> image.shape, image.dtype
    """
    if not isinstance(path, str | os.PathLike):
        raise ImageError(f"a value of type {type(path).__name__}; expected the path of an image file.")
    path = Path(path)
    try:
        data = read_regular(path, ImageError)
    except FileNotFoundError:
        raise ImageError(f"{path}: no such file. Check the name and the folder you are in.") from None
    except IsADirectoryError:
        raise ImageError(f"{path}: a folder; expected an image file. Name the images in it.") from None
    except OSError as error:
        if path.is_dir():  # Windows answers "permission denied"
            raise ImageError(f"{path}: a folder; expected an image file. Name the images in it.") from None
        reason = error.strerror or type(error).__name__
        raise ImageError(f"{path}: cannot be read ({reason}). Check that you may open it.") from None
    except ValueError:
        raise ImageError(
            f"{str(path)!r}: a path with a zero character; expected that of an image file."
        ) from None
    return decode_image(data, str(path))


def decode_image(data: bytes, name: str, *, max_pixels: int | None = None) -> UInt8:
    """Decode an image from the bytes of its file, like `read_image`.

    Args:
        data: content of the file.
        name: name of the file, for errors.
        max_pixels: a larger image is refused by its header, before decoding.
    Raises:
        ImageError: as in `read_image`. LimitError: more than `max_pixels`.
    """
    if not data:
        raise ImageError(f"{name}: an empty file (0 bytes); expected {FORMATS}. Remove or replace it.")
    raw = raw_kind(data)
    if raw is not None:
        raise ImageError(
            f"{name}: a camera's RAW file ({raw}, {len(data):,} bytes); expected {FORMATS}. "
            "Develop it to JPEG or TIFF with the camera's program, darktable or RawTherapee."
        )
    kind = format_of(data)
    if kind is None:
        raise ImageError(
            f"{name}: not an image seasift can read ({other_kind(data)}); expected {FORMATS}. "
            "Remove it or convert it."
        )
    defect = defect_of(data, kind)
    if defect == "an animation":
        raise ImageError(
            f"{name}: an animated {kind}; expected a still image. Save its frames as single images, "
            "or the whole as a video file."
        )
    if defect:
        raise ImageError(f"{name}: the {kind} is {defect} ({len(data):,} bytes). Copy or download it again.")
    if max_pixels is not None:
        _check_pixels(data, kind, name, max_pixels)
    image: UInt8 | None = None
    if kind == "JPEG" and _pixels(data, kind) <= _MOST_PIXELS:
        image = decode_jpeg(data, name)
    elif kind == "TIFF":
        image = _decode_tiff_with_alpha(data)
    if image is None:
        image = _to_rgb_u8(_decode(data, kind, name), kind, name)
    _check_shape(image, data, kind, name)
    return image


def page_count(image: Path | bytes) -> int:
    """Number of pages of a TIFF, a file or its bytes; `read_image` reads the first. 1 for other files."""
    if isinstance(image, bytes):
        return read_tiff(image).page_count if format_of(image) == "TIFF" else 1
    try:
        if not image.is_file():  # a pipe would wait for ever
            return 1
        with image.open("rb") as file:
            head = file.read(16)
            return page_count(head + file.read()) if format_of(head) == "TIFF" else 1
    except OSError:
        return 1


def _pixels(data: bytes, kind: str) -> int:
    size = size_of(data, kind)
    return size[0] * size[1] if size else 0


def _decode_tiff_with_alpha(data: bytes) -> UInt8 | None:
    """Decode an 8-bit TIFF whose colours OpenCV would multiply by alpha; None for any other."""
    if not read_tiff(data).has_alpha:
        return None
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=["TIFF"]) as image:
            if image.mode not in ("RGBA", "LA", "PA"):
                return None
            return np.asarray(image.convert("RGBA"), np.uint8)[..., :3].copy()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def read_orientation(path: Path) -> int:
    """The EXIF orientation of an image file, 1 to 8, which `read_image` applies; 1 if it has none or cannot be read."""
    try:
        data = read_regular(path)
    except (OSError, InputError):
        return 1
    return orientation_of(data, format_of(data) or "")


def _check_pixels(data: bytes, kind: str, name: str, max_pixels: int) -> None:
    size = size_of(data, kind)
    if size is None:
        raise ImageError(
            f"{name}: the {kind} does not say how large it is ({len(data):,} bytes). Convert it to PNG."
        )
    if size[0] * size[1] > max_pixels:
        raise LimitError(
            f"{name}: {size[1]:,} x {size[0]:,} px; expected at most {max_pixels:,} pixels. "
            "Make it smaller or cut it into parts."
        )


def _check_shape(image: UInt8, data: bytes, kind: str, name: str) -> None:
    """Compare what was decoded with the header, by which limits were applied."""
    height, width = image.shape[:2]
    size = size_of(data, kind)
    if size is None or (height, width) == size or (width, height) == size:  # turned upright
        return
    if kind == "TIFF" and height * width <= size[0] * size[1]:  # a tile may be larger than the page
        return
    raise ImageError(
        f"{name}: {width} x {height} px were decoded; expected {size[1]} x {size[0]} px, as the header of the {kind} "
        "says. Convert it to PNG."
    )


def _decode(data: bytes, kind: str, name: str) -> np.ndarray[Any, Any]:
    # ANYDEPTH keeps 16 bits, which IMREAD_COLOR alone cuts to the upper 8 without rounding.
    try:
        with _quiet:
            decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    except cv2.error as error:
        reason = " ".join(str(error.err).split()) or "unknown reason"
        if "CV_IO_MAX_IMAGE" in reason:
            reason = "it has more pixels than OpenCV reads, 2^30; cut it into parts"
        raise ImageError(f"{name}: the {kind} cannot be decoded ({reason}).") from None
    if decoded is None:
        raise ImageError(
            f"{name}: the {kind} is truncated, damaged or of a kind OpenCV cannot read "
            f"({len(data):,} bytes). Copy or download it again, or convert it to PNG."
        )
    return np.asarray(decoded)


def _to_rgb_u8(decoded: np.ndarray[Any, Any], kind: str, name: str) -> UInt8:
    if decoded.dtype == np.uint16:
        decoded = cv2.convertScaleAbs(decoded, alpha=1 / 257)
    if decoded.dtype != np.uint8:
        raise ImageError(
            f"{name}: a {kind} of {decoded.dtype} values; expected 8 or 16 bits a channel, unsigned. "
            "Convert it: seasift does not guess which value is white."
        )
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), dtype=np.uint8)


class _Quiet:
    """Stop OpenCV from printing while any thread decodes: defects become errors of seasift."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._level = 0
        self._logging: Any = getattr(cv2.utils, "logging", cv2)  # the switch moved in OpenCV 5

    def __enter__(self) -> None:
        with self._lock:
            if self._users == 0:
                self._level = self._logging.getLogLevel()
                self._logging.setLogLevel(0)
            self._users += 1

    def __exit__(self, *_error: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._logging.setLogLevel(self._level)


_quiet = _Quiet()


def encode_image(image_rgb_u8: UInt8, suffix: str = ".png") -> bytes:
    """Encode (H, W, 3) uint8 RGB as the file format of `suffix` (JPEG at quality 92).

    Raises:
        ImageError: an unknown suffix, or an image too large for the format.
    """
    if suffix.lower() not in SUFFIXES:
        raise ImageError(f"{suffix!r}: not an image suffix; expected one of {' '.join(sorted(SUFFIXES))}.")
    settings = [cv2.IMWRITE_JPEG_QUALITY, 92] if suffix.lower().startswith(".jp") else []
    try:
        with _quiet:
            done, data = cv2.imencode(suffix.lower(), cv2.cvtColor(image_rgb_u8, cv2.COLOR_RGB2BGR), settings)
    except cv2.error as error:
        raise ImageError(f"cannot be written as {suffix} ({error.err})") from None
    if not done:
        raise ImageError(f"an image of shape {image_rgb_u8.shape} cannot be written as {suffix}")
    return bytes(data)


def write_image(path: Path, image_rgb_u8: UInt8) -> None:
    """Write (H, W, 3) uint8 RGB in the format of the path's suffix, whole or not at all."""
    write_bytes(path, encode_image(image_rgb_u8, path.suffix))


def jpeg_uri(image_rgb_u8: UInt8, *, widest: int) -> str:
    """An image (H, W, 3) uint8 RGB as JPEG, shrunk to at most `widest` px across."""
    height, width = image_rgb_u8.shape[:2]
    if width > widest:
        size = (widest, max(1, round(height * widest / width)))
        image_rgb_u8 = np.asarray(
            cv2.resize(image_rgb_u8, size, interpolation=cv2.INTER_AREA), dtype=np.uint8
        )
    return "data:image/jpeg;base64," + base64.b64encode(encode_image(image_rgb_u8, ".jpg")).decode("ascii")


def svg_uri(svg: str) -> str:
    """An SVG document."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode("ascii")
