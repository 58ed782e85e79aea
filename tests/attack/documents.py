"""Hostile documents against every reader of `formats` and `data`, in a process of its own with little memory.

Run: python -m tests.attack.documents [CASES] [SEED]. Prints counts as JSON. Ends with a stack trace where a reader raises
what is no error of ours, and with a signal where it aborts.
"""

from __future__ import annotations

import contextlib
import json
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from seasift.core.errors import InputError
from seasift.data.check import check
from seasift.data.coco import read_coco
from seasift.data.dives import read_facts
from seasift.data.merge_map import read_merge_map
from seasift.data.packed import read_pack
from seasift.data.prepared import SCHEMA, open_prepared
from seasift.data.trashcan import read_original
from seasift.formats import coco, validation
from seasift.formats.document import Image
from seasift.formats.exchange import convert as converting
from seasift.formats.exchange import registry
from seasift.formats.exchange.content import WriteOptions
from seasift.formats.exchange.options import ConvertOptions
from seasift.formats.journal import Journal
from seasift.survey.navigation import read_navigation
from tests.attack.mutations import dumps, mutate_bytes, mutate_value
from tests.formats.exchange.contents import dive

MOST_BYTES = 200 << 20
MOST_S = 5.0
TRASHCAN = {
    "description": "x",
    "size": {"height": 40, "width": 60},
    "tags": [],
    "objects": [
        {
            "id": 5,
            "classTitle": "trash_plastic",
            "geometryType": "bitmap",
            "bitmap": {
                "data": "eJzrDPBz5+WS4mJgYOD19HAJAtL/GRgYPoCIYgZGIAkA2IwGpQ==",
                "origin": [3, 4],
            },
            "points": {"exterior": [], "interior": []},
            "tags": [{"name": "overlap", "value": "none"}],
        }
    ],
}
RECORD = {
    "schema": SCHEMA,
    "name": "x",
    "fingerprint": "0",
    "defaults": {"labels": "instance", "masks": "exact", "split": "official"},
    "parts": [{"file": "part-000.zip", "sha256": "0" * 64}],
    "group": "(.*)_frame",
}
NAVIGATION = (
    b"time,lat,lon,depth\n2024-05-01T10:00:00Z,43.5,-8.2,800\n2024-05-01T10:00:02Z,43.6,-8.2,801\n"
    b"2024-05-01T10:00:04Z,43.7,-8.3,802\n"
)
GPX = (
    b'<?xml version="1.0"?><gpx xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg><trkpt lat="43.5" lon="-8.2">'
    b"<ele>-800</ele><time>2024-05-01T10:00:00Z</time></trkpt><trkpt lat='43.6' lon='-8.2'>"
    b"<time>2024-05-01T10:00:02Z</time></trkpt></trkseg></trk></gpx>"
)
NMEA = b"$GPRMC,100000.00,A,4330.00,N,00812.00,W,0.5,90.0,010524,,,A*5C\r\n$GPGGA,100002,4330,N,00812,W,1,8,1,5,M,,,,*00\r\n"
MAP = b"categories:\n  - {name: fish, from: [[fish], [animal_fish, animal]]}\n  - {name: trash, from: [[trash], []]}\n"


def each_format(path: Path, _chance: random.Random) -> None:
    """Guess, read and convert a file as `seasift convert` does."""
    target = path.with_name("out" + path.suffix)
    name = _chance.choice(
        [entry.name for entry in registry.FORMATS if path.suffix in entry.suffixes]
        if _chance.random() < 0.7
        else ["coco" if path.suffix == ".json" else registry.guess(path).name]
    )
    masks = _chance.choice(("polygons", "rle"))
    converting.run(ConvertOptions(str(path), str(target), to=name, masks=masks))


def prediction(path: Path, _chance: random.Random) -> None:
    """Validate a document, and make COCO of it."""
    validation.list_problems(path)
    coco.to_coco(validation.read(path), masks=_chance.choice(("rle", "polygons")))


def data_set(path: Path, _chance: random.Random) -> None:
    """Read an annotation file, decode its masks, check it, and take its ids."""
    for read in (lambda: coco.read_truth_ids(path), lambda: check([path])):
        with contextlib.suppress(InputError):
            read()
    found = read_coco(path)
    sizes = {image.id: image.size_hw for image in found.images}
    for annotation in found.annotations:
        if annotation.has_mask:
            annotation.mask(sizes[annotation.image_id])


