"""What each choice in `sift` is worth: short runs that differ in one choice, judged on dive-free val.

Run: python benchmarks/ablation.py DATA -o FOLDER [--recipe sift-s] [--steps 300] [--seed 1 --seed 2] [--only NAME …]

Every run sees the same number of images from the same initial weights. A run that was stopped goes on when the same command is
given again; one that is judged is not run again. The table (Markdown) is of all that is judged by then.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from seasift.evaluation.compare import evaluate_runs
from seasift.evaluation.intervals import difference
from seasift.evaluation.runs import read_run
from seasift.models.sift import loss
from seasift.models.sift.loss import Assignment, assign
from seasift.recipes.recipe import load_recipe
from seasift.training.run import Options, train

_WINDOW = ("augment.size=[160,256]", "augment.scale=[0.4,0.9]")


def _one_or_nothing(*arguments: Any, **named: Any) -> Assignment:
    """Points learn that they are right, not how right."""
    chosen = assign(*arguments, **named)
    return replace(chosen, quality=chosen.positive.float())


@dataclass(frozen=True)
class Variant:
    """One choice less.

    Attributes:
        says: what is different, for the table.
        overrides: of the recipe.
        patches: names in `models.sift.loss` and what they are instead.
    """

    says: str
    overrides: tuple[str, ...] = ()
    patches: tuple[tuple[str, Any], ...] = ()


VARIANTS = {
    "all": Variant("as it is"),
    "no-quality": Variant("classes learn 0 or 1, not the quality", patches=(("assign", _one_or_nothing),)),
    "fixed-assignment": Variant(
        "the same, and points chosen by place, not by the task", ("model.assignment=place",)
    ),
    "no-dfl": Variant("no distribution focal loss", patches=(("SIDES_WEIGHT", 0.0),)),
    "no-giou": Variant("no GIoU loss", patches=(("BOX_WEIGHT", 0.0),)),
    "no-dice": Variant("no Dice loss", patches=(("DICE_WEIGHT", 0.0),)),
    "no-paste": Variant("no objects pasted", ("augment.paste=0",)),
    "no-haze": Variant("no turbid water", ("augment.haze=0",)),
    "no-photometric": Variant("no changes of colour", ("augment.photometric=false",)),
    "no-balance": Variant("rare classes not shown more often", ("data.rare=0",)),
    "no-ema": Variant("no moving average", ("training.ema=null",)),
    "binary-masks": Variant("mask targets sampled, not averaged", ("training.mask_targets=binary",)),
    "square": Variant("a square of the same area", ("model.size=448", "augment.size=[192,192]")),
    "one-scale": Variant("one scale in training", ("augment.scale=[0.6,0.6]",)),
    "polygons": Variant("polygons instead of exact masks", ("data.masks=polygons",)),
    "frozen-backbone": Variant("no stage of the backbone learns", ("model.frozen_reduction=32",)),
}


@contextmanager
def _changed(variant: Variant) -> Iterator[None]:
    with patch.multiple(loss, **dict(variant.patches)) if variant.patches else _nothing():
        yield


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def run(name: str, seed: int, options: argparse.Namespace) -> None:
    """Train and judge one variant, unless that is done."""
    folder = options.output / f"{name}-{seed}"
    if (folder / "judged" / "report.json").exists():
        return
    variant, steps = VARIANTS[name], options.steps
    recipe = load_recipe(
        options.recipe,
        [
            f"data.path={json.dumps(options.data.as_posix())}",
            *(
                []
                if options.data.suffix == ".json"
                else [f"data.scheme={options.scheme}", "data.val_limit=8"]
            ),
            *_WINDOW,
            f"training.max_steps={steps}",
            f"training.validate_every={steps}",
            f"schedule.warmup_steps={min(50, steps // 4)}",
            f"training.ema={1 - 10 / max(steps, 100)}",  # a window of a tenth of the run
            f"seed={seed}",
            *options.set,
            *variant.overrides,
        ],
    )
    with _changed(variant):  # sift_loss looks these names up when it runs
        if not (folder / "trained").exists():
            train(recipe, Options(folder, resume=(folder / "last.ckpt").exists(), accelerator="auto"))
            (folder / "trained").touch()
    split = [] if options.data.suffix == ".json" else ["--scheme", options.scheme, "--split", "val"]
    command = [
        sys.executable,
        "-m",
        "seasift",
        "evaluate",
        str(folder / "last.ckpt"),
        str(options.data),
        *split,
    ]
    limit = ["--limit", str(options.limit)] if options.limit else []
    subprocess.run(
        [*command, *limit, "--threshold", "0.01", "-o", str(folder / "judged")],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def table(options: argparse.Namespace) -> str:
    """All that is judged, with 95% intervals over videos; the differences to `all` are of the same draws."""
    lines = [
        "| | seed | mask AP | box AP | mask AP more than all | box AP more than all |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for seed in options.seed:
        names = [name for name in VARIANTS if (_evaluated(options, name, seed) / "report.json").exists()]
        runs = [read_run(_evaluated(options, name, seed), name) for name in names]
        evaluated = evaluate_runs(runs, options.data, 1000, 1) if runs else {}
        for run in runs:
            cells = [_cell(run.record, kind) for kind in ("masks", "boxes")]
            more = {}
            if run.label != "all" and "all" in evaluated:
                more = difference(evaluated["all"], evaluated[run.label])
            cells += [_more(more[kind]["AP"]) if more else "" for kind in ("masks", "boxes")]
            lines.append(f"| {VARIANTS[run.label].says} | {seed} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _evaluated(options: argparse.Namespace, name: str, seed: int) -> Path:
    return Path(options.output / f"{name}-{seed}" / "judged")


def _more(figure: dict[str, Any]) -> str:
    low, high = figure["interval"]
    return f"{figure['value']:+.4f} [{low:+.3f}, {high:+.3f}]"


def _cell(report: dict[str, Any], kind: str) -> str:
    limits = ((report["intervals"] or {}).get(kind) or {}).get("AP")
    return f"{report[kind]['AP']:.4f}" + (f" [{limits[0]:.3f}, {limits[1]:.3f}]" if limits else "")


def main() -> None:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path, help="a prepared data set, or a COCO file")
    parser.add_argument("--scheme", default="dive-free", help="of a prepared data set")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of all runs")
    parser.add_argument("--recipe", default="sift-s")
    parser.add_argument("--steps", type=int, default=300, help="of 16 images, of each run")
    parser.add_argument("--seed", type=int, action="append")
    parser.add_argument("--only", nargs="*", choices=VARIANTS, help="these instead of all")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="for every run")
    parser.add_argument(
        "--limit", type=int, default=0, help="judge on so many images, evenly spaced (0: all)"
    )
    options = parser.parse_args()
    options.seed = options.seed or [1]
    for seed in options.seed:
        for name in options.only or VARIANTS:
            run(name, seed, options)
    print(table(options))


if __name__ == "__main__":
    main()
