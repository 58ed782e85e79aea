"""Splits of TrashCan: the lists that come with the package, and drawing a split of any data set without leaks."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seasift.core.errors import DatasetError
from seasift.core.files import write_text
from seasift.data import trashcan
from seasift.data.coco import CocoDataset
from seasift.data.dives import days, groups_of, shipped_facts
from seasift.data.prepared import PreparedDataset

# Draws for few groups; of many (images alone) each draw is good, and only the draw is affordable.
TRIALS, STEPS, CLIMBED_GROUPS = 400, 200_000, 600
LEAK_FREE_SEED, HALVES_SEED = 2020, 2020
LEAK_FREE_FRACTIONS: Mapping[str, float] = {"train": 0.7, "val": 0.15, "test": 0.15}
FOLDS = 5
DIVE_FREE_LEAST = 5  # objects of a class in each split
HALVES: tuple[str, str] = ("val", "test")

Counts = npt.NDArray[np.float64]


def draw_by_group(
    groups: Sequence[str], counts: Counts, fractions: Mapping[str, float], *, seed: int, least: int = 1
) -> dict[str, list[str]]:
    """Share groups among parts so that every column of `counts` is shared as the fractions ask.

    Groups go one by one, those that hold most of some column first, to the part where they bring the sums
    closest to their targets; of many such draws with a little chance in the order, the best is kept and
    then bettered by moving single groups and by swapping pairs while that helps. Better means: fewer
    columns with less than `least` in a part, then a smaller squared relative distance from the targets.

    Args:
        groups: G names.
        counts: (G, K): what each group holds: images, objects of each class ...
        fractions: part name to share; sums to 1.
        seed: of the draw.
        least: of a column in each part, if that can be.
    Returns:
        Names of the groups in each part, sorted.
    Source: after Sechidis et al. 2011, "On the stratification of multi-label data", for groups.
    """
    shares = counts / np.maximum(counts.sum(axis=0), 1)
    targets = np.array(list(fractions.values()))[:, None]
    enough = np.maximum((least - 0.5) / np.maximum(counts.sum(axis=0), 1), 1e-12)
    random = np.random.default_rng(seed)
    trials = max(1, min(TRIALS, STEPS // max(len(groups), 1)))
    draws = (_one_draw(shares, targets, random) for _ in range(trials))
    best = min(draws, key=lambda parts: _badness(shares, targets, enough, parts))
    if len(fractions) > 1 and len(groups) <= CLIMBED_GROUPS:
        best = _climb(shares, targets, enough, best)
    return {
        name: sorted(group for group, part in zip(groups, best, strict=True) if part == index)
        for index, name in enumerate(fractions)
    }


def _one_draw(shares: Counts, targets: Counts, random: np.random.Generator) -> npt.NDArray[np.int64]:
    noise = np.exp(random.normal(0, 0.5, len(shares)))
    parts = np.zeros(len(shares), dtype=np.int64)
    sums = np.zeros((len(targets), shares.shape[1]))
    for group in np.argsort(-shares.max(axis=1) * noise, kind="stable"):
        # Adding to part p changes the squared distance of p alone.
        gain = ((sums + shares[group] - targets) ** 2 - (sums - targets) ** 2) / targets
        parts[group] = int(gain.sum(axis=1).argmin())
        sums[parts[group]] += shares[group]
    return parts


def _climb(
    shares: Counts, targets: Counts, enough: Counts, parts: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    parts, groups = parts.copy(), np.arange(len(parts))
    while True:
        found: list[tuple[tuple[int, float], npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
        for group in groups:
            others = np.flatnonzero((parts != parts[group]) & (groups > group))
            moves = [
                (np.array([group]), np.array([part])) for part in range(len(targets)) if part != parts[group]
            ]
            moves += [(np.array([group, other]), parts[[other, group]]) for other in others]
            sums = _sums(shares, targets, parts) + np.stack(
                [_change(shares, targets, parts, *m) for m in moves]
            )
            costs = ((sums - targets) / targets) ** 2
            missing = (sums < enough).sum(axis=(1, 2))
            best = np.lexsort((costs.sum(axis=(1, 2)), missing))[0]
            found.append(((int(missing[best]), float(costs[best].sum())), *moves[best]))
        cost, moved, to = min(found, key=lambda entry: entry[0])
        missing_now, cost_now = _badness(shares, targets, enough, parts)
        # Rounding makes equal draws differ by a hair; going from one to the other would never end.
        if cost >= (missing_now, cost_now * (1 - 1e-9)):
            return parts
        parts[moved] = to


def _change(
    shares: Counts,
    targets: Counts,
    parts: npt.NDArray[np.int64],
    moved: npt.NDArray[np.int64],
    to: npt.NDArray[np.int64],
) -> Counts:
    change = np.zeros((len(targets), shares.shape[1]))
    for group, part in zip(moved, to, strict=True):
        change[parts[group]] -= shares[group]
        change[part] += shares[group]
    return change


def _sums(shares: Counts, targets: Counts, parts: npt.NDArray[np.int64]) -> Counts:
    return np.stack([shares[parts == part].sum(axis=0) for part in range(len(targets))])


def _badness(
    shares: Counts, targets: Counts, enough: Counts, parts: npt.NDArray[np.int64]
) -> tuple[int, float]:
    sums = _sums(shares, targets, parts)
    return int((sums < enough).sum()), float((((sums - targets) / targets) ** 2).sum())


def to_half(file_names: Sequence[str], *, seed: int) -> dict[str, list[str]]:
    """Two halves of a list, drawn by shuffling its sorted names; the first is the larger if they differ."""
    shuffled = np.random.default_rng(seed).permutation(sorted(file_names))
    middle = (len(shuffled) + 1) // 2
    return {
        HALVES[0]: sorted(str(name) for name in shuffled[:middle]),
        HALVES[1]: sorted(str(name) for name in shuffled[middle:]),
    }


def shipped_splits(data_set: str) -> dict[str, dict[str, list[str]]]:
    """The lists of file names in the package: split name to part name to names."""
    folder = files("seasift.data") / f"{data_set}_splits"
    return {
        split.name: {
            part.name.removesuffix(".txt"): [
                name for name in part.read_text(encoding="utf-8").split("\n") if name
            ]
            for part in split.iterdir()
            if part.name.endswith(".txt")
        }
        for split in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if split.is_dir()
    }


Split = dict[str, list[str]]


def draw_split(
    label_sets: Sequence[CocoDataset],
    group_of: Mapping[str, str],
    fractions: Mapping[str, float],
    *,
    seed: int,
    least: int = 1,
) -> Split:
    """Share images among parts, group by group, stratified by images and by the classes of all label sets.

    Args:
        label_sets: the same images under one or several label sets.
        group_of: file name to group; images without one are in no part.
        fractions: part name to share; sums to 1.
        seed: of the draw.
        least: objects of a class in each part, if that can be.
    Returns:
        Part name to sorted file names.
    Raises:
        DatasetError: fractions that are none, or more parts than groups.
    """
    if min(fractions.values()) <= 0 or not math.isclose(sum(fractions.values()), 1, abs_tol=1e-6):
        raise DatasetError(f"fractions {dict(fractions)}: expected shares above 0 that sum to 1")
    groups = sorted(set(group_of.values()))
    if len(groups) < len(fractions):
        raise DatasetError(
            f"{len(groups)} groups for {len(fractions)} parts; expected at least one group for each part. "
            "Give another --group or fewer parts"
        )
    counts = np.hstack([_images(groups, group_of), *(_objects(groups, group_of, c) for c in label_sets)])
    parts = draw_by_group(groups, counts, fractions, seed=seed, least=least)
    part_of = {group: part for part, members in parts.items() for group in members}
    split: Split = {part: [] for part in fractions}
    for name, group in sorted(group_of.items()):
        split[part_of[group]].append(name)
    return split


def draw_folds(
    label_sets: Sequence[CocoDataset], group_of: Mapping[str, str], folds: int, *, seed: int, least: int = 1
) -> list[Split]:
    """Folds for cross-validation: each group is in the `val` of one and in the `train` of the others."""
    shares = {str(fold): 1 / folds for fold in range(folds)}
    held_out = draw_split(label_sets, group_of, shares, seed=seed, least=least)
    return [{"train": sorted(group_of.keys() - set(names)), "val": names} for names in held_out.values()]


def draw_trashcan(
    instance: CocoDataset, material: CocoDataset, official: Mapping[str, Split]
) -> dict[str, Split]:
    """All splits of TrashCan that the package ships.

    Args:
        instance: all images under the instance labels.
        material: the same under the material labels.
        official: the published parts of both label sets, `official-instance` and `official-material`.
    """
    group_of = groups_of([image.file_name for image in instance.images], trashcan.VIDEO)
    both = (instance, material)
    leak_free = draw_split(both, group_of, LEAK_FREE_FRACTIONS, seed=LEAK_FREE_SEED)
    splits: dict[str, Split] = dict(official)
    for labels in trashcan.LABEL_SETS:
        parts = official[f"official-{labels}"]
        splits[f"report-halves-{labels}"] = {
            "train": parts["train"],
            **to_half(parts["val"], seed=HALVES_SEED),
        }
    for labels, coco in zip(trashcan.LABEL_SETS, both, strict=True):
        splits[f"report-rov-{labels}"] = images_with("rov", coco, official[f"official-{labels}"])
    splits["leak-free"] = leak_free
    for fold, split in enumerate(draw_folds(both, group_of, FOLDS, seed=LEAK_FREE_SEED)):
        splits[f"leak-free-fold-{fold}"] = split
    day_of = days_of_images(group_of)
    chance = {"seed": LEAK_FREE_SEED, "least": DIVE_FREE_LEAST}
    splits["dive-free"] = draw_split(both, day_of, LEAK_FREE_FRACTIONS, **chance)
    for fold, split in enumerate(draw_folds(both, day_of, FOLDS, **chance)):
        splits[f"dive-free-fold-{fold}"] = split
    # The bundled model may be judged on the val of every split: it has learnt from none of them.
    trains = [set(split["train"]) for split in (*official.values(), leak_free)]
    splits["box"] = {"train": sorted(set.intersection(*trains)), "val": leak_free["val"]}
    return splits


def days_of_images(group_of: Mapping[str, str]) -> dict[str, str]:
    """File name to the group that `dive-free` keeps together: all videos that may be of one day.

    Images of the videos without an overlay are left out: they may be of any dive.

    Args:
        group_of: file name to video.
    """
    day_of = days(shipped_facts("trashcan", trashcan.VIDEO))
    return {name: day_of[video] for name, video in group_of.items() if video in day_of}


def images_with(name: str, coco: CocoDataset, split: Split) -> Split:
    """The images of each part that hold an object of a class, in the order of the part."""
    (category,) = (c.id for c in coco.categories if c.name == name)
    held = {
        image.file_name
        for image in coco.images
        if any(annotation.category_id == category for annotation in coco.annotations_of(image.id))
    }
    return {part: [file for file in names if file in held] for part, names in split.items()}


def add_split(prepared: PreparedDataset, name: str, split: Split, *, force: bool = False) -> Path:
    """Write a split into a prepared data set.

    Raises:
        DatasetError: a name that cannot be a folder's, or one that is taken by other lists.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise DatasetError(f"split name {name!r}: expected letters, digits, '.', '_' and '-'. Choose another")
    folder = prepared.folder / "splits" / name
    if folder.is_dir() and not force and prepared.splits()[name] != split:
        raise DatasetError(
            f"{folder}: there is such a split with other lists. Choose another name or pass --force"
        )
    for stale in folder.glob("*.txt"):
        if stale.stem not in split:
            stale.unlink()
    for part, names in split.items():
        write_text(folder / f"{part}.txt", "".join(f"{file}\n" for file in names))
    return folder


def _images(groups: Sequence[str], group_of: Mapping[str, str]) -> Counts:
    index = {group: number for number, group in enumerate(groups)}
    counts = np.zeros((len(groups), 1))
    for group in group_of.values():
        counts[index[group], 0] += 1
    return counts


def _objects(groups: Sequence[str], group_of: Mapping[str, str], coco: CocoDataset) -> Counts:
    index = {group: number for number, group in enumerate(groups)}
    column = {category.id: number for number, category in enumerate(coco.categories)}
    counts = np.zeros((len(groups), len(column)))
    for image in coco.images:
        if image.file_name not in group_of:
            continue
        for annotation in coco.annotations_of(image.id):
            if annotation.is_coarse:
                continue
            counts[index[group_of[image.file_name]], column[annotation.category_id]] += 1
    return counts
