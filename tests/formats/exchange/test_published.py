"""Files as the tools' own documentation shows them are read, and what is written follows that documentation."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from ifdo import iFDO
from pycocotools.coco import COCO

from seasift.formats.exchange import darwin_core, registry
from seasift.formats.exchange.content import Content, ReadOptions, WriteOptions
from seasift.formats.tracks import TrackEntry
from tests.formats.exchange.contents import CATEGORIES, dive


def read(name: str, path: Path, text: str, **options: Any) -> tuple[Content, list[TrackEntry]]:
    path.write_text(text, encoding="utf-8")
    assert registry.guess(path).name == name
    content = registry.read(registry.BY_NAME[name], path, ReadOptions(**options))
    return content, list(content.tracks)


def written(name: str, folder: Path, **options: Any) -> Path:
    entry = registry.BY_NAME[name]
    path = folder / f"out{entry.suffixes[0]}"
    entry.write(path, dive(), WriteOptions(**options))
    return path


# https://kitware.github.io/dive/DataFormats/#viame-csv
VIAME_ROWS = """# 1: Detection or Track-id,2: Video or Image Identifier,3: Unique Frame Identifier,...
# metadata,fps: 23.976,"dataset_info: {""gfishsite_id"": ""2024TXN012"", ""year"": ""2024""}"
0,1.png,0,100,100,500,500,1.0,-1,fish,1.0,(poly) 100 100 200 100 200 200 100 200
0,2.png,1,100,100,500,500,0.9,-1,fish,0.2,rock,0.8,(poly) 1 1 9 1 9 9,(poly) 30 30 40 30 40 40,(note) near
"""


def test_viame_csv_of_dive_s_documentation(tmp_path: Path) -> None:
    content, (track,) = read("viame-csv", tmp_path / "a.csv", VIAME_ROWS)
    assert [video.file for video in content.header.videos] == ["1.png", "2.png"]
    first, second = track.observations
    assert (first.box_xywh, first.polygons) == (
        [100, 100, 400, 400],
        [[100, 100, 200, 100, 200, 200, 100, 200]],
    )
    assert second.polygons == [[1, 1, 9, 1, 9, 9], [30, 30, 40, 30, 40, 40]]
    assert second.score == 0.8
    assert track.name == "rock"


def test_viame_csv_of_dive_s_own_tests(tmp_path: Path) -> None:
    """Rows of testutils/viame.spec.json in https://github.com/Kitware/dive, and what DIVE makes of them."""
    text = (
        "0,1.png,0,884.66,510,1219.66,737.66,1,-1,ignored,0.98\n"
        "0,2.png,1,111,222,3333,444,1,-1,typestring,0.55\n"
        "3,5.png,4,10,10,20,20,1,-1,type1,0.89,type2,0.65\n"
        "4,6.png,5,10,10,20,20,1,-1,type1,0.89,type2,0.65,(poly) 1 -2.34 3 4 5 6 7 8.08 9 -10\n"
        "5,7.png,6,10,10,20,20,1,-1,type1,0.89,(atr) attrNAME spaced attr name,(trk-atr) booleanAttr true\n"
        "6,5.png,4,10,10,20,20,1,-1,type2,0.65,type1,0.89,type3,0.24\n"
    )
    _, tracks = read("viame-csv", tmp_path / "a.csv", text)
    names = [(track.name, track.observations[-1].score) for track in tracks]
    assert names == [("typestring", 0.55), *[("type1", 0.89)] * 4]
    assert [round(side) for side in tracks[0].observations[0].box_xywh[:2]] == [885, 510]
    assert tracks[2].observations[0].polygons == [[1, -2.34, 3, 4, 5, 6, 7, 8.08, 9, -10]]


def test_viame_csv_is_what_dive_reads(tmp_path: Path) -> None:
    with written("viame-csv", tmp_path).open(newline="", encoding="utf-8") as file:
        head, metadata, *rows = csv.reader(file)
    assert head[0].startswith("# 1: Detection or Track-id")
    assert metadata[:2] == ["# metadata", "fps: 25.0"]
    assert [row[:3] for row in rows][3] == ["1", "00:00:01.600000", "40"]
    assert rows[0][3:11] == ["20", "10", "60", "30", "0.75", "-1", CATEGORIES[0].name, "0.75"]
    # DIVE's own pattern of a polygon: numbers without exponents.
    assert all(
        re.fullmatch(r"\(poly\) ((?:-?[0-9]+\.*-?[0-9]*\s*)+)", field) for row in rows for field in row[11:]
    )


