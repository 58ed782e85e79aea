"""Merge data sets: classes are mapped, each image keeps its source, and no source leaks into another's splits."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from seasift.core.errors import DatasetError, expected
from seasift.core.image import read_image
from seasift.data.coco import CocoAnnotation, CocoDataset, CocoImage
from seasift.data.dives import VideoFacts, may_be_one_day
from seasift.data.merge_map import MergeMap, class_sets, read_merge_map
from seasift.data.merge_source import MergeSource, open_merge_source
from seasift.data.prepare import write_prepared
from seasift.data.prepared import DATASET_FILE, PreparedDataset, open_prepared
from seasift.data.source import DatasetContent, DatasetFiles, Progress

_VERSION = "1"
_TRAIN = "train"
Schemes = dict[str, dict[str, list[str]]]


@dataclass(frozen=True)
class Merged:
    """The result of a merge.

    Attributes:
        prepared: the merged data set.
        done: False if it existed already.
        twins: source to number of images left out because an earlier source has equal pixels.
        dropped: scheme to number of images left out of train because a held-out split has their video, dive or day.
        undated: source to its videos without date and dive, whose dives could not be compared.
    """

    prepared: PreparedDataset
    done: bool
    twins: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    undated: Mapping[str, int] = field(default_factory=dict)


def merge(
    paths: Sequence[Path],
    map_path: Path,
    out: Path,
    *,
    drop_leaks: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> Merged:
    """Merge data sets into a prepared one. A second run does nothing; an interrupted run resumes.

    Args:
        paths: prepared folders or COCO .json files; the classes and label sets are those of the first.
        map_path: YAML file, see `merge_map.MergeMap`.
        out: folder to fill.
        drop_leaks: leave images out of train that share a video, dive or day with a held-out split of another
            source, instead of refusing.
        force: write everything again, even over another data set.
        progress: called with (what, done, in all).
    Raises:
        DatasetError: data or map cannot be used, or sources leak into each other's held-out splits.
    """
    tell = progress or (lambda _what, _done, _total: None)
    plan = read_merge_map(map_path, len(paths))
    sources = [
        open_merge_source(path, each, first=index == 0)
        for index, (path, each) in enumerate(zip(paths, plan.sources, strict=True))
    ]
    digest = _digest(map_path, sources, drop_leaks)
    before = open_prepared(out) if (out / DATASET_FILE).exists() and not force else None
    if before is not None and before.record.get("source_digest") == digest:
        return Merged(before, False)
    if before is not None and before.record.get("name") != plan.name:
        raise DatasetError(
            f"{out}: holds the data set {before.record.get('name')}; expected a new folder for {plan.name}. "
            "Choose another, or pass --force to write over it"
        )
    if any(path.resolve() == out.resolve() for path in paths):
        raise DatasetError(f"{out}: is a source of the merge; expected another folder. Choose one")
    twins = find_twins_between(sources, tell)
    kept = [source.without(twins.get(source.name, set())) for source in sources]
    schemes, dropped = _schemes(plan, kept, drop_leaks=drop_leaks)
    content = DatasetContent(
        plan.name,
        _annotations(plan, kept),
        _joint(plan.name, kept),
        {image.new_name: f"{index}/{image.file_name}" for index, s in enumerate(kept) for image in s.images},
        schemes,
        {**kept[0].defaults, "split": _default_scheme(kept[0], schemes)},
        _about(kept),
        {new: replace(facts, video=new) for s in kept for new, facts in s.named_facts().items()},
    )
    prepared = write_prepared(content, out, digest, force, tell)
    undated = {source.name: len(source.undated()) for source in kept if source.undated()}
    return Merged(prepared, True, {name: len(images) for name, images in twins.items()}, dropped, undated)


def _digest(map_path: Path, sources: Sequence[MergeSource], drop_leaks: bool) -> str:
    text = repr([_VERSION, map_path.read_text(encoding="utf-8"), drop_leaks, [s.digest for s in sources]])
    return hashlib.sha256(text.encode()).hexdigest()


def _annotations(plan: MergeMap, sources: Sequence[MergeSource]) -> dict[str, CocoDataset]:
    """One document for each label set and mask version of the first source."""
    return {name: _joined(plan, coco, name, sources) for name, coco in sources[0].documents.items()}


def _joined(plan: MergeMap, first: CocoDataset, name: str, sources: Sequence[MergeSource]) -> CocoDataset:
    images: list[CocoImage] = []
    annotations: list[CocoAnnotation] = []
    for index, (source, given) in enumerate(zip(sources, plan.sources, strict=True)):
        coco = first if index == 0 else source.document
        meant = class_sets(given, coco.categories, first.categories, plan.supercategories)
        loose = given.loose_boxes
        loose_ids = {c.id for c in coco.categories if loose is True or (loose and c.name in loose)}
        whole = tuple(category.id for category in first.categories)
        by_name = {image.file_name: image for image in coco.images}
        # Ids of the first source stay, so that its predictions remain comparable.
        step = max((image.id for image in images), default=0)
        next_object = max((a.id for a in annotations), default=0)
        for number, image in enumerate(source.images, 1):
            own = by_name.get(image.file_name)
            if own is None:
                raise DatasetError(
                    f"{source.path}: {image.file_name} is not in its label set {name}; expected all label sets to have "
                    "the same images. Prepare it again"
                )
            new_id = own.id if index == 0 else step + number
            labelled = own.background_labelled and given.background == "labelled"
            images.append(CocoImage(new_id, image.new_name, own.size_hw, source.name, image.video, labelled))
            for annotation in coco.annotations_of(own.id):
                next_object += 1
                new = _mapped(annotation, meant, whole)
                annotations.append(
                    replace(
                        new,
                        id=annotation.id if index == 0 else next_object,
                        image_id=new_id,
                        loose_box=annotation.loose_box or annotation.category_id in loose_ids,
                    )
                )
    return CocoDataset(first.categories, tuple(images), tuple(annotations))


def _mapped(
    annotation: CocoAnnotation, meant: Mapping[int, tuple[int, ...]], whole: tuple[int, ...]
) -> CocoAnnotation:
    own = annotation.class_set or (annotation.category_id,)
    classes = tuple(sorted({new for number in own for new in meant[number]}))
    if not classes:  # ignored: a region of any class that is neither object nor background
        return replace(
            annotation, category_id=whole[0], class_set=whole if len(whole) > 1 else (), iscrowd=True
        )
    return replace(annotation, category_id=classes[0], class_set=classes if len(classes) > 1 else ())


def _schemes(
    plan: MergeMap, sources: Sequence[MergeSource], *, drop_leaks: bool
) -> tuple[Schemes, dict[str, int]]:
    first, others = sources[0], sources[1:]
    if plan.splits is None:
        schemes = {
            scheme: {split: list(names) for split, names in splits.items()}
            for scheme, splits in first.schemes.items()
        }
        if not any(_TRAIN in splits for splits in schemes.values()):
            raise DatasetError(
                f"{first.path}: no splitting scheme with a {_TRAIN} split, which the images of the others would join; "
                "expected one. Write splits into the map"
            )
        for splits in schemes.values():
            if _TRAIN in splits:
                splits[_TRAIN].extend(image.new_name for source in others for image in source.images)
    else:
        schemes = {
            scheme: {
                split: [n for item in items for n in _listed(item, sources)]
                for split, items in splits.items()
            }
            for scheme, splits in plan.splits.items()
        }
    dropped = {}
    for scheme, splits in schemes.items():
        leaks = leaks_between(sources, splits)
        if not leaks:
            continue
        names = {leak.image for leak in leaks}
        if not drop_leaks or any(leak.split != _TRAIN for leak in leaks):
            worst = leaks[0]
            raise DatasetError(
                f"splitting scheme {scheme}: {len(names)} images of {worst.split} share {worst.what} with {worst.held_out}, "
                f"first {worst.image} with {worst.other}; expected none. Remove their videos from the map, or pass "
                "--drop-leaks"
            )
        splits[_TRAIN] = [name for name in splits[_TRAIN] if name not in names]
        dropped[scheme] = len(names)
    return schemes, dropped


def _listed(item: str, sources: Sequence[MergeSource]) -> list[str]:
    name, _, chosen = item.partition(":")
    known = {source.name: source for source in sources}
    if name not in known:
        raise DatasetError(f"splits: {item!r} names no source; {expected(name, known)}")
    source = known[name]
    if not chosen:
        return [image.new_name for image in source.images]
    scheme, _, split = chosen.partition("/")
    if scheme not in source.schemes:
        raise DatasetError(
            f"splits: {item!r} names no splitting scheme of {name}; {expected(scheme, source.schemes)}"
        )
    if split not in source.schemes[scheme]:
        raise DatasetError(
            f"splits: {item!r} names no split of it; {expected(split, source.schemes[scheme])}"
        )
    return list(source.schemes[scheme][split])


def _default_scheme(first: MergeSource, schemes: Schemes) -> str:
    own = first.defaults["split"]
    return own if own in schemes or any(s.startswith(f"{own}-") for s in schemes) else next(iter(schemes))


def _joint(name: str, sources: Sequence[MergeSource]) -> DatasetFiles:
    """The images of all sources; paths start with the source's index."""
    files = [source.files for source in sources]

    def split(path: str) -> tuple[DatasetFiles, str]:
        index, _, rest = path.partition("/")
        return files[int(index)], rest

    def holds(path: str, target: Path) -> bool:
        owner, rest = split(path)
        return owner.holds(rest, target)

    def read(path: str) -> bytes:
        owner, rest = split(path)
        return owner.read(rest)

    def alike(path: str, other: str) -> bool:
        (owner, rest), (second, others) = split(path), split(other)
        return owner.alike(rest, others) if owner is second else read(path) == read(other)

    return DatasetFiles(
        name,
        {f"{k}/{path}": size for k, each in enumerate(files) for path, size in each.sizes.items()},
        {
            f"{k}/{path}": timestamp
            for k, each in enumerate(files)
            for path, timestamp in each.timestamps.items()
        },
        holds,
        alike,
        read,
    )


