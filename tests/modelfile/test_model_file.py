"""Model files: what they say is read without the onnx package, and nothing else passes for one."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from seasift.core.errors import ModelError
from seasift.modelfile import bundled
from seasift.modelfile.info import METADATA_KEY, from_metadata, read_model_file, to_metadata
from seasift.modelfile.onnx_file import onnx_metadata
from tests.tiny_model import save_tiny, tiny_graph, tiny_info


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model") / "tiny.onnx")


def test_metadata_is_what_the_onnx_package_wrote() -> None:
    model = tiny_graph()
    written = {"a": "", "": "b", "größe": "海 " * 500, "json": '{"x": "\\n"}'}
    helper.set_model_props(model, written)
    assert onnx_metadata(model.SerializeToString()) == written
    assert onnx_metadata(tiny_graph().SerializeToString()) == {}


def test_info_survives_the_file(tiny: Path) -> None:
    info = tiny_info(training={"seed": 1, "data": ["größe", None]}, figures={"val": {"mask AP": 0.25}})
    file = read_model_file(save_tiny(tiny.with_name("other.onnx"), info))
    assert file.info == info
    assert file.sha256 == hashlib.sha256(file.data).hexdigest()
    assert METADATA_KEY in {p.key for p in onnx.load(str(tiny)).metadata_props}


def test_a_file_of_before_facts_were_written_still_loads() -> None:
    info = tiny_info()
    assert info.facts is None
    older = json.loads(info.model_dump_json())
    del older["facts"]
    assert from_metadata({METADATA_KEY: json.dumps(older)}, "older") == info
    wrong = older | {"facts": {"parameters": -1}}
    with pytest.raises(ModelError, match=r"facts\.parameters"):
        from_metadata({METADATA_KEY: json.dumps(wrong)}, "wrong")


def test_the_core_values_are_those_of_the_file(tiny: Path) -> None:
    info = read_model_file(tiny).info
    assert info.input_spec().size_hw == (32, 32)
    assert info.input_spec().std == (255, 255, 255)
    assert info.decode_settings().top_k == 200
    assert [(c.id, c.name) for c in info.class_list()] == [
        (3, "red thing"),
        (7, "green thing"),
        (8, "blue thing"),
    ]


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damaged_bytes_never_crash_the_reader(tiny: Path, data: st.DataObject) -> None:
    whole = bytearray(tiny.read_bytes())
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tiny.with_name("damaged.onnx")
    path.write_bytes(bytes(whole[: data.draw(st.integers(0, len(whole)))]))
    with contextlib.suppress(ModelError):
        read_model_file(path)


def test_every_truncation_of_the_top_level_is_noticed(tiny: Path) -> None:
    """Cut anywhere, the file either breaks a field or lacks the description at its end."""
    whole = tiny.read_bytes()
    path = tiny.with_name("cut.onnx")
    not_ours = 0
    for end in range(0, len(whole), 7):
        path.write_bytes(whole[:end])
        with pytest.raises(ModelError) as caught:
            read_model_file(path)
        not_ours += "not from seasift" in str(caught.value)
    assert not_ours <= 3, "only where the cut falls between two fields"


@pytest.mark.parametrize(
    "content", [b"", b"hello, this is text", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, b"PK\x03\x04zip"]
)
def test_not_onnx(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=rf"not a whole ONNX file \({len(content)} bytes"):
        read_model_file(tmp_path / "model.onnx")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model file"):
        read_model_file(tmp_path / "none.onnx")
    with pytest.raises(ModelError, match="a folder"):
        read_model_file(tmp_path)


def test_onnx_that_is_not_ours(tmp_path: Path) -> None:
    onnx.save(tiny_graph(), str(tmp_path / "other.onnx"))
    with pytest.raises(ModelError, match="but not from seasift"):
        read_model_file(tmp_path / "other.onnx")


def described(**changes: Any) -> dict[str, str]:
    text = to_metadata(tiny_info())[METADATA_KEY]
    for old, new in changes.pop("replace", ()):
        assert old in text
        text = text.replace(old, new)
    return {METADATA_KEY: text}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "seasift-model/1",
            "seasift-model/2",
            "schema version 'seasift-model/2'; expected 'seasift-model/1'",
        ),
        ('"yolact"', '"mask2former"', "head 'mask2former'; expected 'yolact'"),
        ('"stretch"', '"squeeze"', "at input.resize"),
        ('"name":"tiny"', '"name":"tiny","colour":"red"', "at colour"),
        ('"threshold":0.5', '"threshold":1.5', "at threshold"),
        ('"id":7', '"id":3', "two categories have the same id"),
        ('"green thing"', '"red thing"', "two categories have the same name"),
        ('"max_objects":10', '"max_objects":0', "at max_objects"),
        ("[255.0,255.0,255.0]", "[255.0,0.0,255.0]", "at input.std.1"),
    ],
)
def test_wrong_descriptions_are_named(old: str, new: str, words: str) -> None:
    with pytest.raises(ModelError) as caught:
        from_metadata(described(replace=[(old, new)]), "m.onnx")
    assert str(caught.value).startswith("m.onnx: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_description_that_is_not_json() -> None:
    with pytest.raises(ModelError, match=r"m\.onnx: its description .* the top"):
        from_metadata({METADATA_KEY: "{"}, "m.onnx")


def test_box_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "FOLDER", tmp_path)
    with pytest.raises(ModelError, match="no model is bundled"):
        bundled.find("default")
    save_tiny(tmp_path / "default.onnx")
    assert bundled.names() == ("default",)
    assert bundled.find("default") == tmp_path / "default.onnx"
    with pytest.raises(ModelError, match=r"model 'defualt' \(did you mean 'default'\?\)"):
        bundled.find("defualt")
    assert bundled.find("some/where.onnx") == Path("some/where.onnx")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").write_bytes(b"x")
    assert bundled.find("mine") == Path("mine")
