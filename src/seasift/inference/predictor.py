"""Images in, Instances out, from a model file.

`predict_with_statistics` also gives statistics of the image, from the same run of the model: six of the pixels that do
not depend on the content (light, contrast, colour, sharpness), and the activity of the prototypes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from seasift.core.errors import ModelError
from seasift.core.instances import Category, Instances
from seasift.core.outputs import OUTPUTS
from seasift.core.prepare import batches_of_one_size, prepare
from seasift.core.types import Float32, Float64, SizeHW, UInt8
from seasift.inference.engine import Engine
from seasift.inference.engines import AUTO, ENGINES, abilities, advised, open_engine
from seasift.inference.graph import FiniteOutputs, Graph
from seasift.inference.trial import try_out
from seasift.modelfile import bundled
from seasift.modelfile.info import ModelFile, ModelInfo, read_model_file


class OnnxPredictor:
    """A model file on an engine; implements `core.instances.Predictor`.

    Images run one at a time unless `batch_size` says otherwise: then an image's result cannot depend on
    its neighbours, and on a CPU a batch brings no speed.
    """

    def __init__(self, file: ModelFile, engine: Engine, *, batch_size: int = 1) -> None:
        """Check that the graph is what the file's description says.

        Raises:
            ModelError: names, shapes or types of inputs or outputs differ.
        """
        self.info: ModelInfo = file.info
        self.sha256 = file.sha256
        self._engine = engine
        self._graph = Graph(file.info, engine, file.name)
        self._batch_size = 1 if file.info.adopted else batch_size
        self._spec = file.info.input_spec()
        self._settings = file.info.decode_settings()
        self._categories = file.info.class_list()
        self._calibration = file.info.score_calibration()
        self._finite = FiniteOutputs(file.info.name)

    @property
    def name(self) -> str:
        """What the model file calls itself."""
        return self.info.name

    @property
    def categories(self) -> tuple[Category, ...]:
        """The classes; the index is the `class_id` of the Instances."""
        return self._categories

    @property
    def engine(self) -> str:
        """Name of the engine."""
        return self._engine.name

    @property
    def max_in_flight(self) -> int:
        """Threads that may call `predict` together and gain by it."""
        return self._engine.max_in_flight

    @property
    def precision(self) -> str:
        """What the engine really computes in, which may differ from what was asked for; `int8+f32` and the like
        where the file's convolutions are in 8-bit numbers.
        """
        return f"int8+{self._engine.precision}" if self.info.quantized else self._engine.precision

    def predict(
        self,
        images_rgb_u8: Sequence[UInt8],
        *,
        threshold: float = 0.05,
        max_objects: int = 100,
        class_ids: Sequence[int] | None = None,
    ) -> list[Instances]:
        """Find objects in images of any sizes.

        Args:
            images_rgb_u8: each (H, W, 3) uint8, RGB.
            threshold: objects with a lower score, calibrated where the model is, are left out.
            max_objects: at most this many an image, the best.
            class_ids: find only these; they do not compete with the others for `max_objects`.
        Returns:
            One Instances an image, in order, best object first.
        """
        return [
            self.decode(
                outputs,
                size_hw=(image.shape[0], image.shape[1]),
                threshold=threshold,
                max_objects=max_objects,
                class_ids=class_ids,
            )
            for image, outputs in self._outputs(images_rgb_u8)
        ]

    def prepare(self, image_rgb_u8: UInt8) -> Float32:
        """An image (H, W, 3) uint8 RGB as the network wants it: (3, H', W') float32."""
        return prepare(image_rgb_u8, self._spec)

    def run(self, batch: Float32) -> dict[str, Float32]:
        """The network's outputs by name for prepared images of one size (B, 3, H', W'); see `core.outputs.OUTPUTS`."""
        return self._graph.run(batch)

    def decode(
        self,
        outputs: Mapping[str, Float32],
        *,
        size_hw: SizeHW,
        threshold: float = 0.05,
        max_objects: int = 100,
        class_ids: Sequence[int] | None = None,
    ) -> Instances:
        """The objects of an image of `size_hw` px from its outputs, without the batch dimension; see `predict`."""
        calibration = self._calibration
        found = OUTPUTS[self.info.head].decode(
            outputs if self.info.adopted else self._finite.of(outputs),  # other decoders refuse such values
            size_hw=size_hw,
            spec=self._spec,
            settings=self._settings,
            threshold=threshold if calibration is None else calibration.invert(threshold),
            max_objects=max_objects,
            class_ids=None if class_ids is None else np.unique(np.asarray(class_ids, np.int64)),
        )
        if len(found) and found.class_ids.max() >= len(self._categories):
            raise ModelError(
                f"model {self.name}: it found an object of class number {int(found.class_ids.max()) + 1}, and its file "
                f"names {len(self._categories)}; expected a name for each class. Adopt the model again with --names."
            )
        probable = found if calibration is None else calibration.applied_to(found)
        return replace(probable, categories=self._categories)

    def _outputs(self, images: Sequence[UInt8]) -> Iterator[tuple[UInt8, dict[str, Float32]]]:
        for start in range(0, len(images), self._batch_size):
            part = images[start : start + self._batch_size]
            rows: dict[int, dict[str, Float32]] = {}
            for indices, batch in batches_of_one_size([self.prepare(image) for image in part]):
                results = self.run(batch)
                for row, index in enumerate(indices):
                    rows[index] = {name: values[row] for name, values in results.items()}
            yield from ((image, rows[index]) for index, image in enumerate(part))


