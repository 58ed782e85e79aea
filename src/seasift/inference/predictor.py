"""Images in, Instances out, from a model file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np

from seasift.core.errors import ModelError
from seasift.core.instances import Category, Instances
from seasift.core.outputs import OUTPUTS
from seasift.core.prepare import batches_of_one_size, prepare
from seasift.core.types import Float32, SizeHW, UInt8
from seasift.inference.engine import Engine, Port
from seasift.inference.engines import AUTO, ENGINES, abilities, advised, open_engine
from seasift.modelfile import bundled
from seasift.modelfile.info import INPUT_NAME, ModelFile, ModelInfo, read_model_file


class OnnxPredictor:
    """A model file on an engine; implements `core.instances.Predictor`.

    Images run one at a time unless `batch_size` says otherwise: then a picture's result cannot depend on
    its neighbours, and on a CPU a batch brings no speed.
    """

    def __init__(self, file: ModelFile, engine: Engine, *, batch_size: int = 1) -> None:
        """Check that the graph is what the file's description says.

        Raises:
            ModelError: names, shapes or types of inputs or outputs differ.
        """
        check_graph(file.info, engine.inputs, engine.outputs, file.name)
        self.info: ModelInfo = file.info
        self.sha256 = file.sha256
        self._engine = engine
        self._batch_size = batch_size
        self._spec = file.info.input_spec()
        self._settings = file.info.decode_settings()
        self._categories = file.info.class_list()
        self._calibration = file.info.score_calibration()

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
            class_ids: look only for these; they do not compete with the others for `max_objects`.
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
        """The network's outputs by name for prepared images of one size (B, 3, H', W')."""
        return self._engine.run(batch)

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
            outputs,
            size_hw=size_hw,
            spec=self._spec,
            settings=self._settings,
            threshold=threshold if calibration is None else calibration.invert(threshold),
            max_objects=max_objects,
            class_ids=None if class_ids is None else np.unique(np.asarray(class_ids, np.int64)),
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
    """A Predictor that can look only for some of its classes; `OnnxPredictor` is one.

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
    """A model that looks only for some of its classes; implements `core.instances.Predictor`."""

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
    """Load a model file and make it ready.

    Args:
        model: path of a model file, or the name of a bundled model.
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
    file = read_model_file(bundled.find(model))
    if precision == AUTO and engine in ENGINES:
        able = abilities() if engine == "openvino" else ()
        precision = advised(engine, quantized=bool(file.info.quantized), able=able)
    ready = open_engine(
        file.data, file.name, engine=engine, precision=precision, threads=threads, throughput=throughput
    )
    return OnnxPredictor(file, ready, batch_size=batch_size)


def check_graph(info: ModelInfo, inputs: Sequence[Port], outputs: Sequence[Port], name: str) -> None:
    """Hold a graph to its file's description.

    Raises:
        ModelError: names, shapes or types differ.
    """
    sizes: dict[str, int | None] = {"3": 3, "4": 4, "C": len(info.categories), "B": None}
    sizes["H"], sizes["W"] = (None, None) if info.input.resize == "trim" else info.input.size_hw
    expected = {
        INPUT_NAME: "B 3 H W",
        **OUTPUTS[info.head].outputs,
    }
    got = {port.name: port for port in (*inputs, *outputs)}
    if {p.name for p in inputs} != {INPUT_NAME} or {p.name for p in outputs} != set(
        OUTPUTS[info.head].outputs
    ):
        raise ModelError(
            f"{name}: inputs {_names(inputs)} and outputs {_names(outputs)}; expected {INPUT_NAME} and "
            f"{', '.join(OUTPUTS[info.head].outputs)}. Export the model again."
        )
    for port_name, letters in expected.items():
        _check_port(got[port_name], letters.split(), sizes, name)


def _check_port(port: Port, letters: Sequence[str], sizes: dict[str, int | None], name: str) -> None:
    """Compare dimension by dimension.

    A letter of size None must be free, one without a size (P, K, N, ...) takes the first it meets.
    """
    shown = "x".join("?" if size is None else str(size) for size in port.shape)
    fits = len(port.shape) == len(letters)
    for letter, size in zip(letters, port.shape, strict=False):
        if size is not None:
            fits = fits and sizes.setdefault(letter, size) == size
        elif letter in sizes:
            fits = fits and sizes[letter] is None
    if not fits or not port.float32:
        known = [sizes.get(letter, letter) for letter in letters]
        expected = "x".join("?" if size is None else str(size) for size in known)
        kind = "float32" if port.float32 else "another type than float32"
        raise ModelError(
            f"{name}: {port.name!r} is {shown} of {kind}; expected {expected} of float32 "
            "(? is any size). Export the model again."
        )


def _names(ports: Sequence[Port]) -> str:
    return ", ".join(port.name for port in ports) or "none"
