"""Converting: guessing, what is lost, and what is refused in one line."""

from __future__ import annotations

import json
import random
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools import mask as pycocotools_mask

from seasift.core.errors import InputError
from seasift.core.masks import MaskCrop
from seasift.formats import tracks as seasift_tracks
from seasift.formats.document import Rle
from seasift.formats.exchange import cvat_xml, native, registry
from seasift.formats.exchange.content import ReadOptions, WriteOptions
from seasift.formats.exchange.convert import convert
from seasift.formats.tracks import Observation, Video
from tests.formats.exchange.contents import CLIP, dive, header, ring_mask, write_dive


def test_says_what_the_target_cannot_hold(tmp_path: Path) -> None:
    source = write_dive(tmp_path)
    report = convert(source, tmp_path / "a.json", to="megadetector")
    assert report.source == "seasift-tracks"
    assert report.counts == {"objects": 2, "observations": 6, "files": 1}
    assert report.lost == ("which boxes belong to one track", "outlines (boxes only)", "positions")
    assert "exact masks" in convert(source, tmp_path / "b.json", to="coco").lost[-1]
    exact = convert(source, tmp_path / "c.json", to="coco", masks="rle")
    assert exact.lost == ("positions",)
    assert convert(source, tmp_path / "d.json", to="seasift-tracks").lost == ()


def test_tracks_are_read_one_by_one(tmp_path: Path) -> None:
    content = native.read_tracks(write_dive(tmp_path), ReadOptions())
    assert not isinstance(content.tracks, list)
    assert [track.id for track in content.tracks] == [track.id for track in content.tracks] == [1, 4]


def test_a_torn_tracks_document_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    source = write_dive(tmp_path)
    source.write_text("".join(source.read_text("utf-8").splitlines(keepends=True)[:3]), encoding="utf-8")
    with pytest.raises(InputError, match="breaks off"):
        convert(source, tmp_path / "out.csv", to="viame-csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tracks.json"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "", "empty"),
        ("a.json", '{"what": 1}', "unknown format.*--from"),
        ("a.txt", "hello", "unknown format"),
        ("a.json", '{"type": "FeatureCollection", "features": []}', "nothing to convert"),
        (
            "a.json",
            '{"type": "FeatureCollection", "features": [{"geometry": {"coordinates": [1, 2]}, "properties": {"a": 1}}]}',
            r"features\[0\]: lacks 'name'",
        ),
        (
            "a.csv",
            "occurrenceID,basisOfRecord,scientificName\n1,HumanObservation,Gadus\n",
            "no column vernacularname",
        ),
        ("a.csv", "concept,image,x,y,width,height\nfish,a.png,1,2,x,4\n", "line 2: got 'x'"),
        ("a.csv", "concept,image,x,y,width,height\nfish,a.png,1,2,3\n", "line 2: 5 fields; expected 6"),
        ("a.csv", "concept,image,x,y,width,height\n", "nothing to convert"),
        ("a.csv", "0,1.png,0,1,2,3,4,0.5,-1,fish,0.5\n1,2.png,0,1\n", "line 2: 4 fields"),
        (
            "a.xml",
            "<annotations><track id='1' label='a'><box frame='0'/></track></annotations>",
            "lacks 'xtl'",
        ),
        ("a.xml", "<annotations><track", "not XML"),
        ("a.json", '{"detection_categories": {"1": "a"}, "images": [{"file": "a.png"}]}', r"images\[0\]"),
        ("a.json", '{"images": [], "categories": [], "annotations": [{"bbox": 1}]}', "annotations.0.: lacks"),
        ("a.yaml", "image-set-header: [", "neither YAML nor JSON"),
        ("a.json", '{"schema": "seasift-tracks/1",\n"tracks": [', "tracks document"),
    ],
)
def test_wrong_files_are_said_in_one_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        convert(tmp_path / name, tmp_path / "out.json", to="seasift-tracks")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out.json").exists()


