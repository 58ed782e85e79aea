"""The description of a model file: one JSON document in the metadata of the ONNX file.

Graph: input "images" (B, 3, H, W) float32; outputs of the head by `core.outputs.OUTPUTS`, float32. Boxes are relative to
the input, class scores exclude background. Graphs of other makers keep their own names and layout: `AdoptedEntry`. The
description also carries what surveys need: operating points of each class and reference image statistics.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from seasift.core.calibration import Calibration
from seasift.core.classes import Group
from seasift.core.decode import YolactDecode
from seasift.core.errors import ModelError
from seasift.core.files import read_regular
from seasift.core.instances import Category
from seasift.core.outputs import OUTPUTS
from seasift.core.prepare import InputSpec
from seasift.core.rollup import RollUp
from seasift.modelfile.onnx_file import has_external_data, onnx_metadata

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class Strict(BaseModel):
    """A part of a model file's description: no unknown keys, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class OperatingPointsClass(Strict):
    """Results for a class on labelled images, at each threshold of `OperatingPointsEntry`.

    Attributes:
        objects: number of labelled objects.
        videos: number of groups of similar images that contain some.
        found: detections with at least the threshold, outside crowds.
        right: detections matched to their own object of the class at IoU .50.
        found_alike, objects_alike: design effects of right / found and right / objects (similar frames), 1 or more.
    """

    objects: Annotated[int, Field(ge=0)]
    videos: Annotated[int, Field(ge=0)]
    found: tuple[Annotated[int, Field(ge=0)], ...]
    right: tuple[Annotated[int, Field(ge=0)], ...]
    found_alike: tuple[Annotated[float, Field(ge=1)], ...]
    objects_alike: tuple[Annotated[float, Field(ge=1)], ...]


class OperatingPointsEntry(Strict):
    """Precision and recall of each class, as counts, for intervals of counts; classes as in `categories`.

    Attributes:
        supercategories: the same by the likeliest supercategory of detections, see `core.rollup`; None if not counted.
    """

    data: Annotated[str, Field(min_length=1)]
    thresholds: Annotated[tuple[Share, ...], Field(min_length=1)]
    classes: tuple[OperatingPointsClass, ...]
    supercategories: dict[str, OperatingPointsClass] | None = None

    @model_validator(mode="after")
    def _a_value_a_threshold(self) -> OperatingPointsEntry:
        for row in (*self.classes, *(self.supercategories or {}).values()):
            for values in (row.found, row.right, row.found_alike, row.objects_alike):
                if len(values) != len(self.thresholds):
                    raise ValueError(f"{len(values)} values for {len(self.thresholds)} thresholds")
        return self


