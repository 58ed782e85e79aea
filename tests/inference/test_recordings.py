"""The order of a dive's files, and when each began."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from seasift.core.errors import InputError
from seasift.inference.inputs import Source, expand, in_dive_order, videos_of
from seasift.video.dive import Dive, open_dive
from seasift.video.kinds import chapter_of, natural_key
from tests.tiny_video import encode, numbered_image

START = datetime(2026, 5, 1, 10, tzinfo=UTC)


def clip(path: Path, after_s: float | None, count: int = 50) -> Path:
    """Five seconds that state to have begun so long after START; None states nothing."""
    path.parent.mkdir(exist_ok=True)
    when = None if after_s is None else (START + timedelta(seconds=after_s)).strftime("%Y-%m-%dT%H:%M:%SZ")
    images = (numbered_image(i) for i in range(count))
    made = encode(path.with_suffix(".mp4"), images, metadata={"creation_time": when} if when else None)
    return made.rename(path)


def surveyed(*given: str | Path) -> tuple[list[str], Dive, list[str]]:
    """Names in the order in which a survey of these inputs takes them, the dive, and the notes on the order."""
    sources = [item for item in expand([str(one) for one in given]) if isinstance(item, Source)]
    ordered, notes = in_dive_order(sources)
    dive = open_dive([source.path for source in ordered if source.path])
    assert isinstance(dive, Dive)
    return [Path(video.file).name for video in dive.videos], dive, notes


GOPRO = {"GX010001.MP4": 0, "GX020001.MP4": 0, "GX010002.MP4": 3600, "GX020002.MP4": 3600}


@pytest.mark.parametrize("way", ["folder", "glob", "as a shell sorts", "in order"])
def test_chapters_of_two_recordings(tmp_path: Path, way: str) -> None:
    for name, after_s in GOPRO.items():
        clip(tmp_path / name, after_s)
    given = {
        "folder": [tmp_path],
        "glob": [tmp_path / "*.MP4"],
        "as a shell sorts": [tmp_path / name for name in sorted(GOPRO)],
        "in order": [tmp_path / name for name in GOPRO],
    }[way]
    names, dive, notes = surveyed(*given)
    assert names == list(GOPRO)
    assert [video.offset_s for video in dive.videos] == [0, 5, 3600, 3605]
    assert [video.start_utc for video in dive.videos] == [
        START + timedelta(seconds=s) for s in (0, 5, 3600, 3605)
    ]
    assert any("GX020001.MP4" in note and "GX020002.MP4" in note for note in dive.notes)
    assert bool(notes) == (way == "as a shell sorts"), "an order that the user seems to have given is told"


@pytest.mark.parametrize(
    "names",
    [
        ["dive1.mp4", "dive2.mp4", "dive10.mp4", "dive11.mp4"],
        ["GOPR0007.MP4", "GP010007.MP4", "GP020007.MP4", "GOPR0008.MP4", "GP010008.MP4"],
        ["GH010001.MP4", "GH020001.MP4", "GX010002.MP4", "GX020002.MP4", "GH010003.MP4"],
        ["GS010001.360", "GS020001.360", "GS010002.360"],
        ["GL010001.LRV", "GL020001.LRV", "GL010002.LRV"],
        ["DJI_20260501100000_0009_D.MP4", "DJI_20260501103000_0010_D.MP4", "DJI_20260502090000_0001_D.MP4"],
        ["DJI_0009.MP4", "DJI_0010.MP4", "DJI_0100.MP4"],
        ["b 2026-05-01 10-00-00.mkv", "a 2026-05-01 10-30-00.mkv", "c 2026-05-02 09-00-00.mkv"],
        ["VID_20260501_100000.mp4", "PXL_20260501_101500.mp4", "VID_20260501_103000.mp4"],
        ["cam1_GX010001.MP4", "cam1_GX020001.MP4", "cam1_GX010002.MP4"],
        ["GX010001 left.MP4", "GX020001 left.MP4", "GX010002 left.MP4"],
        ["30042026_235000.ts", "01052026_002000.ts", "02052026_002000.ts"],
        ["30-04-2026_23-50-00.ts", "01-05-2026_00-20-00.ts", "02-05-2026_00-20-00.ts"],
    ],
)
def test_names_tell_the_order(tmp_path: Path, names: list[str]) -> None:
    shuffled = list(names)
    random.Random(1).shuffle(shuffled)
    sources = [Source("", "video", tmp_path / name, found_by="folder") for name in shuffled]
    ordered, _ = in_dive_order(sources)
    assert [source.path.name for source in ordered if source.path] == names


def test_an_order_that_was_given_stays(tmp_path: Path) -> None:
    given = [tmp_path / name for name in ("dive2.mp4", "dive10.mp4", "dive1.mp4")]
    ordered, notes = in_dive_order([Source("", "video", path) for path in given])
    assert [source.path for source in ordered] == given
    assert notes == []


def test_files_of_two_folders_as_a_shell_gives_them(tmp_path: Path) -> None:
    names = [f"card{card}/GX0{chapter}000{n}.MP4" for card in (1, 2) for n in (1, 2) for chapter in (1, 2)]
    given = [Source("", "video", tmp_path / name) for name in sorted(names)]
    ordered, notes = in_dive_order(given)
    assert [source.path for source in ordered] == [tmp_path / name for name in names]
    assert len(notes) == 2


def test_a_name_that_is_mistyped_is_no_still_image(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        videos_of([str(tmp_path / "dvie")])


def test_times_decide_where_names_do_not(tmp_path: Path) -> None:
    for name, after_s in {"wreck.mp4": 0, "anchor.mp4": 600, "reef.mp4": 1200}.items():
        clip(tmp_path / name, after_s)
    names, dive, notes = surveyed(tmp_path)
    assert names == ["wreck.mp4", "anchor.mp4", "reef.mp4"]
    assert [video.offset_s for video in dive.videos] == [0, 600, 1200]
    (note,) = notes
    assert "creation_time" in note
    clip(tmp_path / "mute.mp4", None)
    assert surveyed(tmp_path)[0] == ["anchor.mp4", "mute.mp4", "reef.mp4", "wreck.mp4"]


@pytest.mark.parametrize(
    ("after_s", "offsets", "told"),
    [
        ({"1.mp4": 0, "2.mp4": 60, "3.mp4": 120}, [0, 60, 120], []),
        ({"1.mp4": 0, "2.mp4": 4, "3.mp4": 120}, [0, 5, 120], []),  # clocks of whole seconds
        ({"1.mp4": 0, "2.mp4": None, "3.mp4": 120}, [0, 5, 120], ["2.mp4"]),
        ({"1.mp4": None, "2.mp4": 60, "3.mp4": 120}, [0, 5, 65], ["1.mp4"]),
        ({"1.mp4": 100, "2.mp4": 0, "3.mp4": 200}, [0, 5, 100], ["2.mp4"]),  # its clock was set back
        ({"1.mp4": 0, "2.mp4": 0, "3.mp4": 0}, [0, 5, 10], ["2.mp4", "3.mp4"]),
        ({"1.mp4": None, "2.mp4": None}, [0, 5], [""]),
        ({"GX010001.mp4": 0, "GX020001.mp4": 6, "GX010002.mp4": 60}, [0, 5, 60], []),
        ({"GX010001.mp4": 0, "GX030001.mp4": 0}, [0, 5], ["GX030001.mp4", "missing"]),
    ],
)
def test_what_metadata_say_is_used_or_the_user_is_told(
    tmp_path: Path, after_s: Mapping[str, float | None], offsets: list[float], told: list[str]
) -> None:
    dive = open_dive([clip(tmp_path / name, after) for name, after in after_s.items()])
    assert [video.offset_s for video in dive.videos] == offsets
    assert all(any(word in note for note in dive.notes) for word in told)
    assert bool(dive.notes) == bool(told)


def test_chapters_by_name() -> None:
    assert chapter_of(Path("gx120345.mp4")) == chapter_of(Path("GL120345.LRV"))
    assert chapter_of(Path("GHAB0003.MP4")) is not None
    assert chapter_of(Path("cam1_GX120345.mp4")) == chapter_of(Path("cam1_GL120345.LRV"))
    for name in ("aGX010001.mp4", "GX010001b.mp4", "GX1.mp4", "dive1.mp4", "GXAB.mp4", "GOPR00011.MP4"):
        assert chapter_of(Path(name)) is None
    names = ["Dive 2/b.mp4", "dive 10/a.mp4", "dive 10/a10.mp4", "dive 10/A2.mp4"]
    assert sorted(map(Path, names), key=natural_key)[1:] == [
        Path("dive 10/a.mp4"),
        Path("dive 10/A2.mp4"),
        Path("dive 10/a10.mp4"),
    ]
