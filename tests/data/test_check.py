"""`check` finds each kind of defect where it is, and nothing in a good data set."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seasift.core.errors import DatasetError
from seasift.data.check import CheckReport, check

Document = dict[str, Any]

# The first object is of class 2 in the image with id 13, 96 px high and 128 px wide.
_EMPTY_CLASS = ("warning", "empty class", "category 40 (plant)")


@pytest.fixture
def copy(synthetic: Path, tmp_path: Path) -> Path:
    """The synthetic data set, to be spoilt."""
    shutil.copytree(synthetic.parent, tmp_path / "set")
    return tmp_path / "set" / synthetic.name


def _spoil(path: Path, change: Callable[[Document], Any]) -> CheckReport:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    return check([path])


def _found(report: CheckReport) -> list[tuple[str, str, str]]:
    return [(d.severity, d.kind, d.location) for d in report.defects]


def _set(path: str, value: Any) -> Callable[[Document], None]:
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]

    def change(document: Document) -> None:
        location: Any = document
        for step in way:
            location = location[step]
        location[last] = value

    return change


def _take(path: str) -> Callable[[Document], None]:
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]

    def change(document: Document) -> None:
        location: Any = document
        for step in way:
            location = location[step]
        del location[last]

    return change


def _again(key: str, **new: Any) -> Callable[[Document], None]:
    return lambda document: document[key].append({**document[key][0], **new})


def test_a_good_data_set_has_no_fatal_defect(synthetic: Path) -> None:
    report = check([synthetic])
    assert _found(report) == [_EMPTY_CLASS]
    assert (report.fatal, report.images) == (0, 8)


FIRST = "annotation 1 (vid_000001_frame0000001.png)"
HUGE = 10**400
SPOILT = [
    (_set("annotations.0.bbox", [200, 10, 20, 20]), "fatal", "box outside", FIRST),
    (_set("annotations.0.bbox", [-30, 10, 20, 20]), "fatal", "box outside", FIRST),
    (_set("annotations.0.bbox", [60, 50, 90, 30]), "warning", "box reaches out", FIRST),
    (_set("annotations.0.bbox", [1, 1, 5, 5]), "warning", "box off mask", FIRST),
    (_set("annotations.0.bbox", [1, 1, 0, 5]), "fatal", "empty box", FIRST),
    (_set("annotations.0.bbox", [1, 1, -5, 5]), "fatal", "empty box", FIRST),
    (_set("annotations.0.bbox", "1 1 5 5"), "fatal", "wrong type", FIRST),
    (_set("annotations.0.bbox", [1, 1, 5]), "fatal", "wrong type", FIRST),
    (_set("annotations.0.bbox.0", float("nan")), "fatal", "wrong type", FIRST),
    (_set("annotations.0.bbox.2", float("inf")), "fatal", "wrong type", FIRST),
    (_set("annotations.0.bbox.1", HUGE), "fatal", "wrong type", FIRST),
    (_take("annotations.0.bbox"), "fatal", "wrong type", FIRST),
    (_set("annotations.0.area", "large"), "fatal", "wrong type", FIRST),
    (_set("annotations.0.area", -4), "fatal", "wrong type", FIRST),
    (_set("annotations.0.iscrowd", 2), "fatal", "wrong type", FIRST),
    (_set("annotations.0.iscrowd", [1]), "fatal", "wrong type", FIRST),
    (_set("annotations.0.segmentation", []), "warning", "no mask", "annotations"),
    (_take("annotations.0.segmentation"), "warning", "no mask", "annotations"),
    (_set("annotations.0.class_set", [9]), "fatal", "broken label", FIRST),
    (_set("annotations.0.class_set", [9, 7]), "fatal", "broken label", FIRST),
    (_set("annotations.0.loose_box", "yes"), "fatal", "broken label", FIRST),
    (_set("images.0.background_labelled", 0), "fatal", "broken label", "images[0]"),
    (_set("annotations.0.segmentation", [[1, 1, 9, 1, 9, 9, 1]]), "fatal", "broken mask", FIRST),
    (_set("annotations.0.segmentation", [[1, 1, 9, 1]]), "fatal", "broken mask", FIRST),
    (_set("annotations.0.segmentation", [[1, 1, 9, 1, 9, None]]), "fatal", "broken mask", FIRST),
    (_set("annotations.0.segmentation", [[1, 1, 9, 1, 9, HUGE]]), "fatal", "broken mask", FIRST),
    (_set("annotations.0.segmentation", [[300, 300, 320, 300, 320, 320]]), "fatal", "empty mask", FIRST),
    (_set("annotations.0.segmentation", [[5, 5, 5, 5, 5, 5]]), "fatal", "empty mask", FIRST),
    (
        _set("annotations.0.segmentation", {"size": [96, 128], "counts": [96 * 128]}),
        "fatal",
        "empty mask",
        FIRST,
    ),
    (
        _set("annotations.0.segmentation", {"size": [96, 128], "counts": [5, 5]}),
        "fatal",
        "broken mask",
        FIRST,
    ),
    (_set("annotations.0.segmentation", {"size": [9, 9], "counts": [1, 80]}), "fatal", "broken mask", FIRST),
    (_set("annotations.0.segmentation", {"size": [96], "counts": "04"}), "fatal", "broken mask", FIRST),
    (_set("annotations.0.segmentation", {"size": [96, 128]}), "fatal", "broken mask", FIRST),
    (_set("annotations.0.segmentation", {"size": [96, 128], "counts": "µ"}), "fatal", "broken mask", FIRST),
    (_set("annotations.0.category_id", 7), "fatal", "unknown category", "annotation 1"),
    (_set("annotations.0.category_id", "2"), "fatal", "unknown category", "annotation 1"),
    (_set("annotations.0.image_id", 999), "fatal", "unknown image", "annotation 1"),
    (_set("annotations.0.image_id", None), "fatal", "unknown image", "annotation 1"),
    (_set("annotations.0.id", "one"), "fatal", "wrong type", "annotations[0]"),
    (_set("annotations.1", 7), "fatal", "wrong type", "annotations[1]"),
    (_set("annotations.1.id", 1), "fatal", "duplicate id", "annotation 1"),
    (_again("images", file_name="other.png"), "fatal", "duplicate id", "images[8]"),
    (_again("images", id=999), "fatal", "duplicate name", "images[8]"),
    (_set("images.0.file_name", None), "fatal", "wrong type", "images[0]"),
    (_set("images.0.height", -96), "fatal", "wrong size", "images[0] (vid_000001_frame0000001.png)"),
    (_set("images.0.width", "128"), "fatal", "wrong size", "images[0] (vid_000001_frame0000001.png)"),
    (_set("images.0.width", HUGE), "fatal", "wrong size", "images[0] (vid_000001_frame0000001.png)"),
    (_take("images.0.width"), "fatal", "wrong size", "images[0] (vid_000001_frame0000001.png)"),
    (_set("images.0", []), "fatal", "wrong type", "images[0]"),
    (_again("categories", name="other"), "fatal", "duplicate id", "categories[4]"),
    (_again("categories", id=77), "fatal", "duplicate name", "categories[4]"),
    (_set("categories.3.name", 5), "fatal", "wrong type", "categories[3]"),
    (_set("categories.0", None), "fatal", "wrong type", "categories[0]"),
]


@pytest.mark.parametrize(("change", "severity", "kind", "location"), SPOILT)
def test_a_defect_is_found_where_it_is(
    copy: Path, change: Callable[[Document], None], severity: str, kind: str, location: str
) -> None:
    report = _spoil(copy, change)
    assert any(
        (d.severity, d.kind) == (severity, kind) and d.location.startswith(location) for d in report.defects
    ), [defect.line() for defect in report.defects]
    assert all("\n" not in defect.line() and defect.remedy for defect in report.defects)


def test_every_defect_is_listed_not_only_the_first(copy: Path) -> None:
    def change(document: Document) -> None:
        for annotation in document["annotations"]:
            annotation["segmentation"] = [[1, 1, 2]]
        document["images"][0]["height"] = "tall"

    kinds = [kind for _, kind, _ in _found(_spoil(copy, change))]
    assert kinds.count("broken mask") == len(json.loads(copy.read_text())["annotations"])
    assert kinds.count("wrong size") == 1


@pytest.mark.parametrize("content", ["", "{", "[]", '{"images": []}', "null", "[" * 99_999])
def test_what_is_no_coco_file_is_a_defect_too(copy: Path, content: str) -> None:
    copy.write_text(content)
    assert [(d.severity, d.kind) for d in check([copy]).defects] == [("fatal", "not COCO")]


_PICTURE = "vid_000002_frame0000003.png"


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (lambda path: path.unlink(), "missing image", "no such image"),
        (lambda path: path.write_bytes(b""), "bad image", ""),
        (lambda path: path.write_text("hello"), "bad image", ""),
        (_cut, "bad image", "truncated"),
        (
            lambda path: shutil.copy(path.with_name("vid_000004_frame0000008.png"), path),
            "size differs",
            "is 101x67 px but annotations.json says 128x96",
        ),
    ],
)
def test_a_bad_image(copy: Path, change: Callable[[Path], Any], kind: str, words: str) -> None:
    change(copy.parent / "images" / _PICTURE)
    fatal = [defect for defect in check([copy]).defects if defect.severity == "fatal"]
    assert [(defect.kind, defect.file) for defect in fatal] == [(kind, _PICTURE)]
    assert words in fatal[0].what


@pytest.mark.parametrize("name", ["a" * 5000, "nul\0byte.png", "../images", "images/", "\udc80.png"])
def test_names_that_no_file_has(copy: Path, name: str) -> None:
    report = _spoil(copy, _set("images.0.file_name", name))
    assert any(defect.severity == "fatal" and defect.file == name for defect in report.defects)


def test_a_image_under_two_names(copy: Path) -> None:
    images = copy.parent / "images"
    shutil.copy(images / "vid_000001_frame0000001.png", images / "vid_000001_frame0000002.png")
    defects = [defect for defect in check([copy]).defects if defect.kind == "same image"]
    assert [(defect.severity, defect.file) for defect in defects] == [
        ("warning", "vid_000001_frame0000002.png")
    ]


_JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([HUGE, -(2**63), 2**63, [96, 128]]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["size", "counts", "id", "bbox"]), inner, max_size=3)
    ),
    max_leaves=6,
)
_PLACES = ["id", "image_id", "category_id", "bbox", "area", "iscrowd", "segmentation"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk=_JUNK, key=st.sampled_from(_PLACES), inside=st.booleans())
def test_junk_never_gives_a_trace(tmp_path: Path, junk: Any, key: str, inside: bool) -> None:
    good = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9], "area": 81, "iscrowd": 0}
    annotation = {**good, "segmentation": [[1, 1, 9, 1, 9, 9]], key: [junk] if inside else junk}
    image = {"id": 1, "file_name": "a.png", "height": 96, "width": 128}
    document = {"images": [image], "categories": [{"id": 1, "name": "x"}], "annotations": [annotation]}
    path = tmp_path / "junk.json"
    path.write_text(json.dumps(document))
    report = check([path])
    json.dumps(report.to_json(), allow_nan=False)
    assert all(len(defect.line()) < 2000 for defect in report.defects)


def test_what_cannot_be_checked(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such file"):
        check([tmp_path / "none.json"])
    with pytest.raises(DatasetError, match="no prepared data set"):
        check([tmp_path])
