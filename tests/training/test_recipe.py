"""Recipes: shipped ones are valid, wrong ones are explained in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from seasift.core.errors import RecipeError
from seasift.models.checkpoint import config_of
from seasift.recipes.recipe import Recipe, ScheduleRecipe, load_recipe, recorded_recipe, shipped_recipes
from seasift.training.module import rate_factor


def test_old_records_call_the_scheme_split() -> None:
    content = load_recipe("sift-m").model_dump(mode="json")
    content["data"]["split"] = content["data"].pop("scheme")
    assert recorded_recipe(content) == load_recipe("sift-m")
    with pytest.raises(RecipeError, match=r"unknown key data\.split"):
        load_recipe("sift-m", ["data.split=official"])


@pytest.mark.parametrize("name", sorted(shipped_recipes()))
def test_shipped_recipes_are_valid_and_called_as_their_file(name: str) -> None:
    assert load_recipe(name).name == name


def test_the_papers_recipe_holds_the_papers_numbers() -> None:
    recipe = load_recipe("yolact-resnet50")
    assert (recipe.model.backbone, recipe.model.size) == ("resnet50", 550)
    assert (recipe.optimizer.name, recipe.optimizer.lr) == ("sgd", 1e-3)
    assert (recipe.optimizer.momentum, recipe.optimizer.weight_decay) == (0.9, 5e-4)
    assert recipe.training.max_steps * recipe.training.batch_size == 160_002


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.batchsize=4", "unknown key training.batchsize; did you mean batch_size?"),
        ("optimiser.lr=1", "unknown key optimiser; did you mean optimizer?"),
        ("training.batch_size=many", "training.batch_size: got 'many'"),
        ("training.batch_size=0", "training.batch_size: got 0"),
        ("optimizer.name=lion", "optimizer.name: got 'lion'"),
        ("seed", "expected key=value"),
        ("name.x=1", "name holds a value, not keys"),
        ("training.batch_size=[1", "is not a YAML value"),
        ("zzz=1", "unknown key zzz; known: name, about, seed"),
    ],
)
def test_wrong_overrides_are_explained(override: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe("yolact-resnet50", [override])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"), [("a: [", "not YAML"), ("- 1", "holds a list"), ("seed: 1", "name: got")]
)
def test_wrong_files_are_explained(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=message):
        load_recipe(str(path))


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(RecipeError, match=r"no such recipe; expected a file or one of .*yolact-resnet50"):
        load_recipe("yolact-resnet51")


def test_overrides_reach_their_place() -> None:
    recipe = load_recipe(
        "yolact-resnet50", ["training.batch_size=3", "data.scheme=leak-free", "optimizer.lr=1e-4"]
    )
    assert (recipe.training.batch_size, recipe.data.scheme, recipe.optimizer.lr) == (3, "leak-free", 1e-4)


def test_a_recipe_comes_back_from_its_own_dump() -> None:
    recipe = load_recipe("yolact-lite0-box")
    assert Recipe.model_validate(recipe.model_dump()) == recipe


def test_schedules() -> None:
    steps = rate_factor(ScheduleRecipe(name="steps", warmup_steps=10, warmup_from=0.1), 100)
    assert steps(0) == pytest.approx(0.1 + 0.9 / 10)
    assert steps(9) == pytest.approx(1.0)
    assert [steps(step) for step in (34, 35, 75, 88, 94)] == pytest.approx([1, 0.1, 0.01, 1e-3, 1e-4])
    cosine = rate_factor(ScheduleRecipe(name="cosine", warmup_steps=0, final=0.02), 100)
    assert [cosine(step) for step in (0, 50, 100)] == pytest.approx([1, 0.51, 0.02])
    assert rate_factor(ScheduleRecipe(name="constant", warmup_steps=0), 100)(99) == 1.0


def test_a_schedule_by_minutes_ends_with_the_time_or_the_steps_whichever_end_first() -> None:
    used = 0.0
    cosine = rate_factor(ScheduleRecipe(name="cosine", by="minutes", warmup_steps=10), 1000, lambda: used)
    assert cosine(0) == pytest.approx(0.1 + 0.9 / 10)  # warm-up goes by steps
    assert cosine(500) == pytest.approx(0.505)
    assert cosine(1000) == pytest.approx(0.01)
    used = 0.5
    assert cosine(20) == pytest.approx(0.505)
    used = 1.0
    assert cosine(21) == pytest.approx(0.01)


def test_a_schedule_by_minutes_needs_minutes() -> None:
    with pytest.raises(RecipeError, match=r"needs training\.max_minutes"):
        load_recipe("sift-m", ["schedule.by=minutes"])
    assert load_recipe("sift-m", ["schedule.by=minutes", "training.max_minutes=3"]).schedule.by == "minutes"


@pytest.mark.parametrize("name", ["yolact-resnet50", "mask-rcnn-resnet50-fpn"])
def test_batch_norm_is_frozen_only_on_weights_that_know_something(name: str) -> None:
    assert not config_of(load_recipe(name), 3).frozen_batch_norm
    assert config_of(load_recipe(name, ["model.weights=resnet50.pth"]), 3).frozen_batch_norm


def test_a_setting_of_another_family_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"model\.rois: yolact has no such setting"):
        config_of(load_recipe("yolact-resnet50", ["model.rois=64"]), 3)
