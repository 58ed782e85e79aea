"""Hostile models are refused in one line, in time and without much memory."""

from __future__ import annotations

import logging
import random
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from seasift.core.errors import ModelError, SeasiftError
from seasift.inference.predictor import load_predictor
from seasift.inference.trial import try_out
from seasift.modelfile.info import read_model_file
from tests.attack import models
from tests.tiny_model import quarters, save_tiny

IMAGE = quarters(250, 0, 160, 200)


@pytest.fixture
def trial(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Models are tried, and those that passed are noted here."""
    monkeypatch.delenv("SEASIFT_TRIAL", raising=False)
    monkeypatch.setenv("SEASIFT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def tried(path: Path, seconds: float = 60, memory_bytes: int = 2 << 30) -> None:
    try_out(
        read_model_file(path), engine="openvino", precision="f32", seconds=seconds, memory_bytes=memory_bytes
    )


def test_a_good_model_is_tried_once(trial: Path, tmp_path: Path) -> None:
    path = save_tiny(tmp_path / "tiny.onnx")
    assert len(load_predictor(path, threads=1).predict([IMAGE])[0]) > 0
    (passed,) = trial.glob("*.passed")
    written = passed.stat().st_mtime_ns
    load_predictor(path, threads=1)
    assert passed.stat().st_mtime_ns == written
    assert list(trial.glob("*.graph")), "its compiled graph is kept for the process that waits"


def test_an_endless_model_is_given_up(trial: Path, tmp_path: Path) -> None:
    path = models.write(tmp_path / "endless.onnx", models.endless())
    begun = time.monotonic()
    with pytest.raises(ModelError, match="within 1 s in a trial"):
        tried(path, seconds=1)
    assert time.monotonic() - begun < 10
    assert not list(trial.glob("*.passed"))


@pytest.mark.usefixtures("trial")
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the address space")
def test_a_model_that_fills_the_memory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SeasiftError) as caught:
        tried(models.write(tmp_path / "huge.onnx", models.huge()))
    assert "\n" not in str(caught.value)


def test_weights_in_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="other files"):
        read_model_file(models.write(tmp_path / "external.onnx", models.external()))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 1e30])
def test_boxes_that_are_no_numbers_are_left_out_and_said(
    tmp_path: Path, value: float, caplog: pytest.LogCaptureFixture
) -> None:
    whole = load_predictor(save_tiny(tmp_path / "whole.onnx"), threads=1)
    broken = load_predictor(models.write(tmp_path / "broken.onnx", models.not_a_number(value)), threads=1)
    bright = quarters(250, 240, 160, 200)
    with caplog.at_level(logging.WARNING, "seasift.inference"):
        (found,), (expected,) = broken.predict([bright]), whole.predict([bright])
        broken.predict([bright])
    assert len(found) == len(expected) - 1
    assert np.isfinite(found.boxes_xyxy).all()
    assert [record.getMessage() for record in caplog.records] == [caplog.records[0].getMessage()]
    assert "1 of 4 objects" in caplog.text


@pytest.mark.parametrize("size", [(16_384, 16_384), (10**9, 10**9), (0, 5), (-1, -1)])
def test_impossible_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    text = models.tiny_info().model_dump_json().replace('"size_hw":[32,32]', f'"size_hw":{list(size)}')
    assert str(size[0]) in text
    path = models.write(tmp_path / "size.onnx", models.described(models.tiny_graph(), text))
    with pytest.raises(ModelError, match="input") as caught:
        read_model_file(path)
    assert "\n" not in str(caught.value)


def described_ones(folder: Path, cases: int, number: int) -> int:
    """Read so many mutated models; how many were refused."""
    chance, refused, lines = random.Random(number), 0, {0}
    for _ in range(cases):
        path = models.write(folder / "case.onnx", models.mutated(chance))
        try:
            file = read_model_file(path)
            file.info.input_spec(), file.info.decode_settings(), file.info.class_list(), file.info.roll_up()
        except ModelError as error:
            lines.add(str(error).count("\n"))
            refused += 1
    assert lines == {0}
    return refused


def test_mutated_descriptions(tmp_path: Path) -> None:
    assert described_ones(tmp_path, 100, 1) > 50


@pytest.mark.attack
@pytest.mark.usefixtures("trial")
def test_many_mutated_models(tmp_path: Path) -> None:
    refused = described_ones(tmp_path, 3000, 2)
    chance, passed, lines = random.Random(3), 0, {0}
    for _ in range(60):
        path = models.write(tmp_path / "case.onnx", models.mutated(chance))
        try:
            tried(path)
            passed += 1
        except SeasiftError as error:
            lines.add(str(error).count("\n"))
    assert lines == {0}
    print(f"models: 3,000 read, {refused} refused; 60 read and tried, {passed} passed")
