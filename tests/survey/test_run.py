"""A survey of a painted dive: known objects, and a kill in the middle."""

from __future__ import annotations

import csv
import json
import random
import signal
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import av
import jsonschema
import pytest

from seasift.core.errors import InputError
from seasift.formats.tracks import TracksDocument
from seasift.survey.report import write_report
from seasift.survey.run import run
from seasift.survey.store import NAME, Store
from tests.survey.dives import FPS, FRAMES, contents, plan_of, save_dive, save_model, survey

FILES = {"tracks.csv", "tracks.json", "counts.csv", "counts.json", "report.html", "annotated.mp4"}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dive")
    survey(folder, video=True)
    return folder


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_each_object_is_counted_once_and_a_flash_never(done: Path) -> None:
    rows = table(done / "out/counts.csv")
    dive = {row["name"]: row for row in rows if row["scope"] == "dive"}
    assert {name: (row["maxn"], row["unique"]) for name, row in dive.items()} == {
        "red thing": ("2", "3"),
        "green thing": ("1", "1"),
        "blue thing": ("0", "0"),
    }
    assert dive["blue thing"]["maxn_frame"] == ""
    assert dive["red thing"]["maxn_frame"] == "5"
    minutes = [row for row in rows if row["scope"] == "minute"]
    assert [(row["name"], row["minute"], row["maxn"], row["new"]) for row in minutes] == [
        ("red thing", "0", "2", "3"),
        ("green thing", "0", "1", "1"),
    ]


def test_tracks_tell_when_and_where(done: Path) -> None:
    rows = table(done / "out/tracks.csv")
    spans = [(row["name"], float(row["first_s"]), float(row["last_s"]), int(row["frames"])) for row in rows]
    assert spans == [
        ("red thing", 0.0, 3.0, 16),
        ("red thing", 1.0, 4.0, 16),
        ("green thing", 2.0, 4.0, 11),
        ("red thing", 13.6, 15.6, 11),
    ]
    assert all((done / "out" / row["picture"]).read_bytes()[:2] == b"\xff\xd8" for row in rows)
    assert abs(float(rows[1]["best_x"]) + float(rows[1]["best_width"]) / 2 - 48) < 1
    document = TracksDocument.model_validate_json((done / "out/tracks.json").read_text(encoding="utf-8"))
    assert [track.id for track in document.tracks] == [1, 2, 3, 4]
    assert all(track.confirmed and track.observations[0].mask for track in document.tracks)


def test_both_tables_name_the_same_best_image(done: Path) -> None:
    rows = table(done / "out/tracks.csv")
    document = json.loads((done / "out/tracks.json").read_text(encoding="utf-8"))
    schema = json.loads(files("seasift.formats").joinpath("tracks-1.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(document)
    for row, track in zip(rows, document["tracks"], strict=True):
        best = track["best"]
        assert best == {
            "video": 0,
            "frame": int(row["best_frame"]),
            "time_s": float(row["best_time_s"]),
            "box_xywh": [float(row[f"best_{side}"]) for side in ("x", "y", "width", "height")],
            "picture": row["picture"],
        }
        shown = [(one["frame"], one["box_xywh"]) for one in track["observations"]]
        assert (best["frame"], best["box_xywh"]) in shown


def test_folder_holds_what_it_should_and_nothing_else(done: Path) -> None:
    names = set(contents(done / "out"))
    assert {name for name in names if "/" not in name} == FILES
    assert {name for name in names if "/" in name} == {f"pictures/track-00000{k}.jpg" for k in (1, 2, 3, 4)}


def test_the_video_shows_what_counts_at_its_times(done: Path) -> None:
    with av.open(str(done / "out/annotated.mp4")) as container:
        frames = list(container.decode(video=0))
    assert [round(float(frame.time or 0), 3) for frame in frames] == [k / FPS for k in range(FRAMES)]
    plain, outlined = (frames[k].to_ndarray(format="rgb24").astype(int) for k in (45, 8))
    assert plain[-20:, 20:40, 2].min() > 150  # the blue flash, as it is
    assert outlined[:, :, 1].max() > 60  # of two red things: their outlines and labels are not pure red


def test_unconfirmed_tracks_are_written_when_asked_for_and_never_counted(done: Path) -> None:
    survey(done, "more", unconfirmed=True)
    document = json.loads((done / "more/tracks.json").read_text(encoding="utf-8"))
    assert [(track["name"], track["confirmed"]) for track in document["tracks"]][4:] == [
        ("blue thing", False)
    ]
    assert "picture" not in document["tracks"][4]["best"]
    for name in ("tracks.csv", "counts.csv"):
        assert (done / "more" / name).read_bytes() == (done / "out" / name).read_bytes()


KILLED = """
import os, signal, sys
from pathlib import Path
from seasift.survey.run import run
from seasift.survey.report import write_report
from seasift.survey.run import run
from tests.survey.dives import plan_of

folder, at = Path(sys.argv[1]), int(sys.argv[2])
def progress(frame):
    if frame.seq == at:
        os.kill(os.getpid(), signal.SIGKILL)
run(plan_of(folder, "killed"), progress=progress)
"""


def test_goes_on_after_a_kill_byte_for_byte(done: Path) -> None:
    at = random.randrange(8, 79)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(done), str(at)], cwd=Path(__file__).parents[2], check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert (done / "killed" / NAME).exists()
    assert set(contents(done / "killed")) <= {NAME, NAME + "-wal", NAME + "-shm"}
    seen: list[int] = []
    plan = plan_of(done, "killed", video=True)
    run(plan, progress=lambda frame: seen.append(frame.seq), report=write_report)
    assert seen[0] == (at + 1) // 7 * 7, f"killed at frame {at}"
    assert contents(done / "killed") == contents(done / "out"), f"killed at frame {at}"


def test_other_settings_start_afresh(done: Path) -> None:
    plan = plan_of(done, "other", threshold=0.5)

    def stop(frame: object) -> None:
        if getattr(frame, "seq", 0) == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(plan, progress=stop)
    seen: list[int] = []
    run(plan_of(done, "other"), progress=lambda frame: seen.append(frame.seq))
    assert seen[0] == 0


def test_a_damaged_file_stops_nothing_and_is_in_the_report(tmp_path: Path) -> None:
    save_model(tmp_path)
    save_dive(tmp_path / "dive.mp4", frames=25)
    (tmp_path / "bad.mp4").write_bytes(b"no video at all" * 100)
    inputs = tuple(str(tmp_path / name) for name in ("bad.mp4", "dive.mp4"))
    result = survey(tmp_path, inputs=inputs)
    assert [gap[0] for gap in result.gaps] == [inputs[0]]
    assert result.counts.frames.total() == 25
    assert "bad.mp4" in (tmp_path / "out/report.html").read_text(encoding="utf-8")


def test_times_are_utc_when_the_start_is_known(tmp_path: Path) -> None:
    survey(tmp_path, start_utc="2026-05-01T14:00:00+02:00")
    row = table(tmp_path / "out/tracks.csv")[1]
    assert (row["first_utc"], row["last_utc"]) == ("2026-05-01T12:00:01.000Z", "2026-05-01T12:00:04.000Z")


def test_two_surveys_do_not_share_a_folder(tmp_path: Path) -> None:
    with Store(tmp_path / "out" / NAME, {"other": "settings"}):
        before = contents(tmp_path / "out")
        with pytest.raises(InputError, match="another survey"):
            survey(tmp_path)
        assert contents(tmp_path / "out") == before


def test_what_is_no_survey_s_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / NAME).write_bytes(b"something else" * 999)
    assert survey(tmp_path).counts.frames.total() == FRAMES
