"""A survey's folder under review: tracks, decisions, footage, written results.

It exports accepted tracks as a COCO data set: frames of the videos as images, the tracks' outlines as truth.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seasift import __version__
from seasift.core.errors import ImageError, InputError
from seasift.core.files import write_json
from seasift.core.image import write_image
from seasift.core.masks import MaskCrop, from_coco
from seasift.formats.exchange.naming import with_coarse_names
from seasift.formats.tracks import Observation
from seasift.review.decisions import Decision, Decisions, Word, state_of, write_results
from seasift.review.frames import Footage, Tracks, Views, is_coarse

SCHEMA = "seasift-reviewed/1"
ANNOTATIONS = "annotations.json"
_Slot = tuple[int, int]  # video, frame


@dataclass
class Exported:
    """The result of an export.

    Attributes:
        path: the COCO file; images are in the folder `images` next to it.
        images, objects: their numbers.
        left_out: numbers of excluded frames with accepted objects, by reason.
        videos: a line for each video whose frames could not be read.
    """

    path: Path
    images: int = 0
    objects: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    videos: list[str] = field(default_factory=list)

    def words(self) -> list[str]:
        """The same for people, one sentence per line."""
        left = [f"{count} frames left out: {why}." for why, count in self.left_out.items() if count]
        return [f"{self.images} images with {self.objects} objects.", *left, *self.videos]


@dataclass(frozen=True)
class _Object:
    track: int
    name: str
    seen: Observation


UNDECIDED = "an undecided track is in it"
HIDDEN = "an accepted or undecided track is between two of its views there, so an outline may be missing"
GONE = "it could not be read from its video"


def export(
    tracks: Tracks,
    decisions: Mapping[int, Decision],
    categories: Mapping[str, int],
    footage: Footage,
    out: Path,
    progress: Callable[[int, int], None] | None = None,
) -> Exported:
    """Write the data set, annotations.json last, and remove images that it does not name.

    A frame is used if it shows an accepted track, every track in it is decided, and no accepted or undecided track passes
    through it without an outline.

    Args:
        categories: id of every class by its name.
        progress: called with (frames done, in all).
    Raises:
        InputError: nothing is accepted, no frame is left, or the folder holds other files.
    """
    before = _before(out)
    done = Exported(out / ANNOTATIONS)
    chosen = _chosen(tracks, decisions, done.left_out)
    names = _names(tracks)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for index, pixels in _images(chosen, footage, done):
        video, frame = index
        name = f"{names[video]}_frame{frame:07}.jpg"
        write_image(out / "images" / name, pixels)
        size_hw = (pixels.shape[0], pixels.shape[1])
        image = {"id": len(images) + 1, "file_name": name, "height": size_hw[0], "width": size_hw[1]}
        source = {"video": tracks.header.videos[video].file, "frame": frame}
        images.append({**image, **source, "time_s": chosen[index][0].seen.time_s})
        for each in chosen[index]:
            ids = {"id": len(annotations) + 1, "image_id": image["id"], "category_id": categories[each.name]}
            annotations.append({**ids, **_shape(each.seen, size_hw), "iscrowd": 0, "track_id": each.track})
        if progress:
            progress(len(images), len(chosen))
    if not images:
        raise InputError(f"{out}: nothing to write: {_why(decisions, done)}")
    done.images, done.objects = len(images), len(annotations)
    used = {annotation["category_id"] for annotation in annotations}
    coarse = {name for name in categories if is_coarse(tracks, name)}
    listed = {name: id_ for name, id_ in categories.items() if name not in coarse or id_ in used}
    write_json(done.path, _document(tracks, listed, images, annotations, done))
    for name in before - {image["file_name"] for image in images}:
        (out / "images" / name).unlink(missing_ok=True)
    return done


def _chosen(
    tracks: Tracks, decisions: Mapping[int, Decision], left_out: Counter[str]
) -> dict[_Slot, list[_Object]]:
    found: defaultdict[_Slot, list[_Object]] = defaultdict(list)
    undecided: set[_Slot] = set()
    for entry in tracks.entries():
        decision = decisions.get(entry.id)
        if decision is None:
            undecided.update((seen.video, seen.frame) for seen in entry.observations)
        elif decision.word == "accept":
            for seen in entry.observations:
                found[seen.video, seen.frame].append(_Object(entry.id, decision.name, seen))
    indices = sorted(found)
    hidden: set[_Slot] = set()
    for entry in tracks.entries():
        decision = decisions.get(entry.id)
        if decision is None or decision.word == "accept":
            seen_in = {(seen.video, seen.frame) for seen in entry.observations if _is_whole(seen)}
            ends = [(seen.video, seen.frame) for seen in (entry.observations[0], entry.observations[-1])]
            span = indices[bisect_left(indices, ends[0]) : bisect_right(indices, ends[1])]
            hidden.update(index for index in span if index not in seen_in)
    left_out[UNDECIDED] = sum(index in undecided for index in indices)
    left_out[HIDDEN] = sum(index in hidden and index not in undecided for index in indices)
    return {index: found[index] for index in indices if index not in undecided and index not in hidden}


def _is_whole(seen: Observation) -> bool:
    return (
        seen.mask is None
        or from_coco(seen.mask.model_dump(), (seen.mask.size[0], seen.mask.size[1])).area > 0
    )


def _images(
    chosen: Mapping[_Slot, list[_Object]], footage: Footage, done: Exported
) -> Iterator[tuple[_Slot, Any]]:
    for video in sorted({video for video, _ in chosen}):
        wanted = [(frame, seen[0].seen.time_s) for (at, frame), seen in chosen.items() if at == video]
        had = 0
        try:
            for (frame, _), pixels in footage.images(video, wanted):
                had += 1
                yield (video, frame), pixels
        except ImageError as error:
            done.videos.append(str(error))
        done.left_out[GONE] += len(wanted) - had


def _shape(seen: Observation, size_hw: tuple[int, int]) -> dict[str, Any]:
    x, y, width, height = seen.box_xywh
    if seen.mask is None and not seen.polygons:
        box = [x, y, x + width, y, x + width, y + height, x, y + height]
        return {"bbox": seen.box_xywh, "area": width * height, "segmentation": [box]}
    segmentation: Any = seen.mask.model_dump() if seen.mask else seen.polygons
    mask: MaskCrop = from_coco(segmentation, size_hw)
    x1, y1, x2, y2 = mask.box_xyxy
    return {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": mask.area, "segmentation": segmentation}


def _document(
    tracks: Tracks,
    categories: Mapping[str, int],
    images: list[dict[str, Any]],
    annotations: list[dict[str, Any]],
    done: Exported,
) -> dict[str, Any]:
    model = tracks.header.model
    return {
        "info": {
            "description": "tracks of a survey that a person accepted",
            "schema": SCHEMA,
            "seasift": __version__,
            "model": model.name if model else None,
            "tracks_sha256": tracks.sha256,
            "left_out": {why: count for why, count in done.left_out.items() if count},
        },
        "images": images,
        "categories": [{"id": id_, "name": name, "supercategory": name} for name, id_ in categories.items()],
        "annotations": annotations,
    }


def _names(tracks: Tracks) -> list[str]:
    """Prefix of the images of each video: its name, with its index if two have the same name."""
    stems = [Path(video.file).stem for video in tracks.header.videos]
    twice = Counter(stem.lower() for stem in stems)
    return [
        stem if twice[stem.lower()] == 1 else f"{stem}-{index}" for index, stem in enumerate(stems, start=1)
    ]


def _before(out: Path) -> set[str]:
    """Images of an earlier export into this folder."""
    if not out.exists():
        return set()
    if not out.is_dir():
        raise InputError(f"{out}: a file; expected a folder to write to. Give another.")
    try:
        content = json.loads((out / ANNOTATIONS).read_bytes())
        if content["info"]["schema"] == SCHEMA:
            return {str(image["file_name"]) for image in content["images"]}
    except (OSError, ValueError, KeyError, TypeError):
        pass
    if any(path.name != "images" and not path.name.startswith(".") for path in out.iterdir()):
        raise InputError(
            f"{out}: holds other files; expected a new folder, or one of an earlier export. Give another."
        )
    return set()


def _why(decisions: Mapping[int, Decision], done: Exported) -> str:
    if not any(decision.word == "accept" for decision in decisions.values()):
        return "no track is accepted yet. Decide on some first: seasift review FOLDER."
    reasons = [f"{count} frames: {why}" for why, count in done.left_out.items() if count]
    return "; ".join([*reasons, *done.videos]) + ("" if done.videos else ". Decide on more tracks.")


_LONGEST_NAME = 100


class Review:
    """All data that a page or command needs. Thread-safe.

    Attributes:
        tracks: tracks of the survey.
        decisions: decisions on the tracks.
        footage: the videos, as far as available.
        views: images of tracks, from the videos.
    """

    def __init__(self, folder: Path, *, footage: Path | None = None, names: str | None = None) -> None:
        """Open a folder that `seasift survey` wrote.

        Args:
            footage: current folder of the videos.
            names: "class" or "rollup", see `Tracks`.
        Raises:
            InputError: not a survey's folder, its decisions belong to another run, or it has no rolled-up names.
        """
        self.tracks = Tracks(folder, names=names)
        self.footage = Footage(self.tracks.header, folder, footage)
        self.decisions = Decisions(folder, self.tracks.sha256)
        self.views = Views(self.tracks, self.footage)

    def categories(self) -> dict[str, int]:
        """Id of every class by name: the model's, coarse names if the survey has some, then added ones with the next ids."""
        header = self.tracks.header
        categories = with_coarse_names(header.categories) if header.names else header.categories
        known = {category.name: category.id for category in categories}
        for name in self.decisions.names():
            known.setdefault(name, max(known.values()) + 1)
        return known

    def decide(self, track: int, word: Word, name: str | None = None, reviewer: str = "") -> Decision:
        """Accept or reject a track.

        Args:
            name: class of an accepted track, if not the model's; may be a new class.
        Raises:
            NotFoundError: no such track. InputError: an invalid name.
        """
        row = self.tracks.row(track)
        if word == "reject" or name is None:
            name = row.name
        name = " ".join(name.split())
        if not name or len(name) > _LONGEST_NAME or not name.isprintable():
            raise InputError(
                f"a class of {len(name)} letters; expected 1 to {_LONGEST_NAME} that can be printed."
            )
        return self.decisions.decide(track, word, name, reviewer)

    def write(self) -> list[Path]:
        """Write the corrected tracks and counts into the survey's folder."""
        return write_results(self.tracks, self.decisions.all(), self.categories())

    def export(self, out: Path, progress: Callable[[int, int], None] | None = None) -> Exported:
        """Write the accepted tracks as a COCO data set; see `export.export`."""
        return export(self.tracks, self.decisions.all(), self.categories(), self.footage, out, progress)

    def summary(self) -> str:
        """Progress of the review, on one line."""
        decisions = self.decisions.all()
        states = [state_of(row.name, decisions.get(row.id)) for row in self.tracks.rows.values()]
        counts = [
            f"{states.count(each)} {each}" for each in ("accepted", "relabelled", "rejected", "undecided")
        ]
        return f"{len(states)} tracks: {', '.join(counts)}"
