"""What `seasift train --compare` does after training."""

from __future__ import annotations

from pathlib import Path

from seasift.core.errors import BadInput
from seasift.recipes.recipe import Recipe

EVALUATION, COMPARISON = "evaluation", "comparison"


def check(recipe: Recipe) -> None:
    """Say before hours of training if their result could not be compared.

    Raises:
        BadInput: the run is judged on what it learns.
    """
    if recipe.data.overfit:
        raise BadInput(
            "--compare: with data.overfit the run is judged on the pictures that it learns; expected a val part. "
            "Leave out one of them."
        )


def judge_and_compare(recipe: Recipe, folder: Path) -> None:
    """Judge best.ckpt on all of the recipe's val part, print and write the tables beside published figures.

    Args:
        recipe: of the run.
        folder: of the run; gets `evaluation` and `comparison`.
    """
    from seasift.cli import compare_table, evaluate_table
    from seasift.cli.terminal import progress_bar
    from seasift.evaluation.api import evaluate
    from seasift.evaluation.compare import Settings, compare
    from seasift.evaluation.compare_page import write_comparison
    from seasift.evaluation.runs import read_runs

    data = Path(str(recipe.data.path))
    prepared = data.is_dir()  # a COCO file has nothing to choose from
    with progress_bar("evaluating") as progress:
        result = evaluate(
            folder / "best.ckpt",
            data,
            output=folder / EVALUATION,
            labels=recipe.data.labels if prepared else None,
            masks=recipe.data.masks if prepared else None,
            split=recipe.data.split if prepared else None,
            part=recipe.data.val if prepared else None,
            progress=progress,
        )
    evaluate_table.tell(result.record, result.written)
    comparison = compare(read_runs([folder]), Settings(data))
    compare_table.tell(comparison, write_comparison(folder / COMPARISON, comparison))
