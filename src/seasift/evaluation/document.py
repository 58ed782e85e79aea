"""The record of an evaluation, `seasift-evaluation/1`: report.json holds one.

Records of older versions have fewer sections; those that every reader needs have no default here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from seasift.evaluation.coco_metrics import LINE, RECALLS

SCHEMA: Literal["seasift-evaluation/1"] = "seasift-evaluation/1"
FEW_OBJECTS = 10
"""Metrics of a class with fewer objects say little."""

Number = int | float
"""Keeps its type, so that a record is written as it was read."""


class Record(BaseModel):
    """A part of a record: no conversions, no NaN; unknown fields of other versions are kept."""

    model_config = ConfigDict(
        frozen=True, extra="allow", strict=True, allow_inf_nan=False, populate_by_name=True
    )

    def to_json(self) -> dict[str, Any]:
        """JSON values, without fields that were not given."""
        return self.model_dump(by_alias=True, exclude_unset=True)

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """Check JSON values.

        Raises:
            ValidationError: see `first_defect`.
        """
        return cls.model_validate(values)


def first_defect(error: ValidationError) -> str:
    """The path of the first bad value, as `per_class[3].boxes.AP`."""
    path = ""
    for part in error.errors()[0]["loc"]:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part not in ("int", "float"):  # the member of `Number` that was tried
            path += f".{part}" if path else part
    return path


def _whole_line(line: dict[str, Number | None]) -> dict[str, Number | None]:
    missing = [key for key in LINE if key not in line]
    if missing:
        raise ValueError(f"without {', '.join(missing)}")
    return line


def _whole_curve(values: list[Number]) -> list[Number]:
    if len(values) != len(RECALLS):
        raise ValueError(f"{len(values)} values for {len(RECALLS)} recalls")
    return values


Line = Annotated[dict[str, Number | None], AfterValidator(_whole_line)]
"""COCO's 12 metrics by name; None where there is nothing to evaluate."""
Curves = dict[str, dict[str, Annotated[list[Number], AfterValidator(_whole_curve)]]]
"""Kind, IoU in percent, precision at recall 0, .01 ... 1: the mean over classes."""
Limits = Annotated[list[Number], Field(min_length=2, max_length=2)]
"""A 95% interval."""
FigureLimits = dict[str, Limits | None]
"""By metric."""


class NetworkFacts(Record):
    """Complexity of the network, see `models.catalog.Complexity`."""

    parameters: Number | None = None
    trainable: Number | None = None
    bytes: Number | None = None
    gflops: Number | None = None
    priors: Number | None = None
    counted: str | None = None


class EvaluatedModel(Record):
    """The evaluated model."""

    name: str
    file: str | None = None
    sha256: str | None = None
    engine: str | None = None
    precision: str | None = None
    calibrated: bool = False
    expected_iou: bool = False
    facts: NetworkFacts | None = None
    tile: dict[str, Any] | None = None


class EvaluatedData(Record):
    """The evaluated data.

    With `class_map`, the model's classes to those of the data, only the `targets` were evaluated; see `class_map.ClassMap`.
    """

    model_config = ConfigDict(
        populate_by_name=False
    )  # the key `split` is the scheme, not the field of that name

    name: str
    fingerprint: str
    labels: str | None = None
    masks: str | None = None
    scheme: str | None = Field(None, alias="split")
    split: str | None = Field(None, alias="part")
    group: str | None = None
    images: int = Field(alias="pictures")
    of_images: Number | None = Field(None, alias="of_pictures")
    partly_labelled: int = 0
    objects: int = 0
    crowds: int = 0
    classes: int = 0
    class_map: dict[str, str] | None = None
    targets: list[str] | None = None


class EvaluationSettings(Record):
    """Settings of listing and matching."""

    threshold: Number | None = None
    max_objects: Number | None = None
    limit: Number | None = None
    confidence: Number | None = None
    iou: Number | None = None


class Speed(Record):
    """Speed of the model."""

    engine: str | None = None
    precision: str | None = None
    threads: Number | None
    machine: str | None = None
    images: Number | None = Field(None, alias="pictures")
    images_per_second: Number | None = Field(alias="pictures_per_second")
    end_to_end_per_second: Number | None = None


class ClassFigures(Record):
    """One class; with `few` objects its metrics are unstable."""

    name: str
    category_id: int | None = None
    objects: int
    few: bool = False
    boxes: Line
    masks: Line
    precision: Number | None = None
    recall: Number | None = None

    def line(self, kind: str) -> dict[str, Number | None]:
        """The metrics of a kind, "boxes" or "masks"."""
        return self.masks if kind == "masks" else self.boxes


class ConfusionTable(Record):
    """Rows are the truth's classes and "unmatched", columns the classes they were found as, and "not found"."""

    of: str
    classes: list[str]
    counts: list[list[int]]


class ReliabilityBin(Record):
    """Detections with scores in a range: their mean score, and the share of right ones."""

    from_: Number = Field(alias="from")
    to: Number
    count: int
    score: Number | None
    right: Number | None


class Reliability(Record):
    """See `reliability.reliability_of`."""

    iou: Number | None = None
    detections: int = 0
    error: Number | None = None
    bins: list[ReliabilityBin] = Field(default_factory=list)
    calibration: dict[str, Number] | None
    calibrated_error: Number | None = None