class ImageStatisticsEntry(Strict):
    """Statistics of the training images; see `inference.predictor`.

    Attributes:
        data: name of the data.
        pictures: number of images measured.
        mean, std: of each statistic over them.
        samples: some of them, each (value - mean) / std.
        video_distances: ascending; median distance of each video's images to the nearest sample of another video.
    """

    data: Annotated[str, Field(min_length=1)]
    pictures: Annotated[int, Field(ge=1)]
    names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[Positive, ...]
    samples: Annotated[tuple[tuple[float, ...], ...], Field(min_length=1)]
    video_distances: Annotated[tuple[float, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_length(self) -> ImageStatisticsEntry:
        for values in (self.mean, self.std, *self.samples):
            if len(values) != len(self.names):
                raise ValueError(f"{len(values)} values for {len(self.names)} statistics")
        return self


METADATA_KEY = "seasift"
SCHEMA: Literal["seasift-model/1"] = "seasift-model/1"
INPUT_NAME = "images"

_Count = Annotated[int, Field(ge=0)]
_Side = Annotated[int, Field(ge=1, le=16384)]
_MOST_PIXELS = 1 << 26


def _known_head(head: str) -> str:
    if head not in OUTPUTS:
        raise ValueError("unknown kind of output")
    return head


class ClassEntry(Strict):
    """A class: `id` is the COCO category id, its index the class_id; `supercategory` if the name does not give it."""

    id: int
    name: Annotated[str, Field(min_length=1)]
    supercategory: Group | None = None


class InputEntry(Strict):
    """`core.prepare.InputSpec` as written in the file: RGB, pixel units 0..255."""

    size_hw: tuple[_Side, _Side]
    mean: tuple[float, float, float]
    std: tuple[Positive, Positive, Positive]
    resize: Literal["stretch", "fit", "trim", "letterbox", "original"] = "stretch"
    sampling: Literal["area", "linear", "exact", "antialias"] = "area"
    fill: Annotated[float, Field(ge=0, le=255)] | None = None
    channels: Literal["rgb", "bgr"] = "rgb"

    @model_validator(mode="after")
    def _possible(self) -> InputEntry:
        if self.size_hw[0] * self.size_hw[1] > _MOST_PIXELS:
            raise ValueError(f"an input of {self.size_hw} px; expected at most {_MOST_PIXELS:,} pixels")
        InputSpec(**self.model_dump())
        return self


class DecodeEntry(Strict):
    """`core.decode.YolactDecode` as written in the file."""

    nms_iou: Share = 0.5
    top_k: Annotated[int, Field(ge=1)] = 200
    mask_threshold: Share = 0.5
    expected_iou: bool = False


class AdoptedEntry(Strict):
    """How the graph of another maker is fed and read.

    Attributes:
        source: name of the file that was adopted.
        outputs: for each output of the kind, its index among the graph's outputs.
        labels: for each class, its number in the graph; empty: its index.
        batch, batch_of_outputs: whether the input and the outputs have a batch dimension.
        size_input: index of a second input for width and height of the first, int64 (1, 2); None without one.
    """

    source: Annotated[str, Field(min_length=1)]
    outputs: dict[str, _Count]
    labels: tuple[_Count, ...] = ()
    batch: bool = True
    batch_of_outputs: bool = True
    size_input: _Count | None = None


class CalibrationEntry(Strict):
    """`core.calibration.Calibration` as written in the file, and the name of the data it was fitted on."""

    a: Annotated[float, Field(ge=0)]
    b: Annotated[float, Field(ge=0)]
    c: float
    fitted_on: str

    @model_validator(mode="after")
    def _rises(self) -> CalibrationEntry:
        if self.a + self.b <= 0:
            raise ValueError("a + b is 0; expected more, so that it rises with the score")
        return self


class RollUpEntry(Strict):
    """`core.rollup.RollUp` as written in the file.

    Attributes:
        probability: of a right name at each level, on the data `fitted_on`.
    """

    by_class: Share
    by_supercategory: Share
    by_object: Share
    probability: Share
    fitted_on: str


class ComplexityEntry(Strict):
    """Complexity of the network, counted when the file was written: `models.catalog.Complexity`.

    Attributes:
        parameters: all parameters, without statistics of batch norm.
        trainable: parameters that training changed.
        bytes: size of parameters and buffers; for an int8 file, of the stored values.
        gflops: 10^9 operations for one image, with a multiply-add counted as two.
        priors: anchor boxes of one image, or points for networks without anchors.
    """

    parameters: _Count
    trainable: _Count
    bytes: _Count
    gflops: Annotated[float, Field(ge=0)]
    priors: _Count


class ModelInfo(Strict):
    """The description inside a model file.

    Attributes:
        name: name of the model.
        calibration: maps a score to the probability of being right; None if not fitted.
        threshold: default minimum score of `predict`.
        max_objects: default maximum number of objects per image of `predict`.
        facts: complexity of the network; None in files from an older seasift.
        quantized: how weights and activations were quantised to 8 bits; empty for float32.
        half_weights: whether weights are stored as float16, and computed in float32.
        training: data, split, recipe, seed, version and other facts that make the training repeatable.
        figures: metrics by data set and name, for example {"official val": {"mask AP": 0.3}}.
        counting: operating points on labelled images; None if not measured.
        looks: statistics of the training images; None if not measured.
        rollup: minimum scores to name an object by its class, its supercategory, or as an object; None if not fitted.
        adopted: names and layout of another maker's graph; None for graphs that seasift exported.
        licence: licence of the weights, and obligations of their user.
        attribution: whom to credit.
    """

    schema_version: Literal["seasift-model/1"] = SCHEMA
    name: Annotated[str, Field(min_length=1)]
    head: Annotated[str, AfterValidator(_known_head)]
    categories: Annotated[tuple[ClassEntry, ...], Field(min_length=1)]
    input: InputEntry
    decode: DecodeEntry = DecodeEntry()
    calibration: CalibrationEntry | None = None
    threshold: Share
    max_objects: Annotated[int, Field(ge=1)]
    facts: ComplexityEntry | None = None
    quantized: str = ""
    half_weights: bool = False
    training: dict[str, Any] = Field(default_factory=dict)
    figures: dict[str, dict[str, float]] = Field(default_factory=dict)
    counting: OperatingPointsEntry | None = None
    looks: ImageStatisticsEntry | None = None
    rollup: RollUpEntry | None = None
    adopted: AdoptedEntry | None = None
    licence: str
    attribution: str

    @model_validator(mode="after")
    def _distinct_categories(self) -> ModelInfo:
        for what, values in (
            ("id", [c.id for c in self.categories]),
            ("name", [c.name for c in self.categories]),
        ):
            if len(set(values)) < len(values):
                raise ValueError(f"two categories have the same {what}")
        if self.counting and len(self.counting.classes) != len(self.categories):
            counted = len(self.counting.classes)
            raise ValueError(f"counts of {counted} classes for {len(self.categories)} categories")
        if self.input.resize not in OUTPUTS[self.head].resize:
            raise ValueError(f"head {self.head} with resize rule {self.input.resize!r}")
        kind = OUTPUTS[self.head]
        if kind.adopted != (self.adopted is not None):
            raise ValueError(f"head {self.head} {'without' if kind.adopted else 'with'} the entry adopted")
        if self.adopted and kind.outputs_of(self.adopted.outputs) is None:
            raise ValueError(f"outputs {', '.join(self.adopted.outputs)} of head {self.head}")
        if self.adopted and self.adopted.labels and len(self.adopted.labels) != len(self.categories):
            raise ValueError(f"{len(self.adopted.labels)} labels for {len(self.categories)} categories")
        return self

    def input_spec(self) -> InputSpec:
        """Preparation of images for this model."""
        return InputSpec(**self.input.model_dump())

    def decode_settings(self) -> YolactDecode:
        """Settings that decode this model's outputs into Instances."""
        return YolactDecode(**self.decode.model_dump())

    def score_calibration(self) -> Calibration | None:
        """Calibration of this model's scores."""
        entry = self.calibration
        return None if entry is None else Calibration(entry.a, entry.b, entry.c)

    def roll_up(self) -> RollUp | None:
        """From which scores on an object is named by its class, its supercategory, or as an object."""
        entry = self.rollup
        if entry is None:
            return None
        return RollUp(entry.by_class, entry.by_supercategory, entry.by_object)

    def parents(self) -> tuple[str, ...]:
        """Names of the models that this one was adapted from, nearest first; see `seasift adapt`."""
        listed = self.training.get("parents")
        entries = listed if isinstance(listed, list) else []
        return tuple(str(each["name"]) for each in entries if isinstance(each, dict) and "name" in each)

    def class_list(self) -> tuple[Category, ...]:
        """The classes; the index is the class_id."""
        return tuple(Category(entry.id, entry.name, entry.supercategory) for entry in self.categories)


@dataclass(frozen=True)
class ModelFile:
    """A model file in memory.

    Attributes:
        name: the path, for errors.
        info: description inside the file.
        data: the ONNX bytes.
        sha256: of `data`, hexadecimal.
    """

    name: str
    info: ModelInfo
    data: bytes
    sha256: str


def to_metadata(info: ModelInfo) -> dict[str, str]:
    """The entries for the ONNX file's `metadata_props`."""
    return {METADATA_KEY: info.model_dump_json()}


def from_metadata(metadata: Mapping[str, str], name: str) -> ModelInfo:
    """Read the description of a model file.

    Args:
        metadata: `metadata_props` of the ONNX file.
        name: name of the file, for errors.
    Raises:
        ModelError: not from seasift, another schema version, an unknown head, a missing or invalid entry.
    """
    if METADATA_KEY not in metadata:
        raise ModelError(
            f"{name}: an ONNX file, but not from seasift (its metadata has no entry {METADATA_KEY!r}). "
            "Give a file made by `seasift export`."
        )
    try:
        return ModelInfo.model_validate_json(metadata[METADATA_KEY])
    except ValidationError as error:
        raise ModelError(f"{name}: {_first_problem(error)}") from None


def _first_problem(error: ValidationError) -> str:
    problems = {".".join(str(part) for part in e["loc"]): e for e in error.errors()}
    for entry, remedy in (
        ("schema_version", "Install a seasift that knows it, or export the model again."),
        ("head", "Install a seasift that knows it, or export another model."),
    ):
        if entry in problems:
            got, expected = problems[entry]["input"], list(OUTPUTS) if entry == "head" else [SCHEMA]
            known = " or ".join(repr(value) for value in expected)
            return f"model file of {entry.replace('_', ' ')} {got!r}; expected {known}. {remedy}"
    index, problem = next(iter(problems.items()))
    return f"its description is invalid at {index or 'the top'}: {problem['msg']}. Export the model again."


def read_model_file(path: Path) -> ModelFile:
    """Read a model file and its description; no engine is needed.

    Raises:
        ModelError: missing, not ONNX, truncated, not from seasift, another schema.
    """
    try:
        data = read_regular(path, ModelError)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such model file. Check the name and the folder you are in.") from None
    except OSError as error:
        kind = "a folder" if path.is_dir() else f"cannot be read ({error.strerror})"
        raise ModelError(f"{path}: {kind}; expected an ONNX file made by `seasift export`.") from None
    try:
        metadata = onnx_metadata(data)
        external = has_external_data(data)
    except ValueError as error:
        raise ModelError(
            f"{path}: not a whole ONNX file ({len(data):,} bytes; {error}). "
            "Give a file made by `seasift export`, or copy it again."
        ) from None
    if external:
        raise ModelError(
            f"{path}: keeps weights in other files, which its hash does not cover; expected all in one file. "
            "Save it again as a single ONNX file."
        )
    return ModelFile(str(path), from_metadata(metadata, str(path)), data, hashlib.sha256(data).hexdigest())
