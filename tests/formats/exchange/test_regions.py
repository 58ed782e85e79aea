"""Masks, ellipses, turned boxes and brushes of other tools, by slow oracles; what cannot be held is counted."""

from __future__ import annotations

import base64
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as pycocotools_mask

from seasift.core.errors import InputError
from seasift.core.masks import from_coco
from seasift.formats.exchange import regions, registry
from seasift.formats.exchange.content import Content, ReadOptions
from seasift.formats.tracks import Observation, TrackEntry

W, H = 100, 80
_HEAD = (
    "<annotations><version>1.1</version><meta><task><labels><label><name>crab</name></label></labels></task>"
)


def read(name: str, path: Path, text: str, **options: Any) -> tuple[Content, list[TrackEntry]]:
    path.write_text(text, encoding="utf-8")
    assert registry.guess(path).name == name
    content = registry.read(registry.BY_NAME[name], path, ReadOptions(**options))
    return content, list(content.tracks)


def cvat(tmp_path: Path, *shapes: str) -> tuple[Content, list[TrackEntry]]:
    body = "".join(shape.replace(" ", ' label="crab" ', 1) for shape in shapes)
    text = f'{_HEAD}</meta><image id="0" name="a.png" width="{W}" height="{H}">{body}</image></annotations>'
    return read("cvat", tmp_path / "a.xml", text)


def pixels(seen: Observation, width: int = W, height: int = H) -> set[tuple[int, int]]:
    """By pycocotools, not by our own masks."""
    if seen.mask:
        bitmap = pycocotools_mask.decode(seen.mask.model_dump())
    else:
        parts = pycocotools_mask.frPyObjects(seen.polygons, height, width)
        bitmap = pycocotools_mask.decode(pycocotools_mask.merge(parts))
    return {(int(x), int(y)) for y, x in np.argwhere(bitmap)}


def share(a: set[tuple[int, int]], b: set[tuple[int, int]]) -> float:
    return len(a & b) / len(a | b)


def in_ellipse(cx: float, cy: float, rx: float, ry: float, degrees: float) -> set[tuple[int, int]]:
    turn, found = math.radians(degrees), set()
    for x in range(W):
        for y in range(H):
            dx, dy = x + 0.5 - cx, y + 0.5 - cy
            along, across = (
                dx * math.cos(turn) + dy * math.sin(turn),
                dy * math.cos(turn) - dx * math.sin(turn),
            )
            if (along / rx) ** 2 + (across / ry) ** 2 <= 1:
                found.add((x, y))
    return found


