"""From checkpoint to ONNX, quantisation, model card. Only `to_onnx` and its callers load PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seasift._lazy import lazy, make_callable

if TYPE_CHECKING:
    from seasift.export.api import export as export

__all__ = ["export"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "export": "seasift.export.api:export",
    },
)
make_callable(__name__, "seasift.export.api", "export")
