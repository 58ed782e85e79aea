"""A loaded model as Python users call it."""

from __future__ import annotations

import os
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import Any, Unpack, overload

from seasift.core.errors import InputError
from seasift.core.image_like import ImageLike, ImageReference, as_image
from seasift.core.instances import Category, Instances
from seasift.inference.image_options import ImageKeywords, ImageOptions
from seasift.inference.image_prediction import Choices, choices_of, predict_image
from seasift.inference.predictor import OnnxPredictor, load_predictor
from seasift.inference.stream import in_order
from seasift.modelfile import bundled


def load(
    model: str | os.PathLike[str] = bundled.DEFAULT,
    *,
    engine: str = "openvino",
    precision: str = "auto",
    threads: int | None = None,
) -> Model:
    """Load a model.

    Args:
        model: name of a bundled model, or the path of a model file (.onnx). `seasift models list` names the bundled
            ones.
        engine: "openvino", "onnxruntime" or "onnxruntime-cuda".
        precision: "auto" for the fastest that keeps the accuracy on this processor, "f32", and with openvino also
            "bf16" and "f16".
        threads: CPU threads; default: the engine's choice.
    Returns:
        The model; call it with an image.
    Raises:
        InputError: no such model or setting. ModelError: not a model file of seasift, or damaged.
        MissingExtraError: the engine is not installed.

    >>> model = seasift.load()
    >>> found = model("frame.jpg")
    """
    if not isinstance(model, str | os.PathLike):
        raise InputError(
            f"model: a value of type {type(model).__name__}; expected the name of a bundled model or a path."
        )
    if threads is not None and (
        isinstance(threads, bool) or not isinstance(threads, Integral) or threads < 1
    ):
        raise InputError(f"threads {threads!r}; expected an integer from 1.")
    named = model if isinstance(model, str) else Path(model)
    return Model(load_predictor(named, engine=engine, precision=precision, threads=threads))


class Model:
    """A model that is ready to find objects.

    Call it with an image to get `Instances`, or with a list of images to get a list. Several threads may call it.

    >>> model = seasift.load("sift-m-official")
    >>> found = model("frame.jpg", threshold=0.3)
    >>> both = model(["a.jpg", "b.jpg"], classes=["animal_fish"])
    """

    def __init__(self, predictor: OnnxPredictor) -> None:
        """Wrap a predictor; users call `seasift.load` instead."""
        self.predictor = predictor

    @property
    def name(self) -> str:
        """What the model file calls itself."""
        return self.predictor.name

    @property
    def categories(self) -> tuple[Category, ...]:
        """The classes; the index is the `class_id`."""
        return self.predictor.categories

    @property
    def class_names(self) -> list[str]:
        """Names of the classes; the index is the `class_id`."""
        return [category.name for category in self.categories]

    @property
    def threshold(self) -> float:
        """Minimum score where a call does not give one, 0..1."""
        return self.predictor.info.threshold

    @property
    def max_objects(self) -> int:
        """At most this many objects an image where a call does not give a number."""
        return self.predictor.info.max_objects

    @property
    def engine(self) -> str:
        """Name of the engine."""
        return self.predictor.engine

    @property
    def precision(self) -> str:
        """What the engine computes in, such as f32 or bf16."""
        return self.predictor.precision

    @property
    def sha256(self) -> str:
        """Of the model file, hexadecimal."""
        return self.predictor.sha256

    @overload
    def __call__(
        self, image: list[Any] | tuple[Any, ...], **options: Unpack[ImageKeywords]
    ) -> list[Instances]: ...

    @overload
    def __call__(self, image: ImageLike, **options: Unpack[ImageKeywords]) -> Instances: ...

    def __call__(self, image: Any, **options: Unpack[ImageKeywords]) -> Instances | list[Instances]:
        """Find objects.

        Args:
            image: a path, an (H, W, 3) uint8 RGB array or a PIL image; or a list of them.
            threshold: minimum score; default: the model's own.
            max_objects: at most this many an image, the best; default: the model's own, and 10,000 with `tile`.
            classes: find only these class names.
            all_classes: keep an object under every class that scores; by default its best class alone.
            tile: search large images in tiles: "480", "480x270" (WIDTHxHEIGHT in px) or "auto", the model's input
                size.
            tile_overlap: share of a tile that its neighbour sees, too; default: 0.25.
            tile_whole: search the whole image, too, for objects larger than a tile.
        Returns:
            Objects, best first, in pixels of the image; a list of them for a list.
        Raises:
            InputError: not an image, an array of another shape or type, or a wrong option.

        >>> found = model("frame.jpg")
        >>> [(obj.name, obj.score) for obj in found]
        """
        chosen = choices_of(ImageOptions(**options), self.predictor.info)
        if not isinstance(image, list | tuple):
            return self._predict(image, chosen, "image")
        if not image:
            raise InputError("images: an empty list; expected at least one image.")
        tasks = (partial(self._predict, each, chosen, f"images[{i}]") for i, each in enumerate(image))
        return list(in_order(tasks, self.predictor.max_in_flight))

    predict = __call__

    def _predict(self, image: ImageLike, choices: Choices, name: str) -> Instances:
        found = predict_image(self.predictor, as_image(image, name), choices)
        return found.of_image(ImageReference(image))

    def __repr__(self) -> str:
        classes = f"{len(self.categories)} class{'' if len(self.categories) == 1 else 'es'}"
        return f"Model({self.name!r}, {classes}, {self.engine}, {self.precision})"
