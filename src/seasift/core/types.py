"""Array types. Shapes in docstrings use B batch, N objects, P priors, C classes, K prototypes, H, W."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
UInt8 = npt.NDArray[np.uint8]
SizeHW = tuple[int, int]
