"""The table of formats, and detection of a file's format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from seasift.core.errors import InputError, hint
from seasift.core.files import MOST_BYTES, check_regular
from seasift.formats import document, tracks
from seasift.formats.exchange import (
    biigle_csv,
    coco_video,
    cvat_xml,
    darwin_core,
    fathomnet_csv,
    geojson,
    ifdo,
    label_studio,
    megadetector,
    native,
    viame_csv,
)
from seasift.formats.exchange.content import Content, ReadOptions, WriteOptions, checked, reading

Read = Callable[[Path, ReadOptions], Content]
Write = Callable[[Path, Content, WriteOptions], list[str]]

ALL = ("tracks", "outlines", "masks", "scores", "times", "positions")


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        name: name on the command line.
        title: name for people.
        suffixes: suffixes of its files.
        sniff: whether the first 64 KiB of a file are of this format.
        write: writes a file and returns notes for the user, a line each.
        holds: members of `ALL` that it keeps besides boxes and classes.
        one_video: whether a file holds one video; several videos get a file each. (A KWCOCO file can hold several, but
            DIVE shows them on one time line.)
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    sniff: Callable[[str], bool]
    read: Read
    write: Write
    holds: frozenset[str]
    one_video: bool = False


def _has(*words: str) -> Callable[[str], bool]:
    return lambda head: all(word in head for word in words)


def _coco(head: str) -> bool:
    keys = ('"annotations"', '"images"', '"categories"', '"info"', '"videos"')
    return head.lstrip().startswith("{") and sum(key in head for key in keys) > 0 and '"bbox"' in head


def _viame(head: str) -> bool:
    line = next((line for line in head.splitlines() if line.strip() and not line.startswith("#")), "")
    fields = line.split(",")
    try:
        [float(fields[index]) for index in (0, 2, 3, 4, 5, 6, 7, 8)]
    except (ValueError, IndexError):
        return head.startswith("# 1: Detection or Track-id")
    return True


def _first_line(*names: str) -> Callable[[str], bool]:
    def sniff(head: str) -> bool:
        columns = [name.strip().lower() for name in (head.splitlines() or [""])[0].split(",")]
        return all(name in columns for name in names)

    return sniff


def _fathomnet(head: str) -> bool:
    return any(
        _first_line(concept, image, "x", "y", "width", "height")(head)
        for concept in ("concept", "class", "name")
        for image in ("image", "url")
    )


def _biigle(head: str) -> bool:
    return _first_line("label_name", "shape_name", "points")(head)


_JSON, _CSV = (".json",), (".csv",)

# In order of detection, from the most certain sign to the least certain.
FORMATS: tuple[Format, ...] = (
    Format(
        "seasift-tracks",
        "seasift's tracks document",
        _JSON,
        _has(f'"{tracks.SCHEMA}"'),
        native.read_tracks,
        native.write_tracks,
        frozenset(ALL),
    ),
    Format(
        "seasift-predictions",
        "seasift's predictions document",
        _JSON,
        _has(f'"{document.SCHEMA}"'),
        native.read_predictions,
        native.write_predictions,
        frozenset({"outlines", "masks", "scores", "times"}),
    ),
    Format(
        "megadetector",
        "MegaDetector JSON",
        _JSON,
        _has('"detection_categories"'),
        megadetector.read,
        megadetector.write,
        frozenset({"scores", "times"}),
    ),
    Format(
        "ifdo",
        "iFDO (FAIR image metadata)",
        (".yaml", ".yml", ".json"),
        _has("image-set-header"),
        ifdo.read,
        ifdo.write,
        frozenset({"tracks", "outlines", "scores", "times", "positions"}),
    ),
    Format(
        "geojson",
        "GeoJSON of positions",
        (".geojson", ".json"),
        _has('"FeatureCollection"'),
        geojson.read,
        geojson.write,
        frozenset({"tracks", "scores", "times", "positions"}),
    ),
    Format(
        "label-studio",
        "Label Studio JSON",
        _JSON,
        lambda head: '"data"' in head and ('"result"' in head or '"annotations"' in head),
        label_studio.read,
        label_studio.write,
        frozenset({"tracks", "outlines", "scores", "times"}),
    ),
    Format(
        "kwcoco",
        "KWCOCO",
        _JSON,
        lambda head: _coco(head) and ('"tracks"' in head or '"track_id"' in head),
        coco_video.read,
        coco_video.write_kwcoco,
        frozenset({"tracks", "outlines", "masks", "scores", "times"}),
        one_video=True,
    ),
    Format(
        "coco",
        "COCO",
        _JSON,
        _coco,
        coco_video.read,
        coco_video.write_coco,
        frozenset({"tracks", "outlines", "masks", "scores", "times"}),
    ),
    Format(
        "cvat",
        "CVAT XML",
        (".xml",),
        _has("<annotations"),
        cvat_xml.read,
        cvat_xml.write,
        frozenset({"tracks", "outlines", "scores", "times"}),
        one_video=True,
    ),
    Format(
        "biigle-csv",
        "BIIGLE CSV",
        _CSV,
        _biigle,
        biigle_csv.read,
        biigle_csv.write,
        frozenset({"tracks", "outlines", "times"}),
    ),
    Format(
        "darwin-core",
        "Darwin Core occurrences",
        _CSV,
        _first_line("occurrenceid", "basisofrecord"),
        darwin_core.read,
        darwin_core.write,
        frozenset({"tracks", "scores", "times", "positions"}),
    ),
    Format(
        "fathomnet-csv",
        "FathomNet CSV",
        _CSV,
        _fathomnet,
        fathomnet_csv.read,
        fathomnet_csv.write,
        frozenset({"times", "positions"}),
    ),
    Format(
        "viame-csv",
        "VIAME CSV",
        _CSV,
        _viame,
        viame_csv.read,
        viame_csv.write,
        frozenset({"tracks", "outlines", "scores", "times"}),
        one_video=True,
    ),
)
BY_NAME = {entry.name: entry for entry in FORMATS}


def named(name: str) -> Format:
    """The format with this name.

    Raises:
        InputError: no such format.
    """
    if name not in BY_NAME:
        raise InputError(f"no format {name!r}{hint(name, BY_NAME)}; expected one of {', '.join(BY_NAME)}.")
    return BY_NAME[name]


def guess(path: Path) -> Format:
    """The format of a file, by its name and its beginning.

    Raises:
        InputError: no format fits.
    """
    head = native.json_head(path).lstrip("\ufeff")
    for entry in FORMATS:
        if path.suffix.lower() in entry.suffixes and entry.sniff(head):
            return entry
    listed = ", ".join(BY_NAME)
    if not head.strip():
        raise InputError(f"{path}: empty; expected a file in one of {listed}.")
    raise InputError(
        f"{path}: unknown format (begins with {' '.join(head[:40].split())!r}). "
        f"Name the format with --from: {listed}."
    )


def read(entry: Format, path: Path, options: ReadOptions) -> Content:
    """Read a file in a format.

    Raises:
        InputError: the file is invalid; one line, with the position if known.
    """
    with reading(path, entry.title):
        check_regular(path, most=MOST_BYTES)
        return checked(path, entry.read(path, options))
