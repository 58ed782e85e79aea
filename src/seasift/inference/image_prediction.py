"""From images to objects, with all options of a user: the one way for Python, command line and service.

The head of a result document states the model and these options.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Protocol

from seasift import __version__
from seasift.core.boxes import class_agnostic_nms
from seasift.core.choices import ObjectNames, choose
from seasift.core.classes import parse_classes
from seasift.core.errors import InputError
from seasift.core.instances import Category, Instances, Predictor
from seasift.core.rollup import LISTED, RolledUp, RollUp, named_once, roll_up
from seasift.core.types import UInt8
from seasift.formats import document
from seasift.inference.image_options import ImageOptions
from seasift.inference.predictor import ChosenClasses, ClassPredictor
from seasift.inference.tiling import MAX_OBJECTS, Tiling, parse_tiling
from seasift.modelfile.info import ModelInfo


@dataclass(frozen=True)
class Choices:
    """Options of a prediction. Images with equal options may run together.

    Attributes:
        threshold: minimum score, 0..1.
        max_objects: at most this many an image, the best; with tiles counted before `all_classes` applies.
        class_ids: find only these; None for all.
        all_classes: keep an object under every class that scores; otherwise its best class alone.
        tiling: cut large images into tiles; None for whole images.
        max_objects_a_tile: at most this many a tile, the best.
        rollup: thresholds of rolled-up names; None for names of classes.
        only_sure: leave out objects that are sure at no level of them.
    """

    threshold: float
    max_objects: int
    class_ids: tuple[int, ...] | None = None
    all_classes: bool = False
    tiling: Tiling | None = None
    max_objects_a_tile: int = 100
    rollup: RollUp | None = None
    only_sure: bool = False

    def rolled(self, found: Instances, categories: Sequence[Category]) -> RolledUp | None:
        """What objects found with these choices are called; None for their classes.

        Args:
            found: of `predict_images`.
            categories: C classes of the model; the index is the class_id.
        """
        return roll_up(found, categories, self.rollup) if self.rollup else None


def predict_images(
    model: ClassPredictor, images_rgb_u8: Sequence[UInt8], choices: Choices
) -> list[Instances]:
    """Find objects in images.

    Args:
        model: the model; called once with all images, or once for some tiles of an image.
        images_rgb_u8: each (H, W, 3) uint8, RGB.
        choices: the options.
    Returns:
        One Instances an image, in order, best object first.
    """
    if choices.tiling is None:
        found = model.predict(
            images_rgb_u8,
            threshold=choices.threshold,
            max_objects=choices.max_objects,
            class_ids=choices.class_ids,
        )
    else:
        chosen: Predictor = ChosenClasses(model, choices.class_ids)
        tiled = choices.tiling.around(chosen, choices.max_objects_a_tile)
        found = tiled.predict(images_rgb_u8, threshold=choices.threshold, max_objects=choices.max_objects)
    if choices.all_classes:
        return found
    if choices.rollup is None:
        return [class_agnostic_nms(each) for each in found]
    thresholds, only_sure = choices.rollup, choices.only_sure
    return [named_once(each, model.categories, thresholds, only_sure=only_sure)[0] for each in found]


def predict_image(model: ClassPredictor, image_rgb_u8: UInt8, choices: Choices) -> Instances:
    """Find objects in one image; see `predict_images`."""
    return predict_images(model, [image_rgb_u8], choices)[0]


def choices_of(options: ImageOptions, info: ModelInfo, *, names: str | None = "class") -> Choices:
    """What options ask for, with the model's own values where they say nothing.

    Args:
        options: of the user.
        info: of the model.
        names: "class", "rollup", or None: rolled-up names with a model that has thresholds for them.
    Raises:
        InputError: a value out of range or of another type, a class that the model does not know, or rolled-up names
            with a model that has no thresholds for them or under every class.
    """
    threshold, max_objects = options.threshold, options.max_objects
    if threshold is not None and not (_is(threshold, Real) and 0 <= threshold <= 1):
        raise InputError(f"threshold {threshold!r}; expected a number from 0 to 1.")
    if max_objects is not None and not (_is(max_objects, Integral) and max_objects >= 1):
        raise InputError(f"max_objects {max_objects!r}; expected an integer from 1.")
    rollup = _rollup(names, options, info)
    usual = info.threshold if rollup is None else min(info.threshold, LISTED)
    categories = info.class_list()
    known = [category.name for category in categories]
    given = [options.classes] if isinstance(options.classes, str) else list(options.classes or ())
    wanted = parse_classes(given, known, groups=[category.group for category in categories])
    tiling = parse_tiling(options.tile, options.tile_overlap, options.tile_whole, info.input.size_hw)
    return Choices(
        threshold=usual if threshold is None else float(threshold),
        max_objects=int(max_objects or (MAX_OBJECTS if tiling else info.max_objects)),
        class_ids=tuple(known.index(name) for name in wanted) if wanted else None,
        all_classes=options.all_classes,
        tiling=tiling,
        max_objects_a_tile=info.max_objects,
        rollup=rollup,
        only_sure=rollup is not None and threshold is None,
    )


def _rollup(names: str | None, options: ImageOptions, info: ModelInfo) -> RollUp | None:
    if names == "rollup" and options.all_classes:
        raise InputError("names rollup with all_classes; expected one name an object. Leave one of them out.")
    return roll_up_of("class" if names is None and options.all_classes else names, info)


def _is(value: object, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def roll_up_of(names: str | None, info: ModelInfo) -> RollUp | None:
    """The thresholds of the roll-up; None where objects get the names of their classes.

    Args:
        names: "class", "rollup", or None: rolled-up names with a model that has thresholds for them.
        info: of the model.
    Raises:
        InputError: an unknown choice, or a model without thresholds.
    """
    if names is not None:
        choose("--names", names, list(ObjectNames))
    own = info.roll_up()
    if names == ObjectNames.ROLLUP and own is None:
        raise InputError(
            f"--names rollup: model {info.name} has no thresholds for it; expected a model file with some. Add them with: "
            "seasift models complete MODEL -o MODEL --rollup report.json"
        )
    return None if names == ObjectNames.CLASS else own


class DescribedModel(Protocol):
    """What the head says of a model; `OnnxPredictor` is one."""

    sha256: str

    @property
    def name(self) -> str:
        """What the model calls itself."""

    @property
    def categories(self) -> tuple[Category, ...]:
        """The classes; the index is the `class_id`."""

    @property
    def engine(self) -> str:
        """Name of the engine."""

    @property
    def precision(self) -> str:
        """What the engine computes in."""


def result_header(model: DescribedModel, choices: Choices) -> document.Settings:
    """The head of the result document of a model and what was looked for."""
    tiling = choices.tiling
    return document.Settings(
        seasift=__version__,
        model=document.ModelEntry(name=model.name, sha256=model.sha256),
        engine=model.engine,
        precision=model.precision,
        threshold=choices.threshold,
        max_objects=choices.max_objects,
        tile=tile_entry(tiling, choices.max_objects_a_tile) if tiling else None,
        classes=chosen_names(model.categories, choices.class_ids),
        once=None if choices.all_classes else True,
        names="rollup" if choices.rollup else None,
        categories=[document.CategoryEntry(id=c.id, name=c.name) for c in model.categories],
    )


def chosen_names(categories: Sequence[Category], class_ids: Sequence[int] | None) -> list[str] | None:
    """Names of the classes that are looked for; None for all."""
    return None if class_ids is None else [categories[i].name for i in class_ids]


def tile_entry(tiling: Tiling, max_objects_a_tile: int) -> document.TileEntry:
    """Tiles as results record them."""
    (height, width), (overlap_y, overlap_x) = tiling.grid.tile_hw, tiling.grid.overlap_hw
    return document.TileEntry(
        width=width,
        height=height,
        overlap_x=overlap_x,
        overlap_y=overlap_y,
        whole=tiling.whole,
        max_objects=max_objects_a_tile,
    )
