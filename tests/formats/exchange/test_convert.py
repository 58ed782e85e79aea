"""Converting: guessing, what is lost, and what is refused in one line."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from seasift.core.errors import InputError
from seasift.formats import tracks as seasift_tracks
from seasift.formats.exchange import native, registry
from seasift.formats.exchange.content import ReadOptions, WriteOptions
from seasift.formats.exchange.convert import convert
from tests.formats.exchange.contents import CLIP, dive, write_dive


def test_says_what_the_target_cannot_hold(tmp_path: Path) -> None:
    source = write_dive(tmp_path)
    report = convert(source, tmp_path / "a.json", to="megadetector")
    assert report.source == "seasift-tracks"
    assert report.counts == {"objects": 2, "observations": 6, "files": 1}
    assert report.lost == ("which boxes are of one track", "outlines (boxes only)", "positions")
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
        ("a.json", '{"what": 1}', "in no format known here.*--from"),
        ("a.txt", "hello", "in no format known here"),
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
        ("a.csv", "concept,image,x,y,width,height\nfish,a.png,1,2,x,4\n", "line 2: could not convert"),
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
        (source, "coco", "is what is read"),
        (tmp_path / "a.csv", "coco", "ends in .json"),
        (tmp_path / "a.csv", "viame", "did you mean 'viame-csv'"),
    ]:
        with pytest.raises(InputError, match=message):
            convert(source, target, to=to)
    with pytest.raises(InputError, match="no such file"):
        convert(tmp_path / "none.json", tmp_path / "a.json", to="coco")
    with pytest.raises(InputError, match="no format 'kwcoc'"):
        convert(source, tmp_path / "a.json", to="coco", source_format="kwcoc")


def test_formats_of_one_video_ask_which(tmp_path: Path) -> None:
    content, source = dive(), tmp_path / "two.json"
    other = CLIP.model_copy(update={"file": "dive/b.mp4"})
    header = content.header.model_copy(update={"videos": [CLIP, other]})
    first, second = content.tracks
    moved = [seen.model_copy(update={"video": 1}) for seen in second.observations]
    seasift_tracks.write(source, header, [first, second.model_copy(update={"observations": moved})])
    for to, target in (("viame-csv", tmp_path / "a.csv"), ("cvat", tmp_path / "a.xml")):
        with pytest.raises(InputError, match="--video NAME"):
            convert(source, target, to=to)
        assert convert(source, target, to=to, video="b.mp4").counts["objects"] == 1
    for name, frames in (("a b.mp4", [10]), ("b.mp4", [])):  # the best view goes with its file
        convert(source, tmp_path / "one.json", to="seasift-tracks", video=name)
        kept = native.read_tracks(tmp_path / "one.json", ReadOptions()).tracks
        assert [(track.best.video, track.best.frame) for track in kept if track.best] == [
            (0, k) for k in frames
        ]
    back = native.read_tracks(source, ReadOptions())
    assert back.header.videos[1].file == "dive/b.mp4"
    with pytest.raises(InputError, match="0 files of this name"):
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
