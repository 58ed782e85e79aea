"""What a survey wants to know of a model is written into its file; the graph stays as it is."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from seasift.core.errors import InputError
from seasift.core.instances import Category
from seasift.core.rollup import RollUp
from seasift.data.coco import CocoDataset, CocoImage
from seasift.data.prepared import DataSplit
from seasift.evaluation.coco_metrics import LINE
from seasift.evaluation.document import SCHEMA, Evaluation, EvaluationSettings
from seasift.evaluation.runs import read_record
from seasift.export.card import metrics_of, render_card
from seasift.export.complete import complete
from seasift.modelfile.info import CalibrationEntry, read_model_file
from seasift.modelfile.onnx_file import with_metadata
from tests.evaluation.evaluated_folders import evaluated, prepared
from tests.tiny_model import CATEGORIES, save_tiny, tiny_info


def report(*, calibrated: bool = True, names: list[str] | None = None) -> Evaluation:
    names = names or [str(category["name"]) for category in reversed(CATEGORIES)]
    classes = [
        {
            **{"objects": 10 + k, "videos": 2, "found": [8, 4], "right": [5, 3]},
            **{"found_alike": [1.0, 1.5], "objects_alike": [2.0, 1.0]},
        }
        for k in range(len(names))
    ]
    line = dict.fromkeys(LINE, 0.5)
    return Evaluation.from_json(
        {
            "schema": SCHEMA,
            "data": {"name": "painted val", "fingerprint": "abc", "pictures": 3},
            "model": {"name": "tiny", "calibrated": calibrated},
            "settings": {},
            "boxes": line,
            "masks": line,
            "per_class": [],
            "counting": {
                "names": names,
                "thresholds": [0.2, 0.5],
                "classes": classes,
                "supercategories": {"trash": classes[0]},
            },
        }
    )


def test_counts_come_in_the_order_of_the_model_s_classes(tmp_path: Path) -> None:
    model = save_tiny(tmp_path / "a.onnx")
    info = complete(model, tmp_path / "b.onnx", operating_points=report())
    written = read_model_file(tmp_path / "b.onnx").info
    assert written == info
    assert written.counting is not None
    assert [row.objects for row in written.counting.classes] == [12, 11, 10]
    assert written.counting.supercategories is not None
    assert {name: row.objects for name, row in written.counting.supercategories.items()} == {"trash": 10}
    before, after = (onnx.load(str(tmp_path / name)) for name in ("a.onnx", "b.onnx"))
    assert before.graph == after.graph
    assert [each.key for each in after.metadata_props] == ["seasift"]


def test_counts_of_raw_scores_move_to_calibrated_thresholds(tmp_path: Path) -> None:
    calibration = CalibrationEntry(a=2.0, b=1.0, c=0.3, fitted_on="val")
    model = save_tiny(tmp_path / "a.onnx", tiny_info(calibration=calibration.model_dump()))
    counting = complete(model, model, operating_points=report(calibrated=False)).counting
    assert counting is not None
    expected = [1 / (1 + np.exp(-(2 * np.log(s) - np.log(1 - s) + 0.3))) for s in (0.2, 0.5)]
    assert counting.thresholds == pytest.approx(expected, abs=1e-5)
    assert counting.supercategories is None  # their scores follow from several scores


def test_calibration_moves_the_threshold_and_the_counts(tmp_path: Path) -> None:
    model = save_tiny(tmp_path / "a.onnx")
    raw = complete(model, model, operating_points=report(calibrated=False))
    entry = CalibrationEntry(a=2.0, b=1.0, c=0.3, fitted_on="val")
    info = complete(model, tmp_path / "b.onnx", calibration=entry)
    calibration = info.score_calibration()
    assert calibration is not None
    assert raw.counting is not None
    assert raw.counting.supercategories is not None
    assert info.counting is not None
    assert info.counting.supercategories is None
    for before, after in (
        (raw.threshold, info.threshold),
        *zip(raw.counting.thresholds, info.counting.thresholds, strict=True),
    ):
        assert after == pytest.approx(calibration.apply(np.array([before]))[0], abs=1e-5)
    assert info.threshold != pytest.approx(raw.threshold, abs=0.01)
    with pytest.raises(InputError, match="calibrated already, on val"):
        complete(tmp_path / "b.onnx", tmp_path / "c.onnx", calibration=entry)


def test_figures_are_added_to_those_there(tmp_path: Path) -> None:
    model = save_tiny(tmp_path / "a.onnx", tiny_info(figures={"old": {"masks AP": 0.5}}))
    line: dict[str, float | None] = dict.fromkeys(LINE)
    changes = {
        "settings": EvaluationSettings(threshold=0.001),
        "masks": line | {"AP": 0.25},
        "boxes": line | {"AP": 0.75},
    }
    evaluated = report().model_copy(update=changes)
    assert complete(model, model, figures=[evaluated]).figures == {
        "old": {"masks AP": 0.5},
        "painted val": {"pictures": 3, "score threshold": 0.001, "masks AP": 0.25, "boxes AP": 0.75},
    }


def test_a_report_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    model = save_tiny(tmp_path / "a.onnx")
    before = model.read_bytes()
    with pytest.raises(InputError, match="no counts of green thing"):
        complete(model, model, operating_points=report(names=["red thing", "blue thing"]))
    with pytest.raises(InputError, match="no counts by threshold"):
        complete(model, model, operating_points=report().model_copy(update={"counting": None}))
    assert model.read_bytes() == before


def test_looks_of_images(tmp_path: Path) -> None:
    model = save_tiny(tmp_path / "a.onnx")
    rng = np.random.default_rng(0)
    images = []
    for k in range(12):
        name = f"vid_{k // 3}_frame{k}.png"
        cv2.imwrite(str(tmp_path / name), rng.integers(0, 200, (40, 40, 3), np.uint8))
        images.append(CocoImage(k, name, (40, 40)))
    coco = CocoDataset((Category(1, "thing"),), tuple(images), ())
    split = DataSplit(coco, tmp_path, "painted train", chosen={"group": r"vid_(\d+)"})
    looks = complete(model, model, reference=split).looks
    assert looks is not None
    assert (looks.pictures, len(looks.samples), len(looks.video_distances)) == (12, 12, 4)
    assert len(looks.names) == 6 + 2 * 4  # the tiny model has four prototypes
    assert read_model_file(model).info.looks == looks


def test_other_metadata_stays(tmp_path: Path) -> None:
    model = onnx.load(str(save_tiny(tmp_path / "a.onnx")))
    onnx.helper.set_model_props(model, {"author": "nobody", "seasift": "old"})
    data = with_metadata(model.SerializeToString(), "seasift", "new ✓" * 200)
    props = {each.key: each.value for each in onnx.load_from_string(data).metadata_props}
    assert props == {"author": "nobody", "seasift": "new ✓" * 200}


def rollup_report(**changes: object) -> Evaluation:
    levels = {"class": 0.6, "supercategory": 0.4, "object": 0.25}
    fitted = [{"probability": p, "thresholds": levels, "levels": {}} for p in (0.5, 0.7)]
    line = dict.fromkeys(LINE, 0.5)
    rows = [{"name": str(each["name"]), "objects": 1, "boxes": line, "masks": line} for each in CATEGORIES]
    values = report(calibrated=False).to_json() | {
        "per_class": rows,
        "rollup": {"fitted": fitted, "own": None},
    }
    return Evaluation.from_json(values | changes)


def test_thresholds_of_the_roll_up(tmp_path: Path) -> None:
    model = save_tiny(tmp_path / "a.onnx")
    assert read_model_file(model).info.roll_up() is None
    complete(model, tmp_path / "b.onnx", rollup=rollup_report(), right=0.5)
    info = read_model_file(tmp_path / "b.onnx").info
    assert info.roll_up() == RollUp(0.6, 0.4, 0.25)
    assert info.rollup is not None
    assert (info.rollup.probability, info.rollup.fitted_on) == (0.5, "painted val")
    # They are of raw scores, so calibrated ones have none.
    calibration = CalibrationEntry(a=2.0, b=1.0, c=0.3, fitted_on="val")
    assert complete(tmp_path / "b.onnx", tmp_path / "c.onnx", calibration=calibration).rollup is None


@pytest.mark.parametrize(
    "change",
    [
        {"rollup": None},
        {"model": {"name": "tiny", "calibrated": True}},
        {"per_class": []},
    ],
)
def test_a_roll_up_that_does_not_fit_the_model(tmp_path: Path, change: dict[str, object]) -> None:
    model = save_tiny(tmp_path / "a.onnx")
    with pytest.raises(InputError, match="painted val"):
        complete(model, tmp_path / "b.onnx", rollup=rollup_report(**change))
    with pytest.raises(InputError, match=r"0\.5, 0\.7"):
        complete(model, tmp_path / "b.onnx", rollup=rollup_report(), right=0.6)
    assert not (tmp_path / "b.onnx").exists()


def test_figures_and_card_go_above_the_classes(tmp_path: Path) -> None:
    folder = evaluated(tmp_path / "run", prepared(tmp_path / "data"), seed=1)
    record = read_record(folder / "report.json")
    _, figures = metrics_of(record)
    assert figures["any object, masks AP50"] == record.levels["object"].masks["AP50"]
    assert figures["vehicle, boxes AP50"] == record.levels["supercategory"].per_class[0].boxes["AP50"]
    rollup = {"by_class": 0.6, "by_supercategory": 0.4, "by_object": 1.0, "probability": 0.7}
    info = tiny_info(rollup=rollup | {"fitted_on": "painted val"})
    card = render_card(info, 1, [record])
    assert (
        "| names | the class from a score of 0.60, else the supercategory from 0.40; each right in 70% on painted val |"
        in card
    )
    limits = record.levels["object"].intervals
    assert limits is not None
    assert limits.masks["AP50"] is not None
    low, high = (f"{value:.3f}".lstrip("0") for value in limits.masks["AP50"])
    assert f"[{low}, {high}]" in card