class KindIntervals(Record):
    """Intervals by kind and metric, and of each class's AP by name and kind."""

    boxes: dict[str, Limits | None] = Field(default_factory=dict)
    masks: dict[str, Limits | None] = Field(default_factory=dict)
    per_class: dict[str, dict[str, Limits | None]] = Field(default_factory=dict)

    def of_metric(self, kind: str, metric: str) -> list[Number] | None:
        """The interval of a metric of a kind, if it has one."""
        return (self.masks if kind == "masks" else self.boxes).get(metric)

    def of_class(self, name: str, kind: str) -> list[Number] | None:
        """The interval of a class's AP, if it has one."""
        return self.per_class.get(name, {}).get(kind)


class Intervals(Record):
    """`KindIntervals` and their source: `groups` draws of each `unit`, "dive", "video" or "image"."""

    level: Number
    resamples: int
    seed: int
    groups: int
    group: str | None
    unit: str = "video"
    class_groups: dict[str, int]
    boxes: dict[str, Limits | None] = Field(default_factory=dict)
    masks: dict[str, Limits | None] = Field(default_factory=dict)
    per_class: dict[str, dict[str, Limits | None]] = Field(default_factory=dict)

    @property
    def limits(self) -> KindIntervals:
        """The intervals alone."""
        return KindIntervals(boxes=self.boxes, masks=self.masks, per_class=self.per_class)


class CountsByThreshold(Record):
    """See `reliability.operating_points_of`; one row per class, in the order of `names`, and by supercategory."""

    names: list[str]
    thresholds: list[Number]
    classes: list[dict[str, Any]]
    supercategories: dict[str, dict[str, Any]] = Field(default_factory=dict)


class LevelIntervals(Record):
    """Intervals by kind and metric, and of each category by name, kind and metric."""

    boxes: FigureLimits = Field(default_factory=dict)
    masks: FigureLimits = Field(default_factory=dict)
    per_class: dict[str, dict[str, FigureLimits]] = Field(default_factory=dict)

    def of_kind(self, kind: str) -> FigureLimits:
        """By metric."""
        return self.masks if kind == "masks" else self.boxes


class LevelCategory(Record):
    """A supercategory, or any object: joined classes."""

    name: str
    classes: list[str] = Field(default_factory=list)
    objects: int
    boxes: Line
    masks: Line

    def line(self, kind: str) -> dict[str, Number | None]:
        """The metrics of a kind, "boxes" or "masks"."""
        return self.masks if kind == "masks" else self.boxes


class LevelMetrics(Record):
    """Metrics of a level above the classes, see `levels.evaluate_levels`; means over its categories."""

    boxes: Line
    masks: Line
    per_class: Annotated[list[LevelCategory], Field(min_length=1)]
    intervals: LevelIntervals | None = None

    def line(self, kind: str) -> dict[str, Number | None]:
        """The metrics of a kind, "boxes" or "masks"."""
        return self.masks if kind == "masks" else self.boxes


class TriageMetrics(Record):
    """How well frames with a supercategory are ranked, see `levels.triage_of`."""

    frames: int
    with_: int = Field(alias="with")
    recall_at_precision_80: Number | None
    recall_at_precision_90: Number | None
    look_at_for_recall_95: Number | None
    intervals: FigureLimits | None = None


class NamedShare(Record):
    """Number of objects that a level names, and the share of right ones."""

    count: int
    right: Number | None
    interval: Limits | None = None


class RollUpCurvePoint(Record):
    """Thresholds of the roll-up, and their results, by level."""

    probability: Number | None = None
    thresholds: dict[str, Number]
    levels: dict[str, NamedShare]


class RollUpCurve(Record):
    """See `reliability.rollup_record`: thresholds fitted here, and results of the model's own."""

    fitted: list[RollUpCurvePoint] = Field(default_factory=list)
    own: RollUpCurvePoint | None = None


class UnseenKind(Record):
    """Images of one relation to the training; without metrics where all images have the same."""

    name: str
    images: int
    objects: int
    boxes: Line | None = None
    masks: Line | None = None
    levels: dict[str, LevelMetrics] = Field(default_factory=dict)
    intervals: dict[str, FigureLimits | None] | None = None


class UnseenMetrics(Record):
    """See `levels.unseen_record`."""

    trained_on: list[str]
    kinds: list[UnseenKind]


class WorstImage(Record):
    """An image and its mistakes."""

    file: str
    image_id: int
    f1: Number | None
    right: int
    wrong_class: int
    spurious: int
    missed: int


class Evaluation(Record):
    """All results of an evaluation."""

    schema_version: Annotated[Literal["seasift-evaluation/1"], Field(alias="schema")]
    seasift: str | None = None
    model: EvaluatedModel
    data: EvaluatedData
    settings: EvaluationSettings
    machine: dict[str, str | int] = Field(default_factory=dict)
    speed: Speed | None = None
    seconds: dict[str, Number] = Field(default_factory=dict)
    detections: int | None = None
    boxes: Line
    masks: Line
    at_confidence: dict[str, Number | None] = Field(default_factory=dict)
    per_class: list[ClassFigures]
    confusion: ConfusionTable | None = None
    curves: Curves | None = None
    reliability: Reliability | None = None
    intervals: Intervals | None = None
    levels: dict[str, LevelMetrics] = Field(default_factory=dict)
    triage: dict[str, TriageMetrics] = Field(default_factory=dict)
    rollup: RollUpCurve | None = None
    unseen: UnseenMetrics | None = None
    counting: CountsByThreshold | None = None
    worst: list[WorstImage] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)

    def line(self, kind: str) -> dict[str, Number | None]:
        """The metrics of a kind, "boxes" or "masks"."""
        return self.masks if kind == "masks" else self.boxes
