"""The description inside an ONNX model file, and the bundled models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seasift._lazy import lazy

if TYPE_CHECKING:
    from seasift.modelfile.info import ModelFile as ModelFile
    from seasift.modelfile.info import ModelInfo as ModelInfo
    from seasift.modelfile.info import read_model_file as read_model_file

__all__ = ["ModelFile", "ModelInfo", "read_model_file"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "ModelFile": "seasift.modelfile.info:ModelFile",
        "ModelInfo": "seasift.modelfile.info:ModelInfo",
        "read_model_file": "seasift.modelfile.info:read_model_file",
    },
)
