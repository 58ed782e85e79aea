"""Draw splitting schemes of a data set by group (video), and those of TrashCan that the package ships."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seasift.core.errors import DatasetError, InputError
from seasift.core.files import write_text
from seasift.data import trashcan
from seasift.data.coco import CocoDataset
from seasift.data.dives import days, groups_of, shipped_facts
from seasift.data.prepared import PreparedDataset, open_prepared
from seasift.data.schemes import (
    DIVE_FREE_LEAST,
    FOLDS,
    HALVES_SEED,
    LEAK_FREE_FRACTIONS,
    LEAK_FREE_SEED,
    Counts,
    draw_by_group,
    halve,
)

Scheme = dict[str, list[str]]


@dataclass(frozen=True)
class Drawn:
    """A scheme as written.

    Attributes:
        folders: scheme name to the folder of its lists.
        schemes: scheme name to split name to file names.
        group_of: file name to group.
        label_sets: by name.
        grouped: False if each image is its own group.
    """

    folders: Mapping[str, Path]
    schemes: Mapping[str, Scheme]
    group_of: Mapping[str, str]
    label_sets: Mapping[str, CocoDataset]
    grouped: bool


def split(
    prepared: Path | str,
    name: str,
    *,
    fractions: str = "train=0.7,val=0.15,test=0.15",
    folds: int = 0,
    seed: int = 0,
    group: str | None = None,
    force: bool = False,
) -> Drawn:
    """Draw a splitting scheme that keeps each group (video) in one split, and write its lists.

    Args:
        prepared: folder of a prepared data set.
        name: name of the scheme.
        fractions: splits and their shares, summing to 1.
        folds: number of folds `name`-0, `name`-1 ... to draw instead; 0 for none.
        seed: the same seed draws the same scheme.
        group: regular expression for the group in a file name; None for the data set's own, "none" for none.
        force: write over a scheme of this name.
    Raises:
        InputError: an option or the data set does not allow it; nothing is written then.
    """
    data = open_prepared(Path(prepared))
    label_sets = _label_sets(data)
    pattern = _pattern(group, data)
    names = [image.file_name for image in next(iter(label_sets.values())).images]
    group_of = groups_of(names, pattern)
    if folds == 1:
        raise InputError(
            "--folds 1: one fold leaves nothing to train on; expected 2 or more, or 0 for no folds"
        )
    cocos = list(label_sets.values())
    if folds:
        drawn = draw_folds(cocos, group_of, folds, seed=seed)
        schemes = {f"{name}-{number}": fold for number, fold in enumerate(drawn)}
    else:
        schemes = {name: draw_scheme(cocos, group_of, _parse(fractions), seed=seed)}
    folders = {key: add_scheme(data, key, value, force=force) for key, value in schemes.items()}
    return Drawn(folders, schemes, group_of, label_sets, pattern is not None)


def draw_scheme(
    label_sets: Sequence[CocoDataset],
    group_of: Mapping[str, str],
    fractions: Mapping[str, float],
    *,
    seed: int,
    least: int = 1,
) -> Scheme:
    """Distribute images among splits, group by group, stratified by images and by the classes of all label sets.

    Args:
        label_sets: the same images under one or several label sets.
        group_of: file name to group; images without one are in no split.
        fractions: split name to share; sums to 1.
        seed: of the draw.
        least: minimum number of objects of a class in each split, if possible.
    Returns:
        Split name to sorted file names.
    Raises:
        DatasetError: invalid fractions, or more splits than groups.
    """
    if min(fractions.values()) <= 0 or not math.isclose(sum(fractions.values()), 1, abs_tol=1e-6):
        raise DatasetError(f"fractions {dict(fractions)}: expected shares above 0 that sum to 1")
    groups = sorted(set(group_of.values()))
    if len(groups) < len(fractions):
        raise DatasetError(
            f"{len(groups)} groups for {len(fractions)} splits; expected at least one group for each split. "
            "Give another --group or fewer splits"
        )
    counts = np.hstack([_images(groups, group_of), *(_objects(groups, group_of, c) for c in label_sets)])
    splits = draw_by_group(groups, counts, fractions, seed=seed, least=least)
    split_of = {group: split for split, members in splits.items() for group in members}
    scheme: Scheme = {split: [] for split in fractions}
    for name, group in sorted(group_of.items()):
        scheme[split_of[group]].append(name)
    return scheme


def draw_folds(
    label_sets: Sequence[CocoDataset], group_of: Mapping[str, str], folds: int, *, seed: int, least: int = 1
) -> list[Scheme]:
    """Folds for cross-validation: each group is in the `val` of one and in the `train` of the others."""
    shares = {str(fold): 1 / folds for fold in range(folds)}
    held_out = draw_scheme(label_sets, group_of, shares, seed=seed, least=least)
    return [{"train": sorted(group_of.keys() - set(names)), "val": names} for names in held_out.values()]


def draw_trashcan(
    instance: CocoDataset, material: CocoDataset, official: Mapping[str, Scheme]
) -> dict[str, Scheme]:
    """All schemes of TrashCan that the package ships.

    Args:
        instance: all images under the instance labels.
        material: the same under the material labels.
        official: the published splits of both label sets, `official-instance` and `official-material`.
    """
    group_of = groups_of([image.file_name for image in instance.images], trashcan.VIDEO)
    both = (instance, material)
    leak_free = draw_scheme(both, group_of, LEAK_FREE_FRACTIONS, seed=LEAK_FREE_SEED)
    schemes: dict[str, Scheme] = dict(official)
    for labels in trashcan.LABEL_SETS:
        splits = official[f"official-{labels}"]
        schemes[f"report-halves-{labels}"] = {
            "train": splits["train"],
            **halve(splits["val"], seed=HALVES_SEED),
        }
    for labels, coco in zip(trashcan.LABEL_SETS, both, strict=True):
        schemes[f"report-rov-{labels}"] = images_with("rov", coco, official[f"official-{labels}"])
    schemes["leak-free"] = leak_free
    for fold, scheme in enumerate(draw_folds(both, group_of, FOLDS, seed=LEAK_FREE_SEED)):
        schemes[f"leak-free-fold-{fold}"] = scheme
    day_of = days_of_images(group_of)
    chance = {"seed": LEAK_FREE_SEED, "least": DIVE_FREE_LEAST}
    schemes["dive-free"] = draw_scheme(both, day_of, LEAK_FREE_FRACTIONS, **chance)
    for fold, scheme in enumerate(draw_folds(both, day_of, FOLDS, **chance)):
        schemes[f"dive-free-fold-{fold}"] = scheme
    # The bundled model may be evaluated on the val split of every scheme: it has trained on none of them.
    trains = [set(scheme["train"]) for scheme in (*official.values(), leak_free)]
    schemes["box"] = {"train": sorted(set.intersection(*trains)), "val": leak_free["val"]}
    return schemes


def days_of_images(group_of: Mapping[str, str]) -> dict[str, str]:
    """File name to its group in `dive-free`: all videos that may be of one day.

    Images of videos without an overlay are left out: they may be of any dive.

    Args:
        group_of: file name to video.
    """
    day_of = days(shipped_facts("trashcan", trashcan.VIDEO))
    return {name: day_of[video] for name, video in group_of.items() if video in day_of}


def images_with(name: str, coco: CocoDataset, scheme: Scheme) -> Scheme:
    """The images of each split with an object of a class, in the order of the split."""
    (category,) = (c.id for c in coco.categories if c.name == name)
    held = {
        image.file_name
        for image in coco.images
        if any(annotation.category_id == category for annotation in coco.annotations_of(image.id))
    }
    return {split: [file for file in names if file in held] for split, names in scheme.items()}


def add_scheme(prepared: PreparedDataset, name: str, scheme: Scheme, *, force: bool = False) -> Path:
    """Write a scheme into a prepared data set.

    Raises:
        DatasetError: a name that no folder can have, or that other lists have.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise DatasetError(
            f"scheme name {name!r}: expected letters, digits, '.', '_' and '-'. Choose another"
        )
    folder = prepared.folder / "splits" / name
    if folder.is_dir() and not force and prepared.schemes()[name] != scheme:
        raise DatasetError(
            f"{folder}: a scheme of this name has other lists. Choose another name or pass --force"
        )
    for stale in folder.glob("*.txt"):
        if stale.stem not in scheme:
            stale.unlink()
    for split, names in scheme.items():
        write_text(folder / f"{split}.txt", "".join(f"{file}\n" for file in names))
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


