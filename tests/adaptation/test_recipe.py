"""The recipe of an adaptation."""

from __future__ import annotations

import pytest

from seasift.adaptation.recipe import FEWEST_STEPS, recipe_for, with_minutes
from seasift.core.errors import InputError
from seasift.modelfile import bundled
from seasift.modelfile.info import read_model_file
from seasift.recipes.recipe import load_recipe
from tests.tiny_model import tiny_info


def test_network_and_augmentation_are_those_of_the_base_model() -> None:
    info = read_model_file(bundled.path_of("default")).info
    recipe = recipe_for(info, "default", 57, "mine")
    own = info.training["recipe"]
    assert recipe.model.size == tuple(own["model"]["size"])
    assert (recipe.model.arch, recipe.model.backbone) == (own["model"]["arch"], own["model"]["backbone"])
    assert recipe.augment.size == tuple(own["augment"]["size"])
    assert (recipe.name, recipe.model.weights) == ("mine", "default")
    assert recipe.training.max_steps == 57 * 80 // 16
    assert recipe.model.frozen_reduction == own["model"]["frozen_reduction"]


def test_few_labels_freeze_more_and_make_few_steps() -> None:
    recipe = recipe_for(read_model_file(bundled.path_of("default")).info, "default", 3, "mine")
    assert recipe.model.frozen_reduction == 16
    assert recipe.training.max_steps == FEWEST_STEPS
    assert recipe.training.ema == pytest.approx(1 - 10 / FEWEST_STEPS, abs=1e-4)


def test_a_model_without_a_recipe_is_taken_for_sift_m() -> None:
    assert recipe_for(tiny_info(), "x.onnx", 20, "mine").model.size == load_recipe("sift-m").model.size


def test_a_recipe_of_the_future_is_refused_by_its_key() -> None:
    info = tiny_info(training={"recipe": {"name": "x", "model": {"wings": 2}}})
    with pytest.raises(InputError, match=r"model\.wings"):
        recipe_for(info, "x.onnx", 20, "mine")


def test_minutes_end_a_training() -> None:
    recipe = recipe_for(tiny_info(), "x.onnx", 20, "mine")
    assert recipe.schedule.by == "minutes"
    assert with_minutes(recipe, 2.5, "cache").training.max_minutes == 2.5
