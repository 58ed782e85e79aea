"""`seasift predict`, as a user runs it."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from seasift.cli import main as entry
from seasift.core.image import read_image, write_image
from seasift.core.types import UInt8
from seasift.formats import validation
from seasift.inference.engines import abilities
from tests.tiny_model import quarters, save_tiny, tiny_info
from tests.tiny_video import save_video

Run = Callable[..., tuple[int, str, str]]
ALL = ("-r", "-f", "json,csv,coco,overlay")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Run the command line in a folder with a model and images; gives exit code, stdout, stderr."""
    save_tiny(tmp_path / "tiny.onnx")
    for name, image in {
        "pics/a.png": quarters(250, 0, 160, 200),
        "pics/b b.jpg": quarters(0, 0, 0, 0, size=64),
        "pics/deep/a.png": quarters(0, 240, 0, 0, size=80),
        "pics/deep/größe.png": quarters(60, 240, 230, 0, size=80),
    }.items():
        write_image(tmp_path / name, image)
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, stdin: bytes | None = None) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["seasift", *arguments])
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as done:
            entry.main()
        out, err = capfdbinary.readouterr()
        assert b"Traceback" not in err
        return int(done.value.code or 0), out.decode(), err.decode()

    return call


def predict(run: Run, *arguments: str, **options: Any) -> tuple[int, str, str]:
    return run("predict", *arguments, "--model", "tiny.onnx", **options)


def complaints(err: str) -> list[str]:
    return [line for line in err.splitlines() if line.startswith("seasift: ")]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.usefixtures("run")
def test_a_terminal_gets_the_table_and_no_json() -> None:
    terminal, stdout = os.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "seasift", "predict", "pics/a.png", "-m", "tiny.onnx"],
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
        os.set_blocking(terminal, False)
        with pytest.raises(BlockingIOError):
            os.read(terminal, 100)
    finally:
        os.close(stdout)
        os.close(terminal)
    assert done.returncode == 0, done.stderr
    assert "red thing" in done.stderr


