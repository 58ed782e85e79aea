"""What the user names, and the order and names in which it comes."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from seasift.core.image import encode_image, write_image
from seasift.core.instances import Instances
from seasift.core.types import UInt8
from seasift.inference.inputs import Failure, Source, expand
from seasift.inference.stream import Found, SourceImage, predict_sources
from seasift.video.reading import FrameSampling, Span
from tests.tiny_video import index_of, save_video


def grey(value: int, size: int = 8) -> UInt8:
    return np.full((size, size, 3), value, np.uint8)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (
        "b.JPG",
        "a.png",
        "[1].png",
        "sub/c.tif",
        "sub/deep/d.bmp",
        ".hidden.png",
        ".git/e.png",
        "out/f.png",
    ):
        write_image(tmp_path / "pics" / name, grey(100))
    for name in ("notes.txt", "sub/clip.MOV", "data.json"):
        (tmp_path / "pics" / name).write_bytes(b"x")
    (tmp_path / "none").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(found: list[Source | Failure]) -> list[str]:
    return [item.name if isinstance(item, Source) else f"failed: {item.file}" for item in found]


@pytest.mark.parametrize(
    ("inputs", "recursive", "expected"),
    [
        (["pics"], False, ["pics/[1].png", "pics/a.png", "pics/b.JPG"]),
        (["pics/"], False, ["pics/[1].png", "pics/a.png", "pics/b.JPG"]),
        (["pics/sub"], True, ["pics/sub/c.tif", "pics/sub/clip.MOV", "pics/sub/deep/d.bmp"]),
        (["pics/b.JPG", "pics/a.png"], False, ["pics/b.JPG", "pics/a.png"]),
        (["pics/a.png", "pics", "./pics/a.png"], False, ["pics/a.png", "pics/[1].png", "pics/b.JPG"]),
        (["pics/*.png"], False, ["pics/[1].png", "pics/a.png"]),
        (["pics/**/*.bmp"], False, ["pics/sub/deep/d.bmp"]),
        (["pics/[1].png"], False, ["pics/[1].png"]),  # a name that looks like a glob
        (["pics/*.gif"], False, ["failed: pics/*.gif"]),
        (["none", "pics/a.png"], False, ["failed: none", "pics/a.png"]),
        (["gone.jpg"], False, ["gone.jpg"]),
        (["-", "pics/a.png", "-"], False, ["-", "pics/a.png"]),
        (["pics/notes.txt"], False, ["pics/notes.txt"]),
    ],
)
@pytest.mark.usefixtures("tree")
def test_expand(inputs: list[str], recursive: bool, expected: list[str]) -> None:
    assert names(expand(inputs, recursive=recursive)) == expected


def test_output_of_an_earlier_run_is_no_input(tree: Path) -> None:
    found = expand(["pics"], recursive=True, leave_out=tree / "pics" / "out")
    assert "pics/out/f.png" not in names(found)
    assert "pics/out/f.png" in names(expand(["pics"], recursive=True))
    assert not {".hidden.png", "e.png"} & {Path(name).name for name in names(found)}


@pytest.mark.usefixtures("tree")
def test_kinds() -> None:
    (movie,) = expand(["pics/sub/clip.MOV"])
    assert isinstance(movie, Source)
    assert movie.kind == "video"


def test_absolute_globs(tree: Path) -> None:
    assert len(expand([str(tree / "pics" / "*.png")])) == 2


def brightness(_item: SourceImage, image: UInt8) -> Instances:
    """One object whose score tells the image."""
    return Instances(
        np.zeros((1, 4), np.float32), np.array([image.max() / 255], np.float32), np.zeros(1, np.int64), (8, 8)
    )


def scores(found: Iterator[Found[Instances] | Failure]) -> list[str]:
    texts = []
    for item in found:
        if isinstance(item, Failure):
            texts.append(f"{item.file} failed")
        elif item.result is None:
            texts.append(f"{item.item.file} known")
        else:
            texts.append(f"{item.item.file} {round(float(item.result.scores[0]) * 255)}")
    return texts


def test_stream_keeps_the_order_and_goes_on_after_bad_files(tree: Path) -> None:
    for i in range(9):
        write_image(tree / f"{i}.png", grey(20 * i + 1, size=8 if i % 2 else 700))
    (tree / "4.png").write_bytes(b"hello")
    save_video(tree / "clip.mp4", count=3)
    (tree / "bad.mp4").write_bytes(b"hello")
    sources = expand(["0.png", "1.png", "clip.mp4", "none", "4.png", "gone.png", "bad.mp4", "8.png"])
    predicted: list[int] = []

    def predict(item: SourceImage, image: UInt8) -> Instances:
        assert item.image_rgb_u8 is None
        predicted.append(index_of(image) if image.shape[:2] == (32, 48) else int(image.max()))
        return brightness(item, image)

    got = scores(predict_sources(predict, sources, span=Span(FrameSampling(frames=2))))
    assert [text for text in got if "clip" not in text] == [
        *("0.png 1", "1.png 21", "none failed", "4.png failed", "gone.png failed"),
        *("bad.mp4 failed", "8.png 161"),
    ]
    assert [text.split()[0] for text in got][2:4] == ["clip.mp4#frame=0", "clip.mp4#frame=2"]
    assert predicted == [1, 21, 0, 2, 161]


def test_known_images_are_not_predicted_again_unless_changed(tree: Path) -> None:
    for name in ("a.png", "b.png"):
        write_image(tree / name, grey(50))
    sources = expand(["a.png", "b.png"])
    first = list(predict_sources(brightness, sources, span=Span(FrameSampling(frames=1))))
    keys = {item.item.key for item in first if isinstance(item, Found)}
    assert len(keys) == 2
    again = predict_sources(brightness, sources, span=Span(FrameSampling(frames=1)), known=keys)
    assert scores(again) == ["a.png known", "b.png known"]
    write_image(tree / "b.png", grey(60, size=9))
    again = predict_sources(brightness, sources, span=Span(FrameSampling(frames=1)), known=keys)
    assert scores(again) == ["a.png known", "b.png 60"]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(encode_image(grey(77)))))
    assert scores(predict_sources(brightness, expand(["-"]), span=Span(FrameSampling(frames=1)))) == ["- 77"]


def test_several_at_once_keep_the_order_and_the_bounds(tree: Path) -> None:
    for i in range(20):
        write_image(tree / f"{i:02}.png", grey(10 * i + 1))
    sources = expand([f"{i:02}.png" for i in range(20)])
    begun: list[str] = []
    together = Barrier(3, timeout=30)  # only three threads at once get past it

    def look(item: SourceImage, image: UInt8) -> Instances:
        begun.append(item.file)
        if int(item.file[:2]) < 18:
            together.wait()
        return brightness(item, image)

    got: list[str] = []
    for item in predict_sources(look, sources, span=Span(FrameSampling(frames=1)), max_in_flight=3):
        got += scores(iter([item]))
        assert len(begun) < len(got) + 2 * 3
    assert got == [f"{i:02}.png {10 * i + 1}" for i in range(20)]


def test_who_stops_listening_stops_the_rest(tree: Path) -> None:
    for i in range(20):
        write_image(tree / f"{i:02}.png", grey(i + 1))
    begun: list[str] = []

    def look(item: SourceImage, image: UInt8) -> Instances:
        begun.append(item.file)
        return brightness(item, image)

    found = predict_sources(
        look, expand([f"{i:02}.png" for i in range(20)]), span=Span(FrameSampling(frames=1)), max_in_flight=2
    )
    next(found)
    found.close()
    assert len(begun) <= 4


def test_an_error_of_the_model_is_not_a_bad_image(tree: Path) -> None:
    write_image(tree / "a.png", grey(50))

    def broken(_item: SourceImage, _image: UInt8) -> Instances:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        list(predict_sources(broken, expand(["a.png"]), span=Span(FrameSampling(frames=1))))