# A row of a report of BIIGLE: points of a turned rectangle; `frames` in seconds; a gap is null and [].
BIIGLE_REPORT = (
    "video_annotation_label_id,label_id,label_name,label_hierarchy,user_id,firstname,lastname,video_id,"
    "video_filename,shape_id,shape_name,points,frames,annotation_id,created_at,attributes\n"
    '5,22,Sponge,"Biota > Sponge",1,A,B,7,dive4.mp4,5,Rectangle,'
    '"[[679.24,246.12,732.77,408.79,595.3,454.03,541.76,291.37],[],[10,20,50,20,50,60,10,60]]",'
    '"[6.0,null,8.5]",12,"2023-06-05 16:21:15","{""width"": 1920, ""height"": 1080}"\n'
    "6,23,Fish,Biota > Fish,1,A,B,7,dive4.mp4,4,Circle,"
    '"[[100,50,10]]",[1.5],13,"2023-06-05 16:21:15","{""width"": 1920, ""height"": 1080}"\n'
    "7,23,Fish,Biota > Fish,1,A,B,7,dive4.mp4,1,Point,"
    '"[[100,50]]",[1.5],14,"2023-06-05 16:21:15","{""width"": 1920, ""height"": 1080}"\n'
)


def test_biigle_s_video_report(tmp_path: Path) -> None:
    content, (sponge, fish) = read("biigle-csv", tmp_path / "a.csv", BIIGLE_REPORT, fps=10.0)
    turned, upright = sponge.observations
    assert turned.box_xywh == pytest.approx([541.76, 246.12, 191.01, 207.91])
    assert turned.polygons == [[679.24, 246.12, 732.77, 408.79, 595.3, 454.03, 541.76, 291.37]]
    assert (upright.box_xywh, upright.polygons) == ([10, 20, 40, 40], None)
    assert (upright.time_s, upright.frame, sponge.id) == (8.5, 85, 12)
    assert fish.observations[0].box_xywh == [90, 40, 20, 20]
    assert (content.header.videos[0].width, content.header.videos[0].height) == (1920, 1080)
    assert content.left_out == {"Point (no area)": 1}


def test_biigle_s_gaps_and_closed_polygons(tmp_path: Path) -> None:
    with written("biigle-csv", tmp_path).open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    points, frames = json.loads(first["points"]), json.loads(first["frames"])
    assert frames == [0.0, 0.2, 0.4, None, 1.6]
    assert points[3] == []
    assert points[0][:2] == points[0][-2:]
    assert (second["shape_name"], len(json.loads(second["points"])[0])) == ("Rectangle", 8)


# https://docs.cvat.ai/docs/manual/advanced/xml_format/, "Interpolation"
CVAT_VIDEO = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><id>5</id><name>interpolation</name><size>4620</size>
<mode>interpolation</mode><labels><label><name>car</name><attributes/></label></labels>
<original_size><width>640</width><height>480</height></original_size></task></meta>
<track id="0" label="car">
 <polygon frame="0" points="324.79,213.16;323.74,227.90;347.42,237.37" outside="0" occluded="0" keyframe="1"/>
 <polygon frame="5" points="324.79,213.16;323.74,227.90;347.42,237.37" outside="1" occluded="0" keyframe="1"/>
</track>
<track id="10" label="person">
 <box frame="45" xtl="300" ytl="25" xbr="375" ybr="400" outside="0" occluded="0" keyframe="1">
  <attribute name="gender">female</attribute></box>
