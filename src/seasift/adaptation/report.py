"""The page of an adaptation: before and after on held-out images, one HTML file that needs nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from seasift.adaptation.held_out import FEW_STEPS, SHARES, Limits, above
from seasift.core.files import write_text
from seasift.core.image import jpeg_uri, read_image
from seasift.core.page import render_template
from seasift.evaluation.confusion import truth_of
from seasift.modelfile.info import ModelInfo
from seasift.viz.drawing import draw

if TYPE_CHECKING:
    from seasift.adaptation.run import Adapted, Setting

_WIDEST = 560


def write_report(
    path: Path, adapted: Adapted, setting: Setting, base: ModelInfo, *, parent: str, name: str, command: str
) -> None:
    """Write the page, whole or not at all.

    Args:
        path: the HTML file.
        adapted: what the trainings gave.
        setting: what they worked with.
        base: of the base model.
        parent: its name.
        name: of the new model.
        command: what to run next; empty if no model was written.
    """
    judgement, labels = adapted.judgement, setting.labels
    page = render_template(
        "adaptation",
        "adapt.html",
        {"ap": _ap, "limits": _limits},
        judgement=judgement,
        before=judgement.ap(judgement.before),
        after=judgement.ap(judgement.after),
        labelled=[row for row in judgement.rows if row.objects],
        others=[row for row in judgement.rows if not row.objects and any(row.detections)],
        quiet=[row.name for row in judgement.rows if not row.objects and not any(row.detections)],
        shares=[(share, judgement.by_share[share]) for share in SHARES],
        more=judgement.label_more(),
        images=_images(adapted, setting, base),
        title=name,
        parent=parent,
        data=labels.split.name,
        count=len(labels.split.coco.images),
        objects=len(labels.split.coco.annotations),
        steps=adapted.steps,
        few=adapted.fewest if adapted.fewest < FEW_STEPS else None,
        interrupted=adapted.interrupted,
        threshold=base.threshold,
        command=command,
    )
    write_text(path, page)


def _images(adapted: Adapted, setting: Setting, base: ModelInfo) -> list[dict[str, str]]:
    """Truth, before and after of a few held-out images."""
    judgement, split, own = adapted.judgement, setting.labels.split, base.score_calibration()
    categories, by_id = split.coco.categories, {image.id: image for image in split.coco.images}
    shown = []
    for image_id, found in adapted.held.pictures.items():
        if not set(found) >= set(SHARES):
            continue
        image = by_id[image_id]
        pixels = read_image(split.images_dir / image.file_name)
        truth = truth_of(split.coco, image).objects
        both = {
            "before": above(found[0.0], base.threshold, own),
            "after": above(found[judgement.share], base.threshold, judgement.calibration or own),
        }
        drawn: dict[str, Any] = {key: draw(pixels, each, categories) for key, each in both.items()}
        labels = [categories[class_id].name for class_id in truth.class_ids.tolist()]
        drawn["truth"] = draw(pixels, truth, categories, labels=labels)
        shown.append(
            {"file": image.file_name, **{key: jpeg_uri(each, widest=_WIDEST) for key, each in drawn.items()}}
        )
    return shown


def _ap(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _limits(limits: Limits) -> str:
    return f"[{limits[0]:.3f}, {limits[1]:.3f}]" if limits else ""
