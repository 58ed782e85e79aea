"""Networks by the names that recipes use."""

from __future__ import annotations

from seasift.core.errors import BadRecipe
from seasift.core.spelling import expected
from seasift.models.backbones import BACKBONES
from seasift.models.yolact.config import YolactConfig
from seasift.models.yolact.network import Yolact


def build_yolact(config: YolactConfig) -> Yolact:
    """A YOLACT with random weights.

    Raises:
        BadRecipe: a backbone that the catalog does not hold; the nearest is named.
    """
    if config.backbone not in BACKBONES:
        raise BadRecipe(f"model.backbone: got {config.backbone!r}; {expected(config.backbone, BACKBONES)}")
    return Yolact(config)