def _about(sources: Sequence[MergeSource]) -> dict[str, Any]:
    first, *others = sources
    # The first bracket that matches is the video; see `groups_of`.
    patterns = [rf"^({re.escape(source.name)}/[^/]+)/" for source in others]
    known = {key: [s.about[key] for s in sources if key in s.about] for key in ("licence", "citation")}
    return {
        **{key: "; ".join(dict.fromkeys(texts)) for key, texts in known.items() if texts},
        "group": "|".join([*patterns, first.group or "^(.+)$"]),
        "sources": [
            {
                "name": source.name,
                "images": len(source.images),
                "objects": source.objects,
                "background": source.background,
                **source.about,
            }
            for source in sources
        ],
    }


@dataclass(frozen=True)
class SourceLeak:
    """An image that shares something with a held-out split of another source.

    Attributes:
        image: its name in the merged set.
        split: its split.
        held_out: the other split.
        other: the video in the other split.
        what: "a video", "a dive" or "a day".
    """

    image: str
    split: str
    held_out: str
    other: str
    what: str


def find_twins_between(sources: Sequence[MergeSource], tell: Progress) -> dict[str, set[str]]:
    """Images with equal pixels in an earlier source: source to file names."""
    total, done = sum(len(source.images) for source in sources), 0
    seen: dict[str, str] = {}
    twins: dict[str, set[str]] = {}
    for source in sources:
        for image in source.images:
            pixels = read_image(source.folder / image.file_name)
            digest = hashlib.blake2b(
                pixels.tobytes() + str(pixels.shape).encode(), digest_size=16
            ).hexdigest()
            if seen.setdefault(digest, source.name) != source.name:
                twins.setdefault(source.name, set()).add(image.file_name)
            done += 1
            tell("comparing images", done, total)
    return twins


