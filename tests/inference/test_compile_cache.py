"""The cache of compiled graphs: used where it can be, and never in the way."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from seasift.inference import openvino_engine
from seasift.inference.engine import Engine
from seasift.inference.engines import open_engine
from tests.tiny_model import save_tiny


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv(openvino_engine.VARIABLE, str(folder))
    return folder


@pytest.fixture
def tiny(tmp_path: Path) -> bytes:
    return save_tiny(tmp_path / "tiny.onnx").read_bytes()


def opened(model: bytes, precision: str = "f32", throughput: bool = False) -> Engine:
    return open_engine(
        model, "tiny.onnx", engine="openvino", precision=precision, threads=1, throughput=throughput
    )


def scores(engine: Engine) -> list[float]:
    values: list[float] = engine.run(np.ones((1, 3, 32, 32), np.float32))["scores"].ravel().tolist()
    return values


def files(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir())


def test_one_graph_a_model_and_precision_whatever_it_is_to_run_for(cache: Path, tiny: bytes) -> None:
    first = opened(tiny)
    kept = files(cache)
    again = opened(tiny, throughput=True)
    assert len(kept) == 1
    assert files(cache) == kept
    assert scores(again) == scores(first)
    assert (again.inputs, again.outputs, again.precision) == (first.inputs, first.outputs, "f32")
    assert (cache / kept[0]).read_bytes().startswith(b"seasift compiled graph 1\n")


def test_what_was_kept_is_what_runs(cache: Path, tiny: bytes, tmp_path: Path) -> None:
    other = save_tiny(tmp_path / "other.onnx", classes=2).read_bytes()
    opened(tiny)
    (mine,) = cache.iterdir()
    opened(other)
    (theirs,) = set(cache.iterdir()) - {mine}
    theirs.replace(mine)
    assert len(scores(opened(tiny))) == 4 * 2


def sealed(graph: bytes) -> bytes:
    return b"seasift compiled graph 1\n" + hashlib.sha256(graph).digest() + graph


DAMAGES = {
    "cut": lambda whole: whole[:-1],
    "flipped": lambda whole: whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:],
    "empty": lambda _: b"",
    "nothing ours": lambda _: b"junk" * 100,
    "no graph in it": lambda _: sealed(b"junk" * 100),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_graph_is_made_again(cache: Path, tiny: bytes, damage: str) -> None:
    expected = scores(opened(tiny))
    (path,) = cache.iterdir()
    whole = path.read_bytes()
    path.write_bytes(DAMAGES[damage](whole))
    assert scores(opened(tiny)) == expected
    again = path.read_bytes()
    assert again == sealed(again[len(sealed(b"")) :]), "whole"
    assert len(again) > len(whole) / 2


def test_a_folder_that_cannot_be_written_is_no_matter(
    tiny: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(openvino_engine.VARIABLE, str(tmp_path / "file" / "cache"))
    assert len(scores(opened(tiny))) == 12
    assert capfd.readouterr() == ("", "")


def test_off_keeps_nothing(tiny: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv(openvino_engine.VARIABLE, "OFF")
    before = files(tmp_path)
    opened(tiny)
    assert files(tmp_path) == before
    assert openvino_engine.folder() is None


def test_without_the_variable_it_is_the_systems_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(openvino_engine.VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    index = openvino_engine.folder()
    assert index is not None
    assert {"seasift", "compiled"} <= set(index.parts)


def test_several_at_once_do_not_disturb_each_other(cache: Path, tiny: bytes) -> None:
    with ThreadPoolExecutor(4) as pool:
        engines = list(pool.map(opened, [tiny] * 8))
    assert len({tuple(scores(engine)) for engine in engines}) == 1
    assert all(name.endswith(".graph") for name in files(cache))


def test_the_oldest_go(cache: Path) -> None:
    for number in range(openvino_engine.KEPT + 3):
        openvino_engine.store({"model": str(number)}, b"graph %d" % number)
    assert len(files(cache)) == openvino_engine.KEPT
    assert openvino_engine.load({"model": str(openvino_engine.KEPT + 2)}) == b"graph %d" % (
        openvino_engine.KEPT + 2
    )
