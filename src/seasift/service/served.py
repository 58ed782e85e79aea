"""What the service asks of a model, and how it writes down what one found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from seasift import __version__
from seasift.core.classes import parse_classes
from seasift.core.instances import Category, Instances
from seasift.core.rollup import LISTED, RollUp
from seasift.core.types import UInt8
from seasift.formats import document
from seasift.modelfile.info import ModelInfo
from seasift.runtime.rollup import roll_up_of


class Served(Protocol):
    """A `core.predictor.Predictor` that can say where it comes from; `OnnxPredictor` is one.

    `predict` may be called from several threads.
    """

    info: ModelInfo
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

    def predict(
        self,
        images_rgb_u8: Sequence[UInt8],
        *,
        threshold: float,
        max_objects: int,
        class_ids: Sequence[int] | None,
    ) -> list[Instances]:
        """One Instances an image, in order."""


@dataclass(frozen=True)
class Look:
    """How to look at an image. Images that are looked at alike may run together.

    Attributes:
        class_ids: look only for these; None for all.
        once: each object only under its best class.
        rollup: thresholds of rolled-up names; None for names of classes.
        only_sure: leave out objects that are sure at no level of them.
    """

    threshold: float
    max_objects: int
    class_ids: tuple[int, ...] | None = None
    once: bool = False
    rollup: RollUp | None = None
    only_sure: bool = False


def look_of(
    model: Served,
    threshold: float | None,
    classes: Sequence[str],
    *,
    once: bool = False,
    names: str | None = None,
) -> Look:
    """What a request asks for, with the model's own values where it says nothing.

    Raises:
        InputError: a class that the model does not know, or names that it has no thresholds for.
    """
    known = [category.name for category in model.categories]
    wanted = parse_classes(classes, known)
    rollup = roll_up_of(names, model.info)
    usual = model.info.threshold if rollup is None else min(model.info.threshold, LISTED)
    return Look(
        usual if threshold is None else threshold,
        model.info.max_objects,
        tuple(known.index(name) for name in wanted) if wanted else None,
        once or rollup is not None,
        rollup,
        rollup is not None and threshold is None,
    )


def document_settings(model: Served, look: Look) -> document.Settings:
    """The head of the result document."""
    names = [category.name for category in model.categories]
    return document.Settings(
        seasift=__version__,
        model=document.ModelEntry(name=model.name, sha256=model.sha256),
        engine=model.engine,
        precision=model.precision,
        threshold=look.threshold,
        max_objects=look.max_objects,
        once=look.once or None,
        names="rollup" if look.rollup else None,
        classes=None if look.class_ids is None else [names[i] for i in look.class_ids],
        categories=[document.CategoryEntry(id=c.id, name=c.name) for c in model.categories],
    )
