"""`seasift data` from the command line: what it says, what it writes, how it ends."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seasift.cli.main import main
from seasift.data.prepared import open_prepared
from tests.data.merge_fake import coarse_set, fine_set, merge_map

Run = Callable[..., tuple[int, str, str]]
NAMES = [f"vid_{(number + 1) // 2:06d}_frame{number:07d}.png" for number in range(1, 9)]


@pytest.fixture
def seasift(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["seasift", "data", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return int(ended.value.code or 0), out, err

    return run


@pytest.fixture
def prepared(seasift: Run, synthetic: Path, tmp_path: Path) -> Path:
    code, _, err = seasift("prepare", synthetic, tmp_path / "out")
    assert (code, err) == (0, "")
    return tmp_path / "out"


def test_prepare_says_what_it_made_and_that_it_is_done(seasift: Run, synthetic: Path, tmp_path: Path) -> None:
    code, out, err = seasift("prepare", synthetic, tmp_path / "out")
    assert (code, err) == (0, "")
    assert "8 images" in out
    assert "default-published 16" in out
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*") if p.is_file()}
    code, out, _ = seasift("prepare", synthetic, tmp_path / "out")
    assert code == 0
    assert "up to date" in out
    assert {p: p.stat().st_mtime_ns for p in before} == before


@pytest.mark.parametrize("text", [None, "", "hello", "[]"])
def test_prepare_refuses_bad_input_and_leaves_nothing(seasift: Run, tmp_path: Path, text: str | None) -> None:
    source = tmp_path / "a.json"
    if text is not None:
        source.write_text(text)
    code, out, err = seasift("prepare", source, tmp_path / "out")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "expected" in err
    assert not (tmp_path / "out").exists()


def test_check_ends_with_0_without_fatal_defects(seasift: Run, prepared: Path) -> None:
    code, out, _ = seasift("check", prepared)
    assert code == 0
    assert "8 images, 1 annotation files: 1 empty class (warning)" in out
    assert "no group is known" in out


def test_check_ends_with_2_and_lists_all(seasift: Run, prepared: Path) -> None:
    for name in NAMES[:3]:
        (prepared / "images" / name).unlink()
    code, out, _ = seasift("check", prepared)
    assert code == 2
    assert sum("fatal" in line and line.count(".png") == 1 for line in out.splitlines()) == 3
    code, out, _ = seasift("check", prepared, "--json")
    assert code == 2
    document = json.loads(out)
    missing = [defect["file"] for defect in document["defects"] if defect["kind"] == "missing image"]
    assert (document["fatal"], missing) == (3, NAMES[:3])


def test_check_shortens_a_long_list(seasift: Run, prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seasift.cli.data_output._MOST_LINES", 2)
    for name in NAMES[:5]:
        (prepared / "images" / name).unlink()
    _, out, _ = seasift("check", prepared)
    assert sum("fatal" in line and line.count(".png") == 1 for line in out.splitlines()) == 2
    assert "... and 3 more: missing image. --json lists all." in out


def test_check_tells_leaks(seasift: Run, prepared: Path) -> None:
    folder = prepared / "splits" / "mine"
    folder.mkdir()
    (folder / "train.txt").write_text("\n".join(NAMES[:5]))
    (folder / "val.txt").write_text("\n".join(NAMES[5:]))
    code, out, _ = seasift("check", prepared, "--group", r"vid_(\d+)_frame")
    assert code == 0
    assert "1 groups (000003) have images in train and in val: 1 of 3 images of val" in out
    (folder / "val.txt").write_text("\n".join(NAMES[4:]))
    assert seasift("check", prepared)[0] == 2


def test_split_keeps_videos_whole(seasift: Run, prepared: Path) -> None:
    pattern = r"vid_(\d+)_frame"
    arguments = ("split", prepared, "--name", "mine", "--fractions", "train=0.5,val=0.5", "--group", pattern)
    code, out, err = seasift(*arguments)
    assert (code, err) == (0, "")
    parts = {
        path.stem: path.read_text().splitlines() for path in (prepared / "splits" / "mine").glob("*.txt")
    }
    assert parts.keys() == {"train", "val"}
    assert sorted(parts["train"] + parts["val"]) == NAMES
    assert not {name[:10] for name in parts["train"]} & {name[:10] for name in parts["val"]}
    assert "written" in out
    # The same again is no other split; another seed may be, and does not stand in for it unasked.
    assert seasift(*arguments)[0] == 0
    (prepared / "splits" / "mine" / "val.txt").write_text("")
    code, _, err = seasift(*arguments)
    assert code == 2
    assert "--force" in err
    assert seasift(*arguments, "--force")[0] == 0
    assert (prepared / "splits" / "mine" / "val.txt").read_text().splitlines() == parts["val"]


def test_folds(seasift: Run, prepared: Path) -> None:
    assert seasift("split", prepared, "--name", "cv", "--folds", "4", "--group", r"vid_(\d+)_")[0] == 0
    held_out = [
        name
        for fold in range(4)
        for name in (prepared / "splits" / f"cv-{fold}" / "val.txt").read_text().splitlines()
    ]
    assert sorted(held_out) == NAMES


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--fractions", "train=0.9"), "sum to 1"),
        (("--fractions", "train"), "no split with a share"),
        (("--fractions", "train=0.5,train=0.5"), "no split with a share"),
        (("--fractions", "train=nan,val=0.5"), "no split with a share"),
        (("--fractions", "../x=0.5,val=0.5"), "no split with a share"),
        (("--folds", "1"), "one fold"),
        (("--folds", "9"), "groups for 9 splits"),
        (("--group", "("), "not a regular expression"),
        (("--group", "dive"), "have none"),
        (("--name", "../mine"), "scheme name"),
    ],
)
def test_split_refuses(seasift: Run, prepared: Path, options: tuple[str, ...], words: str) -> None:
    before = sorted((prepared / "splits").rglob("*"))
    code, _, err = seasift("split", prepared, "--name", "mine", *options)
    assert code == 2
    assert err.count("\n") == 1
    assert words in err
    assert sorted((prepared / "splits").rglob("*")) == before


def test_stats(seasift: Run, prepared: Path, tmp_path: Path) -> None:
    code, out, _ = seasift("stats", prepared, "-o", tmp_path / "page.html")
    assert code == 0
    assert "animal_fish" in out
    assert (tmp_path / "page.html").read_text().rstrip().endswith("</html>")
    code, out, _ = seasift("stats", prepared, "--json")
    assert code == 0
    assert json.loads(out)["by_class"]["rov"]["all"]["objects"] == 3
    code, _, err = seasift("stats", prepared, "-o", tmp_path)
    assert code == 2
    assert "a folder" in err


def test_merge_and_pack(seasift: Run, tmp_path: Path) -> None:
    sources = [fine_set(tmp_path / "in"), coarse_set(tmp_path / "in")]
    options = ("--map", merge_map(tmp_path), "-o", tmp_path / "both")
    code, out, err = seasift("merge", *sources, *options)
    assert (code, err) == (0, "")
    assert "unlabelled" in out
    assert len(open_prepared(tmp_path / "both").schemes()["mine"]["train"]) == 9
    code, out, _ = seasift("merge", *sources, *options)
    assert (code, "up to date" in out) == (0, True)
    code, out, err = seasift(
        "pack", tmp_path / "both", "-o", tmp_path / "packed", "--max-mb", 0.1, "--quality", 50
    )
    assert (code, err) == (0, "")
    assert str(len(list((tmp_path / "packed").glob("*.zip")))) in out
    for arguments in (("stats", tmp_path / "packed"), ("stats", tmp_path / "both")):
        code, out, _ = seasift(*arguments)
        assert (code, "coarse" in out) == (0, True)


def test_merge_refuses(seasift: Run, tmp_path: Path) -> None:
    sources = [fine_set(tmp_path / "in"), coarse_set(tmp_path / "in")]
    path = merge_map(tmp_path, coarse={"categories": {"plastic": "rubbish"}})
    code, out, err = seasift("merge", *sources, "--map", path, "-o", tmp_path / "both")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "rubbish" in err
    assert not (tmp_path / "both").exists()
