"""Packing a data set and unpacking it again."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from seasift.core.errors import DatasetError, InputError
from seasift.data.check import check
from seasift.data.pack import pack
from seasift.data.packed import PACK_FILE
from seasift.data.prepare import prepare
from seasift.data.prepared import open_prepared, resolve_split
from tests.data.merge_fake import write

COUNT, SIZE = 12, (120, 160)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noisy JPEGs of high quality, a PNG, and one JPEG that is small already."""
    folder = tmp_path_factory.mktemp("large")
    (folder / "images").mkdir()
    random = np.random.default_rng(0)
    images = []
    for number in range(COUNT):
        name = f"deep/{number}.jpg" if number else "0.png"
        path = folder / "images" / name
        path.parent.mkdir(exist_ok=True)
        noise = cv2.GaussianBlur(random.integers(0, 255, (*SIZE, 3), dtype=np.uint8), (0, 0), 1.5)
        quality = 20 if number == 1 else 98
        assert cv2.imwrite(str(path), noise, [cv2.IMWRITE_JPEG_QUALITY, quality])
        images.append({"id": number, "file_name": name, "height": SIZE[0], "width": SIZE[1]})
    annotations = [
        {
            "id": n,
            "image_id": n,
            "category_id": 1,
            "bbox": [1, 2, 30, 40],
            "area": 1200,
            "segmentation": [],
            "iscrowd": 0,
        }
        for n in range(COUNT)
    ]
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "crab"}]}
    prepare(write(folder / "large.json", content), folder / "prepared")
    return folder / "prepared"


@pytest.mark.parametrize("max_mb", [0.02, 0.03, 60])
def test_round_trip(prepared: Path, tmp_path: Path, max_mb: float) -> None:
    parts = pack(prepared, tmp_path / "pack", max_mb=max_mb, quality=60)
    sizes = [part.stat().st_size for part in parts]
    assert max(sizes) <= max_mb * 1_000_000
    assert (len(parts) > 1) == (max_mb < 60)
    # No part could have taken the first file of the next: the parts are not smaller than they need to be.
    assert all(first + second > max_mb * 1_000_000 for first, second in pairwise(sizes))
    assert sorted(path.name for path in (tmp_path / "pack").iterdir()) == [
        PACK_FILE,
        *(part.name for part in parts),
    ]
    found = open_prepared(tmp_path / "pack", cache=tmp_path / "cache")
    assert found.folder.parent == tmp_path / "cache"
    for path in (p for pattern in ("annotations/*", "splits/*/*") for p in prepared.glob(pattern)):
        assert (found.folder / path.relative_to(prepared)).read_bytes() == path.read_bytes()
    split = resolve_split(tmp_path / "pack", split="all", cache=tmp_path / "cache")
    assert split.coco == resolve_split(prepared, split="all").coco
    assert split.fingerprint != open_prepared(prepared).fingerprint
    for image in split.coco.images:
        packed, own = split.images_dir / image.file_name, prepared / "images" / image.file_name
        assert packed.stat().st_size <= own.stat().st_size
        seen, before = (np.asarray(Image.open(path).convert("RGB"), float) for path in (packed, own))
        assert np.abs(seen - before).mean() < 12
    assert (split.images_dir / "deep/1.jpg").read_bytes() == (prepared / "images/deep/1.jpg").read_bytes()
    with Image.open(split.images_dir / "0.png") as image:
        assert image.format == "JPEG"
    assert check([tmp_path / "pack"]).fatal == 0


def test_packing_twice_gives_the_same(prepared: Path, tmp_path: Path) -> None:
    first = pack(prepared, tmp_path / "a", max_mb=0.03)
    second = pack(prepared, tmp_path / "b", max_mb=0.03)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_pack_is_not_written_over_unless_asked(prepared: Path, tmp_path: Path) -> None:
    pack(prepared, tmp_path / "pack", max_mb=0.02)
    with pytest.raises(DatasetError, match="pack already"):
        pack(prepared, tmp_path / "pack")
    pack(prepared, tmp_path / "pack", force=True)
    assert sorted(path.name for path in (tmp_path / "pack").iterdir()) == [PACK_FILE, "part-000.zip"]


def test_a_file_that_does_not_fit_is_named(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"0\.png|deep") as error:
        pack(prepared, tmp_path / "pack", max_mb=0.002)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "pack" / PACK_FILE).exists()


def test_a_missing_or_damaged_part_is_named(prepared: Path, tmp_path: Path) -> None:
    parts = pack(prepared, tmp_path / "pack", max_mb=0.02)
    whole = parts[1].read_bytes()
    parts[1].write_bytes(whole[:-9] + b"123456789")
    with pytest.raises(DatasetError, match=parts[1].name):
        open_prepared(tmp_path / "pack")
    parts[1].unlink()
    with pytest.raises(DatasetError, match=parts[1].name):
        open_prepared(tmp_path / "pack")
    assert list((tmp_path / "pack" / "cache").iterdir()) == []
    parts[1].write_bytes(whole)
    assert open_prepared(tmp_path / "pack").record["packed"]["quality"] == 75
    record = json.loads((tmp_path / "pack" / PACK_FILE).read_text())
    (tmp_path / "pack" / PACK_FILE).write_text(json.dumps({**record, "schema": "other/1"}))
    with pytest.raises(DatasetError, match="other/1"):
        open_prepared(tmp_path / "pack")


def test_webp_is_smaller_and_keeps_names_and_content(prepared: Path, tmp_path: Path) -> None:
    sizes = {}
    for encoding in ("jpeg", "webp"):
        parts = pack(prepared, tmp_path / encoding, quality=75, encoding=encoding)
        sizes[encoding] = sum(part.stat().st_size for part in parts)
    assert sizes["webp"] < 0.8 * sizes["jpeg"]
    learn = resolve_split(tmp_path / "webp")
    assert learn.fingerprint != resolve_split(tmp_path / "jpeg").fingerprint
    name = "deep/2.jpg"
    with Image.open(learn.images_dir / name) as image:
        assert image.format == "WEBP"
        seen = np.asarray(image.convert("RGB"), dtype=float)
    original = np.asarray(Image.open(prepared / "images" / name).convert("RGB"), dtype=float)
    assert np.abs(seen - original).mean() < 12


def test_an_unknown_encoding_is_named(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="jpeg, webp"):
        pack(prepared, tmp_path / "pack", encoding="png")
