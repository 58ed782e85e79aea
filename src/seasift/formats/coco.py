"""Results as a COCO document: images, categories and scored annotations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from seasift.core.errors import DatasetError, InputError, hint
from seasift.core.files import read_regular
from seasift.core.masks import from_coco
from seasift.formats.document import Document, FoundObject, Image


@dataclass(frozen=True)
class TruthIds:
    """The ids of images and categories in a ground-truth file.

    Attributes:
        name: name of the file, for errors.
        images: its image entries by file name.
        categories: its category entries by name.
    """

    name: str
    images: Mapping[str, Mapping[str, Any]]
    categories: Mapping[str, Mapping[str, Any]]

    def image(self, file: str) -> Mapping[str, Any] | None:
        """The entry whose file name is the end of `file`, by whole folders; the longest if several match."""
        parts = PurePosixPath(file).parts
        for start in range(len(parts)):
            name = "/".join(parts[start:])
            if name in self.images:
                return self.images[name]
        return None

    def check(self, files: Iterable[str], classes: Iterable[str]) -> None:
        """Check the images and classes of a prediction against the file.

        Raises:
            InputError: the file lacks images or classes; the message lists them.
        """
        strange = [name for name in classes if name not in self.categories]
        if strange:
            listed = ", ".join(repr(name) + hint(name, self.categories) for name in strange)
            raise InputError(
                f"{self.name}: has no category {listed}. Limit the prediction with --classes, "
                "or give the ground truth this model was made for."
            )
        unknown = [file for file in files if self.image(file) is None]
        if unknown:
            more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
            raise InputError(
                f"{self.name}: has no image {', '.join(map(repr, unknown[:5]))}{more}; expected an entry "
                "whose file_name is the end of the image's path. Predict only images in this file."
            )

    def check_size(self, image: Image) -> None:
        """Check the size of an image against the file.

        Raises:
            InputError: the sizes differ, so masks and boxes cannot be compared.
        """
        true = self.image(image.file) or {}
        size = {"width": image.width, "height": image.height}
        if any(true.get(key, value) != value for key, value in size.items()):
            raise InputError(
                f"{image.file}: {image.width} x {image.height} px; {self.name} says {true.get('width')} x "
                f"{true.get('height')}. Predict the images that were annotated."
            )


def read_truth_ids(path: Path) -> TruthIds:
    """Read images and categories of a COCO ground-truth file.

    Raises:
        DatasetError: missing, not JSON, or not COCO.
    """
    try:
        document = json.loads(read_regular(path, DatasetError))
        images = {str(PurePosixPath(entry["file_name"])): entry for entry in document["images"]}
        categories = {entry["name"]: entry for entry in document["categories"]}
        for entry in (*images.values(), *categories.values()):
            if not isinstance(entry["id"], int):
                raise DatasetError(f"{path}: the id {entry['id']!r} is no integer.")
    except FileNotFoundError:
        raise DatasetError(f"{path}: no such file. Check the name and the folder you are in.") from None
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror or 'a folder?'}).") from None
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: not JSON ({error}); expected a COCO ground-truth file.") from None
    except (KeyError, TypeError) as error:
        what = f"an entry lacks {error}" if isinstance(error, KeyError) else "entries of a wrong type"
        raise DatasetError(f"{path}: not a COCO ground-truth file ({what}).") from None
    return TruthIds(str(path), images, categories)


def to_coco(
    document: Document,
    *,
    masks: str = "rle",
    file_names: Mapping[str, str] | None = None,
    like: TruthIds | None = None,
) -> dict[str, Any]:
    """Convert a document to COCO.

    `category_id` and `score` are those of the class, as evaluation needs them; a rolled-up name is in `rollup`.

    Args:
        document: the result.
        masks: "rle" (exact) or "polygons" (an object whose outline is empty keeps its RLE).
        file_names: name in COCO for each `file`; default: the same name.
        like: take image ids and names, and category ids, from a ground truth. Otherwise image ids count from 1 and
            categories keep the model's ids.
    Returns:
        `{"info", "images", "categories", "annotations"}`; COCO's `loadRes` takes `annotations` alone.
    Raises:
        InputError: an image, class or image size differs from the ground truth.
    """
    used = document.classes or [category.name for category in document.categories]
    if like:
        like.check((image.file for image in document.images), used)
    category_ids = {name: like.categories[name]["id"] for name in used} if like else {}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, image in enumerate(document.images, start=1):
        entry = _image_entry(image, number, file_names or {}, like)
        images.append(entry)
        for found in image.objects:
            ids = {
                "id": len(annotations) + 1,
                "image_id": entry["id"],
                "category_id": category_ids.get(found.name, found.category_id),
            }
            annotations.append({**ids, **_annotation(found, image, masks)})
    return {
        "info": _info(document),
        "images": images,
        "categories": list(like.categories.values())
        if like
        else [category.model_dump() for category in document.categories],
        "annotations": annotations,
    }


def _image_entry(
    image: Image, number: int, file_names: Mapping[str, str], like: TruthIds | None
) -> dict[str, Any]:
    if like:
        like.check_size(image)
    true = like.image(image.file) if like else None
    size = {"width": image.width, "height": image.height}
    if true is None:
        return {"id": number, "file_name": file_names.get(image.file, image.file), **size}
    return {"id": true["id"], "file_name": true["file_name"], **size}


def _annotation(found: FoundObject, image: Image, masks: str) -> dict[str, Any]:
    x, y, width, height = found.box_xywh
    entry: dict[str, Any] = {
        "bbox": [x, y, width, height],
        "area": width * height if found.area_px is None else found.area_px,
        "iscrowd": 0,
        "score": found.score,
    }
    if found.mask:
        rle = found.mask.model_dump()
        outlines = from_coco(rle, (image.height, image.width)).polygons() if masks == "polygons" else []
        entry["segmentation"] = outlines or rle
    if found.rollup:
        entry["rollup"] = found.rollup.model_dump()
    return entry


def _info(document: Document) -> dict[str, Any]:
    return {
        "description": f"predictions of {document.model.name} at scores of {document.threshold} and more",
        "seasift": document.seasift,
        "model_sha256": document.model.sha256,
        "engine": document.engine,
        "precision": document.precision,
    }


def to_text(value: dict[str, Any]) -> str:
    """A COCO document as JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n"