def test_a_terminal_gets_json_only_with_a_dash(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    code, out, err = predict(run, "pics/a.png", "-o", "-")
    assert code == 0, err
    assert json.loads(out)["images"][0]["file"] == "pics/a.png"
    code, out, err = predict(run, "pics/a.png", "-f", "json")
    assert (code, out) == (2, "")
    assert "Name a file with -o, or print it with -o -." in err


def test_json_to_standard_output(run: Run) -> None:
    code, out, err = predict(run, "pics/a.png", "pics/b b.jpg")
    assert code == 0
    got = json.loads(out)
    assert validation.problems(got) == []
    assert [image["file"] for image in got["images"]] == ["pics/a.png", "pics/b b.jpg"]
    first, second = got["images"]
    assert [(found["category_id"], found["name"]) for found in first["objects"]] == [(3, "red thing")] * 3
    assert [found["score"] for found in first["objects"]] == pytest.approx(
        [250 / 255, 200 / 255, 160 / 255], abs=1e-5
    )
    assert first["objects"][0]["box_xywh"] == pytest.approx([2, 2, 16, 16], abs=1e-3)
    assert second["objects"] == []
    assert (got["model"]["name"], got["engine"]) == ("tiny", "openvino")
    assert got["precision"] == ("bf16" if "BF16" in abilities() else "f32"), "auto"
    assert "note:" not in err
    assert (got["threshold"], got["max_objects"]) == (0.5, 10), "the model's own"
    assert "2 images, 3 objects" in err
    assert complaints(err) == []


def test_all_formats_into_a_folder(run: Run, tmp_path: Path) -> None:
    code, out, err = predict(
        run, "pics", "-r", "--format", "json,csv", "-f", "coco", "-f", "overlay", "-o", "out"
    )
    assert (code, out) == (0, "")
    files = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert files == [
        *("overlays/a.jpg", "overlays/b b.jpg", "overlays/deep/a.jpg", "overlays/deep/größe.jpg"),
        *("predictions.coco.json", "predictions.csv", "predictions.json"),
    ]
    result = validation.read(tmp_path / "out" / "predictions.json")
    count = sum(len(image.objects) for image in result.images)
    assert count == 3 + 0 + 1 + 2
    with (tmp_path / "out" / "predictions.csv").open(encoding="utf-8-sig", newline="") as table:
        assert len(list(csv.DictReader(table))) == count
    coco = json.loads((tmp_path / "out" / "predictions.coco.json").read_text(encoding="utf-8"))
    assert len(coco["annotations"]) == count
    assert [image["file_name"] for image in coco["images"]] == [
        "a.png",
        "b b.jpg",
        "deep/a.png",
        "deep/größe.png",
    ]
    first, second = (read_image(tmp_path / "out" / "overlays" / name) for name in ("a.jpg", "deep/a.jpg"))
    assert first.shape != second.shape or np.abs(first.astype(int) - second).max() > 50
    assert "predictions.csv" in err


def test_overlays_of_equal_names_do_not_meet(run: Run, tmp_path: Path) -> None:
    for name in ("x.jpg", "x.png", "X.tif", "x.jpg.png"):
        write_image(tmp_path / "pics" / "deep" / name, quarters(250, 0, 0, 0))
    write_image(tmp_path / "other" / "x.png", quarters(250, 0, 0, 0))
    save_video(tmp_path / "other" / "x.mp4", count=3)
    code, _, _ = predict(run, "pics", "other", "-r", "--every", "2", "-f", "overlay", "-o", "out")
    assert code == 0
    overlays = [path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.jpg")]
    assert len(overlays) == 4 + 4 + 1 + 2
    assert len({name.casefold() for name in overlays}) == len(overlays)
    assert {"overlays/other/x/frame-000000.jpg", "overlays/other/x/frame-000002.jpg"} <= set(overlays) | {
        name.replace("x.mp4/", "x/") for name in overlays
    }


@pytest.mark.parametrize(
    ("name", "arguments", "start"),
    [
        ("r.json", [], b'{\n "schema": "seasift-predictions/1"'),
        ("new folder/r.csv", ["-f", "csv"], b"\xef\xbb\xbffile,"),
        ("r.JSON", ["-f", "coco"], b'{"info"'),
        ("r.png", ["-f", "overlay"], b"\x89PNG"),
    ],
)
def test_one_format_into_a_file(
    run: Run, tmp_path: Path, name: str, arguments: list[str], start: bytes
) -> None:
    assert predict(run, "pics/a.png", *arguments, "-o", name)[0] == 0
    assert (tmp_path / name).read_bytes().startswith(start)
    assert len(list((tmp_path / name).parent.glob("*r.*"))) == 1


def test_csv_and_coco_to_standard_output(run: Run) -> None:
    _, out, _ = predict(run, "pics/a.png", "-f", "csv")
    assert out.startswith("file,frame,")
    assert len(out.splitlines()) == 1 + 3
    _, out, _ = predict(run, "pics/a.png", "-f", "coco", "--masks", "polygons")
    assert isinstance(json.loads(out)["annotations"][0]["segmentation"], list)


def test_options_reach_the_model(run: Run) -> None:
    def names(*arguments: str) -> list[str]:
        _, out, _ = predict(run, "pics/a.png", *arguments)
        return [found["name"] for found in json.loads(out)["images"][0]["objects"]]

    assert len(names()) == 3
    assert len(names("--threshold", "0.7")) == 2
    assert len(names("--threshold", "0.01")) == 3
    assert len(names("--max-objects", "1")) == 1
    assert names("--classes", "green thing, blue thing") == []
    assert len(names("--classes", "green thing", "--classes", "red thing")) == 3
    _, out, _ = predict(run, "pics/a.png", "--classes", "red thing", "--masks", "polygons")
    got = json.loads(out)
    assert got["classes"] == ["red thing"]
    assert "mask" not in got["images"][0]["objects"][0]
    assert got["images"][0]["objects"][0]["polygons"]
    assert validation.problems(got) == []


def test_engine_and_precision_are_written_down(run: Run) -> None:
    pytest.importorskip("onnxruntime")
    _, out, _ = predict(run, "pics/a.png", "--engine", "onnxruntime", "--threads", "1")
    assert (json.loads(out)["engine"], json.loads(out)["precision"]) == ("onnxruntime", "f32")
    _, out, err = predict(run, "pics/a.png", "--precision", "f16")
    used = json.loads(out)["precision"]
    assert used in ("f16", "bf16", "f32")
    assert ("note: --precision f16 was asked for" in err) == (used != "f16")


def test_bad_files_are_reported_and_the_rest_is_done(run: Run, tmp_path: Path) -> None:
    whole = (tmp_path / "pics" / "b b.jpg").read_bytes()
    (tmp_path / "pics" / "half.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "pics" / "text.jpg").write_text("hello")
    (tmp_path / "pics" / "zero.jpg").write_bytes(b"")
    code, out, err = predict(run, "pics", "gone.jpg", "nothing*.jpg")
    assert code == 2
    got = json.loads(out)
    assert [image["file"] for image in got["images"]] == ["pics/a.png", "pics/b b.jpg"]
    assert [failed["file"] for failed in got["failures"]] == [
        *("pics/half.jpg", "pics/text.jpg", "pics/zero.jpg", "gone.jpg", "nothing*.jpg")
    ]
    assert len(complaints(err)) == 5
    for failed, line in zip(got["failures"], complaints(err), strict=True):
        assert line == f"seasift: {failed['error']}"
        assert failed["file"] in line
    assert validation.problems(got) == []


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="its file names are Unicode")
@pytest.mark.parametrize("length", [230, 240, 251])
def test_a_name_as_long_as_the_disk_allows(run: Run, tmp_path: Path, length: int) -> None:
    write_image(tmp_path / "long" / f"{'x' * length}.png", quarters(250, 0, 0, 0))
    write_image(tmp_path / "long" / "b.png", quarters(250, 0, 0, 0))
    code, _, err = predict(run, "long", "-f", "json,overlay", "-o", "out")
    assert (code, complaints(err)) == (0, [])
    assert sorted(path.name for path in (tmp_path / "out" / "overlays").iterdir()) == [
        "b.jpg",
        f"{'x' * length}.jpg",
    ]


def test_an_overlay_whose_name_no_disk_holds_fails_alone(run: Run, tmp_path: Path) -> None:
    """Two images of one stem keep their suffixes, which makes their overlays' names longer than their own."""
    for name in (f"{'x' * 250}.png", f"{'x' * 250}.bmp", "b.png"):
        write_image(tmp_path / "long" / name, quarters(250, 0, 0, 0))
    code, _, err = predict(run, "long", "-f", "json,overlay", "-o", "out")
    assert code == 2
    assert len(complaints(err)) == 2
    document = json.loads((tmp_path / "out" / "predictions.json").read_text())
    assert [image["file"] for image in document["images"]] == ["long/b.png"]
    assert len(document["failures"]) == 2


def test_pages_that_are_not_taken_are_said(run: Run, tmp_path: Path) -> None:
    pages = [Image.fromarray(quarters(250, 0, 0, value)) for value in (0, 250)]
    pages[0].save(tmp_path / "two.tif", save_all=True, append_images=pages[1:])
    code, out, err = predict(run, "two.tif")
    assert code == 0
    assert any("two.tif" in line and "2 pages" in line for line in err.splitlines())
    assert len(json.loads(out)["images"][0]["objects"]) == 1


def test_names_that_are_no_unicode_and_names_with_line_ends(run: Run, tmp_path: Path) -> None:
    data = (tmp_path / "pics" / "a.png").read_bytes()
    files = {b"old\xe9.png": data, b"bad\xe9.png": b"", b"two\nlines.png": data, b"b\n.png": b"x"}
    (tmp_path / "odd").mkdir()
    for name, content in files.items():
        Path(os.fsdecode(bytes(tmp_path / "odd") + b"/" + name)).write_bytes(content)
    code, _, err = predict(run, "odd", *ALL, "-o", "out")
    assert code == 2
    assert len(complaints(err)) == 2
    result = validation.read(tmp_path / "out" / "predictions.json")
    assert [image.file for image in result.images] == ["odd/old\\udce9.png", "odd/two\nlines.png"]
    assert [len(image.objects) for image in result.images] == [3, 3]
    assert len(list((tmp_path / "out" / "overlays").iterdir())) == 2


def test_standard_input(run: Run, tmp_path: Path) -> None:
    data = (tmp_path / "pics" / "a.png").read_bytes()
    code, out, _ = predict(run, "-", stdin=data)
    assert code == 0
    assert json.loads(out)["images"][0]["file"] == "-"
    assert len(json.loads(out)["images"][0]["objects"]) == 3
    code, out, err = predict(run, "-", stdin=b"")
    assert (code, out) == (2, "")
    assert "standard input: an empty file" in err


def test_video_frames(run: Run, tmp_path: Path) -> None:
    save_video(tmp_path / "clip.mp4", count=25)
    code, out, _ = predict(run, "clip.mp4", "pics/a.png", "--threshold", "0.2")
    assert code == 0
    images = json.loads(out)["images"]
    assert [(image["file"], image.get("frame"), image.get("time_s")) for image in images] == [
        *(("clip.mp4#frame=0", 0, 0), ("clip.mp4#frame=10", 10, 1), ("clip.mp4#frame=20", 20, 2)),
        ("pics/a.png", None, None),
    ]
    counts = [len(image["objects"]) for image in images]
    assert counts[0] < counts[2], "the clip grows brighter"
    _, out, _ = predict(run, "clip.mp4", "--every", "0.5s")
    assert len(json.loads(out)["images"]) == 5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pics", "--format", "jsn"], "'jsn' (did you mean 'json'?)"),
        (["pics", "--format", ","], "names nothing"),
        (["pics", "--format", "json,csv"], "needs a folder to write to. Give -o FOLDER"),
        (["pics", "--format", "overlay"], "needs a folder"),
        (["pics", "--format", "json,csv", "-o", "out.json"], "Give -o FOLDER"),
        (["pics", "-f", "json", "-o", "out.csv"], "a file for --format json ends in .json"),
        (["pics", "-f", "overlay", "-o", "out.png"], "one file for the overlays of several images"),
        (["pics", "-o", "tiny.onnx"], "unknown ending .onnx"),
        (["pics", "-o", "out.jsn"], "unknown ending .jsn"),
        (["pics", "--classes", "red thin", "-o", "out"], "classes 'red thin' (did you mean 'red thing'?)"),
        (["pics", "--classes", ",", "-o", "out"], "classes names nothing"),
        (["pics", "--masks", "bitmap", "-o", "out"], "'bitmap'; expected one of rle, polygons"),
        (["pics", "--every", "two", "-o", "out"], "--every 'two'; expected a number of frames"),
        (["pics", "--engine", "tensorrt", "-o", "out"], "'tensorrt'; expected"),
        (["pics", "--precision", "int4", "-o", "out"], "'int4'; expected"),
        (["pics", "--threshold", "1.5", "-o", "out"], "--threshold"),
        (["pics", "--threshold", "nan", "-o", "out"], "--threshold"),
        (["pics", "--max-objects", "0", "-o", "out"], "--max-objects"),
        (["pics", "--like", "gone.json", "-o", "out"], "--like is for --format coco"),
        (["pics", "--like", "gone.json", "-f", "coco", "-o", "out"], "gone.json: no such file"),
        (["pics", "--fromat", "json"], "No such option: --fromat"),
        (["gone.jpg", "none/*.png", "-o", "out"], "none of 2 inputs gave a result; nothing was written"),
        ([], "Missing argument"),
    ],
)
def test_bad_options_write_nothing(run: Run, tmp_path: Path, arguments: list[str], words: str) -> None:
    before = sorted(tmp_path.rglob("*"))
    code, out, err = predict(run, *arguments)
    assert (code, out) == (2, "")
    assert words in complaints(err)[-1]
    assert sorted(tmp_path.rglob("*")) == before


