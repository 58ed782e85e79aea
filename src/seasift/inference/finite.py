"""Leave out what a network gives that is no number: such objects have no place in an image."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np

from seasift.core.types import Float32

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
