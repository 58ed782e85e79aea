"""`seasift models`, as a user runs it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from seasift.cli import main as entry
from seasift.core.image import write_image
from seasift.inference.predictor import load_predictor
from seasift.modelfile import bundled
from seasift.modelfile.info import read_model_file
from seasift.video.reading import FrameSampling, frames
from tests.models import yolact_reference as reference
from tests.tiny_model import save_tiny

Run = Callable[..., tuple[int, str, str]]
FOOTAGE = Path(__file__).parents[2] / "examples" / "footage"
NAMES = [f"class {number}" for number in range(22)]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    Path("names.txt").write_text("\n".join(NAMES), encoding="utf-8")

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["seasift", *arguments])
        with pytest.raises(SystemExit) as stop:
            entry.main()
        captured = capsys.readouterr()
        return int(stop.value.code or 0), captured.out, captured.err

    return call


def test_show_prints_what_a_network_costs(run: Run) -> None:
    code, out, err = run("models", "show", "yolact-resnet50")
    assert (code, err) == (0, "")
    for part in ("30,748,967", "19,248", "550 x 550", "weights: none"):
        assert part in out
    _, out, _ = run("models", "show", "yolact-efficientnet-lite0", "--size", "320", "--classes", "3")
    assert "320 x 320" in out
    assert "Apache-2.0" in out


def test_show_prints_the_card_of_a_bundled_model(run: Run) -> None:
    code, out, err = run("models", "show", "default")
    assert (code, err) == (0, "")
    assert out.strip() == (bundled.FOLDER / "default.md").read_text(encoding="utf-8").strip()


@pytest.mark.parametrize("name", bundled.names())
def test_every_bundled_model_finds_objects_and_has_its_card(name: str) -> None:
    predictor = load_predictor(name, threads=1)
    card = bundled.card_of(name)
    assert card is not None
    assert card.startswith(f"# Model card: {predictor.name}\n")
    assert f"| default threshold | {predictor.info.threshold} |" in card
    for part, figures in predictor.info.figures.items():
        assert f"## On {part}" in card
        assert f"| AP | {figures['masks AP']:.3f} [" in card
    frame = next(iter(frames(FOOTAGE / "coral.mp4", FrameSampling(frames=60)))).image_rgb_u8
    assert len(predictor.predict([frame], threshold=0.03)[0]) > 0


def metrics_in(text: str) -> set[str]:
    """Metrics as cards write them: three digits after the point."""
    return set(re.findall(r"\b0\.\d{3}\b", text))


def test_cards_begin_with_what_a_model_is_good_for_and_metrics_of_the_files() -> None:
    known = {
        f"{value:.3f}"
        for name in bundled.names()
        for figures in read_model_file(bundled.find(name)).info.figures.values()
        for value in figures.values()
    }
    for name in bundled.names():
        card = bundled.card_of(name) or ""
        begin = card.split("\n| | |", 1)[0]
        for point in ("- **Good at:**", "- **Bad at:**", "- **Use when**"):
            assert point in begin, name
        assert metrics_in(begin), name
        assert metrics_in(begin) <= known, name


def test_the_docs_have_the_metrics_of_the_files() -> None:
    page = Path(__file__).parents[2] / "docs/reference/models.md"
    rows = re.findall(
        r"^\| `([\w-]+)`.*\| (0\.\d{3}) \[.*\| (0\.\d{3}) \[", page.read_text("utf-8"), re.MULTILINE
    )
    assert rows
    for name, masks, boxes in rows:
        figures = read_model_file(bundled.find(name)).info.figures.values()
        assert (masks, boxes) in {(f"{f['masks AP']:.3f}", f"{f['boxes AP']:.3f}") for f in figures}, name


def test_show_prints_what_a_model_file_says_unless_its_own_card_lies_beside_it(run: Run) -> None:
    save_tiny(Path("mine.onnx"))
    name = read_model_file(Path("mine.onnx")).info.name
    Path("mine.md").write_text("# Model card: another\n", encoding="utf-8")
    code, out, err = run("models", "show", "mine.onnx")
    assert (code, err) == (0, "")
    assert out.startswith(f"# Model card: {name}\n")
    assert "| mask AP | 0.000 |" in out
    Path("mine.md").write_text(f"# Model card: {name}\nwhole\n", encoding="utf-8")
    assert run("models", "show", "mine.onnx")[1] == f"# Model card: {name}\nwhole\n"


def test_a_card_becomes_a_page_that_needs_nothing_else(run: Run) -> None:
    save_tiny(Path("mine.onnx"))
    name = read_model_file(Path("mine.onnx")).info.name
    rows = "| 0.4 to 0.5 | 7 | 0.450 | 0.375 | `██·│` |\n| 0.5 to 0.6 | 1,700 | 0.550 | 0.600 | `██` |"
    heads = (
        "| score | detections | mean score | right at IoU .50 | right |\n| --- | ---: | ---: | ---: | --- |"
    )
    card = f"# Model card: {name}\n\n<script>alert(1)</script> **Less**.\n\n{heads}\n{rows}\n"
    Path("mine.md").write_text(card, encoding="utf-8")
    code, out, err = run("models", "show", "mine.onnx", "--html", "card.html")
    assert (code, out, err) == (0, "card.html: the card of mine.onnx\n", "")
    page = Path("card.html").read_text(encoding="utf-8")
    assert f"<title>Model card: {name}</title>" in page
    assert "<strong>Less</strong>" in page
    assert "<script" not in page
    assert "1,700</td>" in page
    (image,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    drawn = ElementTree.fromstring(base64.b64decode(image))
    assert len(drawn.findall("{http://www.w3.org/2000/svg}circle")) == 2
    assert not re.search(r'(src|href)="(?!data:)', page)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "yolact-resnet50", "--html", "x.html"), "without a card"),
        (("show", "none.onnx"), "no such model file"),
        (("show", "yolact-resnet5"), "did you mean yolact-resnet50?"),
        (("show", "yolact-resnet50", "--size", "big"), "expected a side in px"),
        (("show", "yolact-resnet50", "--size", "100x200"), "square"),
    ],
)
def test_what_cannot_be_shown_is_said_in_one_line(run: Run, arguments: tuple[str, ...], message: str) -> None:
    code, out, err = run("models", *arguments)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert message in err


def published(**changes: torch.Tensor) -> Path:
    path = Path("yolact_base_54_800000.pth")
    torch.save({**reference.published_state(), **changes}, path)
    return path


IMPORT = ("models", "import", "yolact_base_54_800000.pth", "--names", "names.txt", "-o", "out.onnx")


@pytest.mark.parametrize(
    ("prepare", "arch", "message"),
    [
        (lambda: None, "yolact-resnet50", "no such file"),
        (lambda: Path("yolact_base_54_800000.pth").write_text("x"), "yolact-resnet50", "not a PyTorch file"),
        (published, "yolact-resnet", "did you mean yolact-resnet50?"),
        (published, "mask-rcnn-resnet50-fpn", "known: yolact-resnet50"),
        (published, "yolact-darknet53", "entries do not fit"),
        (lambda: published(extra=torch.zeros(1)), "yolact-resnet50", "extra is not part of this network"),
        (lambda: (published(), Path("names.txt").write_text("a\nb\n")), "yolact-resnet50", "22 classes"),
        (
            lambda: (published(), Path("names.txt").write_text("a\na\n")),
            "yolact-resnet50",
            "'a' is listed twice",
        ),
    ],
)
def test_what_cannot_be_imported_leaves_nothing(
    run: Run, prepare: Callable[[], object], arch: str, message: str
) -> None:
    prepare()
    code, out, err = run(*IMPORT, "--arch", arch)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert message in err
    assert not Path("out.onnx").exists()


@pytest.mark.slow
def test_a_published_checkpoint_becomes_a_model_that_predicts(run: Run) -> None:
    """At the published size its detections are the published ones."""
    published()
    code, out, err = run(*IMPORT, "--arch", "yolact-resnet50", "--threshold", "0.05")
    assert (code, err) == (0, ""), err
    assert "22 classes" in out
    from seasift.inference.predictor import load_predictor

    image = reference.sample_image()
    (found,) = load_predictor("out.onnx").predict([image], threshold=0.05)
    expected = reference.golden()["det"]
    assert len(found) == reference.golden()["ndet"]
    assert found.class_ids[: len(expected["class"])].tolist() == expected["class"]
    np.testing.assert_allclose(found.scores[: len(expected["score"])], expected["score"], rtol=1e-3)
    write_image(Path("a.png"), image)
    code, out, _ = run("predict", "a.png", "-m", "out.onnx", "-f", "csv")
    assert code == 0
    assert "class 11" in out


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["resnet101", "darknet53"])
def test_other_published_checkpoints_become_models_that_are_evaluated(run: Run, backbone: str) -> None:
    """The file is made by the published list of entries."""
    weights = Path("yolact_54_800000.pth")
    torch.save(reference.published_state(backbone), weights)
    arguments = ("--names", "names.txt", "-o", "out.onnx", "--size", "96")
    code, out, err = run("models", "import", str(weights), "--arch", f"yolact-{backbone}", *arguments)
    assert (code, err) == (0, ""), err
    assert "22 classes" in out
    images = np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3), dtype=np.uint8)
    truth = {
        "images": [{"id": i, "file_name": f"{i}.png", "height": 96, "width": 96} for i in (0, 1)],
        "categories": [{"id": i, "name": name} for i, name in enumerate(NAMES, start=1)],
        "annotations": [
            {"id": i + 1, "image_id": i, "category_id": 3 + i, "bbox": [8, 8, 40, 40], "area": 1600}
            | {"iscrowd": 0, "segmentation": [[8, 8, 48, 8, 48, 48, 8, 48]]}
            for i in (0, 1)
        ],
    }
    for number, image in enumerate(images):
        write_image(Path(f"data/images/{number}.png"), image)
    Path("data/truth.json").write_text(json.dumps(truth), encoding="utf-8")
    code, out, err = run("evaluate", "out.onnx", "data/truth.json", "-o", "judged")
    assert code == 0, err
    report = json.loads(Path("judged/report.json").read_text(encoding="utf-8"))
    assert [row["objects"] for row in report["per_class"]] == [0, 0, 1, 1, *[0] * 18]
    assert 0 <= report["masks"]["AP"] <= 1
    assert json.loads(Path("judged/predictions.json").read_text(encoding="utf-8"))