def test_bad_models(run: Run, tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("hello")
    for model, words in (
        ("text.onnx", "not a whole ONNX file"),
        ("gone.onnx", "no such model file"),
        ("no-such-name", "bundled model"),
    ):
        code, out, err = run("predict", "pics", "--model", model, "-o", "out")
        assert (code, out) == (2, "")
        assert len(err.splitlines()) == 1
        assert words in err
    assert not (tmp_path / "out").exists()


def test_like_a_ground_truth(run: Run, tmp_path: Path) -> None:
    truth = {
        "images": [{"id": 7, "file_name": "a.png", "width": 40, "height": 40}],
        "categories": [{"id": 31, "name": "red thing"}],
        "annotations": [],
    }
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    arguments = ["-f", "coco", "--like", "truth.json", "-o", "out.json"]
    code, _, err = predict(run, "pics/a.png", *arguments)
    assert code == 2
    assert "truth.json: has no category 'green thing'" in err
    assert "'blue thing'" in err
    code, _, err = predict(run, "pics/a.png", "pics/b b.jpg", "--classes", "red thing", *arguments)
    assert code == 2
    assert "has no image 'pics/b b.jpg'" in err
    code, _, err = predict(run, "pics/deep/a.png", "--classes", "red thing", *arguments)
    assert code == 2
    assert "80 x 80 px; truth.json says 40 x 40" in err
    assert not (tmp_path / "out.json").exists()
    assert predict(run, "pics/a.png", "--classes", "red thing", *arguments)[0] == 0
    got = json.loads((tmp_path / "out.json").read_text())
    assert {(a["image_id"], a["category_id"]) for a in got["annotations"]} == {(7, 31)}


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_failed_run_goes_on(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from seasift.inference.predictor import OnnxPredictor

    arguments = ("pics", *ALL, "--threads", "1")
    save_video(tmp_path / "pics" / "clip.mp4", count=25)
    assert predict(run, *arguments, "-o", "whole")[0] == 0
    whole = OnnxPredictor.predict
    seen: list[Any] = []
    last = 3

    def failing(self: OnnxPredictor, images: Any, **options: Any) -> Any:
        seen.append(images)
        if len(seen) > last:
            raise KeyboardInterrupt
        return whole(self, images, **options)

    monkeypatch.setattr(OnnxPredictor, "predict", failing)
    code, _, err = predict(run, *arguments, "-o", "out")
    assert code == 130
    assert "run the same command again" in err
    assert set(tree(tmp_path / "out")) == {
        ".seasift-partial.jsonl", "overlays/a.jpg", "overlays/b b.jpg", "overlays/clip/frame-000000.jpg"
    }  # fmt: skip
    seen.clear()
    last = 4
    assert predict(run, *arguments, "-o", "out")[0] == 0, "three of seven were known"
    assert len(seen) == 4
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    seen.clear()
    assert predict(run, *arguments, "-o", "out")[0] == 130, "a finished run is not taken up: it starts afresh"
    seen.clear()
    last = 7
    assert predict(run, *arguments, "-o", "out", "--threshold", "0.6")[0] == 0
    assert len(seen) == 7, "other settings start afresh"


def test_a_killed_run_goes_on(run: Run, tmp_path: Path) -> None:
    """A process killed by the system, at whatever place that meets it."""
    for i in range(40):
        write_image(tmp_path / "many" / f"{i:03}.png", quarters(6 * i, 250 - 6 * i, 128, 0, size=500))
    arguments = ["predict", "many", *ALL, "--model", "tiny.onnx", "--threads", "1", "-o"]
    assert run(*arguments, "whole")[0] == 0
    command = [sys.executable, "-m", "seasift", *arguments, "out"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
    journal = tmp_path / "out" / ".seasift-partial.jsonl"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") > 5:
            break
    process.kill()
    assert process.wait() != 0, "it was killed before its end"
    finished = journal.read_bytes().count(b"\n") - 1
    assert 5 <= finished < 40
    assert not (tmp_path / "out" / "predictions.json").exists()
    left = {p: p.stat().st_mtime_ns for p in (tmp_path / "out" / "overlays").glob("0*.jpg")}
    assert run(*arguments, "out")[0] == 0
    got = {name: data for name, data in tree(tmp_path / "out").items() if not name.endswith(".part")}
    assert got == tree(tmp_path / "whole")
    untouched = sum(p.stat().st_mtime_ns == before for p, before in left.items())
    assert untouched >= finished, "finished images were not drawn again"


def test_results_of_two_runs_never_mix_in_silence(run: Run) -> None:
    assert "earlier run" not in predict(run, "pics", "-f", "json,overlay", "-o", "out")[2]
    code, _, err = predict(run, "pics/a.png", "-f", "csv,overlay", "-o", "out")
    assert code == 0
    notes = [line for line in err.splitlines() if line.startswith("note: ")]
    assert len(notes) == 2, "what is there at the begin, and what is left at the end"
    assert all("predictions.json" in note for note in notes)
    assert "1 file in overlays" in notes[1]
    assert "predictions.csv" not in notes[1]


def test_a_run_that_goes_on_says_so(run: Run, tmp_path: Path) -> None:
    predict(run, "pics", "-o", "out")
    (tmp_path / "pics" / "c.png").write_bytes((tmp_path / "pics" / "a.png").read_bytes())
    journal, got = (
        tmp_path / "out" / ".seasift-partial.jsonl",
        json.loads((tmp_path / "out/predictions.json").read_text()),
    )
    assert not journal.exists()
    from seasift.formats import document
    from seasift.formats.document import Image
    from seasift.formats.journal import Journal
    from seasift.prediction.options import PredictOptions
    from seasift.prediction.plan import prepare

    task = prepare(PredictOptions(inputs=("pics",), model="tiny.onnx", output=Path("out")))
    settings = {"root": task.root, "formats": task.plan.formats, **document.plain(task.settings)}
    kept = Journal(journal, settings).__enter__()
    kept.add("pics/a.png of before", Image.model_validate(got["images"][0]))
    kept.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    left = journal.read_bytes()
    assert "after pics/a.png: 1 image" in predict(run, "pics", "-o", "out")[2]
    journal.write_bytes(left)
    assert "settings or versions" in predict(run, "pics", "-o", "out", "--threshold", "0.3")[2]


THINGS = [{"id": 3, "name": "trash_bag"}, {"id": 7, "name": "trash_net"}, {"id": 8, "name": "animal_fish"}]
LEAST = {"by_class": 0.8, "by_supercategory": 0.6, "by_object": 0.5}


def _with_rollup(path: Path) -> None:
    rollup = LEAST | {"probability": 0.7, "fitted_on": "painted val"}
    save_tiny(path, tiny_info(categories=THINGS, rollup=rollup))


def _coloured(*quarter_rgb: tuple[int, int, int]) -> UInt8:
    """Four quarters whose colours are the scores of the three classes."""
    image = np.zeros((32, 32, 3), np.uint8)
    for index, rgb in enumerate(quarter_rgb):
        y, x = 16 * (index // 2), 16 * (index % 2)
        image[y : y + 16, x : x + 16] = rgb
    return image


def test_names_roll_up_where_the_model_has_thresholds(run: Run, tmp_path: Path) -> None:
    _with_rollup(tmp_path / "tiny.onnx")
    # Scores: .9 bag; .5 bag and .4 net, .7 trash; .3 bag and .35 fish, .55 object; .2 bag, nothing.
    image = _coloured((230, 0, 0), (128, 102, 0), (77, 0, 89), (51, 0, 0))
    write_image(tmp_path / "scene.png", image)
    code, out, err = predict(run, "scene.png")
    assert code == 0
    got = json.loads(out)
    assert validation.problems(got) == []
    assert (got["names"], got["once"], got["threshold"]) == ("rollup", True, 0.05)
    objects = got["images"][0]["objects"]
    assert [(o["rollup"]["name"], o["rollup"]["level"]) for o in objects] == [
        *(("trash_bag", "class"), ("trash", "supercategory"), ("object", "object")),
    ]
    assert [o["name"] for o in objects] == ["trash_bag", "trash_bag", "animal_fish"]
    shown = [o["rollup"]["score"] for o in objects]
    expected = [230 / 255, 1 - (127 / 255) * (153 / 255), 1 - (178 / 255) * (166 / 255)]
    assert shown == pytest.approx(expected, abs=1e-5)  # the mean of many float32 pixels
    assert "trash " in err
    # A threshold of the user's lists all from there on; what is sure of nothing is an object.
    told = json.loads(predict(run, "scene.png", "--threshold", "0.1")[1])["images"][0]["objects"]
    assert [o["rollup"]["name"] for o in told] == ["trash_bag", "trash", "object", "object"]
    plain = json.loads(predict(run, "scene.png", "--names", "class", "--threshold", "0.1")[1])
    assert "names" not in plain
    assert all("rollup" not in o for o in plain["images"][0]["objects"])


def test_rolled_up_names_in_every_format(run: Run, tmp_path: Path) -> None:
    _with_rollup(tmp_path / "tiny.onnx")
    write_image(tmp_path / "scene.png", _coloured((128, 102, 0), (0, 0, 0), (0, 0, 0), (0, 0, 0)))
    assert predict(run, "scene.png", "-f", "json,csv,coco,overlay", "-o", "out")[0] == 0
    (row,) = csv.DictReader(io.StringIO((tmp_path / "out" / "predictions.csv").read_text("utf-8-sig")))
    assert (row["name"], row["rollup_name"], row["rollup_level"]) == ("trash_bag", "trash", "supercategory")
    assert float(row["rollup_score"]) == pytest.approx(1 - (127 / 255) * (153 / 255), abs=1e-5)
    value = json.loads((tmp_path / "out" / "predictions.coco.json").read_text("utf-8"))
    (annotation,) = value["annotations"]
    names = {each["id"]: each["name"] for each in value["categories"]}
    assert names[annotation["category_id"]] == "trash_bag"
    assert annotation["score"] == pytest.approx(128 / 255, abs=1e-5)
    assert annotation["rollup"] == {
        **{"name": "trash", "level": "supercategory"},
        "score": pytest.approx(float(row["rollup_score"])),
    }


def test_an_object_under_every_class_has_the_names_of_its_classes(run: Run, tmp_path: Path) -> None:
    _with_rollup(tmp_path / "tiny.onnx")
    write_image(tmp_path / "scene.png", _coloured((230, 0, 0), (0, 0, 0), (0, 0, 0), (0, 0, 0)))
    assert "names" not in json.loads(predict(run, "scene.png", "--all-classes")[1])
    code, _, err = predict(run, "scene.png", "--all-classes", "--names", "rollup")
    assert code == 2
    assert "all_classes" in err


def test_names_that_cannot_be(run: Run) -> None:
    for names, word in (("rollup", "complete"), ("latin", "class, rollup")):
        code, _, err = predict(run, "pics/a.png", "--names", names)
        assert code == 2
        assert word in err
