"""From folders of evaluated runs to tables, intervals, differences and the page."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seasift.core.errors import InputError
from seasift.data.prepared import open_prepared
from seasift.evaluation.compare import CompareSettings, compare, evaluate_runs, published
from seasift.evaluation.compare_page import duration, tables, verdict, write_comparison
from seasift.evaluation.comparison import Change, Comparison
from seasift.evaluation.confusion import matches_of
from seasift.evaluation.intervals import draw_weights, resampled
from seasift.evaluation.machine import graphics_processor
from seasift.evaluation.runs import read_run, read_runs
from tests.evaluation.evaluated_folders import FACTS, evaluated, prepared, trained
from tests.evaluation.test_report import _Page


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set and runs on it. For reading only."""
    folder = tmp_path_factory.mktemp("runs")
    data = prepared(folder / "data")
    evaluated(folder / "one", data, seed=1)
    evaluated(folder / "two", data, seed=2)
    evaluated(folder / "few", data, seed=1, split="few")
    evaluated(folder / "quick", data, seed=1, limit=5)
    evaluated(folder / "boxes", data, seed=3, masked=False)
    trained(folder / "trained", data, seed=4)
    return folder


def compared(index: Path, *names: str, data: bool = True, resamples: int = 60) -> Comparison:
    runs = read_runs([index / name for name in names])
    return compare(runs, CompareSettings(index / "data" if data else None, resamples))


def text_of(comparison: Comparison, title: str) -> list[tuple[str, ...]]:
    (table,) = (table for table in tables(comparison) if table.title == title)
    assert {len(row) for row in table.rows} == {len(table.heads)}
    return list(table.rows)


