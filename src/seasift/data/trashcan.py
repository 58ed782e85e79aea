"""TrashCan 1.0 (Hong, Fulton, Sattar 2020, arXiv 2007.08097): published facts and original annotations.

7,212 images of 312 videos from JAMSTEC's deep-sea archive, 480x270 or 480x360 px. Two label sets over
the same objects: instance (22 classes, 12,128 objects) and material (16 classes, 12,336 objects).
Licence: free for academic teaching and research; commercial use needs JAMSTEC's permission.

The annotators' bitmaps come in Supervisely files, with tags and with keys that join bitmaps. `published_class` and
`published_objects` lead from them to the published objects and classes.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from seasift.core.errors import DatasetError
from seasift.core.image_format import size_of
from seasift.core.masks import MaskCrop
from seasift.data.coco import CocoDataset


@dataclass(frozen=True)
class OriginalObject:
    """One bitmap of an annotation file.

    Attributes:
        title: class of the drawn bitmap; in TrashCan rov, bio, trash or unknown.
        tags: name to the typed value.
        mask: exact, holes kept.
        key: joins bitmaps of one image into one object; None for most.
    """

    title: str
    tags: Mapping[str, str | None]
    mask: MaskCrop
    key: str | None


def read_original(data: bytes, name: str) -> list[OriginalObject]:
    """The objects of one annotation file, in its order.

    Args:
        data: bytes of the file.
        name: of the file, for errors.
    Raises:
        DatasetError: of an unknown form.
    """
    try:
        return [
            OriginalObject(
                item["classTitle"],
                {tag["name"]: tag.get("value") for tag in item["tags"]},
                decode_bitmap(item["bitmap"]["data"], item["bitmap"]["origin"]),
                item.get("instance"),
            )
            for item in json.loads(data)["objects"]
        ]
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError, zlib.error) as error:
        raise DatasetError(
            f"{name}: not a Supervisely annotation with bitmaps ({type(error).__name__}: {error}); expected that of "
            "the published archive. Unpack or download it again"
        ) from None


_MOST_BYTES, _MOST_PIXELS = 64 << 20, 1 << 26


def decode_bitmap(data: str, origin: Sequence[int]) -> MaskCrop:
    """A bitmap (zlib and base64 around a PNG with alpha) with its upper left corner at `origin` (x, y).

    Raises:
        ValueError, zlib.error: not such a bitmap.
    """
    try:
        packed = base64.b64decode(data, validate=True)
        unpacking = zlib.decompressobj()
        unpacked = unpacking.decompress(packed, _MOST_BYTES)
        if not unpacking.eof:
            raise ValueError(f"a bitmap that breaks off, or of more than {_MOST_BYTES:,} bytes")
        size_hw = size_of(unpacked, "PNG")
        if size_hw is not None and size_hw[0] * size_hw[1] > _MOST_PIXELS:
            raise ValueError(f"a bitmap of {size_hw[1]} x {size_hw[0]} px; at most {_MOST_PIXELS:,} px")
        png = np.frombuffer(unpacked, dtype=np.uint8)
    except binascii.Error as error:
        raise ValueError(f"a bitmap is not base64: {error}") from None
    pixels = cv2.imdecode(png, cv2.IMREAD_UNCHANGED) if len(png) else None
    if pixels is None:
        raise ValueError("a bitmap that is not a PNG")
    drawn = (pixels[..., -1] if pixels.ndim == 3 else pixels) > 0
    return MaskCrop.from_bitmap(drawn, int(origin[0]), int(origin[1]))


# Typed values and their classes. Digits are keys of the labelling tool. Every value in the archive is here. The published
# files use "etc" and "unknown_instance" for objects without a class.
ANIMALS: Mapping[str, str] = {
    "crab": "crab",
    " crab": "crab",
    "eel": "eel",
    "ee;": "eel",
    "1": "eel",
    "fish": "fish",
    "starfish": "starfish",
    "satrfish": "starfish",
    "shells": "shells",
    "shell": "shells",
    "6": "shells",
    **dict.fromkeys(("crawfish", "jellyfish", "lobster", "octopus", "shrimp", "squid", "stingray"), "etc"),
    **dict.fromkeys(("turtle", "unknown", "b", "2", "3", "7", "8", "9"), "etc"),
}
INSTANCES: Mapping[str, str] = {
    "bag": "bag",
    "bags": "bag",
    "2": "bag",
    "bottle": "bottle",
    "branch": "branch",
    "10": "branch",
    "can": "can",
    "cab": "can",
    "8\\": "can",
    "clothing": "clothing",
    "container": "container",
    "8": "container",
    "cup": "cup",
    "net": "net",
    "network": "net",
    "17": "net",
    "pipe": "pipe",
    "rope": "rope",
    "snack_wrapper": "snack_wrapper",
    "3": "snack_wrapper",
    "tarp": "tarp",
    "trap": "tarp",
    "12": "tarp",
    "wreckage": "wreckage",
    "wreakage": "wreckage",
    **dict.fromkeys(("unknown_instance", "unknown_instances", "unknown", "etc"), "unknown_instance"),
    **dict.fromkeys(("unknwon_instance", "unkown_instance", "unkonwn_instance"), "unknown_instance"),
    **dict.fromkeys(("uknwon_instance", "eel", "4", "5", "9", "13"), "unknown_instance"),
    **dict.fromkeys(("box", "bucket", "cage", "glove", "hose", "paper", "tire", "wire"), "unknown_instance"),
}
MATERIALS: Mapping[str, str] = {
    **{name: name for name in ("fabric", "fishing_gear", "metal", "paper", "plastic", "rubber", "wood")},
    **dict.fromkeys(("etc", "glass"), "etc"),
}


def label_of(title: str, tags: Mapping[str, str | None], label_set: str, location: str) -> str:
    """The published class of an object, by its title and its tags.

    rov is rov with any tags. bio is plant with the tag plant, else an animal by the tag animal. trash has the class of
    the label set's tag, and unknown counts as trash without that tag.

    Raises:
        DatasetError: a title or value that is not in the tables; the message names `location`.
    """
    if title == "rov":
        return "rov"
    if title == "bio":
        return (
            "plant" if "plant" in tags else f"animal_{_looked_up(ANIMALS, tags, 'animal', 'etc', location)}"
        )
    if title not in ("trash", "unknown"):
        raise DatasetError(
            f"{location}: title {title!r}; expected rov, bio, trash or unknown. Use the published archive"
        )
    tags = tags if title == "trash" else {}
    if label_set == "instance":
        return f"trash_{_looked_up(INSTANCES, tags, 'instance', 'unknown_instance', location)}"
    return f"trash_{_looked_up(MATERIALS, tags, 'material', 'etc', location)}"


def published_groups(originals: Sequence[OriginalObject], label_set: str) -> list[list[int]]:
    """The bitmaps of each published object of an image, in the published order.

    A bitmap without a key is an object; two with one key are one object. The published files write three or more with one
    key (25 images, all rov) as two overlapping objects, each with the first bitmap, and lose the next object with another
    key. The same is done here, so that counts are the published ones. In the instance set, trash without any tag is left
    out.

    Returns:
        Indices of bitmaps; title and tags of the first of each object count.
    """
    groups: list[list[int]] = []
    done: set[int] = set()
    for index, original in enumerate(originals):
        if index in done:
            continue
        if original.key is None:
            groups.append([index])
            continue
        members = [i for i, other in enumerate(originals) if other.key == original.key]
        done.update(members)
        if len(members) < 3:
            groups.append(members)
        else:
            first = _joined_walking(originals, index)
            groups += [first, [index, *(i for i in members if i not in first)]]
            done.update([i for i in range(index, len(originals)) if i not in members][:1])
    untagged_counts = label_set != "instance"
    return [group for group in groups if untagged_counts or not _is_untagged_trash(originals[group[0]])]


def _joined_walking(originals: Sequence[OriginalObject], start: int) -> list[int]:
    """Join the bitmaps with the key of `start`, and skip the bitmap after a joined one."""
    joined, location = [start], start + 1
    while location < len(originals):
        if originals[location].key == originals[start].key:
            joined.append(location)
            location += 1
        location += 1
    return joined


def _is_untagged_trash(original: OriginalObject) -> bool:
    return original.title == "trash" and not original.tags


def _looked_up(
    table: Mapping[str, str], tags: Mapping[str, str | None], tag: str, without: str, location: str
) -> str:
    typed = tags.get(tag)
    if typed is None:
        return without
    if typed not in table:
        raise DatasetError(
            f"{location}: tag {tag} is {typed!r}; expected one of: {_listed(table)}. Use the published archive"
        )
    return table[typed]


def _listed(values: Iterable[str]) -> str:
    return ", ".join(repr(value) for value in values)


LABEL_SETS = ("instance", "material")
CITATION = (
    "J. Hong, M. Fulton, J. Sattar: TrashCan: A Semantically-Segmented Dataset towards Visual Detection of "
    "Marine Debris. arXiv:2007.08097 (2020)"
)
LICENCE = "academic teaching and research; commercial use needs the permission of JAMSTEC (J-EDI archive)"

# Objects per class in the published train and val splits: the columns Train # and Val # of the tables in the data
# set's README files. Their Total # is larger for some classes: it counts bitmaps before they were joined.
PUBLISHED_COUNTS: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "instance": {
        **{
            "animal_crab": (246, 63),
            "animal_eel": (259, 84),
            "animal_etc": (170, 65),
            "animal_fish": (611, 153),
        },
        **{
            "animal_shells": (188, 61),
            "animal_starfish": (262, 136),
            "plant": (405, 102),
            "rov": (2633, 684),
        },
        **{
            "trash_bag": (727, 181),
            "trash_bottle": (100, 26),
            "trash_branch": (268, 68),
            "trash_can": (366, 93),
        },
        **{"trash_clothing": (65, 17), "trash_container": (407, 103), "trash_cup": (47, 12)},
        **{"trash_net": (94, 33), "trash_pipe": (114, 42), "trash_rope": (88, 29)},
        **{"trash_snack_wrapper": (67, 17), "trash_tarp": (90, 31)},
        **{"trash_unknown_instance": (2203, 553), "trash_wreckage": (130, 35)},
    },
    "material": {
        **{
            "animal_crab": (247, 62),
            "animal_eel": (267, 76),
            "animal_etc": (180, 55),
            "animal_fish": (611, 153),
        },
        **{
            "animal_shells": (171, 78),
            "animal_starfish": (274, 124),
            "plant": (405, 102),
            "rov": (2653, 664),
        },
        **{"trash_etc": (1630, 409), "trash_fabric": (247, 67), "trash_fishing_gear": (127, 69)},
        **{"trash_metal": (901, 225), "trash_paper": (154, 39), "trash_plastic": (1490, 374)},
        **{"trash_rubber": (113, 29), "trash_wood": (271, 69)},
    },
}

# The video of an image, in its file name.
VIDEO = r"vid_(\d+)_frame"


def check_counts(coco: CocoDataset, label_set: str, split: str) -> None:
    """Compare the objects per class of a published split with the data set's own table.

    Raises:
        DatasetError: lists every class that differs.
    """
    names = {category.id: category.name for category in coco.categories}
    counts = Counter(names[annotation.category_id] for annotation in coco.annotations)
    expected = {name: pair[split == "val"] for name, pair in PUBLISHED_COUNTS[label_set].items()}
    wrong = [
        f"{name}: got {counts[name]}, expected {expected.get(name, 0)}"
        for name in sorted(expected.keys() | counts.keys())
        if counts[name] != expected.get(name, 0)
    ]
    if wrong:
        raise DatasetError(
            f"{label_set} {split}: objects per class differ from the data set's README table ({'; '.join(wrong)}). "
            "Unpack the published archive again"
        )