def prepared(path: Path, _chance: random.Random) -> None:
    """A folder of a data set with this file as its record."""
    folder = path.parent / "set"
    folder.mkdir(exist_ok=True)
    for name, read in (("prepared.json", open_prepared), ("pack.json", read_pack)):
        (folder / name).write_bytes(path.read_bytes())
        with contextlib.suppress(InputError):
            read(folder)
        (folder / name).unlink()


def journal(path: Path, _chance: random.Random) -> None:
    """Go on from this journal."""
    with Journal(path, {}) as found:
        for key in found:
            assert found[key].objects is not None


def write_journal(path: Path) -> None:
    """A journal of a run that was killed."""
    image = Image(file="a.png", width=60, height=40, objects=[])
    started = Journal(path, {}).__enter__()
    for number in range(3):
        started.add(f"a.png {number}", image)
    started.__exit__(KeyboardInterrupt, None, None)


def text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


Reader = Callable[[Path, random.Random], Any]


def seeds(folder: Path) -> list[tuple[str, bytes, Reader]]:
    """Name, content and reader of whole documents of each kind."""
    found: list[tuple[str, bytes, Reader]] = []
    for entry in registry.FORMATS:
        for suffix in entry.suffixes:
            for masks in ("polygons", "rle"):
                path = folder / f"seed{suffix}"
                entry.write(path, dive(), WriteOptions(masks=masks))
                reader = prediction if entry.name == "seasift-predictions" and masks == "rle" else each_format
                found.append((f"{entry.name}{suffix}", path.read_bytes(), reader))
                if entry.name == "coco":
                    found.append(("data set.json", path.read_bytes(), data_set))
    write_journal(folder / "seed.journal")
    found += [
        ("run.journal", (folder / "seed.journal").read_bytes(), journal),
        (
            "trashcan.json",
            json.dumps(TRASHCAN).encode(),
            lambda p, _: read_original(p.read_bytes(), "x.json"),
        ),
        ("navigation.csv", NAVIGATION, lambda p, _: read_navigation(p)),
        ("navigation.gpx", GPX, lambda p, _: read_navigation(p)),
        ("navigation.nmea", NMEA, lambda p, _: read_navigation(p)),
        ("map.yaml", MAP, lambda p, _: read_merge_map(p, 2)),
        ("facts.csv", b"video,dive,start,end\na,b,c,d\n", lambda p, _: read_facts(text_of(p), "facts.csv")),
        ("record.json", json.dumps(RECORD).encode(), prepared),
    ]
    return found


def attack(cases: int, number: int) -> dict[str, Any]:
    """Throw so many documents; return what came of them."""
    outcomes: Counter[str] = Counter()
    slowest = (0.0, "")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        known = seeds(folder)

        def one(case: int) -> None:
            nonlocal slowest
            chance = random.Random(case)
            label, data, reader = known[case % len(known)]
            path = folder / f"case{Path(label).suffix}"
            if label.endswith(".json") and chance.random() < 0.75:
                data = dumps(mutate_value(json.loads(data), chance))
            else:
                data = mutate_bytes(data, chance)
            path.write_bytes(data)
            begun = time.perf_counter()
            try:
                reader(path, chance)
                outcomes["read"] += 1
            except InputError as error:
                text = str(error)
                assert "\n" not in text, (label, text)
                assert len(text) < 2000, (label, text)
                outcomes["refused"] += 1
            except BaseException:  # kept, to look at it
                (Path(tempfile.gettempdir()) / f"seasift-attack-case{path.suffix}").write_bytes(data)
                print(f"case {case}, {label}", file=sys.stderr)
                raise
            spent = time.perf_counter() - begun
            slowest = max(slowest, (spent, f"{label}, case {case}"))
            assert spent < MOST_S, (label, case, spent)

        for fixed in range(len(known)):  # each kind at least once
            one(fixed)
        run = settings(
            max_examples=cases, database=None, deadline=None, suppress_health_check=list(HealthCheck)
        )(given(st.integers(0, 2**32 - 1))(one))
        seed(number)(run)()
    return {**outcomes, "kinds": len(known), "slowest_s": round(slowest[0], 2), "slowest": slowest[1]}


def main(cases: int = 2000, number: int = 24) -> None:
    """Attack with a bound on memory."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MOST_BYTES, now + MOST_BYTES))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    counts = attack(cases, number)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({**counts, "grown_mb": grown >> 10}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