class ClassPredictor(Protocol):
    """A Predictor that can find only some of its classes; `OnnxPredictor` is one.

    `predict` may be called from several threads.
    """

    @property
    def name(self) -> str:
        """What the model calls itself."""

    @property
    def categories(self) -> tuple[Category, ...]:
        """The classes; the index is the `class_id`."""

    def predict(
        self,
        images_rgb_u8: Sequence[UInt8],
        *,
        threshold: float,
        max_objects: int,
        class_ids: Sequence[int] | None,
    ) -> list[Instances]:
        """See `OnnxPredictor.predict`."""


class ChosenClasses:
    """A model that finds only some of its classes; implements `core.instances.Predictor`."""

    def __init__(self, model: ClassPredictor, class_ids: Sequence[int] | None) -> None:
        self._model = model
        self._class_ids = None if class_ids is None else tuple(class_ids)

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    @property
    def categories(self) -> tuple[Category, ...]:
        """All classes of the model."""
        return self._model.categories

    def predict(
        self, images_rgb_u8: Sequence[UInt8], *, threshold: float = 0.05, max_objects: int = 100
    ) -> list[Instances]:
        """See `OnnxPredictor.predict`."""
        return self._model.predict(
            images_rgb_u8, threshold=threshold, max_objects=max_objects, class_ids=self._class_ids
        )


def load_predictor(
    model: str | Path = bundled.DEFAULT,
    *,
    engine: str = "openvino",
    precision: str = "f32",
    threads: int | None = None,
    batch_size: int = 1,
    throughput: bool = False,
) -> OnnxPredictor:
    """Load a model file and make it ready. One that is not bundled is tried in a process of its own first; see `trial`.

    Args:
        model: path of a model file, the name of a bundled model, or the address of a server, see `inference.remote`,
            which alone chooses engine, precision and threads.
        engine: "openvino", "onnxruntime" or "onnxruntime-cuda".
        precision: "f32", or "bf16" or "f16" with OpenVINO; "auto" for what `inference.engines` advises.
        threads: of the CPU; None leaves it to the engine.
        batch_size: images that run together.
        throughput: for as many threads as `.max_in_flight` says, each with an image of its own: more images a
            second, and each takes longer.
    Raises:
        ModelError: no such model, not ours, or damaged. InputError: an impossible setting.
        MissingExtraError: the engine is not installed.
    """
    if bundled.is_address(model):
        from seasift.inference.remote import open_remote

        return OnnxPredictor(*open_remote(str(model)))
    file = read_model_file(bundled.find(model))
    if precision == AUTO and engine in ENGINES:
        able = abilities() if engine == "openvino" else ()
        precision = advised(engine, quantized=bool(file.info.quantized), able=able)
        if file.info.adopted:  # graphs of other makers compute pixels, which bf16 rounds by up to 2 px
            precision = "f32"
    if engine in ENGINES:
        try_out(file, engine=engine, precision=precision, threads=threads)
    return open_predictor(
        file,
        engine=engine,
        precision=precision,
        threads=threads,
        batch_size=batch_size,
        throughput=throughput,
    )


