"""Folders as `seasift evaluate` and `seasift train` leave them, on a small prepared data set."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from seasift.core.files import write_json
from seasift.core.image import write_image
from seasift.data.coco import CocoDataset
from seasift.data.prepared import open_prepared
from seasift.evaluation.report import EvaluationSubject, make_record
from seasift.evaluation.stream import EvaluateSettings, evaluate_split, limited
from tests.evaluation.noisy import FakePredictor, noisy_predictions
from tests.evaluation.random_truth import random_truth

FACTS = {"parameters": 1_234_567, "trainable": 1_000_000, "bytes": 2**23, "gflops": 4.25, "priors": 400}


def prepared(folder: Path, *, loaded: int = 12) -> Path:
    """Twelve images of six videos in val, the first four also as split "few"."""
    truth = random_truth(5, images=loaded, objects=9, side=64)
    images = tuple(
        replace(image, file_name=f"vid_{index // 2}_frame{index}.png")
        for index, image in enumerate(truth.images)
    )
    truth = CocoDataset(truth.categories, images, truth.annotations)
    for image in images:
        write_image(folder / "images" / image.file_name, np.full((*image.size_hw, 3), 90, np.uint8))
    names = [image.file_name for image in images]
    for split, own in (("val", names), ("few", names[:4])):
        path = folder / "splits" / "published" / f"{split}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(own))
    (folder / "annotations").mkdir()
    (folder / "annotations" / "default-published.json").write_text(json.dumps(truth.to_json()))
    record = {
        **{
            "schema": "seasift-dataset/1",
            "name": "little",
            "fingerprint": "abc",
            "group": "vid_(\\d+)_frame",
        },
        "defaults": {"labels": "default", "masks": "published", "split": "published"},
    }
    (folder / "dataset.json").write_text(json.dumps(record))
    return folder


def evaluated(
    folder: Path, data: Path, *, seed: int, split: str = "val", limit: int | None = None, masked: bool = True
) -> Path:
    """An evaluation whose predictions are made from truth; facts and engine are invented."""
    chosen = open_prepared(data).split(split=split)
    settings = EvaluateSettings(threshold=0.2, confidence=0.4, batch_size=5, worst=1, limit=limit)
    found = noisy_predictions(chosen.coco, seed)
    if not masked:
        found = {key: replace(each, masks=None) for key, each in found.items()}
    outcome = evaluate_split(FakePredictor(limited(chosen.coco, limit), found), chosen, settings)
    model = {"name": f"model <{seed}>", "engine": "openvino", "precision": "f32", "facts": FACTS}
    subject = EvaluationSubject(model, chosen.name, chosen.fingerprint, chosen.chosen, threads=3)
    record = make_record(outcome, settings, subject)
    write_json(folder / "report.json", record.to_json())
    write_json(folder / "predictions.json", outcome.results.entries)
    return folder


def trained(folder: Path, data: Path, *, seed: int) -> Path:
    """A training run with its evaluation and a second one on another engine."""
    folder.mkdir(parents=True)
    run = {"train_seconds": 4000, "pictures_seen": 160000, "seed": 1, "machine": "x86_64, 2 threads"}
    (folder / "run.json").write_text(json.dumps(run | {"train": {"name": "little/train", "pictures": 3}}))
    (folder / "recipe.yaml").write_text(
        "name: my recipe\nmodel: {arch: yolact, backbone: resnet50, size: 550, weights: imagenet}\n"
    )
    (folder / "metrics.csv").write_text(
        "step,pictures,lr,loss/total,val/mask_AP,val/box_AP\n10,160,0.1,7.5,,\n20,320,0.1,nan,,\n"
        "30,480,0.1,3.5,,\n30,480,,,0.1,0.2\n60,960,,,0.15,0.25\n"
    )
    evaluated(folder / "evaluation", data, seed=seed)
    evaluated(folder / "evaluation-other", data, seed=seed)
    return folder
