"""What `seasift data split` does: its options, the draw, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seasift.core.errors import InputError
from seasift.data.coco import CocoDataset
from seasift.data.dives import groups_of
from seasift.data.draw_scheme import Scheme, add_scheme, draw_folds, draw_scheme
from seasift.data.prepared import PreparedDataset, open_prepared


@dataclass(frozen=True)
class Drawn:
    """A scheme as written.

    Attributes:
        folders: scheme name to where its lists are.
        schemes: scheme name to split name to file names.
        group_of: file name to group.
        label_sets: by name.
        grouped: False if each image is a group of its own.
    """

    folders: Mapping[str, Path]
    schemes: Mapping[str, Scheme]
    group_of: Mapping[str, str]
    label_sets: Mapping[str, CocoDataset]
    grouped: bool


def draw(
    folder: Path, name: str, fractions: str, folds: int, seed: int, group: str | None, *, force: bool
) -> Drawn:
    """Draw and write.

    Raises:
        InputError: an option or the data set does not allow it; nothing is written then.
    """
    prepared = open_prepared(folder)
    label_sets = _label_sets(prepared)
    pattern = group_pattern(group, prepared)
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
    folders = {key: add_scheme(prepared, key, value, force=force) for key, value in schemes.items()}
    return Drawn(folders, schemes, group_of, label_sets, pattern is not None)


def group_pattern(asked: str | None, prepared: PreparedDataset | None) -> str | None:
    """The regular expression for groups: as asked ('none' for none), else the data set's own."""
    if asked is not None:
        return None if asked == "none" else asked
    own = prepared.record.get("group") if prepared else None
    return own if isinstance(own, str) else None


def _label_sets(prepared: PreparedDataset) -> dict[str, CocoDataset]:
    """One document for each label set: mask versions hold the same objects."""
    found: dict[str, CocoDataset] = {}
    for path in sorted((prepared.folder / "annotations").glob("*.json")):
        labels, _, masks = path.stem.rpartition("-")
        if labels not in found:
            found[labels] = prepared.coco(labels, masks)
    if not found:
        raise InputError(f"{prepared.folder}: no annotations in it; expected some. Prepare it again")
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
