"""What a training step costs beside forward and backward of its bare network.

Run: python benchmarks/training_step.py sift-s --data DATA [--set a.b=c …]   (without --data: the synthetic images)

Step and bare network take turns in one process, so their ratio holds where absolute times do not. The bare network runs
in the same precision on a batch of the same size; its loss is the mean of its outputs. Medians over rounds. On a GPU
(--device cuda) each part waits for the GPU, so that parts add up; training.compile compiles the network of the step.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from seasift.data.synthetic import make_synthetic
from seasift.evaluation.machine import describe_machine
from seasift.models.catalog import FAMILIES, build
from seasift.models.checkpoint import config_of
from seasift.recipes.recipe import Recipe, load_recipe
from seasift.training.augment import Augment
from seasift.training.batches import BatchStream, load_on_gpu
from seasift.training.callbacks import moving_average
from seasift.training.data import data_splits, open_images
from seasift.training.module import make_optimizer, step_seed


class Clock:
    """Seconds by name, one entry a step."""

    def __init__(self, device: torch.device) -> None:
        self.times: dict[str, list[float]] = defaultdict(list)
        self._wait: Callable[[], None] = torch.cuda.synchronize if device.type == "cuda" else lambda: None

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        self._wait()
        start = time.perf_counter()
        yield
        self._wait()
        self.times[name].append(time.perf_counter() - start)


class Step:
    """A recipe's training step in its parts, and the bare network's."""

    def __init__(self, recipe: Recipe, clock: Clock, device: torch.device) -> None:
        learn, _ = data_splits(recipe)
        config: Any = config_of(recipe, len(learn.coco.categories))
        self._recipe, self._clock, self._family = recipe, clock, FAMILIES[config.arch]
        self._device = device
        spec = self._family.input_spec(config)
        self._network = build(config).to(device, memory_format=torch.channels_last).train()
        self._bare = build(config).to(device, memory_format=torch.channels_last).train()
        self._learning: Any = (
            torch.compile(self._network, dynamic=False) if recipe.training.compile else self._network
        )
        self._augment = Augment(
            recipe.augment,
            spec.mean,
            spec.std,
            recipe.training.mask_targets,
            full_masks=self._family.full_masks,
        )
        self._optimizer = make_optimizer(recipe.optimizer, self._network)
        decay = recipe.training.ema
        self._mean = (
            AveragedModel(self._network, multi_avg_fn=moving_average(decay), use_buffers=True)
            if decay
            else None
        )
        cache = open_images(learn, spec, recipe)
        stream = BatchStream(
            cache,
            batch_size=recipe.training.batch_size,
            seed=1,
            start=0,
            stop=10**6,
            pixels=load_on_gpu(cache, device) if device.type == "cuda" else None,
        )
        self._batches = iter(stream)
        self._bf16 = recipe.training.precision == "bf16"

    def full(self) -> None:
        """One whole step."""
        clock, network = self._clock, self._network
        with clock("whole step"):
            with clock("read the batch from the cache"):
                batch = next(self._batches).to(self._device)
            with clock("augmentation and targets"):
                images, targets = self._augment(batch, step_seed(1, batch.number, 0))
            with (
                torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16),
                clock("forward and losses"),
            ):
                losses = self._family.losses(self._learning, images, targets)
                total = torch.stack(list(losses.values())).sum()
                assert bool(torch.isfinite(total))
            with clock("backward"):
                self._optimizer.zero_grad()
                total.backward()
            with clock("clip, optimizer"):
                if self._recipe.optimizer.clip_norm:
                    torch.nn.utils.clip_grad_norm_(network.parameters(), self._recipe.optimizer.clip_norm)
                self._optimizer.step()
            with clock("moving average"):
                if self._mean is not None:
                    self._mean.update_parameters(network)
        self._shape = images.shape

    def bare(self) -> None:
        """Forward and backward of the network alone on a batch as large."""
        images = torch.randn(self._shape, device=self._device).contiguous(memory_format=torch.channels_last)
        self._bare.zero_grad()
        with self._clock("bare forward and backward"):
            with (
                torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16),
                self._clock("bare forward"),
            ):
                loss = torch.stack([part.float().mean() for part in _tensors(self._bare(images))]).sum()
            loss.backward()


def _tensors(output: Any) -> list[Tensor]:
    """The tensors of a network's output that depend on its weights."""
    values = output if isinstance(output, (tuple, list)) else vars(output).values()
    return [value for value in values if isinstance(value, Tensor) and value.requires_grad]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", nargs="?", default="sift-s")
    parser.add_argument("--data", help="a prepared data set or COCO file")
    parser.add_argument("--set", action="append", default=[], metavar="a.b=c")
    parser.add_argument("--rounds", type=int, default=8, help="that count, after two that do not")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    options = parser.parse_args()
    device = torch.device(options.device)
    with tempfile.TemporaryDirectory() as folder:
        data = options.data or make_synthetic(Path(folder))
        recipe = load_recipe(options.recipe, [f"data.path={data}", *options.set])
        clock = Clock(device)
        step = Step(recipe, clock, device)
        for _ in range(options.rounds + 2):
            step.full()
            step.bare()
    times = {name: values[2:] for name, values in clock.times.items()}
    bare = times["bare forward and backward"]
    where = torch.cuda.get_device_name() if device.type == "cuda" else describe_machine()
    print(where, f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    print(
        f"{recipe.name}, batch {recipe.training.batch_size} of {tuple(step._shape)}, {recipe.training.precision}"
    )
    rate = recipe.training.batch_size / median(times["whole step"])
    print(f"{rate:,.0f} images/s")
    for name, values in times.items():
        share = median(one / of for one, of in zip(values, bare, strict=True))
        print(f"{name:32} {1000 * median(values):9.1f} ms {share:6.3f} of bare forward and backward")


if __name__ == "__main__":
    main()
