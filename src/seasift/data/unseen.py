"""What is new in evaluated images to a model that was trained on others: nothing, the image, the video, the dive."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from seasift.core.errors import DatasetError
from seasift.data.prepared import PreparedDataset

SEEN, SAME_VIDEO, SAME_DIVE, NEW_DIVE, OTHER_VIDEO, UNKNOWN = RELATIONS = (
    *("same image", "same video", "same dive", "new dive", "other video", "unknown dive"),
)
"""Nearest first. "other video": no dive is known of any image; "unknown dive": not of this one, nor its video seen."""
_SPLIT = re.compile(r"(?P<scheme>[^\s/]+)/(?P<split>[^\s/\[]+)(\[\d+\])?$")


def trained_images(training: Mapping[str, Any], data: PreparedDataset) -> tuple[list[str], set[str]]:
    """The splits of a prepared data set that a model was trained on, and their file names.

    Args:
        training: what a model file says of its training, with the trainings "before" it.
        data: the data set; trainings on others do not count.
    """
    names: list[str] = []
    images: set[str] = set()
    for each in (training, *(training.get("before") or ())):
        about = each.get("data") if isinstance(each, Mapping) else None
        if not isinstance(about, Mapping) or about.get("fingerprint") != data.fingerprint:
            continue
        match = _SPLIT.search(str(about.get("train", "")))
        if match is None:
            continue
        try:
            found = data.names(match["scheme"], match["split"])
        except DatasetError:  # a split that the data set does not have any more
            continue
        names.append(f"{match['scheme']}/{match['split']}")
        images.update(found)
    return list(dict.fromkeys(names)), images


def relations(
    file_names: Collection[str],
    trained: Collection[str],
    group_of: Mapping[str, str],
    dive_of: Mapping[str, str],
) -> dict[str, str]:
    """How near each image is to those of the training: one of `RELATIONS`, the nearest.

    Args:
        file_names: of the evaluated images.
        trained: file names of the training.
        group_of: file name to video, of both.
        dive_of: file name to dive, of both, where it is known.
    """
    videos = {group_of[name] for name in trained if name in group_of}
    dives = {dive_of[name] for name in trained if name in dive_of}
    seen = set(trained)

    def relation(name: str) -> str:
        if name in seen:
            return SEEN
        if group_of.get(name) in videos:
            return SAME_VIDEO
        if name in dive_of:
            return SAME_DIVE if dive_of[name] in dives else NEW_DIVE
        return UNKNOWN if dive_of else OTHER_VIDEO

    return {name: relation(name) for name in file_names}
