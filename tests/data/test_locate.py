"""Images of a COCO file are found as other tools name and pack them, or the mistake is named."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest

from seasift.core.errors import DatasetError
from seasift.data.check import check
from seasift.data.prepare import prepare
from seasift.data.prepared import PreparedDataset, resolve_split
from seasift.data.stats import describe
from tests.data.small_sets import document, image_bytes, write_set, write_zip

APPLE_DOUBLE = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        " + b"\x00" * 40
E_ACUTE = "plongée.png"


def prepared(source: Path, out: Path) -> dict[str, bytes]:
    """Each image of the prepared data set with its bytes."""
    result, _ = prepare(source, out)
    images = result.folder / "images"
    listed = [image.file_name for image in result.coco().images]
    assert sorted(listed) == sorted(
        p.relative_to(images).as_posix() for p in images.rglob("*") if p.is_file()
    )
    return {name: (images / name).read_bytes() for name in listed}


MASK_FOLDERS: dict[str, tuple[str, ...]] = {
    # COCO file: right image first, then others of its name
    "annotations/instances_train.json": ("images/s.png", "masks/s.png"),
    "instances_train.json": ("images/s.png", "a/s.png", "s.png"),
    "set.json": ("images/s.png", "raw/s.png", "depth/s.png"),
    "train/_annotations.coco.json": ("train/s.png", "m/s.png", "s.png"),
    "annotations/instances_val2017.json": ("val2017/s.png", "masks/s.png"),
    "annotations/instances_val.json": ("images/val/s.png", "masks/val/s.png", "images/train/s.png"),
    "deep/er/coco.json": ("deep/er/images/s.png", "images/s.png"),
    "labels/set.json": ("images/s.png", ".thumbnails/s.png", "@eaDir/s.png"),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("coco", MASK_FOLDERS)
def test_the_image_beside_the_file_goes_before_others_of_its_name(
    tmp_path: Path, coco: str, packed: bool
) -> None:
    files = {coco: document("s.png"), **{path: seed for seed, path in enumerate(MASK_FOLDERS[coco], 1)}}
    source = write_zip(tmp_path / "in.zip", files) if packed else write_set(tmp_path / "in", files)
    assert prepared(source, tmp_path / "out") == {"s.png": image_bytes(1)}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("folders", [("photos", "masks"), ("a", "b/c"), ("z/images2", "thumb")])
def test_different_files_that_a_name_could_mean_are_both_named(
    tmp_path: Path, folders: tuple[str, str], packed: bool
) -> None:
    files: dict[str, Any] = {"coco.json": document("s.png")}
    files |= {f"{folder}/s.png": seed for seed, folder in enumerate(folders)}
    source = write_zip(tmp_path / "in.zip", files) if packed else write_set(tmp_path / "in", files)
    with pytest.raises(DatasetError) as caught:
        prepare(source, tmp_path / "out")
    assert all(f"{folder}/s.png" in str(caught.value) for folder in folders)
    assert "--images" in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("packed", [False, True])
def test_equal_copies_are_one_image(tmp_path: Path, packed: bool) -> None:
    files: dict[str, Any] = {"coco.json": document("s.png"), "photos/s.png": 1, "copy/of/s.png": 1}
    source = write_zip(tmp_path / "in.zip", files) if packed else write_set(tmp_path / "in", files)
    assert prepared(source, tmp_path / "out") == {"s.png": image_bytes(1)}


def roboflow(
    parts: tuple[str, ...] = ("train", "valid", "test"), *, same_names: bool = False
) -> dict[str, Any]:
    """As downloaded: each part's file beside its images, a category of id 0 that is the project's name."""
    categories = [
        {"id": 0, "name": "sea", "supercategory": "none"},
        {"id": 1, "name": "rov", "supercategory": "sea"},
        {"id": 2, "name": "net", "supercategory": "sea"},
    ]
    files: dict[str, Any] = {"README.roboflow.txt": b"hello"}
    for seed, part in enumerate(parts):
        name = "s.png" if same_names else f"s{seed}.png"
        files[f"{part}/_annotations.coco.json"] = document(name, categories=categories)
        files[f"{part}/{name}"] = seed
    return files


def parts_of(result: PreparedDataset) -> dict[str, list[str]]:
    return result.schemes()["published"]


@pytest.mark.parametrize("packed", [False, True])
def test_roboflow_as_downloaded(tmp_path: Path, packed: bool) -> None:
    files = roboflow()
    source = write_zip(tmp_path / "in.zip", files) if packed else write_set(tmp_path / "in", files)
    result, _ = prepare(source, tmp_path / "out")
    assert parts_of(result) == {"train": ["s0.png"], "val": ["s1.png"], "test": ["s2.png"]}
    assert [category.name for category in result.coco().categories] == ["rov", "net"]
    assert any("'sea'" in note for note in result.record["notes"])


def test_roboflow_packed_inside_a_folder(tmp_path: Path) -> None:
    files = {f"Sea trash.v3i.coco/{name}": content for name, content in roboflow().items()}
    result, _ = prepare(write_zip(tmp_path / "in.zip", files), tmp_path / "out")
    assert parts_of(result) == {"train": ["s0.png"], "val": ["s1.png"], "test": ["s2.png"]}


@pytest.mark.parametrize(
    ("parts", "expected"), [(("train",), ["train"]), (("train", "valid"), ["train", "val"])]
)
def test_roboflow_with_fewer_parts(tmp_path: Path, parts: tuple[str, ...], expected: list[str]) -> None:
    result, _ = prepare(write_set(tmp_path / "in", roboflow(parts)), tmp_path / "out")
    assert list(parts_of(result)) == expected


def test_one_part_of_roboflow(tmp_path: Path) -> None:
    source = write_set(tmp_path / "in", roboflow()) / "valid"
    assert list(parts_of(prepare(source, tmp_path / "out")[0])) == ["all"]
    assert len(resolve_split(source / "_annotations.coco.json").coco.categories) == 2


def test_different_images_of_one_name_in_two_parts(tmp_path: Path) -> None:
    result, _ = prepare(write_set(tmp_path / "in", roboflow(same_names=True)), tmp_path / "out")
    assert parts_of(result) == {"train": ["train/s.png"], "val": ["val/s.png"], "test": ["test/s.png"]}
    for seed, part in enumerate(("train", "val", "test")):
        assert (tmp_path / "out" / "images" / part / "s.png").read_bytes() == image_bytes(seed)


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    files: dict[str, Any] = {}
    for seed, task in enumerate(("dive 1", "dive 2")):
        files[f"{task}/annotations/instances_default.json"] = document("a.png")
        files[f"{task}/images/default/a.png"] = seed
    result, _ = prepare(write_set(tmp_path / "in", files), tmp_path / "out")
    assert parts_of(result) == {"dive 1": ["dive 1/a.png"], "dive 2": ["dive 2/a.png"]}


NONE = {"supercategory": "none"}
ROOTS = [
    # categories, names that are left: only the lowest id, of "none", above others and without objects is no class
    ([{"id": 0, "name": "sea", **NONE}, {"id": 1, "name": "rov", "supercategory": "sea"}], ["rov"]),
    ([{"id": 1, "name": "rov", "supercategory": "sea"}, {"id": 0, "name": "sea", **NONE}], ["rov"]),
    ([{"id": 0, "name": "rov", **NONE}, {"id": 1, "name": "rov", "supercategory": "rov"}], ["rov"]),
    ([{"id": 0, "name": "sea", **NONE}, {"id": 1, "name": "rov", **NONE}], ["sea", "rov"]),
    ([{"id": 0, "name": "fish", "supercategory": "fish"}, {"id": 1, "name": "rov"}], ["fish", "rov"]),
    ([{"id": 1, "name": "rov", **NONE}, {"id": 2, "name": "net", "supercategory": "rov"}], ["rov", "net"]),
    ([{"id": 1, "name": "rov", "supercategory": "z"}, {"id": 2, "name": "z", **NONE}], ["rov", "z"]),
]


@pytest.mark.parametrize(("categories", "left"), ROOTS)
def test_a_category_above_the_others_is_no_class(
    tmp_path: Path, categories: list[dict[str, Any]], left: list[str]
) -> None:
    folder = write_set(tmp_path, {"a.json": document("s.png", categories=categories), "s.png": 1})
    assert [category.name for category in resolve_split(folder / "a.json").coco.categories] == left
    report = check([folder / "a.json"])
    assert not report.fatal
    assert (len(left) < len(categories)) == ("root category" in {defect.kind for defect in report.defects})


NAMES = [
    # file_name, where the image is beside the COCO file, what the prepared set calls it
    ("images/a.png", "images/a.png", "images/a.png"),
    ("images\\a.png", "images/a.png", "images/a.png"),
    (".\\images\\sub\\a.png", "images/sub/a.png", "images/sub/a.png"),
    ("./a.png", "images/a.png", "a.png"),
    ("a.png", "a.png", "a.png"),
    ("images/a.png", "a.png", "a.png"),
    ("data/images/a.png", "images/a.png", "a.png"),
    ("C:\\Users\\me\\project\\images\\a.png", "images/a.png", "a.png"),
    ("/home/me/project/sub/a.png", "images/sub/a.png", "sub/a.png"),
    ("..\\..\\label-studio\\upload\\1\\a.png", "images/a.png", "a.png"),
    ("/data/local-files/?d=a.png", "images/a.png", "a.png"),
    ("https://example.org/upload/1/a.png", "images/a.png", "a.png"),
    ("Capture%20d%C3%A9cran.png", "images/Capture décran.png", "Capture décran.png"),
    ("images%5Ca%20b.png", "images/a b.png", "images/a b.png"),
    ("100%.png", "images/100%.png", "100%.png"),
    ("a%20b.png", "images/a%20b.png", "a%20b.png"),
    (normalize("NFC", E_ACUTE), f"images/{normalize('NFD', E_ACUTE)}", normalize("NFC", E_ACUTE)),
    (normalize("NFD", E_ACUTE), f"images/{normalize('NFC', E_ACUTE)}", normalize("NFD", E_ACUTE)),
    ("images/é/ü.png", normalize("NFD", "images/é/ü.png"), "images/é/ü.png"),
    ("IMAGES\\A.PNG", "images/a.png", "IMAGES/A.PNG"),
    ("Sub/a.PNG", "images/sub/A.png", "Sub/a.PNG"),
    ("C:\\DCIM\\PLONGÉE.png", f"images/{normalize('NFD', 'plongée')}.png", "PLONGÉE.png"),
    ("plonge%CC%81e.png", f"images/{normalize('NFC', E_ACUTE)}", normalize("NFD", E_ACUTE)),
]


@pytest.mark.parametrize(("name", "index", "called"), NAMES)
def test_names_as_other_tools_write_them(tmp_path: Path, name: str, index: str, called: str) -> None:
    folder = write_set(tmp_path / "in", {"result.json": document(name), index: 1})
    expected = {called: image_bytes(1)}
    assert prepared(folder / "result.json", tmp_path / "from-file") == expected
    assert list(prepared(folder, tmp_path / "from-folder").values()) == [image_bytes(1)]
    packed = write_zip(tmp_path / "in.zip", {"result.json": document(name), index: 1})
    assert list(prepared(packed, tmp_path / "from-zip").values()) == [image_bytes(1)]
    assert not check([folder / "result.json"]).defects
    for part in (resolve_split(folder / "result.json"), describe(folder / "result.json")):
        (image,) = part.coco.images if hasattr(part, "coco") else part.splits["result"].images
        assert (part.images_dir / image.file_name).read_bytes() == image_bytes(1)


def test_the_folder_that_is_named_holds_the_images(tmp_path: Path) -> None:
    folder = write_set(
        tmp_path, {"x/result.json": document("images\\a.png"), "x/images/a.png": 1, "other/a.png": 2}
    )
    for images, seed in ((folder / "other", 2), (folder / "x", 1), (folder / "x" / "images", 1)):
        part = resolve_split(folder / "x" / "result.json", images=images)
        assert (part.images_dir / part.coco.images[0].file_name).read_bytes() == image_bytes(seed)


@pytest.mark.parametrize("from_file", [True, False])
def test_case_tells_files_apart_that_differ_in_nothing_else(tmp_path: Path, from_file: bool) -> None:
    files = {"images/A.png": 1, "images/a.png": 2}
    folder = write_set(tmp_path / "in", {"a.json": document("a.png", "A.png"), **files})
    if len(list((folder / "images").iterdir())) < 2:
        pytest.skip("this disk knows no case")
    source = folder / "a.json" if from_file else folder
    assert prepared(source, tmp_path / "out") == {"a.png": image_bytes(2), "A.png": image_bytes(1)}
    write_set(tmp_path / "in", {"a.json": document("A.PNG")})
    with pytest.raises(DatasetError, match=r"A\.PNG"):
        prepared(source, tmp_path / "again")


@pytest.mark.parametrize("from_file", [True, False])
def test_two_names_for_one_image(tmp_path: Path, from_file: bool) -> None:
    folder = write_set(tmp_path / "in", {"a.json": document("x/s.png", "y/s.png"), "s.png": 1})
    with pytest.raises(DatasetError) as caught:
        prepare(folder / "a.json" if from_file else folder, tmp_path / "out")
    assert all(name in str(caught.value) for name in ("x/s.png", "y/s.png"))
    assert check([folder / "a.json"]).fatal


def test_a_zip_packed_on_windows(tmp_path: Path) -> None:
    names = {"set\\instances_train.json": document("sub\\a.png", "b.png"), "set\\images\\sub\\a.png": 1}
    source = write_zip(tmp_path / "in.zip", {**names, "set\\images\\b.png": 2})
    assert prepared(source, tmp_path / "out") == {"sub/a.png": image_bytes(1), "b.png": image_bytes(2)}


@pytest.mark.skipif(os.name == "nt", reason="a backslash cannot be in a name there")
def test_a_zip_packed_on_windows_and_unpacked_by_a_tool_that_keeps_backslashes(tmp_path: Path) -> None:
    folder = write_set(
        tmp_path / "in", {"set\\a.json": document("a.png"), "set\\images\\a.png": 1, "m\\a.png": 2}
    )
    assert prepared(folder, tmp_path / "out") == {"a.png": image_bytes(1)}


@pytest.mark.parametrize("packed", [False, True])
def test_files_that_macos_adds(tmp_path: Path, packed: bool) -> None:
    files: dict[str, Any] = {
        "set/instances_train.json": document("a.png", "._b.png"),
        "set/images/a.png": 1,
        "set/images/._b.png": 2,  # a name like theirs, but an image
        "set/._instances_train.json": APPLE_DOUBLE,
        "set/images/._a.png": APPLE_DOUBLE,
        "set/.DS_Store": b"\0\0\0\1Bud1",
        "__MACOSX/set/._instances_train.json": APPLE_DOUBLE,
        "__MACOSX/set/images/a.png": 3,
    }
    source = write_zip(tmp_path / "in.zip", files) if packed else write_set(tmp_path / "in", files)
    assert prepared(source, tmp_path / "out") == {"a.png": image_bytes(1), "._b.png": image_bytes(2)}


@pytest.mark.parametrize(
    "other",
    [
        b'{"a": 1}\n{"a": 2}\n',
        b'{"file_name": "a.png", "annotations": [1]}\n{"file_name": "b.png", "annotations": []}\n',
        b"",
        b"not json",
        b"\x00\x01\x02",
        b"[1, 2",
        b"[" * 100_000,
    ],
)
def test_other_json_is_passed_over(tmp_path: Path, other: bytes) -> None:
    files = {
        "coco.json": document("a.png"),
        "a.png": 1,
        "metadata.json": other,
        ".ipynb_checkpoints/c.json": other,
    }
    assert list(prepared(write_set(tmp_path / "in", files), tmp_path / "out")) == ["a.png"]


def test_copies_that_a_notebook_keeps_are_passed_over(tmp_path: Path) -> None:
    files = {name: document("a.png") for name in ("coco.json", ".ipynb_checkpoints/coco-checkpoint.json")}
    assert list(prepared(write_set(tmp_path / "in", {**files, "a.png": 1}), tmp_path / "out")) == ["a.png"]


@pytest.mark.parametrize("cut", [10, 60, 200])
def test_a_damaged_coco_file_is_not_passed_over(tmp_path: Path, cut: int) -> None:
    source = write_set(
        tmp_path / "in", {"train.json": document("a.png"), "val.json": document("b.png"), "a.png": 1}
    )
    val = source / "val.json"
    val.write_bytes(val.read_bytes()[:-cut])
    with pytest.raises(DatasetError, match=r"val\.json"):
        prepare(source, tmp_path / "out")


@pytest.mark.parametrize("field", [False, True])
def test_letters_in_a_zip_without_the_flag_for_utf_8(tmp_path: Path, field: bool) -> None:
    """macOS writes UTF-8 all the same; Info-ZIP writes a code page, and UTF-8 in an extra field."""
    name = "images/plongée.png"
    raw = name.encode("cp437" if field else "utf-8")
    path = write_zip(
        tmp_path / "in.zip", {"a.json": document("plongée.png"), name.replace("é", "?" * (len(raw) - 17)): 1}
    )
    placeholder = name.replace("é", "?" * (len(raw) - 17)).encode()
    assert len(placeholder) == len(raw)
    path.write_bytes(path.read_bytes().replace(placeholder, raw))
    if field:
        _add_unicode_path(path, raw, normalize("NFD", name).encode())
    assert prepared(path, tmp_path / "out") == {"plongée.png": image_bytes(1)}


def _add_unicode_path(path: Path, raw: bytes, utf8: bytes) -> None:
    value = b"\x01" + struct.pack("<I", zlib.crc32(raw)) + utf8
    extra = struct.pack("<HH", 0x7075, len(value)) + value
    with zipfile.ZipFile(path) as archive:
        entries = [(info, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for info, data in entries:
            new = zipfile.ZipInfo("placeholder" if not info.filename.isascii() else info.filename)
            if not info.filename.isascii():
                new.filename, new.extra = "p" * len(raw), extra
            archive.writestr(new, data)
    path.write_bytes(path.read_bytes().replace(b"p" * len(raw), raw))


def test_one_name_twice_in_a_zip(tmp_path: Path) -> None:
    for seeds in ((1, 1), (1, 2)):
        path = write_zip(tmp_path / "in.zip", {"a.json": document("s.png")})
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("images/s.png", image_bytes(seeds[0]))
            twice = zipfile.ZipInfo("x")
            twice.filename = "images\\s.png"
            archive.writestr(twice, image_bytes(seeds[1]))
        if seeds == (1, 1):
            assert list(prepared(path, tmp_path / "out")) == ["s.png"]
        else:
            with pytest.raises(DatasetError, match=r"images/s\.png"):
                prepare(path, tmp_path / "again")


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links(tmp_path: Path) -> None:
    """A folder of images by a link, a link back up, a link to nothing, and one image by two paths."""
    pool = write_set(tmp_path / "pool", {"s.png": 1})
    source = write_set(tmp_path / "in", {"annotations/instances_train.json": document("s.png")})
    (source / "images").symlink_to(pool)
    (source / "again").symlink_to(pool)
    (source / "up").symlink_to(source)
    (source / "gone.png").symlink_to(tmp_path / "nowhere.png")
    assert prepared(source, tmp_path / "out") == {"s.png": image_bytes(1)}


def test_links_in_a_zip(tmp_path: Path) -> None:
    path = write_zip(
        tmp_path / "in.zip", {"annotations/train.json": document("s.png", "t.png"), "pool/s.png": 1}
    )
    with zipfile.ZipFile(path, "a") as archive:
        for name, aim in {
            "images/s.png": "../pool/s.png",
            "images/t.png": "../pool/s.png",
            "z": "nowhere",
        }.items():
            link = zipfile.ZipInfo(name)
            link.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(link, aim)
    assert prepared(path, tmp_path / "out") == {"s.png": image_bytes(1), "t.png": image_bytes(1)}
