"""Archives made to cost more than they weigh: each is refused within bounds, and whole ones are not."""

from __future__ import annotations

import io
import random
import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest

from seasift.core.errors import InputError, LimitError
from seasift.isolation.pool import DecoderPool
from seasift.service.job_upload import count_images, entries, open_archive
from seasift.service.settings import ServiceSettings
from tests.service.conftest import ONE, Serve
from tests.service.test_jobs import archive, finished, post, result

NONE_STARTED = DecoderPool(1)  # archives start no process
SMALL = ServiceSettings(job_images=100)


def entry(name: bytes, offset: int, packed: bytes, size: int, crc: int) -> tuple[bytes, bytes]:
    """Local and central header of a deflated entry."""
    shared = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0x21, crc, len(packed), size, len(name), 0)
    central = b"PK\1\2" + struct.pack("<H", 20) + shared + struct.pack("<HHHII", 0, 0, 0, 0, offset) + name
    return b"PK\3\4" + shared + name, central


def end_record(count: int, size: int, offset: int, comment: bytes = b"") -> bytes:
    return b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count, count, size, offset, len(comment)) + comment


def overlapping(count: int, unpacked: int) -> bytes:
    """Every entry of the directory points to the same bytes."""
    content = bytes(unpacked)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(content) + packer.flush()
    local, central = entry(b"a.png", 0, packed, unpacked, zlib.crc32(content))
    return local + packed + central * count + end_record(count, len(central) * count, len(local + packed))


def hidden_directory(count: int) -> bytes:
    """zipfile takes the last 22 bytes for the end record; a search from the end finds another in its fields."""
    local, central = entry(b"a.txt", 0, b"", 0, 0)
    directory = central * count
    # The field "start of the directory" reads PK\\5\\6, and zipfile puts up with a wrong start.
    fake = int.from_bytes(b"PK\5\6", "little")
    record = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 0, 0, len(directory), fake, 0)
    padding = bytes(max(0, fake)) if fake < 1 << 20 else b""
    return local + padding + directory + record


def long_directory(count: int) -> bytes:
    """A record of zip64 gives the size; the short record says that there is nothing."""
    local, central = entry(b"a.txt", 0, b"", 0, 0)
    directory = central * count
    long_record = b"PK\6\6" + struct.pack(
        "<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, len(directory), len(local)
    )
    locator = b"PK\6\7" + struct.pack("<IQI", 0, len(local + directory), 1)
    return local + directory + long_record + locator + end_record(0, 0, 0)


def in_a_comment(count: int) -> bytes:
    """The end record stands before a comment that holds a shorter one's beginning."""
    local, central = entry(b"a.txt", 0, b"", 0, 0)
    directory = central * count
    record = end_record(count & 0xFFFF, len(directory), len(local), b"x" * 18 + b"PK\5\6")
    return local + directory + record


@pytest.mark.parametrize("make", [hidden_directory, long_directory, in_a_comment])
def test_no_end_record_lets_a_long_directory_in(tmp_path: Path, make: object) -> None:
    upload = tmp_path / "upload"
    upload.write_bytes(make(40_000))  # type: ignore[operator]
    tracemalloc.start()
    try:
        with pytest.raises(InputError):
            count_images(upload, "archive", "a.zip", "1s", SMALL, NONE_STARTED)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


def test_the_number_of_entries_is_bounded(tmp_path: Path) -> None:
    upload = tmp_path / "upload"
    names = {f"{number}.txt": b"" for number in range(1301)}
    upload.write_bytes(archive(**names))
    with pytest.raises(LimitError, match="too many files"), open_archive(upload, "a.zip", 100):
        pass
    names.popitem()
    upload.write_bytes(archive(**names))
    with open_archive(upload, "a.zip", 100) as opened:
        assert len(opened.infolist()) == 1300


def test_entries_that_share_bytes_are_refused(tmp_path: Path) -> None:
    upload = tmp_path / "upload"
    upload.write_bytes(overlapping(count=50, unpacked=1 << 20))
    assert upload.stat().st_size < 10_000
    with pytest.raises(InputError, match="overlaps another"):
        count_images(upload, "archive", "a.zip", "1s", SMALL, NONE_STARTED)
    upload.write_bytes(overlapping(count=1, unpacked=1 << 20))
    assert count_images(upload, "archive", "a.zip", "1s", SMALL, NONE_STARTED) == 1


def test_entries_that_lie_in_one_another_are_refused(tmp_path: Path) -> None:
    inner = archive(**{"b.png": ONE})
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("a.png", inner)
        file.writestr("c.png", ONE)
        file.filelist[1].header_offset = file.filelist[0].header_offset + 35
    upload = tmp_path / "upload"
    upload.write_bytes(data.getvalue())
    with pytest.raises(InputError, match="overlaps another"):
        count_images(upload, "archive", "a.zip", "1s", SMALL, NONE_STARTED)


@pytest.mark.parametrize("comment", [b"", b"from the dive", b"x" * 65535])
def test_whole_archives_are_read(tmp_path: Path, comment: bytes) -> None:
    data = io.BytesIO(b"a program before it")
    with zipfile.ZipFile(data, "a") as file:
        file.writestr("a.png", ONE)
        file.writestr("é/b.jpg", ONE)
        file.comment = comment
    upload = tmp_path / "upload"
    upload.write_bytes(data.getvalue())
    found = list(entries(upload, "archive", "a.zip", "1s", SMALL, NONE_STARTED, ()))
    assert [(each.file, each.image) for each in found] == [("a.png", ONE), ("é/b.jpg", ONE)]


def test_mutated_archives_are_read_or_refused(tmp_path: Path) -> None:
    whole, chance, upload = archive(**{"a.png": ONE, "b.png": ONE}), random.Random(7), tmp_path / "upload"
    refused = 0
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(max(0, len(data) - 160), len(data))] = chance.randrange(256)
        upload.write_bytes(data)
        try:
            found = list(entries(upload, "archive", "a.zip", "1s", SMALL, NONE_STARTED, ()))
            assert len(found) <= 2
        except InputError:
            refused += 1
    assert refused > 100


def test_long_and_doubled_names_do_not_fail_a_job(serve: Serve, folder: Path) -> None:
    data = archive(**{"a.png": ONE, "b.png": ONE, "c.png": ONE, "ö" * 3000 + ".png": ONE})
    data = data.replace(b"b.png", b"a.png").replace(b"c.png", b"a.png")
    client = serve(jobs=folder)
    job = finished(client, post(client, data, overlays="true").json()["id"])
    assert (job["state"], job["failures"], job["error"]) == ("done", 0, "")
    names = zipfile.ZipFile(io.BytesIO(result(client, job["id"], "overlays.zip"))).namelist()
    assert (len(names), max(len(name.encode()) for name in names) < 200) == (4, True)
