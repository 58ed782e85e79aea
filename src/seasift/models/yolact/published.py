"""Reading checkpoints of the published implementation: its names to ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from torch import Tensor

from seasift.models.weights import load_exactly
from seasift.models.yolact.network import Yolact

BACKBONES = ("resnet50", "resnet101", "darknet53")

_RULES: tuple[tuple[str, str], ...] = (
    # The published pyramid keeps its layers coarsest first.
    (r"^fpn\.lat_layers\.(\d)\.", "fpn.lateral.{2-}."),
    (r"^fpn\.pred_layers\.(\d)\.", "fpn.smooth.{2-}."),
    (r"^fpn\.downsample_layers\.(\d)\.", "fpn.down.{}."),
    (r"^proto_net\.([024])\.", "prototype_net.before.{/2}."),
    (r"^proto_net\.8\.", "prototype_net.after."),
    (r"^proto_net\.10\.", "prototype_net.last."),
    (r"^prediction_layers\.0\.upfeature\.0\.", "head.shared."),
    (r"^prediction_layers\.0\.bbox_layer\.", "head.box."),
    (r"^prediction_layers\.0\.conf_layer\.", "head.classify."),
    (r"^prediction_layers\.0\.mask_layer\.", "head.coefficient."),
    (r"^semantic_seg_conv\.", "semantic."),
    # DarkNet: a strided convolution, then the blocks; each convolution is followed by its batch norm.
    (r"^backbone\._preconv\.(0|1)\.", "backbone.body.stem_conv1.{conv|bn}."),
    (r"^backbone\.layers\.(\d)\.0\.([01])\.", "backbone.body.stages_{}.conv_down.{conv|bn}."),
    (
        r"^backbone\.layers\.(\d)\.(\d)\.(conv\d)\.([01])\.",
        "backbone.body.stages_{}.blocks.{-1}.{}.{conv|bn}.",
    ),
    (r"^backbone\.layers\.(\d)\.", "backbone.body.layer{+1}."),
    (r"^backbone\.(conv1|bn1)\.", "backbone.body.{}."),
)


def our_name(published: str) -> str:
    """The name of an entry in our network; an entry that no rule knows keeps its name (and will not fit)."""
    for pattern, template in _RULES:
        match = re.match(pattern, published)
        if match:
            return _fill(template, match) + published[match.end() :]
    return published


def load_published(network: Yolact, state: Mapping[str, Tensor], *, source: str) -> None:
    """Load a published checkpoint (ResNet or DarkNet). `num_batches_tracked` is optional: old files lack it.

    Raises:
        WeightsError: entries that do not fit, named in our spelling.
    """
    renamed = {our_name(name): value for name, value in state.items()}
    for name, value in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            renamed.setdefault(name, value)
    load_exactly(network, renamed, source=source)


def _fill(template: str, match: re.Match[str]) -> str:
    """Put what a pattern's groups hold into the marks of a template, in order."""
    parts = re.split(r"(\{.*?\})", template)
    marks = parts[1::2]
    parts[1::2] = [_FORMS[mark](text) for mark, text in zip(marks, match.groups(), strict=True)]
    return "".join(parts)


_FORMS: dict[str, Callable[[str], str]] = {
    "{}": str,
    "{2-}": lambda text: str(2 - int(text)),
    "{/2}": lambda text: str(int(text) // 2),
    "{+1}": lambda text: str(int(text) + 1),
    "{-1}": lambda text: str(int(text) - 1),
    "{conv|bn}": lambda text: ("conv", "bn")[int(text)],
}