def test_intervals_are_of_the_runs_own_figures(index: Path) -> None:
    comparison = compared(index, "one", "two")
    for run, name in zip(comparison.to_json()["runs"], ("one", "two"), strict=True):
        record = json.loads((index / name / "report.json").read_text())
        assert run["boxes"] == record["boxes"]
        assert run["groups"] == 6
        for kind in ("masks", "boxes"):
            for figure in ("AP", "AP50", "AP75"):
                low, high = run["intervals"][kind][figure]
                assert 0 <= low < record[kind][figure] < high <= 1
            assert run["intervals"]["per_class"]["never there"][kind] is None
            assert run["intervals"]["per_class"]["net"][kind] is not None
    truth = open_prepared(index / "data").split().coco
    index_of = {image.id: number for number, image in enumerate(truth.images)}
    for category, row in zip(truth.categories, comparison.runs[0].per_class, strict=True):
        own = [a for a in truth.annotations if a.category_id == category.id and not a.iscrowd]
        assert row.groups == len({index_of[a.image_id] // 2 for a in own})


def test_the_difference_comes_from_the_same_draws(index: Path) -> None:
    (pair,) = compared(index, "one", "two").to_json()["pairs"]
    split = open_prepared(index / "data").split()
    weights = draw_weights([str(n // 2) for n in range(12)], 60, 0)
    both = []
    for name in ("one", "two"):
        entries = json.loads((index / name / "predictions.json").read_text())
        classes = matches_of(split.coco, entries, "masks")
        assert classes is not None
        both.append(resampled(classes, weights).overall["AP"])
    expected = np.quantile(both[1] - both[0], [0.025, 0.975])
    found = pair["difference"]["masks"]["AP"]
    assert found["interval"] == pytest.approx(expected.tolist())
    assert found["zero_inside"] == (expected[0] <= 0 <= expected[1])
    records = [json.loads((index / name / "report.json").read_text()) for name in ("one", "two")]
    assert found["value"] == pytest.approx(records[1]["masks"]["AP"] - records[0]["masks"]["AP"])


def test_words_say_where_zero_lies(index: Path) -> None:
    comparison = compared(index, "one", "two")
    (pair,) = comparison.pairs
    for value, limits, words in (
        (0.1, [0.02, 0.2], "0 is outside: B is better"),
        (-0.1, [-0.2, -0.02], "0 is outside: A is better"),
        (0.1, [-0.02, 0.2], "0 is inside: no difference shown"),
    ):
        found = Change(value=value, interval=limits, zero_inside=limits[0] <= 0 <= limits[1])
        assert verdict(found, pair) == words


def test_the_same_seed_gives_the_same_bytes(index: Path) -> None:
    first, second = (compared(index, "one", "two") for _ in range(2))
    assert json.dumps(first.to_json()) == json.dumps(second.to_json())


def test_other_parts_stand_in_the_table_without_a_difference(index: Path) -> None:
    comparison = compared(index, "one", "few", "two", "quick")
    by_pair = {pair.first + pair.second: pair.difference is not None for pair in comparison.pairs}
    assert by_pair == {"AB": False, "AC": True, "AD": False, "BC": False, "BD": False, "CD": False}
    rows = text_of(comparison, "Differences")
    assert ("B − A", "–", "–", "–", "–", "evaluated on different splits: no difference") in rows
    named = [row[1] for row in text_of(comparison, "Average precision")[:4]]
    assert named == [
        "little default published published/val, 12 images",
        "little default published published/few, 4 images",
        "little default published published/val, 12 images",
        "little default published published/val, 5 of 12 images",
    ]
    assert any("A, C on little default published published/val" in note for note in comparison.notes)
    assert any("D: only 5 of 12 images" in note for note in comparison.notes)
    assert {run.groups for run in comparison.runs} == {6, 2, 5}


def test_runs_of_different_parts_are_not_drawn_together(index: Path) -> None:
    runs = read_runs([index / "one", index / "few"])
    with pytest.raises(InputError, match=r"published/val .12 of 12 images. and .*published/few"):
        evaluate_runs(runs, index / "data", 10, 0)


def test_few_videos_are_told(index: Path) -> None:
    notes = compared(index, "one", "few").notes
    assert any(note.startswith("Only 6 videos (A)") for note in notes)
    assert any("2 classes have objects in fewer than 5 videos (B)" in note for note in notes)


def test_videos_may_be_told_or_unknown(index: Path, tmp_path: Path) -> None:
    runs = read_runs([index / "one"])
    told = compare(
        runs, CompareSettings(index / "data", 20, group=r"_(frame\d)")
    )  # frame1, frame10 and frame11 are one
    assert told.runs[0].groups == 10
    truth = tmp_path / "truth.json"
    truth.write_bytes((index / "data" / "annotations" / "default-published.json").read_bytes())
    record = json.loads((index / "one" / "report.json").read_text())
    record["data"]["fingerprint"] = hashlib.sha256(truth.read_bytes()).hexdigest()
    (tmp_path / "report.json").write_text(json.dumps(record))
    (tmp_path / "predictions.json").write_bytes((index / "one" / "predictions.json").read_bytes())
    alone = compare(read_runs([tmp_path]), CompareSettings(truth, 20))
    assert alone.runs[0].groups == 12
    assert any(note.startswith("No videos are known (A)") for note in alone.notes)
    assert not any(note.startswith("No videos are known") for note in told.notes)


def test_without_data_there_are_no_intervals(index: Path) -> None:
    comparison = compared(index, "one", "two", data=False)
    assert comparison.bootstrap is None
    assert comparison.runs[0].intervals is None
    assert comparison.notes[0].startswith("No intervals: they need the truth. Give --data")
    assert "[" not in text_of(comparison, "Average precision")[0][2]
    assert "Differences" not in {table.title for table in tables(comparison)}


def test_a_run_without_masks(index: Path) -> None:
    comparison = compared(index, "one", "boxes")
    assert set(comparison.runs[1].to_json()["intervals"]) == {"boxes", "per_class"}
    assert set(comparison.pairs[0].to_json()["difference"]) == {"boxes", "per_class"}
    assert text_of(comparison, "Average precision")[1][2] == "–"


def test_facts_speeds_and_training(index: Path) -> None:
    comparison = compared(index, "trained", "one", data=False)
    first, other, last = text_of(comparison, "Size and speed")
    assert first[:6] == ("A  trained", "1,234,567", "1,000,000", "8.0", "4.2", "400")
    assert first[8] == other[8] == "openvino f32, 3 threads"
    assert other[:2] == ("A", "")
    assert re.fullmatch(r"[\d,]+\.\d", last[6])
    assert last[7] == "–"
    assert "cores" in last[9]
    (row,) = text_of(comparison, "Training")
    assert row == (
        *("A  trained", "my recipe", "yolact resnet50 550 px", "imagenet", "little/train"),
        *("160,000", "1 h 07 min", "x86_64, 2 threads"),
    )
    training = comparison.runs[0].training
    assert training is not None
    curves = training.curves
    assert curves["loss/total"] == [[160, 7.5], [480, 3.5]]
    assert curves["val/mask_AP"] == [[480, 0.1], [960, 0.15]]
    assert {key: comparison.runs[1].facts[key] for key in FACTS} == FACTS


def bench_of(sha256: str, **changes: Any) -> dict[str, Any]:
    """What `seasift bench` writes, as far as a comparison reads it."""
    rows = [
        {"engine": "openvino", "precision": "bf16", "latency_p50_ms": 20.0, "end_to_end_per_s": 66.6},
        {"engine": "onnxruntime-cuda", "precision": "f32", "latency_p50_ms": 4.0, "end_to_end_per_s": 99.9}
        | {"hardware": "NVIDIA X1 beside a desk"},
    ]
    about = {"machine": {"processor": "slide rule", "cores": 2}, "model": {"name": "m", "sha256": sha256}}
    return {"schema": "seasift-speed/1", **about, "threads": 1, "rows": rows} | changes


def test_speeds_of_every_engine_that_was_measured(index: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(index / "one", run)
    record = json.loads((run / "report.json").read_text())
    record["model"]["sha256"] = "abc"
    (run / "report.json").write_text(json.dumps(record))
    (run / "bench.json").write_text(json.dumps(bench_of("abc")))
    own, *others = text_of(compare([read_run(run)], CompareSettings()), "Size and speed")
    assert own[8] == "openvino f32, 3 threads"
    assert [row[6:] for row in others] == [
        ("50.0", "66.6", "openvino bf16, 1 threads", "slide rule, 2 cores"),
        ("250.0", "99.9", "onnxruntime-cuda f32, 1 threads", "NVIDIA X1 beside a desk"),
    ]
    for bench, complaint in (
        (bench_of("def"), "bench.json: of 'm' with sha256 def; expected abc, the evaluated model"),
        (bench_of("abc", schema="other/1"), "bench.json: of schema 'other/1'; expected 'seasift-speed/1'"),
        (bench_of("abc", rows=[{"engine": "openvino"}]), "bench.json: damaged"),
    ):
        (run / "bench.json").write_text(json.dumps(bench))
        with pytest.raises(InputError, match=complaint):
            read_run(run)
    record["model"]["engine"] = "torch"  # evaluated by its checkpoint, measured as a model file
    (run / "report.json").write_text(json.dumps(record))
    (run / "bench.json").write_text(json.dumps(bench_of("def")))
    assert len(read_run(run).more_speeds) == 2


def test_the_evaluation_folder_of_a_training_run_is_that_run(index: Path) -> None:
    inner, outer = read_run(index / "trained" / "evaluation"), read_run(index / "trained")
    assert (inner.name, inner.training, inner.record) == ("trained", outer.training, outer.record)
    assert len(outer.more_speeds) == 1


def test_a_record_of_an_older_version_stands_with_dashes(index: Path, tmp_path: Path) -> None:
    record = json.loads((index / "one" / "report.json").read_text())
    for key in ("speed", "curves"):
        del record[key]
    del record["model"]["facts"]
    record["data"] = {
        k: v for k, v in record["data"].items() if k not in ("labels", "masks", "split", "part", "group")
    }
    (tmp_path / "report.json").write_text(json.dumps(record))
    comparison = compare([read_run(tmp_path)], CompareSettings())
    assert set(text_of(comparison, "Size and speed")[0][1:]) == {"–"}
    write_comparison(tmp_path / "out", comparison)
    with pytest.raises(InputError, match="does not name labels, masks, scheme and split"):
        compare([read_run(tmp_path)], CompareSettings(index / "data"))


def test_data_and_predictions_must_be_those_of_the_run(index: Path, tmp_path: Path) -> None:
    record = json.loads((index / "one" / "report.json").read_text())
    entries = json.loads((index / "one" / "predictions.json").read_text())

    def refused(match: str, record: dict[str, Any], entries: Any) -> None:
        (tmp_path / "report.json").write_text(json.dumps(record))
        (tmp_path / "predictions.json").write_text(json.dumps(entries))
        with pytest.raises(InputError, match=match) as error:
            compare([read_run(tmp_path)], CompareSettings(index / "data", 20))
        assert "\n" not in str(error.value)

    refused(
        "fingerprint abc; .* with xyz", record | {"data": record["data"] | {"fingerprint": "xyz"}}, entries
    )
    refused(
        "12 images in .*was evaluated on 11", record | {"data": record["data"] | {"pictures": 11}}, entries
    )
    refused(r"gives boxes AP \d.\d+; report.json says", record, entries[5:])
    refused("not of its split", record, [entries[0] | {"image_id": 999}])
    refused("another size", record, [entries[0] | {"segmentation": {"size": [3, 3], "counts": [9]}}])
    refused("entry 0 is not a COCO result", record, [{"image_id": 1}])
    refused("not a list", record, {})


def test_published_rows_have_split_and_source() -> None:
    rows = published()
    assert all(set(row.to_json()) == {"name", "masks", "boxes", "split", "source"} for row in rows)
    assert all(row.split and row.source for row in rows)
    assert {(row.masks, row.boxes) for row in rows} == {
        *((0.238, 0.291), (0.235, 0.286), (0.3, 0.345), (0.308, 0.387)),
        *((0.365, None), (0.377, None), (None, 0.475), (None, 0.517)),
    }


def test_the_page_needs_nothing_else(index: Path, tmp_path: Path) -> None:
    comparison = compared(index, "one", "trained")
    paths = write_comparison(tmp_path / "out", comparison)
    assert [path.name for path in paths] == ["compare.html", "compare.json", "compare.md"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(path.name for path in paths)
    assert json.loads(paths[1].read_text(encoding="utf-8")) == comparison.to_json()
    html = paths[0].read_text(encoding="utf-8")
    page = _Page()
    page.feed(html)
    assert page.open == []
    assert len(page.loads) == 3
    assert all(load.startswith("data:image/") for load in page.loads)
    assert not re.search(r"url\(|@import|<script", html)
    assert "model <1>" in page.text  # escaped
    assert "of 6 videos" in page.text
    assert "Published results" in page.text
    for table in tables(comparison):
        assert table.title in page.text
        assert all(cell in page.text for row in table.rows for cell in row)
    markdown = paths[2].read_text(encoding="utf-8")
    assert markdown.count("\n### ") + 1 == len(tables(comparison))
    assert re.search(r"^\| A  one \| little .* \| 0\.\d{3} \[\.\d{3}, \.\d{3}\] \|", markdown, re.MULTILINE)


def test_runs_that_list_other_objects_are_told(index: Path, tmp_path: Path) -> None:
    record = json.loads((index / "one" / "report.json").read_text())
    record["settings"]["threshold"] = 0.3
    (tmp_path / "report.json").write_text(json.dumps(record))
    notes = compare(read_runs([index / "one", tmp_path]), CompareSettings()).notes
    assert any("A scores from 0.2, at most 100 an image; B scores from 0.3, at" in note for note in notes)


def test_a_graphics_processor_is_named_by_its_driver(tmp_path: Path) -> None:
    assert graphics_processor(tmp_path) is None
    (tmp_path / "0000:01").mkdir()
    (tmp_path / "0000:01" / "information").write_text("Model: \t\t NVIDIA X1\nIRQ:   	 47\n")
    assert graphics_processor(tmp_path) == "NVIDIA X1"


def test_durations() -> None:
    assert [duration(seconds) for seconds in (None, 90, 3599, 7260)] == [
        "–",
        "1.5 min",
        "1 h 00 min",
        "2 h 01 min",
    ]
