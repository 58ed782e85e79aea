"""Networks from recipes and checkpoints, and a network as a Predictor."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seasift.core.decode import YolactDecode
from seasift.core.errors import RecipeError, WeightsError
from seasift.core.instances import Category, Instances
from seasift.core.outputs import OUTPUTS
from seasift.core.prepare import batches_of_one_size, prepare
from seasift.core.types import Float32, UInt8
from seasift.models.catalog import FAMILIES, build, make_config, named_outputs
from seasift.models.family import Config, class_rows
from seasift.models.weights import load_exactly
from seasift.recipes.recipe import ModelRecipe, Recipe, recorded_recipe


def config_of(recipe: Recipe, classes: int) -> Config:
    """The network that a recipe asks for.

    Raises:
        RecipeError: names that the catalog does not hold, or settings that the network does not have.
    """
    model = recipe.model
    shape = model.model_dump(exclude={"arch", "backbone", "size", "weights", "frozen_batch_norm"})
    shape = {key: value for key, value in shape.items() if value != ModelRecipe.model_fields[key].default}
    frozen = model.frozen_batch_norm
    shape["frozen_batch_norm"] = model.weights != "none" if frozen == "pretrained" else frozen
    config = make_config(model.arch, model.backbone, classes, size=model.size, **shape)
    shown = recipe.augment.size
    trims = FAMILIES[config.arch].input_spec(config).resize == "trim"
    if shown and (not trims or recipe.augment.scale is None or any(side % 32 for side in shown)):
        raise RecipeError(
            f"augment.size: got {list(shown)}; expected multiples of 32, with augment.scale, for a network that "
            "takes images in their own shape (sift). Remove it"
        )
    return config


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint, read without running code from it.

    Raises:
        WeightsError: no file, or not a checkpoint of seasift.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such file; expected a checkpoint that seasift train wrote")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise WeightsError(
            f"{path}: not a checkpoint ({type(error).__name__}); expected one of seasift train"
        ) from error
    if not isinstance(content, dict) or "recipe" not in content.get("hyper_parameters", {}):
        raise WeightsError(
            f"{path}: not a checkpoint of seasift train; expected best.ckpt or last.ckpt of a run"
        )
    return content


def load_network(path: Path) -> tuple[nn.Module, Recipe, tuple[Category, ...]]:
    """The network of a checkpoint in evaluation mode, with its recipe and categories."""
    content = read_checkpoint(path)
    known = content["hyper_parameters"]
    recipe = recorded_recipe(known["recipe"])
    categories = tuple(Category(**category) for category in known["categories"])
    network = build(config_of(recipe, len(categories)))
    start = "network."
    state = {name.removeprefix(start): value for name, value in content["state_dict"].items()}
    load_exactly(network, state, source=str(path))
    return network.eval().to(memory_format=torch.channels_last), recipe, categories


def load_mean(paths: Sequence[Path]) -> tuple[nn.Module, Recipe, tuple[Category, ...]]:
    """As `load_network`, of the last of several checkpoints, with the mean of their weights.

    Raises:
        WeightsError: their networks or classes differ.
    Source: Wortsman et al. 2022 (Model soups), section 2, uniform soup. Statistics of batch norm are averaged, too.
    """
    *others, (network, recipe, categories) = [load_network(path) for path in paths]
    own = network.state_dict()
    for path, (other, _, classes) in zip(paths, others, strict=False):
        if classes != categories or _shapes(other.state_dict()) != _shapes(own):
            raise WeightsError(
                f"{path}: not the network and the classes of {paths[-1]}; expected runs of one"
            )
    for name, value in own.items():
        if value.is_floating_point():
            same = [other.state_dict()[name].double() for other, *_ in others]
            value.copy_(torch.stack([*same, value.double()]).mean(0))
    return network, recipe, categories


def interpolate(
    base: nn.Module, adapted: nn.Module, share: float, new_classes: Collection[int] = ()
) -> nn.Module:
    """A network with weights between those of two of one shape.

    Args:
        base: where the other began.
        adapted: the other.
        share: of the adapted network: 0 is the base, 1 the adapted one.
        new_classes: class_ids that the base does not know. Their rows are the adapted network's at any share.
    Returns:
        A new network in evaluation mode. Statistics of batch norm are interpolated, too.
    Source: Wortsman et al. 2022 (Robust fine-tuning of zero-shot models), section 3.
    """
    config: Any = base.config
    family, mixed = FAMILIES[config.arch], build(config)
    first, second, state = base.state_dict(), adapted.state_dict(), mixed.state_dict()
    for name, value in state.items():
        if not value.is_floating_point():
            value.copy_(second[name])
            continue
        value.copy_(torch.lerp(first[name].double().cpu(), second[name].double().cpu(), share))
        rows = class_rows(family, name)
        for class_id in new_classes if rows else ():
            own = rows.of(class_id, len(value), config.classes) if rows else []
            value[own] = second[name][own].cpu()
    return mixed.eval().to(memory_format=torch.channels_last)


def _shapes(state: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in state.items()}


def load_predictor(path: Path) -> TorchPredictor:
    """A checkpoint as a Predictor."""
    network, recipe, categories = load_network(path)
    return TorchPredictor(network, categories, name=f"{recipe.name} ({path.name})")


class TorchPredictor:
    """A network in PyTorch as a Predictor.

    Args:
        network: of the catalog; it is in evaluation mode during each call.
        categories: index is the class_id.
        name: for tables.
        settings: of the decoding.
        batch_size: images at once.
    """

    def __init__(
        self,
        network: nn.Module,
        categories: Sequence[Category],
        *,
        name: str,
        settings: YolactDecode | None = None,
        batch_size: int = 8,
    ) -> None:
        self.network, self.name, self.categories = network, name, tuple(categories)
        self.settings = settings or YolactDecode()
        self._batch_size = batch_size
        self.config: Config = network.config  # type: ignore[assignment]
        self._arch = self.config.arch
        self._spec = FAMILIES[self._arch].input_spec(self.config)
        self._decode = OUTPUTS[FAMILIES[self._arch].output].decode

    @torch.no_grad()
    def predict(
        self, images_rgb_u8: Sequence[UInt8], *, threshold: float = 0.05, max_objects: int = 100
    ) -> list[Instances]:
        """See `seasift.core.instances.Predictor`."""
        was_training = self.network.training
        self.network.eval()
        device = next(self.network.parameters()).device
        graph = FAMILIES[self._arch].graph(self.network).to(device)
        found: list[Instances] = []
        for start in range(0, len(images_rgb_u8), self._batch_size):
            images = images_rgb_u8[start : start + self._batch_size]
            rows: dict[int, dict[str, Float32]] = {}
            for indices, stacked in batches_of_one_size([prepare(p, self._spec) for p in images]):
                batch = torch.from_numpy(stacked).to(device).contiguous(memory_format=torch.channels_last)
                outputs = named_outputs(self._arch, graph(batch))
                arrays = {name: output.float().cpu().numpy() for name, output in outputs.items()}
                for row, index in enumerate(indices):
                    rows[index] = {name: array[row] for name, array in arrays.items()}
            found += [
                self._decode(
                    rows[index],
                    size_hw=(image.shape[0], image.shape[1]),
                    spec=self._spec,
                    settings=self.settings,
                    threshold=threshold,
                    max_objects=max_objects,
                )
                for index, image in enumerate(images)
            ]
        self.network.train(was_training)
        return found
