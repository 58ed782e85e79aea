"""Files appear whole or not at all, whatever their names."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from seasift.core import files
from seasift.core.files import replacing, write_bytes, write_text


@pytest.mark.parametrize("name", ["a", "x" * 255, "é" * 127 + "x", ".part"])
def test_any_name_the_disk_allows_can_be_written(tmp_path: Path, name: str) -> None:
    write_bytes(tmp_path / name, b"1")
    write_text(tmp_path / name, "2")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "2")]


def test_a_temporary_name_has_one_length_and_is_gone_in_the_end(tmp_path: Path) -> None:
    with replacing(tmp_path / "a.json") as short, replacing(tmp_path / ("b" * 200)) as long:
        assert len(short.name) == len(long.name)
        assert short.parent == long.parent == tmp_path
        assert short != long
        short.touch()
        long.touch()
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", "b" * 200}


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_text(path, "before")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "half \udcff")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("a.json", "before")]


@pytest.mark.parametrize("name", ["x" * 256, "no/folder/is/a/file/x"])
def test_what_cannot_be_written_is_named_as_the_user_knows_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "no").write_text("a file")
    with pytest.raises(OSError, match=name[:10]) as caught:
        write_text(tmp_path / name, "text")
    assert ".part" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["no"]


def killed_while_writing(folder: Path) -> Path:
    """A process of its own that is killed with a half-written file in this folder; gives that file."""
    code = f"""
import os, signal
from pathlib import Path
from seasift.core.files import replacing
with replacing(Path({str(folder)!r}) / "a.json") as part:
    part.write_text("half")
    print(part, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return Path(done.stdout.strip())


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    left = killed_while_writing(tmp_path)
    assert left.exists()
    others = [
        f".{files._HOST}-{os.getppid()}-00000000-00000000.part",  # of a process that lives
        left.name.replace(files._HOST, "00000000"),  # of another machine
        ".something.part",
        "a.part",
    ]
    for name in others:
        (tmp_path / name).touch()
    write_text(tmp_path / "b.json", "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*others, "b.json"])


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_the_first_process_of_a_container_knows_its_own_files(tmp_path: Path) -> None:
    before = tmp_path / f".{files._HOST}-{os.getpid()}-00000000-00000000.part"
    before.touch()
    with replacing(tmp_path / "a") as part:
        part.touch()
        assert not before.exists()
        write_text(tmp_path / "b", "")
        assert part.exists()


def test_what_is_a_day_old_is_nobodys(tmp_path: Path) -> None:
    old = tmp_path / f".00000000-{os.getpid()}-00000000-00000000.part"
    old.touch()
    os.utime(old, (1e9, 1e9))
    write_text(tmp_path / "a", "")
    assert not old.exists()