def test_refuses_what_cannot_be_meant(tmp_path: Path) -> None:
    source = write_dive(tmp_path)
    for target, to, message in [
        (source, "coco", "is the input file"),
        (tmp_path / "a.csv", "coco", "ends in .json"),
        (tmp_path / "a.csv", "viame", "did you mean 'viame-csv'"),
    ]:
        with pytest.raises(InputError, match=message):
            convert(source, target, to=to)
    with pytest.raises(InputError, match="no such file"):
        convert(tmp_path / "none.json", tmp_path / "a.json", to="coco")
    with pytest.raises(InputError, match="no format 'kwcoc'"):
        convert(source, tmp_path / "a.json", to="coco", source_format="kwcoc")


def two_videos(path: Path) -> Path:
    content, other = dive(), CLIP.model_copy(update={"file": "dive/b.mp4"})
    header = content.header.model_copy(update={"videos": [CLIP, other]})
    first, second = content.tracks
    moved = [seen.model_copy(update={"video": 1}) for seen in second.observations]
    seasift_tracks.write(path, header, [first, second.model_copy(update={"observations": moved})])
    return path


def test_formats_of_one_video_get_a_file_for_each(tmp_path: Path) -> None:
    source = two_videos(tmp_path / "two.json")
    for to, suffix in (("viame-csv", "csv"), ("cvat", "xml"), ("kwcoco", "json")):
        target = tmp_path / f"a.{suffix}"
        report = convert(source, target, to=to)
        assert [path.name for path in report.written] == [f"a-01-a b.{suffix}", f"a-02-b.{suffix}"]
        assert not target.exists()
        assert (report.counts["objects"], report.counts["observations"], report.counts["files"]) == (2, 6, 2)
        found = [registry.read(registry.BY_NAME[to], path, ReadOptions()) for path in report.written]
        assert [[track.id for track in content.tracks] for content in found] == [[1], [4]]
        assert [content.header.videos[0].file for content in found] == ["dive/a b.mp4", "dive/b.mp4"]
        one = convert(source, target, to=to, video="b.mp4")
        assert (one.counts["objects"], one.written) == (1, (target,))
    with pytest.raises(InputError, match="--video NAME"):  # the writer by itself has no other name to give
        cvat_xml.write(target, native.read_tracks(source, ReadOptions()), WriteOptions())


def test_images_beside_videos_share_a_file(tmp_path: Path) -> None:
    content, source = dive(), tmp_path / "mixed.json"
    stills = [Video(file=name, width=640, height=400, frames=1) for name in ("a.png", "b.png")]
    header = content.header.model_copy(update={"videos": [stills[0], CLIP, stills[1]]})
    first, second = content.tracks
    moved = [seen.model_copy(update={"video": 1}) for seen in first.observations]
    alone = second.observations[0].model_copy(update={"video": 2, "frame": 0, "time_s": 0.0})
    tracks = [first.model_copy(update={"observations": moved, "best": None})]
    tracks.append(second.model_copy(update={"observations": [alone]}))
    seasift_tracks.write(source, header, tracks)
    report = convert(source, tmp_path / "a.xml", to="cvat")
    assert [path.name for path in report.written] == ["a-01-a b.xml", "a-02-images.xml"]
    images = registry.read(registry.BY_NAME["cvat"], report.written[1], ReadOptions())
    assert [video.file for video in images.header.videos] == ["a.png", "b.png"]
    assert [track.observations[0].video for track in images.tracks] == [1]


def test_kwcoco_has_dive_s_frame_rate(tmp_path: Path) -> None:
    """DIVE reads `annotation_fps` of the video (Kitware/dive#1862)."""
    convert(write_dive(tmp_path), tmp_path / "a.json", to="kwcoco")
    (video,) = json.loads((tmp_path / "a.json").read_text("utf-8"))["videos"]
    assert video["annotation_fps"] == 25.0


