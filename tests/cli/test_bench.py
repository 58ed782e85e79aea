"""`seasift bench`, as a user runs it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from seasift.cli import main as entry
from seasift.core.image import write_image
from tests.tiny_model import quarters, save_tiny
from tests.tiny_video import save_video

FAST = ("--repeats", "1", "--threads", "1")
WAY = ("--config", "openvino:f32")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_tiny(tmp_path / "tiny.onnx")
    for number in range(5):
        write_image(tmp_path / "pics" / f"{number}.png", quarters(250, 0, 160, 200))
    monkeypatch.chdir(tmp_path)


def bench(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["seasift", "bench", *arguments])
    with pytest.raises(SystemExit) as done:
        entry.main()
    out, err = capfd.readouterr()
    assert "Traceback" not in err
    return int(done.value.code or 0), out, err


@pytest.mark.parametrize(
    ("ways", "cold"),
    [
        (WAY, False),
        ((*WAY, "--config", "onnxruntime:f32"), True),  # whole processes take most of the time
    ],
)
def test_every_figure_of_every_way(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], ways: tuple[str, ...], cold: bool
) -> None:
    if "onnxruntime:f32" in ways:
        pytest.importorskip("onnxruntime")
    options = (
        *FAST,
        "--limit",
        "3",
        "--baseline",
        "tiny.onnx",
        "--json",
        "speed.json",
        "--cold" if cold else "--no-cold",
    )
    code, out, err = bench(monkeypatch, capfd, "tiny.onnx", "pics", *ways, *options)
    assert (code, err) == (0, "")
    assert "3 of the 5 images given, the first of 40x40 px" in out
    assert "tiny alone, openvino f32, 32x32 px" in out
    record = json.loads(Path("speed.json").read_text())
    assert record["schema"] == "seasift-speed/1"
    assert record["machine"]["cores"] >= 1
    assert [(row["engine"], row["precision"]) for row in record["rows"]] == [
        tuple(way.split(":")) for way in ways if way != "--config"
    ]
    for row in record["rows"]:
        assert list(row["stages_ms"]) == ["read", "prepare", "network", "decode", "write"]
        assert all(value > 0 for value in row["stages_ms"].values())
        assert row["sum_ms"] == pytest.approx(sum(row["stages_ms"].values()), abs=0.01)
        assert 0 < row["latency_p50_ms"] <= row["latency_p95_ms"]
        assert min(row["end_to_end_per_s"], row["network_per_s"]) > 0
        assert (row["start_s"] or 0) > 0 if cold else not row.get("start_s")
        assert set(row["against"]) == {"tiny alone, openvino f32"}
        assert row["objects"] == 3
    assert record["rows"][0]["ratio_to_first"] == 1


def test_images_are_drawn_where_none_are_given(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = bench(monkeypatch, capfd, "tiny.onnx", *WAY, *FAST, "--no-cold")
    assert code == 0
    assert "32 drawn images of 480x270 px" in out
    assert "a whole process" not in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tiny.onnx", "--config", "openvino:f8"], "'openvino:f8'; expected one of openvino:f32"),
        (["tiny.onnx", "gone.jpg"], "gone.jpg"),
        (["tiny.onnx", "clip.mp4"], "clip.mp4: not an image file"),
        (["none.onnx"], "none.onnx"),
        (["tiny.onnx", "--json", "pics"], "--json pics: a folder"),
        (["tiny.onnx", "pics", *WAY, "--baseline", "gone.onnx"], "gone.onnx: cannot be read"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    save_video(Path("clip.mp4"), count=2)
    code, out, err = bench(monkeypatch, capfd, *arguments)
    assert (code, out) == (2, "")
    assert words in err
