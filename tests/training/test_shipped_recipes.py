"""Every recipe of the package runs from data to figures at smoke size."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch

from seasift.models.checkpoint import load_predictor
from seasift.recipes.recipe import load_recipe, shipped_recipes
from seasift.training.run import Options, train

LIGHT = ("yolact-lite0-box",)
EACH = [pytest.param(n, marks=() if n in LIGHT else pytest.mark.slow) for n in shipped_recipes()]


@pytest.mark.parametrize("name", EACH)
def test_a_shipped_recipe_trains_and_is_evaluated(name: str, shapes: Path, tmp_path: Path) -> None:
    small = "[96, 128]" if "rcnn" in name else "96"
    changes = [f"data.path={shapes.as_posix()!r}", f"model.size={small}", "model.weights=none"]
    changes += ["augment.size=null"] if name.startswith("sift") else []
    changes += [f"data.{key}=null" for key in ("labels", "masks", "split")]
    changes += ["training.batch_size=2", "training.max_steps=2", "training.validate_every=2"]
    recipe = load_recipe(name, changes)
    folder = train(recipe, Options(tmp_path / "run", accelerator="cpu"))
    with (folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
        (evaluated,) = [row for row in csv.DictReader(file) if row["val/score"]]
    assert 0 <= float(evaluated["val/box_AP"]) <= 1
    assert (evaluated["val/mask_AP"] == "") == name.startswith("faster-rcnn")
    predictor = load_predictor(folder / "best.ckpt")
    assert all(bool(torch.isfinite(value).all()) for value in predictor.network.state_dict().values())


def test_the_reports_experiments_say_what_the_report_says() -> None:
    yolact, large, adam = (load_recipe(f"yolact-resnet50{end}") for end in ("", "-large-batch", "-adam"))
    assert yolact.training.batch_size == 3
    for recipe in (yolact, large, adam, load_recipe("yolact-darknet53")):
        seen = recipe.training.batch_size * recipe.training.max_steps
        assert abs(seen - 160_000) <= recipe.training.batch_size
        assert recipe.data.scheme == "report-halves"
    sgd = yolact.optimizer
    assert (sgd.name, sgd.lr, sgd.momentum, sgd.weight_decay) == ("sgd", 1e-3, 0.9, 5e-4)
    assert large.optimizer.lr / sgd.lr == large.training.batch_size / yolact.training.batch_size
    assert (adam.optimizer.name, adam.optimizer.lr, adam.optimizer.weight_decay) == ("adam", 1e-3, 0)
    for name in ("mask-rcnn-resnet50-fpn", "mask-rcnn-mobilenet-v2-fpn", "faster-rcnn-mobilenet-v2"):
        rcnn = load_recipe(name)
        epoch = 6065 / rcnn.training.batch_size
        assert rcnn.training.max_steps == pytest.approx(10 * epoch, rel=1e-3)
        steps = [share * rcnn.training.max_steps / epoch for share in rcnn.schedule.milestones]
        assert steps == pytest.approx([3, 6, 9], rel=1e-3)
        assert (rcnn.schedule.gamma, rcnn.schedule.warmup_steps) == (0.1, 1000)
        assert (rcnn.optimizer.lr, rcnn.optimizer.momentum, rcnn.optimizer.weight_decay) == (5e-3, 0.9, 5e-4)
