"""Instances as a Python user meets them."""

from __future__ import annotations

import copy
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

import seasift
from seasift.core.image import read_image, write_image
from seasift.core.image_like import ImageReference
from seasift.core.instances import Category, Instances
from seasift.core.masks import MaskCrop

CATEGORIES = (Category(3, "trash <bag>"), Category(7, "animal_fish"))


def mask(x0: int, y0: int, width: int, height: int) -> MaskCrop:
    return MaskCrop(np.ones((height, width), bool), x0, y0)


@pytest.fixture
def found() -> Instances:
    """Three objects in an image of 40 x 30 px (width x height)."""
    return Instances(
        np.array([[2, 3, 12, 9], [20, 10, 25, 30], [0, 0, 4, 4]], np.float32),
        np.array([0.9, 0.6, 0.25], np.float32),
        np.array([1, 0, 1], np.int64),
        (30, 40),
        (mask(2, 3, 10, 6), mask(20, 10, 5, 20), mask(0, 0, 4, 4)),
        CATEGORIES,
    )


def test_iterates_over_objects(found: Instances) -> None:
    assert [(obj.name, obj.class_id, obj.category_id) for obj in found] == [
        ("animal_fish", 1, 7),
        ("trash <bag>", 0, 3),
        ("animal_fish", 1, 7),
    ]
    first = found[0]
    assert (first.score, first.box_xyxy, first.area_px) == (0.9, (2.0, 3.0, 12.0, 9.0), 60)
    assert first.polygons() == [[2.0, 3.0, 2.0, 9.0, 12.0, 9.0, 12.0, 3.0]]
    bitmap = first.bitmap()
    assert bitmap is not None
    assert bitmap.shape == (30, 40)
    assert np.argwhere(bitmap)[[0, -1]].tolist() == [[3, 2], [8, 11]]
    assert "animal_fish" in repr(first)


def test_integers_index_like_a_list(found: Instances) -> None:
    assert found[-1].box_xyxy == found[2].box_xyxy == found[np.int64(2)].box_xyxy
    for beyond in (3, -4):
        with pytest.raises(IndexError):
            found[beyond]


@pytest.mark.parametrize(
    ("index", "wanted"),
    [
        (slice(None, 2), [0, 1]),
        (slice(None, None, -1), [2, 1, 0]),
        ([2, 0], [2, 0]),
        ([], []),
        ([True, False, True], [0, 2]),
        (np.array([1, -1]), [1, 2]),
        (np.array([False] * 3), []),
        (np.array([2], np.uint8), [2]),
    ],
)
def test_slices_and_arrays_give_fewer_objects(found: Instances, index: object, wanted: list[int]) -> None:
    some = found[index]  # type: ignore[call-overload]
    assert isinstance(some, Instances)
    assert some.scores.tolist() == found.scores[wanted].tolist()
    assert some.boxes_xyxy.tolist() == found.boxes_xyxy[wanted].tolist()
    assert [obj.area_px for obj in some] == [[60, 100, 16][i] for i in wanted]
    assert some.names == [found.names[i] for i in wanted]


def test_a_comparison_of_scores_is_an_index(found: Instances) -> None:
    assert found[found.scores > 0.5].names == ["animal_fish", "trash <bag>"]


@pytest.mark.parametrize("index", ["0", 1.0, None, [0.5], [[0]], (True, False), np.zeros((3, 3), bool)])
def test_a_wrong_index_is_an_error(found: Instances, index: object) -> None:
    with pytest.raises((TypeError, IndexError)):
        found[index]  # type: ignore[call-overload]


def test_what_is_derived_keeps_names(found: Instances) -> None:
    assert found.moved(1, 2, (50, 60)).names == found.names
    assert Instances.joined([found, found]).names == found.names * 2
    nameless = Instances(found.boxes_xyxy, found.scores, found.class_ids, found.size_hw)
    assert nameless.names == ["class_1", "class_0", "class_1"]
    assert (nameless[0].area_px, nameless[0].bitmap()) == (None, None)
    assert nameless[0].polygons() == [[2.0, 3.0, 12.0, 3.0, 12.0, 9.0, 2.0, 9.0]]


def test_repr_is_short(found: Instances) -> None:
    assert repr(found) == "Instances(3 objects in 40x30 px: 2 animal_fish, 1 trash <bag>)"
    assert repr(Instances.empty((30, 40))) == "Instances(0 objects in 40x30 px)"
    many = Instances.joined([found] * 500)
    assert len(repr(many)) < 100