def blob(seed: int) -> MaskCrop:
    """A round thing with a ragged side, as masks of models have."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:120, :160]
    far = np.hypot((x - 80) / 60, (y - 60) / 45) + cv2.GaussianBlur(rng.normal(0, 0.8, x.shape), (0, 0), 6)
    _, parts, stats, _ = cv2.connectedComponentsWithStats((far < 1).astype(np.uint8))
    return MaskCrop.from_bitmap(parts == 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA]), 100, 50)


@pytest.mark.parametrize("px", [0.0, 0.5, 1.0, 2.0, 20.0])
def test_outlines_are_simplified_and_the_cost_is_said(tmp_path: Path, px: float) -> None:
    size, masks = (400, 640), [blob(seed) for seed in range(8)]
    observations = [
        Observation(
            **{"video": 0, "frame": k, "time_s": k / 25, "score": 0.5, "mask": Rle(**mask.rle(size))},
            box_xywh=[mask.x0, mask.y0, mask.crop.shape[1], mask.crop.shape[0]],
        )
        for k, mask in enumerate(masks)
    ]
    track = dive().tracks[0].model_copy(update={"observations": observations, "best": None})  # type: ignore[index]
    seasift_tracks.write(tmp_path / "tracks.json", header([CLIP]), [track])
    report = convert(tmp_path / "tracks.json", tmp_path / "a.csv", to="viame-csv", simplify=px)
    (found,) = registry.read(registry.BY_NAME["viame-csv"], tmp_path / "a.csv", ReadOptions()).tracks
    exact = [sum(map(len, mask.polygons())) // 2 for mask in masks]
    now = [sum(map(len, one.polygons or [])) // 2 for one in found.observations]
    ious = []
    for one, mask in zip(found.observations, masks, strict=True):
        parts = pycocotools_mask.merge(pycocotools_mask.frPyObjects(one.polygons, *size))
        whole = pycocotools_mask.merge(pycocotools_mask.frPyObjects(mask.polygons(), *size))
        ious.append(float(pycocotools_mask.iou([parts], [whole], [0])[0, 0]))
    if not px:
        assert (now, min(ious)) == (exact, 1.0)
        assert not any("--simplify" in note for note in report.notes)
        return
    (note,) = (note for note in report.notes if "--simplify" in note)
    assert f"{np.mean(ious):.3f}" in note
    assert f"{min(ious):.3f}" in note
    assert min(ious) >= 0.9
    assert max(now) < min(exact)
    if px == 1.0:
        assert np.median(now) < np.median(exact) / 6
        assert np.mean(ious) > 0.97


def test_what_a_person_drew_and_exact_masks_stay(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    ring = "(poly) 10 10 10.4 12 10 14 30 14.2 30 10"
    source.write_text(f"1,,30,10,10,30,14.2,0.5,-1,fish,0.5,{ring}\n", encoding="utf-8")
    report = convert(source, tmp_path / "b.csv", to="viame-csv")
    assert ring in (tmp_path / "b.csv").read_text("utf-8")
    assert not any("--simplify" in note for note in report.notes)
    source = write_dive(tmp_path)
    for target, to in ((tmp_path / "t.json", "seasift-tracks"), (tmp_path / "c.json", "coco")):
        report = convert(source, target, to=to, masks="rle")
        (first, _) = registry.read(registry.BY_NAME[to], target, ReadOptions()).tracks
        assert first.observations[0].mask == ring_mask()
        assert not any("--simplify" in note for note in report.notes)


@pytest.mark.parametrize("px", [-1.0, float("nan"), float("inf")])
def test_a_tolerance_that_cannot_be_is_refused(tmp_path: Path, px: float) -> None:
    with pytest.raises(InputError, match="--simplify"):
        convert(write_dive(tmp_path), tmp_path / "a.csv", to="viame-csv", simplify=px)


@pytest.mark.parametrize("to", ["cvat", "biigle-csv", "ifdo", "label-studio"])
def test_writers_count_the_outlines_that_they_leave_out(tmp_path: Path, to: str) -> None:
    content = dive()
    fish, trash = content.tracks
    split = [[20, 10, 40, 10, 40, 30], [50, 10, 60, 10, 60, 30]]
    parted = [one.model_copy(update={"mask": None, "polygons": split}) for one in fish.observations]
    mixed = [trash.observations[0], trash.observations[1].model_copy(update={"polygons": split[:1]})]
    tracks = [
        fish.model_copy(update={"observations": parted}),
        trash.model_copy(update={"observations": mixed}),
    ]
    seasift_tracks.write(tmp_path / "tracks.json", content.header, tracks)
    target = tmp_path / f"a{registry.BY_NAME[to].suffixes[0]}"
    notes = [
        note for note in convert(tmp_path / "tracks.json", target, to=to).notes if note.startswith("left out")
    ]
    counts = sorted(int(note.split(": ")[1].split(" ")[0]) for note in notes)
    assert counts == ([5] if to == "label-studio" else [1, 4])


def test_the_best_view_goes_with_its_file(tmp_path: Path) -> None:
    source = two_videos(tmp_path / "two.json")
    for name, frames in (("a b.mp4", [10]), ("b.mp4", [])):
        convert(source, tmp_path / "one.json", to="seasift-tracks", video=name)
        kept = native.read_tracks(tmp_path / "one.json", ReadOptions()).tracks
        assert [(track.best.video, track.best.frame) for track in kept if track.best] == [
            (0, k) for k in frames
        ]
    back = native.read_tracks(source, ReadOptions())
    assert back.header.videos[1].file == "dive/b.mp4"
    with pytest.raises(InputError, match=r"--video .*: 0 files"):
        convert(source, tmp_path / "a.xml", to="cvat", video="c.mp4")


def test_assumptions_are_said(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("1,,30,1,2,3,4,0.5,-1,fish,0.5\n", encoding="utf-8")
    report = convert(source, tmp_path / "a.json", to="seasift-tracks")
    assert "give --fps" in report.notes[0]
    assert "give --size" in report.notes[1]
    assert convert(source, tmp_path / "a.json", to="seasift-tracks", fps=15.0, size="64x48").notes == ()
    (track,) = native.read_tracks(tmp_path / "a.json", ReadOptions()).tracks
    assert track.observations[0].time_s == 2.0


def test_positions_and_animals_are_needed_where_the_format_is_about_them(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("1,,30,1,2,3,4,0.5,-1,tyre,0.5\n", encoding="utf-8")
    with pytest.raises(InputError, match="none of 1 tracks has a position"):
        convert(source, tmp_path / "a.geojson", to="geojson")
    with pytest.raises(InputError, match="--animal CLASS=SCIENTIFIC_NAME"):
        convert(source, tmp_path / "o.csv", to="darwin-core")
    notes = convert(source, tmp_path / "o.csv", to="darwin-core", animals={"tyre": "Conger conger"}).notes
    assert any("eventDate is empty" in note for note in notes)


@pytest.mark.parametrize("name", registry.BY_NAME)
def test_damaged_files_never_end_in_a_stack_trace(tmp_path: Path, name: str) -> None:
    """30 damaged copies a format: each is read, or refused in one line."""
    entry, chance = registry.BY_NAME[name], random.Random(7)
    whole = tmp_path / f"whole{entry.suffixes[0]}"
    entry.write(whole, dive(), WriteOptions(masks="rle"))
    data, path = whole.read_bytes(), tmp_path / f"bad{entry.suffixes[0]}"
    refused: list[str] = []
    for _ in range(30):
        bad = bytearray(data[: chance.choice((len(data), chance.randrange(len(data))))])
        for _ in range(chance.randrange(1, 5)):
            index = chance.randrange(len(bad) + 1)
            bad[index : index + chance.randrange(3)] = chance.choice(
                (b"null", b'"', b"-1", b"\xff", b"[]", b"1e999")
            )
        path.write_bytes(bytes(bad))
        try:
            list(registry.read(entry, path, ReadOptions()).tracks)
        except InputError as error:
            refused.append(str(error))
    assert refused
    assert not any("\n" in message for message in refused)