</track></annotations>"""


def test_cvat_s_video(tmp_path: Path) -> None:
    content, (car, person) = read("cvat", tmp_path / "a.xml", CVAT_VIDEO, fps=30.0)
    assert [seen.frame for seen in car.observations] == [0]
    assert car.observations[0].polygons == [[324.79, 213.16, 323.74, 227.9, 347.42, 237.37]]
    assert (person.observations[0].box_xywh, person.observations[0].time_s) == ([300, 25, 75, 375], 1.5)
    assert (content.header.videos[0].width, content.header.videos[0].frames) == (640, 4620)


def test_cvat_gets_an_outside_frame_after_each_run(tmp_path: Path) -> None:
    root = ElementTree.parse(written("cvat", tmp_path)).getroot()
    assert root.findtext("version") == "1.1"
    assert [name.text for name in root.iterfind("meta/task/labels/label/name")] == [
        one.name for one in CATEGORIES
    ]
    fish, trash = root.iterfind("track")
    assert [(e.get("frame"), e.get("outside")) for e in fish] == [
        *(("0", "0"), ("5", "0"), ("10", "0"), ("15", "1"), ("40", "0"), ("45", "1")),
    ]
    assert {element.tag for element in trash} == {"box"}
    assert {element.get("keyframe") for element in root.iter("polygon")} == {"1"}


# https://labelstud.io/tags/videorectangle and the test files of HumanSignal's label-studio-tools
LABEL_STUDIO = [
    {
        "id": 1,
        "data": {"video": "/data/upload/1/plane.mp4"},
        "annotations": [
            {
                "result": [
                    {
                        "id": "tJhYZLMC9G",
                        "type": "videorectangle",
                        "from_name": "box",
                        "to_name": "video",
                        "value": {
                            "labels": ["Airplane"],
                            "framesCount": 100,
                            "duration": 4,
                            "sequence": [
                                *(
                                    {
                                        "frame": 1,
                                        "enabled": True,
                                        "x": 38,
                                        "y": 38,
                                        "width": 41,
                                        "height": 22,
                                    },
                                ),
                                *(
                                    {
                                        "frame": 6,
                                        "enabled": False,
                                        "x": 40,
                                        "y": 49,
                                        "width": 56,
                                        "height": 34,
                                    },
                                ),
                            ],
                        },
                    }
                ]
            }
        ],
    }
]


def test_label_studio_s_video(tmp_path: Path) -> None:
    _, (track,) = read("label-studio", tmp_path / "a.json", json.dumps(LABEL_STUDIO), size=(200, 100))
    first, second = track.observations
    assert (first.frame, first.box_xywh) == (0, [76, 38, 82, 22])
    assert (second.frame, second.time_s) == (5, 0.2)
    assert track.name == "Airplane"


def test_label_studio_s_regions_end_where_the_object_was_gone(tmp_path: Path) -> None:
    (task,) = json.loads(written("label-studio", tmp_path).read_text("utf-8"))
    region = task["predictions"][0]["result"][0]
    assert {"id", "type", "from_name", "to_name", "value"} <= set(region)
    assert [(one["frame"], one["enabled"]) for one in region["value"]["sequence"]] == [
        *((1, True), (6, True), (11, False), (41, False)),
    ]
    assert region["value"]["sequence"][0]["x"] == pytest.approx(100 * 20 / 640)


# https://lila.science/megadetector-output-format, shortened
MEGADETECTOR = {
    "info": {"format_version": "1.6"},
    "detection_categories": {"1": "animal", "2": "person"},
    "classification_categories": {"3": "bear"},
    "images": [
        {
            "file": "image_with_animal.jpg",
            "detections": [
                {
                    "category": "1",
                    "conf": 0.926,
                    "bbox": [0.0, 0.25, 0.5, 0.25],
                    "classifications": [["3", 0.901]],
                }
            ],
        },
        {
            "file": "video_with_person.mp4",
            "frame_rate": 20,
            "frames_processed": [0, 20],
            "detections": [{"category": "2", "conf": 0.5, "bbox": [0.1, 0.2, 0.3, 0.4], "frame_number": 20}],
        },
        {"file": "corrupted.jpg", "failure": "Failure image access", "detections": None},
    ],
}


def test_megadetector_s_example(tmp_path: Path) -> None:
    content, (bear, person) = read(
        "megadetector", tmp_path / "a.json", json.dumps(MEGADETECTOR), size=(400, 200)
    )
    assert (bear.name, bear.observations[0].box_xywh) == ("bear", [0, 50, 200, 50])
    assert (person.observations[0].frame, person.observations[0].time_s) == (20, 1.0)
    assert content.failures == (("corrupted.jpg", "Failure image access"),)


def test_megadetector_s_rules(tmp_path: Path) -> None:
    value = json.loads(written("megadetector", tmp_path).read_text("utf-8"))
    assert set(value) == {"info", "detection_categories", "images"}
    assert float(value["info"]["format_version"]) >= 1.4
    assert all(key.isdigit() for key in value["detection_categories"])
    (video,) = value["images"]
    assert (video["frame_rate"], video["frames_processed"]) == (25.0, [0, 5, 10, 40])
    for found in video["detections"]:
        assert found["category"] in value["detection_categories"]
        assert isinstance(found["conf"], float)
        assert isinstance(found["frame_number"], int)
        assert all(0 <= side <= 1 for side in found["bbox"])


def test_coco_opens_in_pycocotools(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    coco = COCO(str(written("coco", tmp_path)))
    capsys.readouterr()
    (annotation, *_) = coco.loadAnns(coco.getAnnIds(catIds=[2]))
    assert coco.annToMask(annotation).sum() == 40 * 20  # the hole is filled
    exact = COCO(str(written("coco", tmp_path, masks="rle")))
    capsys.readouterr()
    (annotation, *_) = exact.loadAnns(exact.getAnnIds(catIds=[2]))
    assert exact.annToMask(annotation).sum() == annotation["area"] == 40 * 20 - 50


def test_kwcoco_has_what_dive_asks_for(tmp_path: Path) -> None:
    """DIVE: bbox, file_name, frame_index, track_id as a whole number, and no RLE at all."""
    value = json.loads(written("kwcoco", tmp_path).read_text("utf-8"))
    images = {image["id"]: image for image in value["images"]}
    assert all(isinstance(one["track_id"], int) and len(one["bbox"]) == 4 for one in value["annotations"])
    assert {images[one["image_id"]]["frame_index"] for one in value["annotations"]} == {0, 5, 10, 40}
    assert all(isinstance(one.get("segmentation", []), list) for one in value["annotations"])
    names = [image["file_name"] for image in value["images"]]
    assert names == sorted(set(names))
    assert [track["id"] for track in value["tracks"]] == [1, 4]
    assert value["videos"][0]["name"] == "dive/a b.mp4"
    assert value["images"][1]["timestamp"] == "2024-05-01T10:00:00.200Z"


def test_ifdo_loads_in_mbari_s_package(tmp_path: Path) -> None:
    path = written("ifdo", tmp_path)
    loaded = iFDO.load(path)
    (items,) = loaded.image_set_items.values()
    assert isinstance(items, list)
    fish, trash = items[0].image_annotations or []
    assert (fish.shape, trash.shape) == ("polygon", "rectangle")
    assert fish.frames == [0.0, 0.2, 0.4, 1.6]
    assert items[0].image_altitude_meters == -812.0
    assert [str(item.image_datetime) for item in items[:2]] == [
        "2024-05-01 10:00:00+00:00",
        "2024-05-01 10:00:00.200000+00:00",
    ]
    assert yaml.safe_load(path.read_text("utf-8"))["$schema"] == loaded.to_dict()["$schema"]


def test_fathomnet_s_example(tmp_path: Path) -> None:
    """From FathomNet's page on submissions."""
    text = "concept,image,x,y,width,height\nNanomia bijuga,http://dsg.mbari.org/path/image.png,10,20,30,40\n"
    content, (track,) = read("fathomnet-csv", tmp_path / "a.csv", text)
    assert (track.name, track.observations[0].box_xywh) == ("Nanomia bijuga", [10, 20, 30, 40])
    assert content.header.videos[0].file == "http://dsg.mbari.org/path/image.png"


