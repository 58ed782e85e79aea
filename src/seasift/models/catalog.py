"""Networks by the names that recipes use."""

from __future__ import annotations

import difflib

from seasift.core.errors import BadRecipe
from seasift.models.backbones import BACKBONES
from seasift.models.yolact.config import YolactConfig
from seasift.models.yolact.network import Yolact


def build_yolact(config: YolactConfig) -> Yolact:
    """A YOLACT with random weights.

    Raises:
        BadRecipe: a backbone that the catalog does not hold; the nearest is named.
    """
    if config.backbone not in BACKBONES:
        close = difflib.get_close_matches(config.backbone, BACKBONES, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(BACKBONES)}"
        raise BadRecipe(f"model.backbone: got {config.backbone!r}; {hint}")
    return Yolact(config)
