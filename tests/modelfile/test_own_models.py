"""Models of the user's, found by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from seasift.core.errors import ModelError
from seasift.modelfile import bundled
from tests.tiny_model import save_tiny


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The models folder and the current folder."""
    models, here = tmp_path / "models", tmp_path / "here"
    models.mkdir()
    here.mkdir()
    monkeypatch.setenv("SEASIFT_MODELS", str(models))
    monkeypatch.chdir(here)
    return models, here


def test_models_of_both_folders_are_found_by_name(folders: tuple[Path, Path]) -> None:
    models, here = folders
    save_tiny(models / "reef.onnx")
    save_tiny(here / "harbour.onnx")
    assert list(bundled.own()) == ["harbour", "reef"]
    assert bundled.find("reef") == models / "reef.onnx"
    assert bundled.find("harbour").resolve() == here / "harbour.onnx"
    assert set(bundled.known()) == {*bundled.names(), "harbour", "reef"}


def test_the_current_folder_comes_first_and_bundled_models_before_both(folders: tuple[Path, Path]) -> None:
    here = folders[1]
    for folder in folders:
        save_tiny(folder / "reef.onnx")
        save_tiny(folder / "default.onnx")
    assert bundled.find("reef").resolve() == here / "reef.onnx"
    assert bundled.find("default") == bundled.FOLDER / "default.onnx"
    assert bundled.find("./default.onnx") == Path("default.onnx")


def test_a_folder_of_the_name_does_not_hide_a_model(folders: tuple[Path, Path]) -> None:
    models, here = folders
    save_tiny(models / "reef.onnx")
    (here / "reef").mkdir()
    assert bundled.find("reef") == models / "reef.onnx"


def test_a_wrong_name_lists_them(folders: tuple[Path, Path]) -> None:
    save_tiny(folders[0] / "reef.onnx")
    with pytest.raises(ModelError, match=r"did you mean 'reef'.*yours: reef"):
        bundled.find("reff")


def test_no_models_folder_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEASIFT_MODELS", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    assert bundled.own() == {}


def test_without_the_variable_it_is_the_users_data_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SEASIFT_MODELS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert bundled.models_folder().name == "models"
    assert "seasift" in bundled.models_folder().parts
