"""A survey with an adopted model without masks: tracks by boxes, sizes marked as such, label formats of other tools."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

import seasift
from seasift.export.adopt import adopt
from tests.drawn_models import YOLO_METADATA, drawn_graph, save_graph, yolo_predictions
from tests.tiny_video import encode

FISH_AND_CRAB = [(10.0, 20.0, 30.0, 44.0, 1, 0.9), (40.0, 22.0, 60.0, 40.0, 0, 0.6)]
FORMATS = {
    "seasift-tracks": "json", "coco": "json", "kwcoco": "json", "viame-csv": "csv", "biigle-csv": "csv", "cvat": "xml",
    "label-studio": "json", "megadetector": "json", "ifdo": "yaml",
}  # fmt: skip


def test_a_dive_of_boxes(tmp_path: Path) -> None:
    graph = drawn_graph({"output0": yolo_predictions(FISH_AND_CRAB)}, metadata=YOLO_METADATA)
    model, _ = adopt(save_graph(tmp_path / "theirs.onnx", graph))
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    video = encode(tmp_path / "dive.mp4", [noise] * 12, codec="libx264", options={})
    out = tmp_path / "out"
    seasift.survey(video, output=out, model=str(model))
    with (out / "tracks.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert {(name, row["size_px"], row["size_from"]) for name, row in rows.items()} == {
        ("crab", str(20 * 24), "box"),
        ("fish", str(20 * 18), "box"),
    }
    for name, suffix in FORMATS.items():
        written = tmp_path / f"labels-{name}.{suffix}"
        seasift.convert(out / "tracks.json", written, to=name)
        assert "crab" in written.read_text(encoding="utf-8")
