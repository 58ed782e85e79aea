"""From what TrashCan's annotators drew and typed to the published objects and classes.

Found by comparison with the published COCO files, whose objects these rules give for each of the 7,212 pictures
in both label sets, class by class and in the same order (a slow test holds that).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from seasift.core.errors import BadDataset
from seasift.data.supervisely import OriginalObject

# What annotators typed, and the class it stands for. Digits are keys of their labelling tool. Every value in
# the archive is here; "etc" and "unknown_instance" are where the published files put what has no class.
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


def label_of(title: str, tags: Mapping[str, str | None], label_set: str, place: str) -> str:
    """The published class of an object, by the title it was drawn as and its tags.

    rov is rov, whatever its tags. bio is plant if it has the tag plant, else an animal by the tag animal.
    trash goes by the tag of the label set, unknown counts as trash without that tag.

    Raises:
        BadDataset: a title or value that is not in the tables; `place` is named.
    """
    if title == "rov":
        return "rov"
    if title == "bio":
        return "plant" if "plant" in tags else f"animal_{_looked_up(ANIMALS, tags, 'animal', 'etc', place)}"
    if title not in ("trash", "unknown"):
        raise BadDataset(
            f"{place}: drawn as {title!r}; expected rov, bio, trash or unknown. Use the published archive"
        )
    tags = tags if title == "trash" else {}
    if label_set == "instance":
        return f"trash_{_looked_up(INSTANCES, tags, 'instance', 'unknown_instance', place)}"
    return f"trash_{_looked_up(MATERIALS, tags, 'material', 'etc', place)}"


def published_groups(originals: Sequence[OriginalObject], label_set: str) -> list[list[int]]:
    """Which bitmaps of one picture make up its published objects, in the published order.

    A bitmap without a key is an object; two of one key are one object. Three or more of one key (25 pictures,
    all rov) the published files write as two overlapping objects, each with the first bitmap, and they lose the
    next object of another key. Their counts are the published ones, so this is kept. In the instance set,
    trash without any tag is left out.

    Returns:
        Indices of bitmaps, the first of each object being the one whose title and tags count.
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
    """Walk on from `start`, joining what has its key; whatever follows a joined one is passed over."""
    joined, place = [start], start + 1
    while place < len(originals):
        if originals[place].key == originals[start].key:
            joined.append(place)
            place += 1
        place += 1
    return joined


def _is_untagged_trash(original: OriginalObject) -> bool:
    return original.title == "trash" and not original.tags


def _looked_up(
    table: Mapping[str, str], tags: Mapping[str, str | None], tag: str, without: str, place: str
) -> str:
    typed = tags.get(tag)
    if typed is None:
        return without
    if typed not in table:
        raise BadDataset(
            f"{place}: tag {tag} is {typed!r}; expected one of: {_listed(table)}. Use the published archive"
        )
    return table[typed]


def _listed(values: Iterable[str]) -> str:
    return ", ".join(repr(value) for value in values)
