"""Checkpoint to ONNX with metadata. Needs the `train` extra.

`seasift.export(...)` is `seasift.export.api.export(...)`; see `core.callable_package` for why the package can be called.
"""

from seasift.core.callable_package import make_callable

make_callable(__name__, "seasift.export.api", "export")
