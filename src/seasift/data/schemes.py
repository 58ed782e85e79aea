"""Splitting schemes by group (video): stratified, seeded, without leakage; and the lists that the package ships."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files

import numpy as np
import numpy.typing as npt

# Draws for few groups. With many groups (single images) one draw is good, and more would take too long.
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
    """Distribute groups among splits so that every column of `counts` follows the fractions.

    Each group goes to the split where it brings the sums closest to their targets, starting with groups that have most of a
    column. The best of many such draws, with some chance in the order, is then improved by moving single groups and by
    swapping pairs while that helps. Better means fewer columns with less than `least` in a split, then a smaller squared
    relative distance from the targets.

    Args:
        groups: G names.
        counts: (G, K) counts of each group: images, objects of each class ...
        fractions: split name to share; sums to 1.
        seed: of the draw.
        least: minimum of a column in each split, if possible.
    Returns:
        Names of the groups in each split, sorted.
    Source: after Sechidis et al. 2011, "On the stratification of multi-label data", for groups.
    """
    shares = counts / np.maximum(counts.sum(axis=0), 1)
    targets = np.array(list(fractions.values()))[:, None]
    enough = np.maximum((least - 0.5) / np.maximum(counts.sum(axis=0), 1), 1e-12)
    random = np.random.default_rng(seed)
    trials = max(1, min(TRIALS, STEPS // max(len(groups), 1)))
    draws = (_one_draw(shares, targets, random) for _ in range(trials))
    best = min(draws, key=lambda splits: _badness(shares, targets, enough, splits))
    if len(fractions) > 1 and len(groups) <= CLIMBED_GROUPS:
        best = _climb(shares, targets, enough, best)
    return {
        name: sorted(group for group, split in zip(groups, best, strict=True) if split == index)
        for index, name in enumerate(fractions)
    }


def _one_draw(shares: Counts, targets: Counts, random: np.random.Generator) -> npt.NDArray[np.int64]:
    noise = np.exp(random.normal(0, 0.5, len(shares)))
    splits = np.zeros(len(shares), dtype=np.int64)
    sums = np.zeros((len(targets), shares.shape[1]))
    for group in np.argsort(-shares.max(axis=1) * noise, kind="stable"):
        # Adding to split p changes the squared distance of p alone.
        gain = ((sums + shares[group] - targets) ** 2 - (sums - targets) ** 2) / targets
        splits[group] = int(gain.sum(axis=1).argmin())
        sums[splits[group]] += shares[group]
    return splits


def _climb(
    shares: Counts, targets: Counts, enough: Counts, splits: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    splits, groups = splits.copy(), np.arange(len(splits))
    while True:
        found: list[tuple[tuple[int, float], npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
        for group in groups:
            others = np.flatnonzero((splits != splits[group]) & (groups > group))
            moves = [
                (np.array([group]), np.array([split]))
                for split in range(len(targets))
                if split != splits[group]
            ]
            moves += [(np.array([group, other]), splits[[other, group]]) for other in others]
            sums = _sums(shares, targets, splits) + np.stack(
                [_change(shares, targets, splits, *m) for m in moves]
            )
            costs = ((sums - targets) / targets) ** 2
            missing = (sums < enough).sum(axis=(1, 2))
            best = np.lexsort((costs.sum(axis=(1, 2)), missing))[0]
            found.append(((int(missing[best]), float(costs[best].sum())), *moves[best]))
        cost, moved, to = min(found, key=lambda entry: entry[0])
        missing_now, cost_now = _badness(shares, targets, enough, splits)
        # Rounding makes equal draws differ slightly; going from one to the other would never end.
        if cost >= (missing_now, cost_now * (1 - 1e-9)):
            return splits
        splits[moved] = to


def _change(
    shares: Counts,
    targets: Counts,
    splits: npt.NDArray[np.int64],
    moved: npt.NDArray[np.int64],
    to: npt.NDArray[np.int64],
) -> Counts:
    change = np.zeros((len(targets), shares.shape[1]))
    for group, split in zip(moved, to, strict=True):
        change[splits[group]] -= shares[group]
        change[split] += shares[group]
    return change


def _sums(shares: Counts, targets: Counts, splits: npt.NDArray[np.int64]) -> Counts:
    return np.stack([shares[splits == split].sum(axis=0) for split in range(len(targets))])


def _badness(
    shares: Counts, targets: Counts, enough: Counts, splits: npt.NDArray[np.int64]
) -> tuple[int, float]:
    sums = _sums(shares, targets, splits)
    return int((sums < enough).sum()), float((((sums - targets) / targets) ** 2).sum())


def halve(file_names: Sequence[str], *, seed: int) -> dict[str, list[str]]:
    """Two halves of a list, drawn by shuffling its sorted names; the first is the larger if they differ."""
    shuffled = np.random.default_rng(seed).permutation(sorted(file_names))
    middle = (len(shuffled) + 1) // 2
    return {
        HALVES[0]: sorted(str(name) for name in shuffled[:middle]),
        HALVES[1]: sorted(str(name) for name in shuffled[middle:]),
    }


def shipped_schemes(data_set: str) -> dict[str, dict[str, list[str]]]:
    """The lists of file names in the package: scheme name to split name to names."""
    folder = files("seasift.data") / f"{data_set}_splits"
    return {
        scheme.name: {
            split.name.removesuffix(".txt"): [
                name for name in split.read_text(encoding="utf-8").split("\n") if name
            ]
            for split in scheme.iterdir()
            if split.name.endswith(".txt")
        }
        for scheme in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if scheme.is_dir()
    }
