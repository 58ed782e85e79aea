"""The content of a data set to prepare, from any source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from seasift.core.errors import DatasetError
from seasift.data.coco import CocoDataset
from seasift.data.dives import VideoFacts
from seasift.data.source import Source

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Content:
    """A data set before it is written.

    Attributes:
        name: of the data set.
        annotations: "{labels}-{masks}" to a COCO document over all images.
        source: where the images are.
        images: file name to path in the source.
        schemes: splitting scheme to split to file names.
        defaults: "labels", "masks" and "split" (the scheme) that are used if none is given.
        about: licence, citation, and the group (a regular expression) that schemes must keep in one split.
        videos: facts of videos by the name that the group finds.
    """

    name: str
    annotations: Mapping[str, CocoDataset]
    source: Source
    images: Mapping[str, str]
    schemes: Mapping[str, Mapping[str, list[str]]]
    defaults: Mapping[str, str]
    about: Mapping[str, Any] = field(default_factory=dict)
    videos: Mapping[str, VideoFacts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.images:
            _check_name(name)
        for scheme, splits in self.schemes.items():
            strangers = [n for names in splits.values() for n in names if n not in self.images]
            if strangers:
                raise DatasetError(
                    f"scheme {scheme}: {len(strangers)} of its files are not in the data set, first {strangers[0]}; "
                    "expected only files that are. Use the whole published archive"
                )


def _check_name(name: str) -> None:
    """Refuse names outside the folder of images, and names that break lists of names."""
    as_windows = PureWindowsPath(name)
    if as_windows.anchor or PurePosixPath(name).is_absolute() or ".." in as_windows.parts or "\\" in name:
        raise DatasetError(
            f"{name!r}: an image's file_name that leads out of its folder; expected a relative name with '/'. "
            "Rename it in the COCO file"
        )
    if any(ord(letter) < 32 for letter in name):
        raise DatasetError(f"{name!r}: an image's file_name with a control character. Rename the file")
