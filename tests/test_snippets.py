"""Every Python snippet of the README, of docs/ and of the public docstrings runs."""

from __future__ import annotations

import doctest
import inspect
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import seasift
from seasift.core.image import write_image
from seasift.data.prepare import prepare
from seasift.data.synthetic import make_synthetic
from tests.formats.exchange.contents import write_dive
from tests.tiny_model import save_tiny
from tests.tiny_video import save_video

ROOT = Path(__file__).parents[1]
FENCED = re.compile(r"^```(?:python|py|pycon)\n(.*?)^```", re.DOTALL | re.MULTILINE)
PAGES = [
    page
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    if FENCED.search(page.read_text("utf-8"))
]
DOCUMENTED = [name for name in seasift.__all__ if name != "__version__"]


def make_examples(folder: Path) -> None:
    """Files of the names that snippets use."""
    random = np.random.default_rng(0)
    image = cv2.GaussianBlur(random.integers(0, 255, (270, 480, 3), np.uint8), (0, 0), 9)
    for name in ("frame.jpg", "a.jpg", "b.jpg", "mosaic.tif", "dive/a.jpg"):
        write_image(folder / name, image)
    for name in ("dive.mp4", "gopro1.mp4", "gopro2.mp4"):  # 81 s, a frame every 3 s
        save_video(folder / name, count=28, pts=[3000 * i for i in range(28)])
    save_video(folder / "clip.mp4", count=25, fps=10)
    save_tiny(folder / "model.onnx")
    save_tiny(folder / "mine.onnx")
    write_dive(folder)  # tracks.json
    seasift.predict("dive", model="model.onnx", output="results")
    make_dataset(folder)


def make_dataset(folder: Path) -> None:
    """A prepared data set with the classes of the bundled model, and what an evaluation of it leaves."""
    model = seasift.load()
    annotations = make_synthetic(folder / "coco")
    document = json.loads(annotations.read_text("utf-8"))
    known = {category["id"]: category["name"] for category in document["categories"]}
    ids = {category.name: category.id for category in model.categories}
    document["categories"] = [{"id": category.id, "name": category.name} for category in model.categories]
    for entry in document["annotations"]:
        entry["category_id"] = ids[known[entry["category_id"]]]
    annotations.write_text(json.dumps(document), "utf-8")
    prepare(folder / "coco", folder / "data" / "trashcan")
    splits = folder / "data" / "trashcan" / "splits"
    (names,) = {path.read_text("utf-8") for path in (splits / "published").iterdir()}
    for scheme in ("dive-free", "leak-free"):  # as TrashCan has them
        (splits / scheme).mkdir()
        for split in ("train", "val", "test"):
            (splits / scheme / f"{split}.txt").write_text(names, "utf-8")
    (folder / "annotations.json").write_text(json.dumps(document), "utf-8")
    placed = {path.name: path.relative_to(folder).as_posix() for path in (folder / "coco").rglob("*.png")}
    images = [entry | {"file_name": placed[Path(entry["file_name"]).name]} for entry in document["images"]]
    (folder / "labels.json").write_text(json.dumps(document | {"images": images}), "utf-8")
    results = [
        {key: entry[key] for key in ("image_id", "category_id", "bbox", "segmentation")} | {"score": 0.5}
        for entry in document["annotations"]
        if not entry.get("iscrowd")
        and isinstance(entry["segmentation"], dict)
        and isinstance(entry["segmentation"]["counts"], str)
    ]
    (folder / "out").mkdir(exist_ok=True)
    (folder / "out" / "predictions.json").write_text(json.dumps(results), "utf-8")


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("snippets")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("SEASIFT_CACHE", str(folder / "cache"))  # compiling the bundled model takes longest
        for name, value in (
            ("FEWEST_STEPS", 20),
            ("MOST_STEPS", 20),
            ("BATCH", 1),
        ):  # adapting takes minutes else
            patch.setattr(f"seasift.adaptation.recipe.{name}", value)
        make_examples(folder)
        yield folder


def run_snippet(code: str, name: str, namespace: dict[str, Any]) -> None:
    if ">>>" not in code:
        exec(compile(code, name, "exec"), namespace)
        return
    test = doctest.DocTestParser().get_doctest(code, namespace, name, name, 0)
    failed = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False).run(test, clear_globs=False)
    assert not failed.failed
    namespace.update(test.globs)


@pytest.mark.slow
@pytest.mark.usefixtures("examples")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_snippets_of_a_page_run_one_after_the_other(page: Path) -> None:
    namespace: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", category=ResourceWarning
        )  # open() without close() in short examples
        for i, code in enumerate(FENCED.findall(page.read_text("utf-8")), start=1):
            run_snippet(code, f"{page.name}, snippet {i}", namespace)


@pytest.mark.slow
@pytest.mark.usefixtures("examples")
@pytest.mark.parametrize("name", DOCUMENTED)
def test_examples_of_a_public_docstring_run(name: str) -> None:
    value = getattr(seasift, name)
    texts = [inspect.getdoc(value) or ""]
    if inspect.isclass(value):
        texts += [inspect.getdoc(each) or "" for key, each in vars(value).items() if not key.startswith("__")]
        texts += [inspect.getdoc(value.__call__) or ""]
    model = seasift.load("model.onnx")
    found = model("frame.jpg", threshold=0.0)
    with Path("written.json").open("w", encoding="utf-8") as file:
        for text in texts:
            source = "".join(each.source for each in doctest.DocTestParser().get_examples(text))
            exec(
                compile(source, name, "exec"),
                {"seasift": seasift, "model": model, "found": found, "json": json, "file": file},
            )
