"""What to know before reading a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seasift.evaluation.bootstrap import FEW_CLASS_GROUPS, FEW_GROUPS
from seasift.evaluation.intervals import Judged
from seasift.evaluation.runs import Run

_STORED = (
    "parameters and memory are those stored in a model file of an older seasift, which does not say more: batch "
    "norm with its statistics unless it is folded in, constants such as priors count. Export it again for the rest."
)


def notes(
    runs: Sequence[Run],
    parts: Mapping[tuple[Any, ...], Sequence[Run]],
    judged: Mapping[str, Judged],
    *,
    with_data: bool,
) -> list[str]:
    """One sentence or two for each thing that a reader could take wrongly.

    Args:
        runs: all.
        parts: those judged on the same part.
        judged: label to the resampled run, where there are intervals.
        with_data: whether intervals were asked for.
    """
    found = []
    if not with_data:
        found.append(
            "No intervals: they need the truth. Give --data DATA, the data set that the runs were judged on."
        )
    if len(parts) > 1:
        listed = "; ".join(
            f"{', '.join(run.label for run in same)} on {same[0].record['data']['name']} "
            f"({same[0].record['data']['pictures']:,} pictures)"
            for same in parts.values()
        )
        found.append(f"Judged on different parts, so not comparable with each other: {listed}.")
    for same in parts.values():
        one = judged.get(same[0].label)
        found += _few_groups(", ".join(run.label for run in same), one) if one else []
    limits = {run.label: _listed(run.record["settings"]) for run in runs}
    if len(set(limits.values())) > 1:
        told = "; ".join(f"{label} {text}" for label, text in limits.items())
        found.append(f"The runs list different objects, which moves AP by itself: {told}.")
    found += [
        f"{run.label}: {note}" for run in runs for note in run.record.get("notes", []) if "quick look" in note
    ]
    stored = [
        run.label for run in runs if (run.record["model"].get("facts") or {}).get("counted") == "stored"
    ]
    if stored:
        found.append(f"{', '.join(stored)}: {_STORED}")
    return found


def _listed(settings: dict[str, Any]) -> str:
    return f"scores from {settings.get('threshold')}, at most {settings.get('max_objects')} a picture"


def _few_groups(labels: str, judged: Judged) -> list[str]:
    found = []
    if judged.unit == "image":
        found.append(
            f"No videos are known ({labels}): pictures were drawn one by one. If they are frames of videos, the intervals "
            "are too narrow; say with --group how a file name tells its video."
        )
    if judged.groups < FEW_GROUPS:
        found.append(
            f"Only {judged.groups} {judged.unit}s ({labels}): with fewer than {FEW_GROUPS} the intervals are too narrow."
        )
    few = [name for name, count in judged.class_groups.items() if 0 < count < FEW_CLASS_GROUPS]
    if few:
        found.append(
            f"{len(few)} classes have objects in fewer than {FEW_CLASS_GROUPS} {judged.unit}s ({labels}): their own intervals "
            f"say little, and the mean AP of a draw without such a class is over the others: {', '.join(few)}."
        )
    return found
