"""TrashCan 1.0 (Hong, Fulton, Sattar 2020, arXiv 2007.08097): labels, exact masks, published counts.

7,212 pictures of 312 videos from JAMSTEC's deep-sea archive, 480x270 or 480x360 px. Two label sets over
the same objects: instance (22 classes, 12,128 objects) and material (16 classes, 12,336 objects).
Licence: free for academic teaching and research; commercial use needs JAMSTEC's permission.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from seasift.core.errors import BadDataset
from seasift.core.masks import MaskCrop
from seasift.core.types import Bool, SizeHW
from seasift.data.coco import CocoAnnotation, CocoDataset

LABEL_SETS = ("instance", "material")
CITATION = (
    "J. Hong, M. Fulton, J. Sattar: TrashCan: A Semantically-Segmented Dataset towards Visual Detection of "
    "Marine Debris. arXiv:2007.08097 (2020)"
)
LICENCE = "academic teaching and research; commercial use needs the permission of JAMSTEC (J-EDI archive)"

# What annotators typed, and the class it stands for; digits are keys of their labelling tool. A value that
# is not here falls to the last class of its kind (etc, unknown_instance), as in the published files.
ANIMALS: Mapping[str, str] = {
    **{name: name for name in ("crab", "eel", "fish", "starfish", "shells")},
    **{" crab": "crab", "1": "eel", "ee;": "eel", "satrfish": "starfish", "shell": "shells", "6": "shells"},
}
INSTANCES: Mapping[str, str] = {
    **{
        name: name
        for name in (
            *("bag", "bottle", "branch", "can", "clothing", "container", "cup", "net", "pipe", "rope"),
            *("snack_wrapper", "tarp", "wreckage"),
        )
    },
    **{"bags": "bag", "2": "bag", "10": "branch", "cab": "can", "8\\": "can", "8": "container"},
    **{"network": "net", "17": "net", "3": "snack_wrapper", "12": "tarp", "trap": "tarp", "wreakage": "wreckage"},
}
MATERIALS: Mapping[str, str] = {
    name: name for name in ("fabric", "fishing_gear", "metal", "paper", "plastic", "rubber", "wood")
}

# Objects per class in the published train and val parts: the tables of the data set's own README files.
PUBLISHED_COUNTS: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "instance": {
        **{"animal_crab": (246, 63), "animal_eel": (259, 84), "animal_etc": (170, 65), "animal_fish": (611, 153)},
        **{"animal_shells": (188, 61), "animal_starfish": (262, 136), "plant": (405, 102), "rov": (2633, 684)},
        **{"trash_bag": (727, 181), "trash_bottle": (100, 26), "trash_branch": (268, 68), "trash_can": (366, 93)},
        **{"trash_clothing": (65, 17), "trash_container": (407, 103), "trash_cup": (47, 12)},
        **{"trash_net": (94, 33), "trash_pipe": (114, 42), "trash_rope": (88, 29)},
        **{"trash_snack_wrapper": (67, 17), "trash_tarp": (90, 31)},
        **{"trash_unknown_instance": (2203, 553), "trash_wreckage": (130, 35)},
    },
    "material": {
        **{"animal_crab": (247, 62), "animal_eel": (267, 76), "animal_etc": (180, 55), "animal_fish": (611, 153)},
        **{"animal_shells": (171, 78), "animal_starfish": (274, 124), "plant": (405, 102), "rov": (2653, 664)},
        **{"trash_etc": (1630, 409), "trash_fabric": (247, 67), "trash_fishing_gear": (127, 69)},
        **{"trash_metal": (901, 225), "trash_paper": (154, 39), "trash_plastic": (1490, 374)},
        **{"trash_rubber": (113, 29), "trash_wood": (271, 69)},
    },
}

_VIDEO = re.compile(r"vid_(\d+)_frame")


def video_of(file_name: str) -> str:
    """The video that a picture was taken from, by the number in its name.

    Raises:
        BadDataset: a name of another form.
    """
    match = _VIDEO.search(file_name)
    if not match:
        raise BadDataset(f"{file_name}: no video number; expected a name such as vid_000123_frame0000001.jpg")
    return match.group(1)


@dataclass(frozen=True)
class OriginalObject:
    """One bitmap of the original (Supervisely) annotations.

    Attributes:
        title: rov, bio, trash or unknown.
        tags: name to value, as typed.
        mask: exact, holes kept.
        key: joins bitmaps of one picture into one object; None for most.
    """

    title: str
    tags: Mapping[str, str | None]
    mask: MaskCrop
    key: str | None


def read_original(document: Mapping[str, Any], name: str) -> list[OriginalObject]:
    """The objects of one original annotation file.

    Raises:
        BadDataset: not of the known form.
    """
    try:
        return [
            OriginalObject(
                item["classTitle"],
                {tag["name"]: tag.get("value") for tag in item["tags"]},
                decode_bitmap(item["bitmap"]["data"], item["bitmap"]["origin"]),
                item.get("instance"),
            )
            for item in document["objects"]
        ]
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise BadDataset(
            f"{name}: not an original annotation of TrashCan ({type(error).__name__}: {error}). Unpack the archive again"
        ) from None


def decode_bitmap(data: str, origin: Sequence[int]) -> MaskCrop:
    """A Supervisely bitmap (zlib and base64 around a PNG with alpha) with its corner at `origin` (x, y)."""
    png = np.frombuffer(zlib.decompress(base64.b64decode(data)), dtype=np.uint8)
    pixels = cv2.imdecode(png, cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError("a bitmap that is not a PNG")
    return MaskCrop.from_bitmap((pixels[..., -1] if pixels.ndim == 3 else pixels) > 0, int(origin[0]), int(origin[1]))


def label_of(title: str, tags: Mapping[str, str | None], label_set: str) -> str:
    """The published class of an original object."""
    if title == "rov":
        return "rov"
    if title == "bio":
        return "plant" if "plant" in tags else f"animal_{ANIMALS.get(tags.get('animal') or '', 'etc')}"
    known = title == "trash"
    if label_set == "instance":
        rest = "unknown_instance"
        return f"trash_{INSTANCES.get(tags.get('instance') or '', rest) if known else rest}"
    return f"trash_{MATERIALS.get(tags.get('material') or '', 'etc') if known else 'etc'}"


def exact_annotations(
    published: Sequence[CocoAnnotation],
    names: Mapping[int, str],
    originals: Sequence[OriginalObject],
    size_hw: SizeHW,
    label_set: str,
) -> list[CocoAnnotation]:
    """The published objects of one picture with their exact masks.

    Every published object keeps its id and class; its mask becomes the union of the original bitmaps that
    it was drawn from: those of one key together, any other alone. So counts stay the published ones.

    Raises:
        BadDataset: a published object without bitmaps of its class.
    """
    free = dict(enumerate(originals))
    labels = {i: label_of(o.title, o.tags, label_set) for i, o in free.items()}
    full = {i: o.mask.bitmap(size_hw) for i, o in free.items()}
    exact = []
    for annotation in published:
        drawn = _unshifted(annotation.mask((size_hw[0] + 1, size_hw[1] + 1)), size_hw)
        candidates = [i for i in free if labels[i] == names[annotation.category_id]]
        members = _members(drawn, candidates, originals, full)
        if not members:
            raise BadDataset(
                f"annotation {annotation.id} ({names[annotation.category_id]}): no original bitmap of its class lies "
                "there; expected one. Unpack the archive again"
            )
        joined = np.logical_or.reduce([full[i] for i in members])
        exact.append(_with_mask(annotation, MaskCrop.from_bitmap(joined), size_hw))
        if originals[members[0]].key is None:
            del free[members[0]]
    return exact


def _members(
    drawn: Bool, candidates: Sequence[int], originals: Sequence[OriginalObject], full: Mapping[int, Bool]
) -> list[int]:
    """The bitmap, or the bitmaps of one key, that agree best with what was drawn."""
    groups = [[i] for i in candidates if originals[i].key is None]
    for key in sorted({originals[i].key or "" for i in candidates} - {""}):
        same = [i for i in candidates if originals[i].key == key]
        covered = [i for i in same if (full[i] & drawn).sum() > 0.5 * full[i].sum()]
        groups += [covered] if covered else []
    scored = [(_iou(np.logical_or.reduce([full[i] for i in group]), drawn), group) for group in groups]
    best = max(scored, key=lambda pair: pair[0], default=(0.0, []))
    return best[1] if best[0] > 0 else []


def _unshifted(mask: MaskCrop, size_hw: SizeHW) -> Bool:
    """Published polygons lie one pixel too far right and down."""
    return MaskCrop(mask.crop, mask.x0 - 1, mask.y0 - 1).bitmap(size_hw)


def _iou(a: Bool, b: Bool) -> float:
    return float((a & b).sum() / max((a | b).sum(), 1))


def _with_mask(annotation: CocoAnnotation, mask: MaskCrop, size_hw: SizeHW) -> CocoAnnotation:
    x1, y1, x2, y2 = mask.box_xyxy
    return CocoAnnotation(
        annotation.id,
        annotation.image_id,
        annotation.category_id,
        (float(x1), float(y1), float(x2 - x1), float(y2 - y1)),
        float(mask.area),
        annotation.iscrowd,
        mask.rle(size_hw),
    )


def check_counts(coco: CocoDataset, label_set: str, part: str) -> None:
    """Hold the objects per class of a published part to the data set's own table.

    Raises:
        BadDataset: lists every class that differs.
    """
    names = {category.id: category.name for category in coco.categories}
    counts = Counter(names[annotation.category_id] for annotation in coco.annotations)
    expected = {name: pair[part == "val"] for name, pair in PUBLISHED_COUNTS[label_set].items()}
    wrong = [
        f"{name}: got {counts[name]}, expected {expected.get(name, 0)}"
        for name in sorted(expected.keys() | counts.keys())
        if counts[name] != expected.get(name, 0)
    ]
    if wrong:
        raise BadDataset(
            f"{label_set} {part}: objects per class differ from the data set's README table ({'; '.join(wrong)}). "
            "Unpack the published archive again"
        )