def test_fathomnet_gets_whole_pixels_times_and_places(tmp_path: Path) -> None:
    with written("fathomnet-csv", tmp_path, scientific_names={"animal_fish": "Conger conger"}).open(
        newline="", encoding="utf-8"
    ) as file:
        rows = list(csv.DictReader(file))
    assert {"concept", "image", "x", "y", "width", "height"} <= set(rows[0])
    assert rows[0]["concept"] == "Conger conger"
    assert all(rows[0][side].isdigit() for side in ("x", "y", "width", "height"))
    assert (rows[1]["timestamp"], rows[1]["latitude"], rows[1]["depth"]) == (
        *("2024-05-01T10:00:00.200Z", "43.5", "817.0"),
    )


def test_darwin_core_s_occurrences(tmp_path: Path) -> None:
    """Terms of https://dwc.tdwg.org/terms/; required by OBIS: the first seven here."""
    with written("darwin-core", tmp_path).open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["basisOfRecord"] == "MachineObservation"
    assert (row["occurrenceStatus"], row["individualCount"]) == ("present", "1")
    assert row["scientificName"] == darwin_core.SCIENTIFIC_NAMES["animal_fish"]
    assert row["eventDate"] == "2024-05-01T10:00:00Z/2024-05-01T10:00:01.600Z"
    assert (row["decimalLatitude"], row["decimalLongitude"]) == ("43.5", "-8.25")
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", row["occurrenceID"])
    assert (row["minimumDepthInMeters"], row["maximumDepthInMeters"]) == ("812.0", "852.0")
    assert row["identificationVerificationStatus"] == "unverified"


def test_geojson_is_longitude_first(tmp_path: Path) -> None:
    """RFC 7946, sections 3.1.1 and 4."""
    value = json.loads(written("geojson", tmp_path).read_text("utf-8"))
    assert value["type"] == "FeatureCollection"
    fish, trash = value["features"]
    assert fish["geometry"] == {"type": "Point", "coordinates": [-8.25, 43.5, -822.0]}  # of its best view
    assert (trash["properties"]["confirmed"], trash["properties"]["first_utc"]) == (
        *(False, "2024-05-01T10:00:00.200Z"),
    )
