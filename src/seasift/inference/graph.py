"""A graph on an engine, checked, fed and read by the names of its kind of output.

Objects whose outputs are not finite numbers are left out: they have no position in an image.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np

from seasift.core.errors import ModelError
from seasift.core.outputs import OUTPUTS
from seasift.core.types import Float32, Int64
from seasift.inference.engine import Engine, Port
from seasift.modelfile.info import INPUT_NAME, AdoptedEntry, ModelInfo

_LOG = logging.getLogger("seasift.inference")
_PER_OBJECT = ("boxes", "scores", "classes", "coefficients", "masks")
_FARTHEST = 1e6  # of a side of the input, or px


class FiniteOutputs:
    """Replaces objects with values that are not finite by objects with a score of 0. Says so once for a model."""

    def __init__(self, name: str) -> None:
        self._name, self._said = name, False

    def of(self, outputs: Mapping[str, Float32]) -> Mapping[str, Float32]:
        """The outputs of one image, without the batch dimension: the same ones where all is finite.

        Args:
            outputs: by name; "boxes" (N, 4), "scores" (N,) or (N, C), and others with N objects.
        """
        wrong = [name for name, values in outputs.items() if not _finite(values)]
        if not wrong and not np.any(np.abs(outputs["boxes"]) > _FARTHEST):
            return outputs
        mended = {name: np.nan_to_num(values, posinf=0, neginf=0) for name, values in outputs.items()}
        bad = np.zeros(len(outputs["boxes"]), bool)
        for name in _PER_OBJECT:
            if name in outputs:
                values = outputs[name].reshape(len(bad), -1)
                bad |= ~np.isfinite(values).all(axis=1)
        bad |= (np.abs(mended["boxes"]) > _FARTHEST).any(axis=1)
        for name in _PER_OBJECT:
            if name in mended:
                mended[name][bad] = 0
        if not self._said:
            self._said = True
            _LOG.warning(
                "%s: gave %d of %d objects of an image with values that are no finite numbers; such objects are left out",
                self._name,
                int(bad.sum()),
                len(bad),
            )
        return mended


def _finite(values: Float32) -> bool:
    """Whether all are; a sum tells that faster than a look at each, where it does not overflow."""
    return bool(np.isfinite(values.sum(dtype=np.float64)))


class Graph:
    """A graph of seasift, or of another maker with its own names and layout."""

    def __init__(self, info: ModelInfo, engine: Engine, name: str) -> None:
        """Hold the graph to its file's description.

        Args:
            info: the description.
            engine: with the graph.
            name: of the file, for errors.
        Raises:
            ModelError: names, shapes or types of inputs or outputs differ.
        """
        self._engine = engine
        self._adopted = info.adopted
        self._classes = len(info.categories)
        self._name = name
        if info.adopted:
            self._letters = OUTPUTS[info.head].outputs_of(info.adopted.outputs) or {}
            self._names = _check_adopted(info, info.adopted, engine, name)
        else:
            check_graph(info, engine.inputs, engine.outputs, name)

    def run(self, batch: Float32) -> dict[str, Float32]:
        """The outputs of the kind by name for prepared images of one size (B, 3, H, W), with the batch dimension.

        Raises:
            ModelError: the graph gives outputs of other shapes than the kind has.
        """
        if self._adopted is None:
            return self._engine.run(batch)
        letters = self._letters
        others: tuple[Int64, ...] = ()
        if self._adopted.size_input is not None:
            others = (np.array([[batch.shape[3], batch.shape[2]]] * len(batch), np.int64),)
        results = self._engine.run(batch if self._adopted.batch else batch[0], others)
        found = {}
        sizes: dict[str, int | None] = {"C": self._classes, "H": batch.shape[2], "W": batch.shape[3]}
        if "prototype_masks" not in letters:
            sizes["K"] = 0
        for name, shape in letters.items():
            values = results[self._names[name]]
            values = values if self._adopted.batch_of_outputs else values[None]
            values = _of_classes(name, values, shape.split(), self._adopted.labels)
            _check_port(Port(name, values.shape, float32=True), shape.split(), sizes, self._name)
            found[name] = values
        return found


def _of_classes(name: str, values: Float32, letters: Sequence[str], labels: Sequence[int]) -> Float32:
    """Outputs by the classes of the description instead of the graph's.

    Scores of other classes go. Their labels become -1; those beyond all classes stay beyond.
    """
    if not labels:
        return values
    if name == "labels":
        classes = np.where(values > max(labels), np.float32(len(labels)), np.float32(-1))
        for index, label in enumerate(labels):
            classes[values == label] = index
        return classes
    axis = letters.index("C") if "C" in letters else None
    if axis is None or values.ndim != len(letters) or values.shape[axis] <= max(labels):
        return values
    return values.take(np.array(labels), axis=axis)


def check_graph(info: ModelInfo, inputs: Sequence[Port], outputs: Sequence[Port], name: str) -> None:
    """Hold a graph of seasift to its file's description.

    Raises:
        ModelError: names, shapes or types differ.
    """
    sizes: dict[str, int | None] = {"C": len(info.categories), "B": None}
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


def _check_adopted(info: ModelInfo, adopted: AdoptedEntry, engine: Engine, name: str) -> dict[str, str]:
    """The graph's own name of each output of the kind; shapes of outputs are checked when they are known, in a run."""
    inputs = [] if adopted.size_input is None else [adopted.size_input]
    if len(engine.inputs) != 1 + len(inputs) or max(adopted.outputs.values()) >= len(engine.outputs):
        raise ModelError(
            f"{name}: inputs {_names(engine.inputs)} and outputs {_names(engine.outputs)} are not those of its "
            "description. Adopt the model again."
        )
    port = engine.inputs[0]
    shape = (1, 3, *info.input.size_hw)[0 if adopted.batch else 1 :]
    free = info.input.resize == "original"
    fits = len(port.shape) == len(shape) and all(
        size is None or size == wanted
        for size, wanted in zip(port.shape, shape[:-2] if free else shape, strict=False)
    )
    if not fits or not port.float32:
        raise ModelError(
            f"{name}: its input takes {_shown(port.shape)}; expected {_shown(shape)} of float32. "
            "Adopt the model again."
        )
    return {output: engine.outputs[index].name for output, index in adopted.outputs.items()}