def _pattern(asked: str | None, prepared: PreparedDataset) -> str | None:
    """The regular expression for groups: the given one ('none' for none), else the data set's own."""
    if asked is not None:
        return None if asked == "none" else asked
    own = prepared.record.get("group")
    return own if isinstance(own, str) else None


def _label_sets(prepared: PreparedDataset) -> dict[str, CocoDataset]:
    """One document for each label set: mask versions have the same objects."""
    found: dict[str, CocoDataset] = {}
    for path in sorted((prepared.folder / "annotations").glob("*.json")):
        labels, _, masks = path.stem.rpartition("-")
        if labels not in found:
            found[labels] = prepared.coco(labels, masks)
    if not found:
        raise InputError(f"{prepared.folder}: no annotations; expected some. Prepare it again")
    return found


def _parse(fractions: str) -> dict[str, float]:
    splits: dict[str, float] = {}
    for item in fractions.split(","):
        split, _, share = item.strip().partition("=")
        try:
            value = float(share)
        except ValueError:
            value = float("nan")
        if not split.isidentifier() or split in splits or not 0 < value <= 1:
            raise InputError(
                f"--fractions {fractions!r}: {item.strip()!r} is no split with a share; "
                "expected such as train=0.8,val=0.2"
            )
        splits[split] = value
    return splits
