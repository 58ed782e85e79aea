"""A network in PyTorch as a Predictor."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from seasift.core.decode import YolactDecode
from seasift.core.heads import decode
from seasift.core.instances import Category, Instances
from seasift.core.prepare import batches_of_one_size, prepare
from seasift.core.types import Float32, UInt8
from seasift.models.catalog import FAMILIES, Config, head_of, named_outputs


class TorchPredictor:
    """A trained network that answers as every Predictor does.

    Args:
        network: of the catalog; is put into evaluation mode for each call and back afterwards.
        categories: index is the class_id.
        name: for tables.
        settings: of the decoding.
        batch_size: pictures at once.
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

    @torch.no_grad()
    def predict(
        self, images_rgb_u8: Sequence[UInt8], *, threshold: float = 0.05, max_objects: int = 100
    ) -> list[Instances]:
        """See `seasift.core.predictor.Predictor`."""
        was_training = self.network.training
        self.network.eval()
        device = next(self.network.parameters()).device
        graph = FAMILIES[self._arch].graph(self.network).to(device)
        found: list[Instances] = []
        for start in range(0, len(images_rgb_u8), self._batch_size):
            pictures = images_rgb_u8[start : start + self._batch_size]
            rows: dict[int, dict[str, Float32]] = {}
            for places, stacked in batches_of_one_size([prepare(p, self._spec) for p in pictures]):
                batch = torch.from_numpy(stacked).to(device).contiguous(memory_format=torch.channels_last)
                outputs = named_outputs(self.config, graph(batch))
                arrays = {name: output.float().cpu().numpy() for name, output in outputs.items()}
                for row, place in enumerate(places):
                    rows[place] = {name: array[row] for name, array in arrays.items()}
            found += [
                decode(
                    head_of(self.config),
                    rows[place],
                    size_hw=(picture.shape[0], picture.shape[1]),
                    spec=self._spec,
                    settings=self.settings,
                    threshold=threshold,
                    max_objects=max_objects,
                )
                for place, picture in enumerate(pictures)
            ]
        self.network.train(was_training)
        return found
