"""Files appear whole or not at all, whatever their names."""

from __future__ import annotations

from pathlib import Path

import pytest

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
