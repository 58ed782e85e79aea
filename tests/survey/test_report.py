"""The page: one file that needs nothing else, and says what must be known."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from seasift.survey.navigation import VehiclePosition
from seasift.survey.report_svg import Axis, Event, map_of, segments
from tests.survey.dives import save_dive, save_model, survey

HOSTILE = '<script>alert("x")</script>'
ALIKE = (1.0, 1.0)
COUNTING = {
    "data": "painted val",
    "thresholds": (0.4, 0.6),
    "classes": [
        {
            **{"objects": 100, "videos": 10, "found": (90, 80), "right": (80, 75)},
            **{"found_alike": ALIKE, "objects_alike": ALIKE},
        }
    ]
    * 3,
}


class Links(HTMLParser):
    """Everything that a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.found += [value or "" for key, value in attrs if key in ("src", "href", "srcset", "data")]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("page")
    categories = [
        {"id": 3, "name": HOSTILE},
        {"id": 7, "name": "green thing"},
        {"id": 8, "name": "blue thing"},
    ]
    model = save_model(folder, categories=categories, counting=COUNTING)
    dive = save_dive(folder / "a & b <i>.mp4")
    (folder / "nav.csv").write_text("seconds,lat,lon,depth\n0,45,-30,100\n16,45.001,-30.002,120\n", "utf-8")
    survey(folder, model=model, inputs=(str(dive),), navigation=folder / "nav.csv")
    document = json.loads((folder / "out/tracks.json").read_text(encoding="utf-8"))
    observation = document["tracks"][0]["observations"][15]  # 3 s of 16
    assert observation["position"] == pytest.approx(
        {"latitude": 45.0001875, "longitude": -30.000375, "depth_m": 103.75}, abs=1e-6
    )
    return (folder / "out/report.html").read_text(encoding="utf-8")


def test_needs_nothing_else(page: str) -> None:
    links = Links()
    links.feed(page)
    assert links.found
    assert all(link.startswith("data:image/jpeg;base64,") for link in links.found)
    assert "script" not in links.tags
    assert not re.search(r"@import|url\(", page)


def test_names_stay_text(page: str) -> None:
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page
    assert "a &amp; b &lt;i&gt;.mp4" in page


def test_shows_timeline_map_gallery_counts_and_record(page: str) -> None:
    for part in ("Counts", "Timeline", "Map", "Objects", "Settings", "The model"):
        assert f"<h2>{part}</h2>" in page
    assert page.count('<div class="card">') == 4
    assert "painted val, scores from 0.4" in page
    assert re.search(r"<td>3</td>\s*<td>3</td><td>\d+ to \d+</td>", page)


def test_says_what_is_not_known(tmp_path: Path) -> None:
    survey(tmp_path)
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "No interval: the model has no" in page
    assert "no reference image statistics" in page
    assert "the start time is unknown" in page
    assert "<h2>Map</h2>" not in page


def test_an_empty_dive_has_a_page(tmp_path: Path) -> None:
    result = survey(tmp_path, threshold=0.99)
    assert not result.counts.dive
    assert "No object was seen" in (tmp_path / "out/report.html").read_text("utf-8")


def test_pauses_are_squeezed() -> None:
    parts = segments([0, 1, 2, 1000, 1001, 1004], pause_s=60)
    assert [(part.from_s, part.to_s) for part in parts] == [(0, 2), (1000, 1004)]
    axis = Axis(parts, 616)
    assert [axis.x(time_s) for time_s in (0, 2, 500, 1000, 1004)] == [0, 200, 200, 216, 616]
    assert all(any(part.from_s <= tick <= part.to_s for part in parts) for tick in axis.ticks())


def test_the_map_is_true_to_scale() -> None:
    """Two places 1 km apart to the north at 60 degrees, where a degree of longitude is half as long."""
    north = 1000 / 111_320
    way = [
        VehiclePosition(60, 10, None),
        VehiclePosition(60 + north, 10, None),
        VehiclePosition(60, 10 + 2 * north, None),
    ]
    drawn: dict[str, Any] | None = map_of(way, [Event(1, 0, "crab", 0, 1, way[1])], ["crab"])
    assert drawn is not None
    (x0, y0), (x1, y1), (x2, y2) = (map(float, point.split(",")) for point in drawn["way"].split())
    assert abs((y0 - y1) - (x2 - x0)) < 1
    assert (x0, y0) == (x1, y2)
    metres = float(drawn["bar_text"].split()[0])
    assert drawn["bar"] / metres == pytest.approx((y0 - y1) / 1000, rel=0.01)
    assert (drawn["events"][0]["x"], drawn["events"][0]["y"]) == (x1, y1)
