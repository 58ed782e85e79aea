"""The data set: frames of the painted dive, held to what was painted; and the counts."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seasift.core.errors import InputError
from seasift.core.image import read_image
from seasift.data.check import check
from seasift.data.prepared import resolve_split
from seasift.data.stats import describe, statistics
from seasift.formats.tracks import TracksDocument
from seasift.review.folder import Review
from tests.survey.dives import THINGS, frame_image

CHANNEL = {"red thing": 0, "sea pen": 1}  # what the tests call the green one


def decided(review: Review) -> Review:
    """Of the tracks (red, red, green, red) the first right, the second none, the third a new class, the fourth open."""
    review.decide(1, "accept")
    review.decide(2, "reject")
    review.decide(3, "accept", "sea pen")
    return review


def truth(track: int) -> range:
    """Frames of a track of the survey; its fourth is the fifth thing, as the one of a single frame never counts."""
    _, _, first, last = THINGS[4 if track == 4 else track - 1]
    return range(first, last + 1)


def document(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def rewrite(out: Path, change: Any) -> None:
    """Change tracks.json, in the layout that a survey writes."""
    whole = document(out / "tracks.json")
    change(whole["tracks"])
    tracks = whole.pop("tracks")
    lines = ",\n".join(" " + json.dumps(track) for track in tracks)
    (out / "tracks.json").write_text(f'{json.dumps(whole)[:-1]},\n"tracks": [\n{lines}\n]}}\n', "utf-8")


def test_every_frame_holds_all_that_was_accepted(review: Review, tmp_path: Path) -> None:
    made = decided(review).export(tmp_path / "set")
    split = resolve_split(made.path)
    frames = sorted({*truth(1), *truth(3)})
    assert [image.file_name for image in split.coco.images] == [
        f"dive_frame{frame:07}.jpg" for frame in frames
    ]
    assert (made.images, made.objects) == (len(frames), len(truth(1)) + len(truth(3)))
    names = {category.id: category.name for category in split.coco.categories}
    assert names == {3: "red thing", 7: "green thing", 8: "blue thing", 9: "sea pen"}
    for frame, image in zip(frames, split.coco.images, strict=True):
        pixels = read_image(split.images_dir / image.file_name)
        assert np.abs(pixels.astype(int) - frame_image(frame)).mean() < 8
        found = {names[each.category_id]: each for each in split.coco.annotations_of(image.id)}
        assert set(found) == {
            name for name, track in (("red thing", 1), ("sea pen", 3)) if frame in truth(track)
        }
        for name, each in found.items():
            inside = pixels[each.mask(image.size_hw).bitmap(image.size_hw)].mean(axis=0)
            assert inside.argmax() == CHANNEL[name]
            assert inside.max() > 150


def test_frames_with_an_undecided_track_are_left_out(review: Review, tmp_path: Path) -> None:
    review.decide(1, "accept")
    review.decide(3, "reject")  # the second is open
    made = review.export(tmp_path / "set")
    assert made.images == len(set(truth(1)) - set(truth(2))) == 5
    assert any("11 frames left out: an undecided track is in it" in line for line in made.words())


def test_frames_between_two_views_are_left_out(out: Path, tmp_path: Path) -> None:
    """The accepted green one was missed in a frame in which the accepted red one was seen."""
    rewrite(out, lambda tracks: tracks[2]["observations"].pop(2))
    made = decided(Review(out)).export(tmp_path / "set")
    assert "dive_frame0000012.jpg" not in [image["file_name"] for image in document(made.path)["images"]]
    assert made.images == 20


def test_the_data_code_takes_it(review: Review, tmp_path: Path) -> None:
    made = decided(review).export(tmp_path / "set")
    report = check([made.path])
    assert not report.fatal
    # Painted frames are alike, and one class was never found.
    assert {defect.kind for defect in report.defects} == {"empty class", "same image"}
    counted = statistics(describe(made.path))
    assert {name: sum(split.objects for split in row.values()) for name, row in counted.by_class.items()} == {
        "red thing": len(truth(1)),
        "green thing": 0,
        "blue thing": 0,
        "sea pen": len(truth(3)),
    }


def test_a_second_export_replaces_the_first(review: Review, tmp_path: Path) -> None:
    decided(review).export(tmp_path / "set")
    review.decide(3, "reject")
    made = review.export(tmp_path / "set")
    assert made.images == len(list((tmp_path / "set/images").iterdir())) == len(truth(1))


def test_what_cannot_be_exported(review: Review, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no track is accepted yet"):
        review.export(tmp_path / "set")
    decided(review)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/thesis.txt").write_text("years", "utf-8")
    with pytest.raises(InputError, match="holds other files"):
        review.export(tmp_path / "other")
    assert not (tmp_path / "set/annotations.json").exists()


def test_footage_that_was_moved(out: Path, tmp_path: Path) -> None:
    def lost(tracks: list[Any]) -> None:
        del tracks[1:]

    rewrite(out, lost)
    text = (out / "tracks.json").read_text("utf-8")
    (out / "tracks.json").write_text(text.replace("dive.mp4", "gone.mp4"), "utf-8")
    review = Review(out)
    review.decide(1, "accept")
    with pytest.raises(InputError, match="--footage"):
        review.export(tmp_path / "set")
    review.decisions.close()
    (tmp_path / "elsewhere").mkdir()
    (out.parent / "dive.mp4").rename(tmp_path / "elsewhere/gone.mp4")
    assert Review(out, footage=tmp_path / "elsewhere").export(tmp_path / "set").images == 16


def test_counts_and_tracks_are_corrected(review: Review, out: Path) -> None:
    decided(review).write()
    machine = {(row["scope"], row["minute"], row["name"]): row for row in rows(out / "counts.csv")}
    reviewed = {(row["scope"], row["minute"], row["name"]): row for row in rows(out / "reviewed_counts.csv")}
    seen = {key: row for key, row in machine.items() if row["maxn"] != "0"}
    assert len(seen) < len(machine), "classes that were not seen have zeros"
    for key, row in seen.items():
        assert {what: reviewed[key][what] for what in ("maxn", "unique", "new")} == {
            what: row[what] for what in ("maxn", "unique", "new")
        }
    columns = ("unique", "reviewed_unique", "reviewed_maxn", "undecided")
    dive = {
        row["name"]: [row[column] for column in columns]
        for row in reviewed.values()
        if row["scope"] == "dive"
    }
    assert dive == {
        "red thing": ["3", "1", "1", "1"],
        "green thing": ["1", "0", "0", "0"],
        "sea pen": ["0", "1", "1", "0"],
    }
    whole = TracksDocument.model_validate_json((out / "reviewed_tracks.json").read_bytes())
    assert [(track.id, track.name, track.category_id) for track in whole.tracks] == [
        (1, "red thing", 3),
        (3, "sea pen", 9),
    ]
    words = [(row["track"], row["decision"], row["name"]) for row in rows(out / "reviewed_decisions.csv")]
    assert words == [
        ("1", "accepted", "red thing"),
        ("2", "rejected", ""),
        ("3", "relabelled", "sea pen"),
        ("4", "undecided", ""),
    ]


@pytest.mark.slow
def test_a_model_learns_from_it(review: Review, tmp_path: Path) -> None:
    from seasift.recipes.recipe import load_recipe
    from seasift.training.run import Options, train

    made = decided(review).export(tmp_path / "set")
    recipe = load_recipe(
        "yolact-resnet50",
        [
            f"data.path={made.path.as_posix()!r}",
            *("model.backbone=efficientnet-lite0", "model.size=96", "model.fpn_channels=16"),
            *("model.proto_channels=16", "model.prototypes=8", "model.frozen_batch_norm=false"),
            *(
                "optimizer.name=adamw",
                "optimizer.lr=0.001",
                "schedule.warmup_steps=0",
                "training.batch_size=2",
            ),
            *("training.max_steps=1", "training.validate_every=1", "training.precision=fp32"),
        ],
    )
    train(recipe, Options(tmp_path / "run", accelerator="cpu"))
    assert (tmp_path / "run/best.ckpt").is_file()
