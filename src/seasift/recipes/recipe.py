"""Recipes: everything that decides a training run, as data. Loads no torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from seasift.core.errors import RecipeError, expected
from seasift.core.files import read_regular
from seasift.core.yaml_text import load_yaml


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataRecipe(_Strict):
    """Which images and which truth."""

    path: str | None = Field(None, description="prepared data set or COCO file; usually given by --data")
    labels: str | None = Field(None, description="label set (None: the data set's default)")
    masks: str | None = Field(None, description="mask version (None: the data set's default)")
    scheme: str | None = Field(None, description="splitting scheme (None: the data set's default)")
    train: str = "train"
    val: str = "val"
    val_limit: PositiveInt | None = Field(
        None, description="validate on this many images, spread evenly over the split (None: all)"
    )
    overfit: int = Field(
        0, ge=0, description="train and validate on only this many images of the train split (0: all)"
    )
    rare: float = Field(
        0.0, ge=0, le=1, description="show images with a class on fewer than this share of them more often"
    )
    cache: str | None = Field(None, description="folder for decoded images (None: beside the data)")


Side = Annotated[int, Field(ge=96)]


class ModelRecipe(_Strict):
    """Which network and where its weights start."""

    arch: Literal["yolact", "sift", "mask-rcnn", "faster-rcnn"] = "yolact"
    backbone: str = "resnet50"
    size: Side | tuple[Side, Side] | None = Field(
        None,
        description="input, px: the side of a square, or for R-CNN [height, width]; at least 96, below which the "
        "coarsest level would be made of nothing but padding (None: 550 for yolact, [800, 1344] for R-CNN)",
    )
    fpn_channels: PositiveInt = 256
    proto_channels: PositiveInt = 256
    prototypes: PositiveInt = 32
    frozen_reduction: Literal[0, 2, 4, 8, 16, 32] = 0
    frozen_batch_norm: bool | Literal["pretrained"] = Field(
        False,
        description="batch norm keeps its statistics (R-CNN: and its weights, with a ResNet's stem and first stage); "
        "'pretrained': unless weights is 'none', for random weights cannot learn like that",
    )
    rois: PositiveInt = Field(512, description="regions of an image on which R-CNN's heads learn")
    whole_prior_scales: bool = False
    assignment: Literal["task", "place"] = Field(
        "task",
        description="sift: an object is learnt by the points that find it best by now (TOOD), or by those whose place "
        "and level fit it",
    )
    weights: str = Field(
        "none",
        description="'none', 'imagenet' (from an installed package), a backbone .pth, or a whole network to go on "
        "from: 'default', a .onnx or a .ckpt",
    )


class AugmentRecipe(_Strict):
    """Augmentation of Liu et al. 2016 (SSD), section 2.2, which YOLACT takes over."""

    photometric: bool = True
    scale: tuple[PositiveFloat, PositiveFloat] | None = Field(
        None, description="show images enlarged by a factor from this range, instead of expand and crop"
    )
    size: tuple[Side, Side] | None = Field(
        None, description="height and width of the part that is shown, px, with scale (None: the whole input)"
    )
    expand: bool = True
    crop: bool = True
    flip: bool = True
    paste: float = Field(0.0, ge=0, le=1, description="chance of an object to be copied into another image")
    haze: float = Field(0.0, ge=0, le=1, description="chance of an image to be seen through turbid water")


class OptimizerRecipe(_Strict):
    """How weights move."""

    name: Literal["sgd", "adam", "adamw"] = "sgd"
    lr: PositiveFloat = 1e-3
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(5e-4, ge=0)
    clip_norm: PositiveFloat | None = None
    backbone: PositiveFloat = Field(1.0, description="the backbone's rate as a fraction of the others'")


class ScheduleRecipe(_Strict):
    """How the learning rate goes: linear warm-up, then one of these."""

    name: Literal["constant", "steps", "cosine"] = "steps"
    by: Literal["steps", "minutes"] = Field(
        "steps",
        description="what the rate follows after warm-up: steps done of max_steps, or minutes used of max_minutes "
        "(steps, if they end first), which lets a run of given length end at the lowest rate on any machine",
    )
    warmup_steps: int = Field(500, ge=0)
    warmup_from: float = Field(0.1, ge=0, le=1, description="fraction of the rate at step 0")
    milestones: tuple[float, ...] = Field(
        (0.35, 0.75, 0.875, 0.9375), description="fractions of max_steps at which 'steps' multiplies by gamma"
    )
    gamma: PositiveFloat = 0.1
    final: float = Field(0.01, ge=0, le=1, description="fraction of the rate at which 'cosine' ends")


class TrainingRecipe(_Strict):
    """How long, how large, how exact."""

    batch_size: PositiveInt = 8
    accumulate: PositiveInt = 1
    max_steps: PositiveInt = 20_000
    max_minutes: PositiveFloat | None = None
    precision: Literal["fp32", "bf16"] = "bf16"
    compile: bool = Field(
        False,
        description="compile the network by torch.compile: a minute later at the start, then faster on a GPU",
    )
    mask_targets: Literal["binary", "area"] = Field(
        "binary",
        description="each prototype cell of a mask as yes or no, as published, or as the share of it that is covered",
    )
    ema: float | None = Field(None, gt=0, lt=1, description="decay of the moving average of the weights")
    validate_every: PositiveInt = Field(1_000, description="steps between validations")
    checkpoint_minutes: PositiveFloat = 5.0


class Recipe(_Strict):
    """One training run."""

    name: str
    about: str = ""
    seed: int = Field(1, ge=0)
    data: DataRecipe = DataRecipe()
    model: ModelRecipe = ModelRecipe()
    augment: AugmentRecipe = AugmentRecipe()
    optimizer: OptimizerRecipe = OptimizerRecipe()
    schedule: ScheduleRecipe = ScheduleRecipe()
    training: TrainingRecipe = TrainingRecipe()

    @model_validator(mode="after")
    def _check_minutes(self) -> Recipe:
        if self.schedule.by == "minutes" and self.training.max_minutes is None:
            raise ValueError("schedule.by: minutes needs training.max_minutes. Set it, or use --max-minutes")
        return self


def shipped_recipes() -> dict[str, str]:
    """Texts of the recipes in the package, by name."""
    folder = files("seasift") / "recipes"
    return {
        entry.name.removesuffix(".yaml"): entry.read_text(encoding="utf-8")
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".yaml")
    }


def recorded_recipe(record: Mapping[str, Any]) -> Recipe:
    """The recipe that a checkpoint or a model file holds; older ones call the splitting scheme `split`.

    Raises:
        ValidationError: not a recipe.
    """
    content = dict(record)
    data = content.get("data")
    if isinstance(data, Mapping) and "split" in data and "scheme" not in data:
        content["data"] = {"scheme" if key == "split" else key: value for key, value in data.items()}
    return Recipe.model_validate(content)


def load_recipe(name_or_path: str, overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe by its name in the package or its path, and apply `a.b=c` overrides.

    Raises:
        RecipeError: no such recipe, not YAML, an unknown key (the nearest known one is named), a wrong type.
    """
    shipped = shipped_recipes()
    path = Path(name_or_path)
    if path.is_file():
        try:
            text = read_regular(path, RecipeError).decode("utf-8")
        except UnicodeDecodeError:
            raise RecipeError(f"{path}: not a text file; expected a recipe in YAML, in UTF-8") from None
    elif name_or_path in shipped:
        text = shipped[name_or_path]
    else:
        raise RecipeError(f"{name_or_path}: no such recipe; expected a file or one of {', '.join(shipped)}")
    try:
        content = load_yaml(text)
    except ValueError as error:
        raise RecipeError(f"{name_or_path}: not YAML: {error}. Correct the file") from None
    if not isinstance(content, dict):
        raise RecipeError(
            f"{name_or_path}: holds a {type(content).__name__}; expected keys such as name, data"
        )
    for override in overrides:
        _apply(content, override)
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise RecipeError(f"{name_or_path}: {_explain(error)}") from error


def _apply(content: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    parts = key.split(".")
    if not equals or not all(parts):
        raise RecipeError(f"--set {override}: expected key=value, for example training.batch_size=4")
    index = content
    for part in parts[:-1]:
        index = index.setdefault(part, {})
        if not isinstance(index, dict):
            raise RecipeError(f"--set {override}: {part} holds a value, not keys. Check the name")
    try:
        index[parts[-1]] = load_yaml(text)
    except ValueError as error:
        raise RecipeError(f"--set {override}: {text!r} is not a YAML value") from error


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    index = ".".join(str(part) for part in first["loc"])
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        return f"unknown key {index}; {_nearest(first['loc'])}{more}"
    return f"{index}: got {first['input']!r}; {first['msg']}{more}"


def _nearest(index: tuple[int | str, ...]) -> str:
    model: type[BaseModel] = Recipe
    for part in index[:-1]:
        inner = model.model_fields[str(part)].annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            model = inner
    return expected(str(index[-1]), model.model_fields)
