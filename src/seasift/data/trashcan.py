"""TrashCan 1.0 (Hong, Fulton, Sattar 2020, arXiv 2007.08097): published facts.

7,212 pictures of 312 videos from JAMSTEC's deep-sea archive, 480x270 or 480x360 px. Two label sets over
the same objects: instance (22 classes, 12,128 objects) and material (16 classes, 12,336 objects).
Licence: free for academic teaching and research; commercial use needs JAMSTEC's permission.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from seasift.core.errors import BadDataset
from seasift.data.coco import CocoDataset

LABEL_SETS = ("instance", "material")
CITATION = (
    "J. Hong, M. Fulton, J. Sattar: TrashCan: A Semantically-Segmented Dataset towards Visual Detection of "
    "Marine Debris. arXiv:2007.08097 (2020)"
)
LICENCE = "academic teaching and research; commercial use needs the permission of JAMSTEC (J-EDI archive)"

# Objects per class in the published train and val parts: the columns Train # and Val # of the tables in the data
# set's own README files. Their Total # is larger for some classes: it counts before bitmaps were joined.
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

# The video that a picture was taken from, in its file name.
VIDEO = r"vid_(\d+)_frame"


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
