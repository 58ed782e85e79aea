"""`seasift predict` on footage: annotated videos, spans, damage, live sources."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from seasift.cli import main as entry
from seasift.core.image import write_image
from seasift.video import live
from seasift.video.live import Patience
from tests.live_server import serving
from tests.tiny_model import quarters, save_tiny
from tests.tiny_video import encode, save_kind

Run = Callable[..., tuple[int, str, str]]
TIMES = [0, 400, 1700, 1800, 2050, 5000]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """`seasift predict` with a tiny model, in a folder with an uneven clip of red and green quarters."""
    save_tiny(tmp_path / "tiny.onnx")
    with av.open(str(tmp_path / "clip.mkv"), "w") as container:
        track = container.add_stream("ffv1", rate=10)
        track.width = track.height = 160
        track.pix_fmt = "bgr0"
        track.codec_context.time_base = Fraction(1, 1000)
        for index, pts in enumerate(TIMES):
            pixels = quarters(250 - 20 * index, 0, 160, 200 + 10 * index)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = pts, Fraction(1, 1000)
            container.mux(track.encode(frame))
        container.mux(track.encode())
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        command = ["seasift", "predict", *arguments, "--model", "tiny.onnx", "--threshold", "0.2"]
        monkeypatch.setattr(sys, "argv", command)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
        with pytest.raises(SystemExit) as done:
            entry.main()
        out, err = capfdbinary.readouterr()
        assert b"Traceback" not in err
        return int(done.value.code or 0), out.decode(), err.decode()

    return call


def shown(path: Path) -> tuple[list[float], list[Any]]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return [float(frame.time) for frame in frames], [f.to_ndarray(format="rgb24") for f in frames]


def test_annotated_video_keeps_the_times(run: Run, tmp_path: Path) -> None:
    code, _, err = run("clip.mkv", "--every", "1", "-f", "video,json,overlay", "-o", "out")
    assert code == 0, err
    times, loaded = shown(tmp_path / "out/overlays/clip.mp4")
    assert times == pytest.approx([pts / 1000 for pts in TIMES], abs=1e-4)
    images = json.loads((tmp_path / "out/predictions.json").read_text())["images"]
    assert [image["time_s"] for image in images] == [pts / 1000 for pts in TIMES]
    assert sum(len(image["objects"]) for image in images) > 0
    for index, pixels in enumerate(loaded):
        (still,) = shown(tmp_path / f"out/overlays/clip/frame-{index:06d}.jpg")[1]
        assert pixels.shape == still.shape
        assert np.abs(pixels.astype(int) - still).mean() < 6, "the same drawing"
    assert "out/overlays" in err


def test_one_file_and_a_span(run: Run, tmp_path: Path) -> None:
    code, _, err = run(
        "clip.mkv", "--every", "1", "--start", "0:01.7", "--end", "5s", "-f", "video", "-o", "x.mp4"
    )
    assert code == 0, err
    times, _ = shown(tmp_path / "x.mp4")
    assert times == pytest.approx([0, 0.1, 0.35], abs=1e-4), "counted from --start"
    assert not (tmp_path / ".seasift-partial.jsonl").exists()
    code, out, _ = run("clip.mkv", "--every", "0.5s", "--start", "1")
    assert code == 0
    assert [(image["frame"], image["time_s"]) for image in json.loads(out)["images"]] == [
        (2, 1.7), (4, 2.05), (5, 5.0)
    ]  # fmt: skip


def test_several_videos_and_a_image(run: Run, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes((tmp_path / "clip.mkv").read_bytes())
    write_image(tmp_path / "a.png", quarters(250, 0, 160, 200))
    code, _, err = run("clip.mkv", "a.png", "clip.mp4", "-f", "video", "-o", "out")
    assert code == 0, err
    names = sorted(path.name for path in (tmp_path / "out/overlays").iterdir())
    assert names == ["clip.mkv.mp4", "clip.mp4.mp4"]


def test_a_killed_run_draws_again_what_it_had_found(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seasift.inference.predictor import OnnxPredictor

    arguments = ("clip.mkv", "--every", "1", "-f", "video,json", "--threads", "1")
    assert run(*arguments, "-o", "whole")[0] == 0
    looks: list[int] = []
    predict = OnnxPredictor.predict

    def failing(self: OnnxPredictor, images: Any, **options: Any) -> Any:
        looks.append(1)
        if len(looks) == 5:
            raise KeyboardInterrupt
        return predict(self, images, **options)

    monkeypatch.setattr(OnnxPredictor, "predict", failing)
    assert run(*arguments, "-o", "out")[0] == 130
    assert [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()] == [
        ".seasift-partial.jsonl"
    ], "no half video"
    assert run(*arguments, "-o", "out")[0] == 0
    assert len(looks) < 5 + 6, "not all again"
    for name in ("predictions.json", "overlays/clip.mp4"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_damage_is_told_and_the_rest_is_done(run: Run, tmp_path: Path) -> None:
    clip = save_kind(tmp_path, "mjpeg-mov")
    data = bytearray(clip.read_bytes())
    with av.open(str(clip)) as container:
        packet = list(container.demux(video=0))[30]
        assert packet.pos
        data[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    clip.write_bytes(data)
    code, _, err = run("a.mov", "--every", "10", "-f", "json,video", "-o", "out")
    assert code == 2
    lines = [line for line in err.splitlines() if line.startswith("seasift: ")]
    assert lines == [
        "seasift: a.mov: damaged; nothing could be read from 3.00 s to 3.10 s "
        "(it cannot be decoded (Invalid data found when processing input)). Copy it again."
    ]
    result = json.loads((tmp_path / "out/predictions.json").read_text())
    assert [image["time_s"] for image in result["images"]] == [0, 1, 2, 3.1, 4.1, 5.1, 6.1], (
        "decoded ones count"
    )
    assert len(result["failures"]) == 1
    assert len(shown(tmp_path / "out/overlays/a.mp4")[0]) == 7


def test_live(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = [quarters(250, 0, 160, 200)] * 30
    stream = encode(tmp_path / "a.ts", loaded, codec="mpeg2video").read_bytes()
    monkeypatch.setattr(live, "Patience", lambda: Patience(tries=1))
    with serving([stream]) as address:
        code, _, err = run(address.replace("//", "//me:secret@"), "--every", "1", "-f", "json", "-o", "out")
    assert code == 2, "the camera went away: that is told"
    assert "the connection was lost" in err
    text = (tmp_path / "out/predictions.json").read_text()
    assert "secret" not in text + err
    assert json.loads(text)["images"][0]["objects"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.png", "-f", "video", "-o", "out"], "--format video is for videos, and none is given"),
        (["clip.mkv", "-f", "video"], "needs a folder to write to. Give -o FOLDER"),
        (["clip.mkv", "-f", "video", "-o", "x.avi"], "x.avi: a file for --format video ends in .mp4"),
        (["clip.mkv", "-f", "video,json", "-o", "x.mp4"], "a file, but video,json needs a folder"),
        (["clip.mkv", "a.png", "-f", "video", "-o", "x.mp4"], "one file for several inputs"),
        (["clip.mkv", "--start", "soon"], "--start 'soon'; expected seconds like 90"),
        (["clip.mkv", "--start", "5", "--end", "3"], "--end 3: not behind --start 5"),
        (["clip.mkv", "--start", "50"], "clip.mkv: no images in that span; it is 5."),
        (["rtsp://127.0.0.1:9/x", "--start", "5"], "a start"),
    ],
)
def test_what_is_refused(run: Run, tmp_path: Path, arguments: list[str], words: str) -> None:
    write_image(tmp_path / "a.png", quarters(250, 0, 160, 200))
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert not (tmp_path / "out").exists()
