"""Options that take one of a few words; the same words at the shell and in Python.

A wrong word is an `InputError` that lists all and names the nearest.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum

from seasift.core.errors import InputError, hint


class EngineName(StrEnum):
    """What runs a model's graph."""

    OPENVINO = "openvino"
    ONNXRUNTIME = "onnxruntime"
    ONNXRUNTIME_CUDA = "onnxruntime-cuda"


class PrecisionName(StrEnum):
    """Numbers that the engine computes with; `auto` is the fastest that keeps the accuracy."""

    AUTO = "auto"
    F32 = "f32"
    BF16 = "bf16"
    F16 = "f16"


class ResultFormat(StrEnum):
    """What `predict` writes."""

    JSON = "json"
    CSV = "csv"
    COCO = "coco"
    OVERLAY = "overlay"
    VIDEO = "video"


class ServiceFormat(StrEnum):
    """What a server answers with."""

    JSON = "json"
    COCO = "coco"
    CSV = "csv"
    OVERLAY = "overlay"
    ZIP = "zip"


class PredictedMasks(StrEnum):
    """Masks in JSON and COCO of `predict`: exact, or outlines with holes filled."""

    RLE = "rle"
    POLYGONS = "polygons"


class ExchangeMasks(StrEnum):
    """Masks in converted files: outlines, or exact."""

    POLYGONS = "polygons"
    RLE = "rle"


class ObjectNames(StrEnum):
    """Names of objects: of their classes, or by the finest level that is certain enough."""

    CLASS = "class"
    ROLLUP = "rollup"


class ExchangeFormat(StrEnum):
    """Formats that `convert` writes."""

    SEASIFT_TRACKS = "seasift-tracks"
    SEASIFT_PREDICTIONS = "seasift-predictions"
    COCO = "coco"
    KWCOCO = "kwcoco"
    VIAME_CSV = "viame-csv"
    BIIGLE_CSV = "biigle-csv"
    CVAT = "cvat"
    LABEL_STUDIO = "label-studio"
    MEGADETECTOR = "megadetector"
    IFDO = "ifdo"
    FATHOMNET_CSV = "fathomnet-csv"
    DARWIN_CORE = "darwin-core"
    GEOJSON = "geojson"


class AcceleratorName(StrEnum):
    """What training runs on."""

    AUTO = "auto"
    CPU = "cpu"
    GPU = "gpu"


def choose(option: str, given: str, known: Collection[str]) -> str:
    """The word that was given.

    Args:
        option: its name for the message, such as "--masks".
    Raises:
        InputError: not one of the known words; all are listed and the nearest is named.
    """
    words = [str(each) for each in known]  # an enum's members show more than their words
    if given not in words:
        raise InputError(
            f"{option} {str(given)!r}{hint(str(given), words)}; expected one of {', '.join(words)}."
        )
    return str(given)


def choose_several(option: str, given: Sequence[str] | str, known: Collection[str]) -> tuple[str, ...]:
    """The words given, comma separated or repeated, each once.

    Raises:
        InputError: none, or one that is not known.
    """
    values = [given] if isinstance(given, str) else given
    words = [word.strip().lower() for value in values for word in value.split(",") if word.strip()]
    if not words:
        raise InputError(f"{option} names nothing; expected some of {', '.join(known)}.")
    return tuple(dict.fromkeys(choose(option, word, known) for word in words))