def open_predictor(
    file: ModelFile,
    *,
    engine: str,
    precision: str,
    threads: int | None = None,
    batch_size: int = 1,
    throughput: bool = False,
) -> OnnxPredictor:
    """Make a model file ready without a trial; see `load_predictor`."""
    ready = open_engine(
        file.data, file.name, engine=engine, precision=precision, threads=threads, throughput=throughput
    )
    return OnnxPredictor(file, ready, batch_size=batch_size)


NAMES = ("brightness", "contrast", "red to green", "yellow to blue", "colourfulness", "sharpness")
_SIDE = 256


def image_statistics(image_rgb_u8: UInt8) -> Float64:
    """Statistics of an image (H, W, 3) uint8 RGB, shrunk so that its longer side is 256 px.

    Returns:
        (6,) in the order of `NAMES`: mean and standard deviation of lightness L (0..100); means of a (red above
        green) and b (yellow above blue) of CIE Lab; mean distance of (a, b) from their means; natural logarithm of
        1 plus the variance of the Laplacian of L (0..255).
    Source of the last: Pech-Pacheco et al. 2000 (variance of the Laplacian as a measure of focus).
    """
    height, width = image_rgb_u8.shape[:2]
    factor = _SIDE / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = cv2.resize(image_rgb_u8, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float64)
    light, colour = lab[..., 0], lab[..., 1:] - 128
    mean = colour.mean(axis=(0, 1))
    spread = np.hypot(*np.moveaxis(colour - mean, -1, 0)).mean()
    edges = cv2.Laplacian(light, cv2.CV_64F).var()
    return np.array([light.mean() / 2.55, light.std() / 2.55, *mean, spread, np.log1p(edges)])


_PROTOTYPES = "prototypes"


def predict_with_statistics(
    model: OnnxPredictor,
    image_rgb_u8: UInt8,
    *,
    threshold: float,
    max_objects: int,
    class_ids: Sequence[int] | None = None,
) -> tuple[Instances, Float64]:
    """What is in an image, see `OnnxPredictor.predict`, and its statistics in the order of `statistic_names`."""
    batch = model.run(model.prepare(image_rgb_u8)[None])
    outputs = {name: values[0] for name, values in batch.items()}
    found = model.decode(
        outputs,
        size_hw=(image_rgb_u8.shape[0], image_rgb_u8.shape[1]),
        threshold=threshold,
        max_objects=max_objects,
        class_ids=class_ids,
    )
    return found, np.concatenate([image_statistics(image_rgb_u8), _activity(outputs)])


def statistic_names(values: int) -> tuple[str, ...]:
    """Names of so many statistics: the image's, then means and deviations of the network's prototypes."""
    prototypes = (values - len(NAMES)) // 2
    return (
        *NAMES,
        *(f"prototype {k} {what}" for what in ("mean", "deviation") for k in range(1, prototypes + 1)),
    )


def _activity(outputs: Mapping[str, Float32]) -> Float64:
    """Mean and standard deviation of each prototype mask over the image; nothing from networks without."""
    if _PROTOTYPES not in outputs:
        return np.zeros(0)
    masks = np.asarray(outputs[_PROTOTYPES], np.float64)
    masks = masks.reshape(-1, masks.shape[-1])
    return np.concatenate([masks.mean(axis=0), masks.std(axis=0)])
