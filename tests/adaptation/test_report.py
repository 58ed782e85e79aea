"""The page of an adaptation."""

from __future__ import annotations

import re
from pathlib import Path

from seasift.adaptation.held_out import SHARES, HeldOut
from seasift.adaptation.labels import read_labels, turns_of
from seasift.adaptation.recipe import recipe_for
from seasift.adaptation.report import write_report
from seasift.adaptation.run import Adapted, Setting
from seasift.core.decode import YolactDecode
from seasift.core.instances import Category
from seasift.evaluation.confusion import truth_of
from tests.adaptation.test_adapt import drawn_labels
from tests.tiny_model import tiny_info


def page_of(folder: Path, *, perfect_base: bool = False) -> str:
    """Labels of boxes and <b>balls; the adapted model finds all, the base model only boxes unless it is perfect."""
    path = drawn_labels(folder, images=4)
    path.write_text(path.read_text().replace('"ball"', '"<b>ball"'))
    known = [Category(3, "box"), Category(5, "crab")]
    labels = read_labels(path, [*known, Category(6, "<b>ball")] if perfect_base else known)
    coco = labels.split.coco
    held = HeldOut(coco, labels.base_classes, turns_of(coco.images, 3).group_of, "video", (1, 2))
    for share in SHARES:
        held.add(share, {image.id: truth_of(coco, image).objects for image in coco.images})
    judgement = held.judge((0.3, None))
    assert judgement is not None
    setting = Setting(
        labels=labels,
        recipe=recipe_for(tiny_info(), "tiny", 4, "mine"),
        decode=YolactDecode(),
        threshold=0.3,
        calibration=None,
        accelerator="cpu",
        scratch=folder,
        tell=print,
    )
    adapted = Adapted(None, folder / "last.ckpt", 12, 12, judgement, held, interrupted=False)
    command = "" if perfect_base else "seasift survey DIVE.mp4 -m mine"
    write_report(
        folder / "page.html", adapted, setting, tiny_info(), parent="tiny", name="mine", command=command
    )
    return (folder / "page.html").read_text(encoding="utf-8")


def test_the_page_shows_before_and_after_and_what_to_do(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))
    assert "0.500 AP of masks before" in words
    assert "1.000 after" in words
    assert "+0.500" in words
    assert "box (4 labelled objects)" in words
    assert "time for 12 steps only" in words
    assert "seasift survey DIVE.mp4 -m mine" in words
    assert "Never shown, before or after: crab." in words
    assert page.count("<figure>") == 6  # two images, each before, after and labels


def test_the_page_needs_nothing_else_and_names_cannot_change_it(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    assert not re.search(r"https?:|<script|<link", page)
    assert "<b>ball" not in page
    assert "&lt;b&gt;ball" in page


def test_a_model_that_was_not_written_is_said_first(tmp_path: Path) -> None:
    page = page_of(tmp_path, perfect_base=True)
    assert page.index("No model was written") < page.index('class="tiles"')
    assert "seasift survey" not in page