def test_plot_draws_and_saves(tmp_path: Path) -> None:
    image = np.full((480, 640, 3), 40, np.uint8)
    found = Instances(
        np.array([[100, 100, 500, 400]], np.float32),
        np.array([0.9], np.float32),
        np.array([1], np.int64),
        (480, 640),
        (mask(100, 100, 400, 300),),
        CATEGORIES,
    )
    plot = found.plot(image)
    assert image.min() == image.max() == 40, "the image itself stays as it is"
    plot.save(tmp_path / "out.png")
    saved = read_image(tmp_path / "out.png")
    assert saved.tolist() == plot.image_rgb_u8.tolist() == np.asarray(plot).tolist()
    assert len(np.unique(saved[200:300, 200:400].reshape(-1, 3), axis=0)) == 1, "a fill of one colour"
    assert saved[250, 300].tolist() != [40, 40, 40]
    assert (saved[420:] == 40).all()
    assert plot._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(seasift.InputError, match="xyz"):
        plot.save(tmp_path / "out.xyz")


def test_plot_wants_the_right_image(found: Instances) -> None:
    with pytest.raises(seasift.InputError, match="40x30"):
        found.plot(np.zeros((40, 30, 3), np.uint8))
    with pytest.raises(seasift.InputError, match="plot"):
        found.plot()
    with pytest.raises(seasift.InputError, match="float64"):
        found.plot(np.zeros((30, 40, 3)))


def test_html_shows_the_image_while_it_lives(found: Instances, tmp_path: Path) -> None:
    assert "<img" not in found._repr_html_()
    assert "trash &lt;bag&gt;" in found._repr_html_()
    image = np.zeros((30, 40, 3), np.uint8)
    here = found.of_image(ImageReference(image))
    assert '<img src="data:image/jpeg;base64,' in here._repr_html_()
    assert here[:1].plot().image_rgb_u8.any(), "fewer objects still know the image"
    del image
    assert "<img" not in here._repr_html_()
    write_image(tmp_path / "a.png", np.zeros((30, 40, 3), np.uint8))
    of_file = found.of_image(ImageReference(tmp_path / "a.png"))
    for same in (of_file, copy.deepcopy(of_file), pickle.loads(pickle.dumps(of_file))):
        assert "<img" in same._repr_html_()
    write_image(tmp_path / "a.png", np.zeros((60, 40, 3), np.uint8))
    assert "<img" not in of_file._repr_html_(), "another image by now"


def test_objects_of_an_array_can_be_pickled(found: Instances) -> None:
    image = np.zeros((30, 40, 3), np.uint8)
    here = found.of_image(ImageReference(image))
    there = pickle.loads(pickle.dumps(here))
    assert there.names == found.names
    assert "<img" not in there._repr_html_()


def test_coco_is_what_pycocotools_reads(found: Instances) -> None:
    coco_mask = pytest.importorskip("pycocotools.mask")
    document = found.to_coco(image_id=12, file_name="a.jpg")
    assert document["images"] == [{"id": 12, "file_name": "a.jpg", "width": 40, "height": 30}]
    assert document["categories"] == [{"id": 3, "name": "trash <bag>"}, {"id": 7, "name": "animal_fish"}]
    first = document["annotations"][0]
    assert (first["image_id"], first["category_id"], first["score"]) == (12, 7, 0.9)
    assert (first["bbox"], first["area"]) == ([2.0, 3.0, 10.0, 6.0], 60)
    for entry, obj in zip(document["annotations"], found, strict=True):
        assert (coco_mask.decode(entry["segmentation"]) == obj.bitmap()).all()


def test_a_data_frame_has_a_row_an_object(found: Instances) -> None:
    pytest.importorskip("pandas")
    frame = found.to_dataframe()
    assert frame["name"].tolist() == found.names
    assert frame["area_px"].tolist() == [60, 100, 16]
    assert frame.loc[1, ["box_x", "box_y", "box_width", "box_height"]].tolist() == [20.0, 10.0, 5.0, 20.0]
    assert len(Instances.empty((30, 40)).to_dataframe()) == 0


def test_supervision_reads_masks_and_names(found: Instances) -> None:
    pytest.importorskip("supervision")
    detections = found.to_supervision()
    assert detections.xyxy.tolist() == found.boxes_xyxy.tolist()
    assert detections.mask.shape == (3, 30, 40)
    assert detections.area.tolist() == [60, 100, 16]
    assert detections.data["class_name"].tolist() == found.names
    assert len(Instances.empty((30, 40)).to_supervision()) == 0


@pytest.mark.parametrize("package", ["pandas", "supervision"])
def test_a_missing_package_is_named(found: Instances, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    convert = {"pandas": found.to_dataframe, "supervision": found.to_supervision}[package]
    with pytest.raises(seasift.MissingExtraError, match=f"pip install {package}"):
        convert()
