"""The journal of a run: what survives a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from seasift.core.errors import InputError
from seasift.formats.journal import Journal
from tests.formats.documents import result

SETTINGS = {"threshold": 0.5, "model": "a"}


def interrupted(path: Path, count: int, settings: object = SETTINGS) -> dict[str, object]:
    """A run that dies after `count` images; gives what it had found finished."""
    journal = Journal(path, settings).__enter__()
    found = dict(journal)
    for key, image in list(zip("abc", result().images, strict=True))[:count]:
        if key not in journal:
            journal.add(key, image)
    journal.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    return found


def taken_up(path: Path, settings: object = SETTINGS) -> dict[str, object]:
    return interrupted(path, 0, settings)


def test_goes_on_with_what_was_finished(tmp_path: Path) -> None:
    path = tmp_path / "out" / "j.jsonl"
    interrupted(path, 2)
    assert taken_up(path) == dict(zip("ab", result().images, strict=False))
    interrupted(path, 3)
    assert taken_up(path) == dict(zip("abc", result().images, strict=True))


def test_a_torn_last_line_is_dropped_and_written_over(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    interrupted(path, 3)
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    start = len(b"".join(lines[:3]))
    for end in (start, start + 1, start + 40, len(whole) - 1):
        path.write_bytes(whole[:end])
        assert set(taken_up(path)) == {"a", "b"}
        interrupted(path, 3)
        assert path.read_bytes() == whole
    path.write_bytes(whole[: len(lines[0]) - 3])
    assert taken_up(path) == {}
    interrupted(path, 3)
    assert path.read_bytes() == whole


def test_nothing_of_a_torn_line_is_left_behind_a_shorter_one(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    interrupted(path, 1)
    whole = path.read_bytes()
    with path.open("ab") as file:
        file.write(b'{"key": "b", "image": ' + b"x" * 9999)
    journal = Journal(path, SETTINGS).__enter__()
    journal.add("z", result().images[1])
    journal.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert path.read_bytes().startswith(whole)
    assert b"x" * 9 not in path.read_bytes()
    assert set(taken_up(path)) == {"a", "z"}


def test_other_settings_start_afresh(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    interrupted(path, 3)
    assert taken_up(path, {**SETTINGS, "threshold": 0.4}) == {}
    interrupted(path, 1, {**SETTINGS, "threshold": 0.4})
    assert taken_up(path) == {}, "nothing of the first settings is left"


def test_finished_or_empty_runs_leave_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out" / "j.jsonl"
    with Journal(path, SETTINGS):
        pass
    assert not path.parent.exists()
    interrupted(path, 1)
    with Journal(path, SETTINGS) as journal:
        journal.add("b", result().images[1])
    assert not path.exists()


def test_without_a_path_it_only_remembers() -> None:
    with Journal(None, SETTINGS) as journal:
        journal.add("a", result().images[0])
        assert dict(journal) == {"a": result().images[0]}


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    journal = Journal(tmp_path / "file" / "j.jsonl", SETTINGS).__enter__()
    with pytest.raises(InputError, match="cannot be written to"):
        journal.add("a", result().images[0])


def test_garbage_is_not_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    for content in (b"hello\n", b"[]\n", b"\xff\n\n", b"{}\n", b"null\n"):
        path.write_bytes(content)
        assert taken_up(path) == {}