def leaks_between(sources: Sequence[MergeSource], splits: Mapping[str, Sequence[str]]) -> list[SourceLeak]:
    """Images of a source whose video, dive or day another source has in another split.

    They are images of `train`, or of one of two held-out splits. Unknown videos and dates cannot be compared.
    """
    videos = {split: [_videos(source, set(names)) for source in sources] for split, names in splits.items()}
    order = sorted(splits, key=lambda split: split != "train")
    leaks = []
    for index, split in enumerate(order):
        for held_out in order[index + 1 :]:
            for k, (source, here) in enumerate(zip(sources, videos[split], strict=True)):
                others = [
                    pair for j, pair in enumerate(zip(sources, videos[held_out], strict=True)) if j != k
                ]
                for video, images in here.items():
                    found = next(
                        (hit for other, there in others if (hit := _shared(source, video, other, there))),
                        None,
                    )
                    if found:
                        leaks += [SourceLeak(image, split, held_out, *found) for image in images]
    return leaks


def _videos(source: MergeSource, names: set[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for image in source.images:
        if image.new_name in names and image.video:
            found.setdefault(image.video, []).append(image.new_name)
    return found


def _shared(
    source: MergeSource, video: str, other: MergeSource, there: Mapping[str, list[str]]
) -> tuple[str, str] | None:
    """The video of the other source, and what both share."""
    if video in there and source.group == other.group:
        return video, "a video"
    mine = source.facts.get(video)
    if mine is None:
        return None
    for name in there:
        facts = other.facts.get(name)
        what = facts and _one_dive(mine, facts)
        if what:
            return name, what
    return None


def _one_dive(one: VideoFacts, other: VideoFacts) -> str | None:
    if (one.dive and one.dive == other.dive) or (one.dive_number and one.dive_number == other.dive_number):
        return "a dive"
    return "a day" if may_be_one_day(one, other) else None
