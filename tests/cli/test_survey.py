"""`seasift survey`: what is typed, what is said, what lies in the folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from seasift.cli.main import main
from seasift.core.errors import InputError
from seasift.survey.prepare import parse_utc
from seasift.video.frames import parse_time
from tests.survey.dives import save_dive, save_model
from tests.survey.rolled import save_rolled_dive, save_rolled_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    save_model(folder)
    save_dive(folder / "dive" / "b.mp4")
    save_dive(folder / "dive" / "a.mp4", frames=20)
    return folder


def type_in(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["seasift", "survey", *map(str, words)])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


def test_a_folder_is_a_dive(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "out"
    code = type_in(monkeypatch, folder / "dive", "-o", out, "-m", folder / "tiny.onnx", "--every", "1")
    assert code == 0
    said = capsys.readouterr().err
    assert "red thing" in said
    assert "No interval: the model has no" in said
    counts = json.loads((out / "counts.json").read_text(encoding="utf-8"))
    assert [Path(name).name for name in counts["videos"]] == ["a.mp4", "b.mp4"]
    assert counts["looked_at"]["frames"] == 100


def test_what_is_no_video_is_told_and_left_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    image = folder / "still.jpg"
    image.write_bytes(b"x")
    dive = folder / "dive" / "a.mp4"
    code = type_in(monkeypatch, image, dive, "-o", folder / "out2", "-m", folder / "tiny.onnx", "--end", "2")
    assert code == 2
    assert "still.jpg: not a video" in capsys.readouterr().err
    assert (folder / "out2" / "report.html").exists()


def test_the_last_lines_name_warnings_and_the_next_step(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, text = folder / "broken.mp4", folder / "none.txt"
    broken.write_bytes((folder / "dive" / "a.mp4").read_bytes()[:200])
    text.write_text("no video", encoding="utf-8")
    dive, out = folder / "dive" / "a.mp4", folder / "out 5"
    words = [broken, dive, text, "-o", out, "-m", folder / "tiny.onnx", "-f", "geojson"]
    assert type_in(monkeypatch, *words) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-2:] == [f"open {out / 'report.html'}", f"seasift review '{out}'"]
    written = next(index for index, line in enumerate(lines) if line.startswith("written: "))
    warnings = lines[written + 1 : -2]
    assert ["none.txt" in line for line in warnings] == [True, False]
    assert ["geojson" in line for line in warnings] == [False, True]
    assert sum("broken.mp4: nothing from 0.00 s" in line for line in lines) == 1, "a gap"
    assert {line: lines.count(line) for line in warnings} == dict.fromkeys(warnings, 2), (
        "at once, and at the end"
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--start", "soon"], "--start 'soon'; expected seconds like 90"),
        (["--start-utc", "noon"], "--start-utc 'noon'; expected a time such as"),
        (["--every", "often"], "expected"),
        (["--classes", "red thin"], "red thing"),
        (["--start", "1:00"], "--start 60 s: the dive ends at 4.00 s"),
        (["--start", "9", "--end", "3"], "a range from 9 s to 3 s"),
        (["--navigation", "none.csv"], "none.csv: cannot be read"),
        (["--threshold", "0"], "--threshold 0.0; expected more than 0"),
    ],
)
def test_a_wrong_option_is_one_line_and_writes_nothing(
    folder: Path,
    words: list[str],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    dive, out = folder / "dive" / "a.mp4", folder / "none"
    assert type_in(monkeypatch, dive, "-o", out, "-m", folder / "tiny.onnx", *words) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
    assert not out.exists()


def test_utc_positions_need_a_start(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nav = folder / "nav.csv"
    nav.write_text("time,lat,lon\n2026-05-01T12:00:00Z,1,2\n", encoding="utf-8")
    words = [
        folder / "dive" / "a.mp4",
        "-o",
        folder / "none",
        "-m",
        folder / "tiny.onnx",
        "--navigation",
        nav,
    ]
    assert type_in(monkeypatch, *words) == 2
    assert "Give --start-utc" in capsys.readouterr().err


def test_times_as_people_write_them() -> None:
    assert [parse_time(text, "--start") for text in ("90", "1.5s", "1:30", "1:02:03.5", None)] == [
        *(90.0, 1.5, 90.0, 3723.5, None)
    ]
    when = parse_utc("2026-05-01T14:00:00+02:00")
    assert when is not None
    assert when.isoformat() == "2026-05-01T12:00:00+00:00"
    with pytest.raises(InputError):
        parse_time("-3", "--end")


def test_exchange_formats_lie_beside(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dive, out = folder / "dive" / "a.mp4", folder / "out3"
    words = [dive, "-o", out, "-m", folder / "tiny.onnx", "--every", "1", "-f", "viame-csv,geojson"]
    assert type_in(monkeypatch, *words) == 2
    err = capsys.readouterr().err
    assert "geojson was not written: " in err  # there are no positions
    assert "because viame-csv cannot hold" in err  # the exact masks
    rows = (out / "tracks-viame-csv.csv").read_text(encoding="utf-8").splitlines()
    # Of the 20 frames red is in 0 to 15 and, elsewhere, in 5 to 19, green in 10 to 19.
    assert len([row for row in rows if not row.startswith("#")]) == 16 + 15 + 10
    assert type_in(monkeypatch, *words[:-1], "viame") == 2
    assert "did you mean 'viame-csv'?" in capsys.readouterr().err


def test_a_format_about_one_video_gets_a_file_for_each(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dive, out = folder / "dive" / "a.mp4", folder / "out4"
    (folder / "again").mkdir()
    again = folder / "again" / "a.mp4"
    again.write_bytes(dive.read_bytes())
    words = [dive, again, "-o", out, "-m", folder / "tiny.onnx", "--every", "1", "-f", "viame-csv,kwcoco"]
    assert type_in(monkeypatch, *words) == 0
    assert {path.name for path in out.glob("tracks-kwcoco*")} == {
        f"tracks-kwcoco-0{k}-a.json" for k in (1, 2)
    }
    for index in (1, 2):
        rows = (out / f"tracks-viame-csv-0{index}-a.csv").read_text(encoding="utf-8").splitlines()
        assert len([row for row in rows if not row.startswith("#")]) == 16 + 15 + 10


def test_help_is_quick_to_find() -> None:
    from seasift.cli.main import app

    answer = CliRunner().invoke(app, ["survey", "--help"])
    assert answer.exit_code == 0
    assert "--navigation" in answer.output


def test_the_table_begins_with_supercategories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model, dive = save_rolled_model(tmp_path), save_rolled_dive(tmp_path)
    assert type_in(monkeypatch, dive, "-o", tmp_path / "out", "-m", model, "--every", "1") == 0
    lines = [line.split() for line in capsys.readouterr().err.splitlines()]
    start = next(index for index, words in enumerate(lines) if words[:1] == ["supercategory,"])
    assert lines[start + 1 : start + 5] == [
        *(["trash", "2", "none", "2"], ["trash_bag", "1", "none", "1"]),
        *(["class", "uncertain", "1"], ["object", "1", "none", "1"]),
    ]
    by_class = tmp_path / "class"
    assert type_in(monkeypatch, dive, "-o", by_class, "-m", model, "--every", "1", "--names", "class") == 0
    said = capsys.readouterr().err
    assert "uncertain" not in said
    assert type_in(monkeypatch, dive, "-o", tmp_path / "x", "-m", model, "--names", "latin") == 2