def _check_port(port: Port, letters: Sequence[str], sizes: dict[str, int | None], name: str) -> None:
    """Compare dimension by dimension.

    A letter of size None must be free, one without a size (P, K, N, ...) takes the first it meets.
    """
    fits = len(port.shape) == len(letters)
    for letter, size in zip(letters, port.shape, strict=False):
        if size is not None:
            fits = fits and _takes(letter, size, sizes)
        elif letter in sizes or letter.isdigit():
            fits = fits and sizes.get(letter, 0) is None
    if not fits or not port.float32:
        known = [sizes.get(letter, letter) for letter in letters]
        expected = "x".join("?" if size is None else str(size) for size in known)
        kind = "float32" if port.float32 else "another type than float32"
        raise ModelError(
            f"{name}: {port.name!r} is {_shown(port.shape)} of {kind}; expected {expected} of float32 "
            "(? is any size). Export the model again."
        )


def _takes(letters: str, size: int, sizes: dict[str, int | None]) -> bool:
    """Whether a dimension, a letter or a sum such as 4+C+K, can have a size; notes what a new letter is then."""
    rest: int | None = size
    new = []
    for part in letters.split("+"):
        if part.isdigit() or part in sizes:
            known = int(part) if part.isdigit() else sizes[part]
            rest = None if known is None or rest is None else rest - known
        else:
            new.append(part)
    if new and rest is not None and rest >= 0:
        sizes[new[0]] = rest
        return len(new) == 1
    return rest == 0


def _shown(shape: Sequence[int | None]) -> str:
    return "x".join("?" if size is None else str(size) for size in shape)


def _names(ports: Sequence[Port]) -> str:
    return ", ".join(port.name for port in ports) or "none"
