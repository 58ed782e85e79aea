"""Options as fields of a class, and options that take one of a few words.

One definition serves Python's signature and the command line; the words are the same in both. A wrong word is an
`InputError` that lists all and names the nearest.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, ForwardRef, ParamSpec, TypeVar, get_args, get_origin

from seasift.core.errors import InputError, hint


class EngineName(StrEnum):
    """What runs a model's graph."""

    OPENVINO = "openvino"
    ONNXRUNTIME = "onnxruntime"
    ONNXRUNTIME_CUDA = "onnxruntime-cuda"


class SurveyEngine(StrEnum):
    """Engines of a survey: `local` is openvino in this process; with ray, workers of a cluster run the engine."""

    LOCAL = "local"
    OPENVINO = "openvino"
    ONNXRUNTIME = "onnxruntime"
    ONNXRUNTIME_CUDA = "onnxruntime-cuda"
    RAY = "ray"
    RAY_OPENVINO = "ray:openvino"
    RAY_ONNXRUNTIME = "ray:onnxruntime"
    RAY_ONNXRUNTIME_CUDA = "ray:onnxruntime-cuda"


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


class ImageEncoding(StrEnum):
    """How `data pack` stores images; WebP takes a third to a half less than JPEG of the same quality."""

    JPEG = "jpeg"
    WEBP = "webp"


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
    """Formats that `convert` reads and writes."""

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


P = ParamSpec("P")
OptionsT = TypeVar("OptionsT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Option:
    """Metadata of a field of an options class, `Annotated[float | None, Option("Minimum score.", float)]`.

    Fields without it exist only in Python.

    Attributes:
        help: one line, imperative, with unit and default.
        type: type of the value on the command line; `bool` makes a flag, a `StrEnum` lists its words.
        flags: names on the command line; by default made from the name of the field. Names without a dash are arguments.
        low: smallest value.
        high: largest value.
        repeated: whether it may be given several times.
    """

    help: str
    type: type = str
    flags: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    repeated: bool = False


def takes_fields_of(
    options: Callable[P, OptionsT],
) -> Callable[[Callable[[OptionsT], ResultT]], Callable[P, ResultT]]:
    """Let a function that takes an options class be called with the fields of that class.

    >>> @takes_fields_of(PredictOptions)
    ... def predict(options: PredictOptions) -> PredictResult: ...
    >>> predict(["dive/"], every="2s")
    """

    def decorate(run: Callable[[OptionsT], ResultT]) -> Callable[P, ResultT]:
        @functools.wraps(run)
        def function(*args: P.args, **kwargs: P.kwargs) -> ResultT:
            return run(options(*args, **kwargs))

        returns = inspect.signature(run).return_annotation
        signature = inspect.signature(options)
        parameters = [
            each.replace(annotation=_plain(each.annotation)) for each in signature.parameters.values()
        ]
        shown = signature.replace(parameters=parameters, return_annotation=returns)
        function.__signature__ = shown  # type: ignore[attr-defined]
        return function

    return decorate


def _plain(annotation: Any) -> Any:
    """A type without its `Option`, for `help` and notebooks."""
    plain = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    return plain.__forward_arg__ if isinstance(plain, ForwardRef) else plain


def parse_size(text: str, option: str, *, least: int = 1, square: bool = False) -> tuple[int, int]:
    """Width and height in px from `1920x1080`.

    Args:
        option: its name for the message, such as "--size".
        least: smallest side.
        square: also take one number, the side of a square.
    Raises:
        InputError: anything else.
    """
    match = re.fullmatch(r"([0-9]{1,6})(?:[xX×]([0-9]{1,6}))?", text.strip())
    if not match or not (match[2] or square):
        side = "a side in px such as 480, or " if square else ""
        raise InputError(f"{option} {text!r}; expected {side}WIDTHxHEIGHT in px such as 1920x1080.")
    width, height = int(match[1]), int(match[2] or match[1])
    if min(width, height) < least:
        raise InputError(f"{option} {text}: {width}x{height} px; expected sides from {least} px.")
    return width, height