@pytest.mark.parametrize(
    ("left", "top", "kept"),
    [(10, 20, 8), (W - 2, 20, 4), (10, H - 1, 2), (-2, -1, 3), (W - 4, H - 3, 8)],
    ids=["inside", "over the right side", "over the bottom", "over the corner", "at the border"],
)
def test_cvat_s_mask_is_row_by_row_and_cut_at_the_image(
    tmp_path: Path, left: int, top: int, kept: int
) -> None:
    shape = f'<mask rle="1, 2, 1, 4, 1, 2, 1" left="{left}" top="{top}" width="4" height="3"/>'
    _, (track,) = cvat(tmp_path, shape)
    drawn = {(1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (3, 1), (1, 2), (2, 2)}
    inside = {(x + left, y + top) for x, y in drawn if 0 <= x + left < W and 0 <= y + top < H}
    assert len(inside) == kept
    (seen,) = track.observations
    assert pixels(seen) == inside
    xs, ys = [x for x, _ in inside], [y for _, y in inside]
    assert seen.box_xywh == [min(xs), min(ys), max(xs) - min(xs) + 1, max(ys) - min(ys) + 1]


def test_masks_without_a_pixel_are_left_out_and_wrong_ones_refused(tmp_path: Path) -> None:
    where = 'top="5" width="4" height="3"'
    content, tracks = cvat(
        tmp_path, f'<mask rle="12" left="1" {where}/>', f'<mask rle="0, 12" left="{W}" {where}/>'
    )
    assert not tracks
    assert sum(content.left_out.values()) == 2
    assert len(cvat(tmp_path, f'<mask rle="0, 3" left="1" {where}/>')[1]) == 1  # the rest is background
    with pytest.raises(InputError, match="13 pixels"):
        cvat(tmp_path, f'<mask rle="1, 12" left="1" {where}/>')
    for rle, left in (("1, x", "1"), ("1", "x")):
        with pytest.raises(InputError, match=r"got ' ?x'; expected a number"):
            cvat(tmp_path, f'<mask rle="{rle}" left="{left}" {where}/>')


def test_shapes_without_an_area_are_left_out_and_counted(tmp_path: Path) -> None:
    content, tracks = cvat(
        tmp_path,
        '<polygon points="1,1;10,1"/>',
        '<box xtl="5" ytl="5" xbr="5" ybr="9"/>',
        '<ellipse cx="5" cy="5" rx="3" ry="0"/>',
        '<box xtl="9" ytl="9" xbr="5" ybr="5"/>',
    )
    assert [track.observations[0].box_xywh for track in tracks] == [[5, 5, 4, 4]]
    assert sum(content.left_out.values()) == 3


@pytest.mark.parametrize("degrees", [0, 30, 125.5])
def test_cvat_s_ellipses_and_turned_boxes(tmp_path: Path, degrees: float) -> None:
    turn = f'rotation="{degrees}"'
    content, (round_one, turned) = cvat(
        tmp_path,
        f'<ellipse cx="50" cy="40" rx="25" ry="10" {turn}/>',
        f'<box xtl="30" ytl="30" xbr="70" ybr="50" {turn}/>',
    )
    assert not content.left_out
    assert share(pixels(round_one.observations[0]), in_ellipse(50, 40, 25, 10, degrees)) > 0.97
    (seen,) = turned.observations
    cos, sin = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    width, height = 40 * cos + 20 * sin, 40 * sin + 20 * cos
    assert seen.box_xywh == pytest.approx([50 - width / 2, 40 - height / 2, width, height], abs=0.01)
    if degrees:
        assert len(pixels(seen)) == pytest.approx(800, rel=0.05)
        # Clockwise, as the image is seen: the right end of the box goes down.
        assert seen.polygons
        right = seen.polygons[0][2:4]
        angle = math.degrees(math.atan2(right[1] - seen.polygons[0][1], right[0] - seen.polygons[0][0]))
        assert angle == pytest.approx(degrees, abs=0.1)
    else:
        assert seen.polygons is None


def test_cvat_s_other_shapes_are_counted(tmp_path: Path) -> None:
    content, tracks = cvat(
        tmp_path,
        '<polyline points="1,2;30,40"/>',
        '<points points="9,9"/>',
        '<points points="9,9;3,4"/>',
        '<cuboid xtl1="1"/>',
        "<tag />",
        '<skeleton z_order="0"><points outside="0" points="3,4"/><points outside="1" points="90,70"/>'
        '<points outside="0" points="13,24"/></skeleton>',
    )
    (skeleton,) = tracks
    assert skeleton.observations[0].box_xywh == [3, 4, 10, 20]
    counts = {kind.split(" ")[0]: count for kind, count in content.left_out.items()}
    assert counts == {"polyline": 1, "points": 2, "cuboid": 1, "tag": 1, "skeleton's": 1}


def test_cvat_s_tracks_of_masks_and_frames_outside(tmp_path: Path) -> None:
    mask = 'rle="0, 12" left="10" top="20" width="4" height="3"'
    text = (
        f"{_HEAD}<source>dive.mp4</source><original_size><width>{W}</width><height>{H}</height></original_size></meta>"
        f'<track id="3" label="crab"><mask frame="3" outside="0" {mask}/><mask frame="4" outside="1" {mask}/>'
        f'<mask frame="9" outside="0" {mask}/></track>'
        '<track id="4" label="crab"><box frame="0" outside="1" xtl="1" ytl="1" xbr="2" ybr="2"/></track></annotations>'
    )
    content, (track,) = read("cvat", tmp_path / "a.xml", text, fps=10.0)
    assert [(one.frame, len(pixels(one))) for one in track.observations] == [(3, 12), (9, 12)]
    assert list(content.left_out.values()) == [1]
    content, (track,) = read("cvat", tmp_path / "a.xml", text.replace("original_size", "o"), fps=10.0)
    assert track.observations[0].polygons == [[10, 20, 10, 23, 14, 23, 14, 20]]
    assert any("--size" in note for note in content.notes)


# Label Studio


def packed(
    bitmap: np.ndarray[Any, Any], sizes: tuple[int, ...] = (3, 4, 8, 16), literal: bool = False
) -> list[int]:
    """A brush as Label Studio's editor packs it: the slow way, a text of bits."""
    values = np.repeat(np.where(bitmap, 255, 0).ravel(), 4).tolist()
    bits = f"{len(values):032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in sizes)
    done = 0
    while done < len(values):
        end = done
        while end < len(values) and values[end] == values[done] and end - done < 2 ** sizes[-1]:
            end += 1
        if literal:
            end = min(done + 5, len(values))
        which = next(k for k, size in enumerate(sizes) if end - done <= 2**size)
        words = "".join(
            f"{value:08b}" for value in (values[done:end] if literal else values[done : done + 1])
        )
        bits += f"{0 if literal else 1}{which:02b}{end - done - 1:0{sizes[which]}b}{words}"
        done = end
    bits += "0" * (-len(bits) % 8)
    return [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]


def region(kind: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
    known = {
        "id": more.pop("id", kind),
        "type": kind,
        "original_width": W,
        "original_height": H,
        "image_rotation": 0,
    }
    return known | {"value": value} | more


def label_studio(tmp_path: Path, *results: dict[str, Any], **data: Any) -> tuple[Content, list[TrackEntry]]:
    task = {"data": data or {"image": "a.png"}, "annotations": [{"result": list(results)}]}
    return read("label-studio", tmp_path / "a.json", json.dumps([task]))


@pytest.mark.parametrize("literal", [False, True])
def test_label_studio_s_brush(tmp_path: Path, literal: bool) -> None:
    rng = np.random.default_rng(3)
    bitmap = np.zeros((H, W), bool)
    bitmap[20:50, 30:90] = rng.random((30, 60)) < 0.7
    value = {"format": "rle", "rle": packed(bitmap, literal=literal), "brushlabels": ["crab"]}
    content, (track,) = label_studio(tmp_path, region("brushlabels", value))
    assert pixels(track.observations[0]) == {(int(x), int(y)) for y, x in np.argwhere(bitmap)}
    assert not content.left_out
    broken = {**value, "rle": value["rle"][: len(value["rle"]) // 2]}
    box = {"x": 1, "y": 1, "width": 5, "height": 5, "rectanglelabels": ["crab"]}
    content, (track,) = label_studio(tmp_path, region("brushlabels", broken), region("rectanglelabels", box))
    assert sum(content.left_out.values()) == 1


def data_url(bitmap: Any, mode: str = "RGBA") -> str:
    """Black on a transparent ground, by Pillow, as the editor draws it."""
    image = Image.new("RGBA", bitmap.shape[::-1])
    image.putalpha(Image.fromarray(np.where(bitmap, 255, 0).astype(np.uint8)))
    data = io.BytesIO()
    image.convert(mode).save(data, "PNG")
    return f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}"


def test_label_studio_s_bitmask(tmp_path: Path) -> None:
    bitmap = np.zeros((H, W), bool)
    bitmap[20:50, 30:90] = np.random.default_rng(4).random((30, 60)) < 0.7
    values = [
        {"imageDataURL": url, "bitmasklabels": ["crab"]}
        for url in (
            data_url(bitmap),
            data_url(bitmap[:-1]),
            data_url(bitmap, "RGB"),
            "data:image/png;base64,AAAA",
            "data:image/png;base64,é",
            data_url(np.zeros((H, W), bool)),
        )
    ]
    content, (track,) = label_studio(
        tmp_path, *(region("bitmasklabels", value) for value in values), region("bitmask", values[0])
    )
    assert pixels(track.observations[0]) == {(int(x), int(y)) for y, x in np.argwhere(bitmap)}
    assert sum(content.left_out.values()) == 6


def test_label_studio_s_turned_boxes_and_ellipses_are_percent_of_different_sides(tmp_path: Path) -> None:
    box = {"x": 30, "y": 25, "width": 40, "height": 25, "rotation": 30, "rectanglelabels": ["crab"]}
    round_one = {"x": 50, "y": 50, "radiusX": 20, "radiusY": 10, "rotation": 60, "ellipselabels": ["crab"]}
    content, tracks = label_studio(
        tmp_path, region("rectanglelabels", box), region("ellipselabels", round_one)
    )
    assert not content.left_out
    turned, oval = (track.observations[0] for track in tracks)
    # 40 x 20 px from (30, 20), turned clockwise around that corner.
    cos, sin = math.cos(math.radians(30)), math.sin(math.radians(30))
    corners = [
        (30 + 40 * a * cos - 20 * b * sin, 20 + 40 * a * sin + 20 * b * cos)
        for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))
    ]
    assert turned.polygons
    assert turned.polygons[0] == pytest.approx([value for corner in corners for value in corner], abs=0.01)
    assert turned.box_xywh == pytest.approx(
        [30 - 20 * sin, 20, 40 * cos + 20 * sin, 40 * sin + 20 * cos], abs=0.01
    )
    assert share(pixels(oval), in_ellipse(50, 40, 20, 8, 60)) > 0.95


def test_label_studio_s_labels_and_what_has_none(tmp_path: Path) -> None:
    box = {"x": 10, "y": 10, "width": 20, "height": 20, "rotation": 0}
    content, tracks = label_studio(
        tmp_path,
        region("rectanglelabels", {**box, "rectanglelabels": []}, id="1"),
        region("rectangle", box, id="2"),
        region("rectangle", box, id="3"),
        region("labels", {**box, "labels": ["bag"]}, id="3"),
        region("rectanglelabels", {**box, "rectanglelabels": ["crab", "bag"]}, id="4"),
        region("keypointlabels", {"x": 5, "y": 5, "width": 0.5, "keypointlabels": ["crab"]}, id="5"),
        region("choices", {"choices": ["good"]}, id="6"),
        {"type": "relation", "from_id": "1", "to_id": "2"},
    )
    assert [track.name for track in tracks] == ["bag", "crab"]
    counts = {kind.split(" ")[0]: count for kind, count in content.left_out.items()}
    assert counts == {"rectangle": 2, "label": 1, "keypoint": 1, "choices": 1, "relation": 1}


def test_tasks_with_predictions_alone_are_said_among_others(tmp_path: Path) -> None:
    value = {"x": 1, "y": 1, "width": 5, "height": 5, "rectanglelabels": ["crab"]}
    region = {"id": "a", "type": "rectanglelabels", "original_width": W, "original_height": H, "value": value}
    result = [{"result": [region]}]
    person = {"data": {"image": "a.png"}, "annotations": result, "predictions": result}
    model = {"data": {"image": "b.png"}, "annotations": [], "predictions": result}
    nothing = {"data": {"image": "c.png"}, "annotations": [{"result": []}], "predictions": result}
    for tasks, said in (([person, model, nothing], 1), ([model], 0), ([person], 0)):
        content, _ = read("label-studio", tmp_path / "tasks.json", json.dumps(tasks))
        assert sum("1 of 3" in note for note in content.notes) == said, tasks


def test_a_file_of_which_nothing_is_left_says_why(tmp_path: Path) -> None:
    box = {"x": 10, "y": 10, "width": 20, "height": 20, "rotation": 0, "rectanglelabels": []}
    with pytest.raises(InputError, match="without a label"):
        label_studio(tmp_path, region("rectanglelabels", box))


def test_label_studio_s_videos_without_labels_and_turned(tmp_path: Path) -> None:
    key = {"frame": 1, "enabled": True, "x": 10, "y": 10, "width": 40, "height": 25, "rotation": 90}
    one, none = ({"labels": labels, "sequence": [key]} for labels in (["crab"], []))
    content, (track,) = label_studio(
        tmp_path,
        {"id": "a", "type": "videorectangle", "value": one},
        {"id": "b", "type": "videorectangle", "value": none},
        **{"video": "a.mp4", "width": W, "height": H, "fps": None},
    )
    assert track.observations[0].box_xywh == pytest.approx([10 - 20, 8, 20, 40])
    assert content.left_out == {"videorectangle (without a label)": 1}


# The others


def test_ellipses_of_biigle_whatever_the_order_of_their_ends(tmp_path: Path) -> None:
    cos, sin = math.cos(math.radians(20)), math.sin(math.radians(20))
    a, b = (50 - 25 * cos, 40 - 25 * sin), (50 + 25 * cos, 40 + 25 * sin)
    c, d = (50 + 10 * sin, 40 - 10 * cos), (50 - 10 * sin, 40 + 10 * cos)
    for ends in ((a, b, c, d), (a, c, b, d), (c, a, d, b)):
        points = json.dumps([round(value, 2) for end in ends for value in end])
        text = f'label_name,shape_name,points,filename\ncrab,Ellipse,"{points}",a.png\ncrab,LineString,"[1, 2]",a.png\n'
        content, (track,) = read("biigle-csv", tmp_path / "a.csv", text, size=(W, H))
        assert share(pixels(track.observations[0]), in_ellipse(50, 40, 25, 10, 20)) > 0.97
        assert content.left_out == {"LineString (no area)": 1}


def test_coco_without_boxes_with_keypoints_and_kwcoco_s_holes(tmp_path: Path) -> None:
    outline = {"exterior": [[1, 2], [11, 2], [11, 22]], "interiors": [[[3, 3], [4, 3], [4, 4]]]}
    bitmap = np.zeros((H, W), np.uint8, order="F")
    bitmap[5:9, 7:10] = 1
    exact = pycocotools_mask.encode(bitmap)
    entries: list[dict[str, Any]] = [
        {"category_id": 1, "segmentation": [[1, 2, 11, 2, 11, 22]]},
        {"category_id": 1, "segmentation": outline},
        {"category_id": 1, "segmentation": {"size": [H, W], "counts": exact["counts"].decode()}},
        {"category_id": 1, "bbox": [1, 1, 5, 5], "keypoints": [1, 1, 2, 3, 3, 0, 4, 4, 1]},
        {"category_id": 1, "keypoints": [1, 1, 2]},
        {"category_id": None, "bbox": [1, 1, 5, 5]},
    ]
    value = {
        "images": [{"id": 1, "file_name": "a.png", "width": W, "height": H}],
        "categories": [{"id": 1, "name": "crab"}],
        "annotations": [{"id": k, "image_id": 1, **entry} for k, entry in enumerate(entries)],
    }
    content, tracks = read("coco", tmp_path / "a.json", json.dumps(value))
    boxes = [track.observations[0].box_xywh for track in tracks]
    assert boxes == [[1, 2, 10, 20], [1, 2, 10, 20], [7, 5, 3, 4], [1, 1, 5, 5]]
    assert sorted(kind.split(" ")[0] for kind in content.left_out) == [
        "annotation",
        "annotation",
        "hole",
        "keypoint",
    ]
    assert content.left_out["keypoint"] == 3


@pytest.mark.parametrize(
    ("table", "tracks"), [([], 3), ([{"id": 1, "name": "a"}, {"id": 2, "name": "b"}], 2)]
)
def test_kwcoco_s_track_numbers_in_several_videos(tmp_path: Path, table: list[Any], tracks: int) -> None:
    seen = [(1, 10, 1), (2, 10, 2), (3, 20, 1), (4, 20, 1)]  # image, video, track
    value = {
        "videos": [{"id": 10, "name": "a.mp4", "annotation_fps": 5}, {"id": 20, "name": "b.mp4", "fps": -1}],
        "images": [
            {"id": image, "video_id": video, "frame_index": image, "file_name": f"{image}.png"}
            for image, video, _ in seen
        ],
        "categories": [{"id": 1, "name": "crab"}],
        "tracks": table,
        "annotations": [
            {"id": k, "image_id": image, "category_id": 1, "bbox": [1, 1, 5, 5], "track_id": track}
            for k, (image, _, track) in enumerate(seen)
        ],
    }
    content, found = read("kwcoco", tmp_path / "a.json", json.dumps(value), size=(W, H))
    assert [video.fps for video in content.header.videos] == [5.0, None]
    assert len(found) == tracks
    assert any("several videos" in note for note in content.notes) is not bool(table)


@pytest.mark.parametrize("fps", ["-1", "null", '"5"', '""5""', "5", "nan", "abc"])
def test_dive_s_frame_rates(tmp_path: Path, fps: str) -> None:
    text = f"# 1: Detection or Track-id\n# metadata,fps: {fps}\n1,,10,1,2,30,40,1,-1,shark,0.9,ray,0.1,(kp) head 1 2\n"
    content, (track,) = read("viame-csv", tmp_path / "a.csv", text)
    known = "5" in fps
    assert content.header.videos[0].fps == (5.0 if known else None)
    assert track.observations[0].time_s == (2.0 if known else pytest.approx(10 / 30, abs=1e-5))
    assert any("--fps" in note for note in content.notes) is not known
    assert content.left_out == {"keypoint": 1, "class with a lower confidence": 1}


def test_runs_of_rows_are_those_of_an_oracle() -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        height, width = (int(side) for side in rng.integers(1, 9, 2))
        bitmap = rng.random((height, width)) < 0.5
        runs, colour = [0], False
        for value in bitmap.ravel().tolist():
            if value != colour:
                runs.append(0)
                colour = value
            runs[-1] += 1
        found = regions.from_rows(runs, 3, 4, width, height)
        expected = np.zeros((20, 20), bool)
        expected[4 : 4 + height, 3 : 3 + width] = bitmap
        assert (found.bitmap((20, 20)) == expected).all()
        assert from_coco(found.rle((20, 20)), (20, 20)).area == bitmap.sum()
