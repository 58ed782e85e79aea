"""What a run begins with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from torch import Tensor

from seasift.core.errors import WeightsError
from seasift.core.instances import Category
from seasift.export.to_onnx import serialise
from seasift.modelfile.info import ClassEntry, InputEntry, ModelInfo
from seasift.models.catalog import FAMILIES, build
from seasift.models.checkpoint import config_of
from seasift.recipes.recipe import Recipe
from seasift.training.initial import initialise
from seasift.training.module import TrainingModule

pytestmark = pytest.mark.slow  # each model file takes 20 s to make
Files = dict[str, tuple[str, dict[str, Tensor]]]
CLASSES = (Category(1, "crab"), Category(4, "net"))
RECIPES: dict[str, dict[str, Any]] = {
    "sift": {"arch": "sift", "backbone": "s", "size": 96},
    "yolact": {"arch": "yolact", "backbone": "efficientnet-lite0", "size": 96, "fpn_channels": 16},
}
LEARNT_ONLY = {"sift": [], "yolact": ["semantic.weight", "semantic.bias"]}


def recipe_of(arch: str) -> Recipe:
    return Recipe.model_validate({"name": "small", "model": RECIPES[arch]})


def trained(arch: str) -> torch.nn.Module:
    """A network whose batch norms are no longer as they were built."""
    network = build(config_of(recipe_of(arch), len(CLASSES)))
    random = torch.Generator().manual_seed(1)
    for name, value in network.state_dict().items():
        if "running" in name:
            value.copy_(torch.rand(value.shape, generator=random) + 0.5)
    return network.eval()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Of each family a model file, and what the network held."""
    folder, made = tmp_path_factory.mktemp("models"), {}
    for arch in RECIPES:
        network = trained(arch)
        spec = FAMILIES[arch].input_spec(network.config)
        info = ModelInfo(
            name="small",
            head="yolact",
            categories=tuple(ClassEntry(id=each.id, name=each.name) for each in CLASSES),
            input=InputEntry(size_hw=spec.size_hw, mean=spec.mean, std=spec.std, resize=spec.resize),
            threshold=0.3,
            max_objects=100,
            licence="none",
            attribution="",
        )
        path = folder / f"{arch}.onnx"
        path.write_bytes(serialise(network, info))
        made[arch] = (str(path), network.state_dict())
    return made


@pytest.mark.parametrize("arch", RECIPES)
def test_training_goes_on_from_a_model_file(arch: str, files: Files) -> None:
    source, stored = files[arch]
    module = TrainingModule(recipe_of(arch), CLASSES)
    assert initialise(module, source) == (LEARNT_ONLY[arch], [])
    for name, value in module.network.state_dict().items():
        if not name.endswith("num_batches_tracked") and name not in LEARNT_ONLY[arch]:
            assert torch.equal(value, stored[name]), name


def test_known_classes_are_taken_over_by_name_and_new_ones_start_at_random(files: Files) -> None:
    source, stored = files["sift"]
    module = TrainingModule(recipe_of("sift"), (Category(9, "net"), Category(1, "eel"), Category(4, "crab")))
    before = {name: value.clone() for name, value in module.network.state_dict().items()}
    assert initialise(module, source) == ([], ["eel"])
    after = module.network.state_dict()
    assert torch.equal(after["neck.out.0.0.weight"], stored["neck.out.0.0.weight"])
    for name in (f"heads.{level}.classify.{part}" for level in range(3) for part in ("weight", "bias")):
        crab, net = stored[name]
        assert torch.equal(after[name], torch.stack([net, before[name][1], crab])), name


def test_classes_of_yolact_are_taken_over_at_each_anchor_with_the_background(files: Files) -> None:
    source, stored = files["yolact"]
    module = TrainingModule(recipe_of("yolact"), (Category(1, "eel"), Category(4, "net")))
    before = {name: value.clone() for name, value in module.network.state_dict().items()}
    assert initialise(module, source) == (LEARNT_ONLY["yolact"], ["eel"])
    after, name = module.network.state_dict(), "head.classify.weight"
    for anchor in range(0, 9, 3):
        for row, expected in zip(range(3), (stored, before, stored), strict=True):
            assert torch.equal(after[name][anchor + row], expected[name][anchor + row]), (anchor, row)


def test_another_network_is_refused(files: Files) -> None:
    source, _ = files["yolact"]
    with pytest.raises(WeightsError, match="do not fit the network"):
        initialise(TrainingModule(recipe_of("sift"), CLASSES), source)


def test_weights_folded_into_each_other_are_refused(files: Files, tmp_path: Path) -> None:
    source, _ = files["sift"]
    model = onnx.load(source)
    for each in model.graph.initializer:
        each.name = each.name.replace("network.", "folded.")
    onnx.save(model, tmp_path / "folded.onnx")
    with pytest.raises(WeightsError, match="holds no weights to train from"):
        initialise(TrainingModule(recipe_of("sift"), CLASSES), str(tmp_path / "folded.onnx"))
