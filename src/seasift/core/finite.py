"""Check the numbers that a network gives."""

from __future__ import annotations

import numpy as np

from seasift.core.errors import ModelError
from seasift.core.types import Float32


def check_finite(values: Float32) -> None:
    """Check that outputs hold neither NaN nor infinity.

    Raises:
        ModelError: they do.
    """
    if not np.isfinite(values).all():
        raise ModelError(
            "the model's outputs hold NaN or infinity for an image; expected finite numbers. "
            "Export the model again in float32."
        )
