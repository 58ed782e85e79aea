"""Positions from navigation files as ships write them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from seasift.core.errors import InputError
from seasift.survey.navigation import Navigation, Position, read_navigation

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def file(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "time,latitude,longitude,depth\n2026-05-01T12:00:00Z,10,20,100\n2026-05-01T12:00:10Z,10.1,20.2,110\n",
        "Date/Time (UTC);Lat (dd);Lon (dd);Depth (m)\n2026-05-01T12:00:00Z;10,0;20,0;100\n2026-05-01 12:00:10;10,1;20,2;110\n",
        "\ufeffTIMESTAMP\tLat\tLong\tDepth_m\n1777636800\t10\t20\t100\n1777636810\t10.1\t20.2\t110\n",
        "date,time,lat,lng,depth\n2026-05-01,14:00:00+02:00,10,20,100\n2026/05/01,12:00:05,,,\n2026/05/01,12:00:10,10.1,20.2,110\n",
    ],
)
def test_reads_many_spellings(tmp_path: Path, text: str) -> None:
    navigation = read_navigation(file(tmp_path / "nav.csv", text))
    assert navigation.at(0.0, NOON) == Position(10.0, 20.0, 100.0)
    assert navigation.at(0.0, NOON.replace(second=5)) == Position(10.05, 20.1, 105.0)


def test_seconds_on_the_dive_s_clock_need_no_start(tmp_path: Path) -> None:
    navigation = read_navigation(file(tmp_path / "nav.csv", "seconds,lat,lon\n0,10,20\n10,10.1,20.2\n"))
    assert navigation.at(2.5, None) == Position(10.025, 20.05, None)


def test_heights_become_depths(tmp_path: Path) -> None:
    navigation = read_navigation(file(tmp_path / "nav.csv", "seconds,lat,lon,depth\n0,1,2,-50\n10,1,2,-60\n"))
    assert navigation.at(5, None) == Position(1, 2, 55)


def test_nothing_is_made_up(tmp_path: Path) -> None:
    text = "seconds,lat,lon\n10,10,20\n20,11,20\n200,12,20\n"
    navigation = read_navigation(file(tmp_path / "nav.csv", text), gap_s=60)
    assert [navigation.at(time_s, None) is None for time_s in (9.9, 10, 15, 20, 21, 199, 200, 200.1)] == [
        *(True, False, False, False, True, True, False, True)
    ]


def test_goes_the_short_way_over_the_date_line(tmp_path: Path) -> None:
    navigation = read_navigation(file(tmp_path / "nav.csv", "seconds,lat,lon\n0,0,179.9\n10,0,-179.7\n"))
    middle = navigation.at(5, None)
    assert middle is not None
    assert middle.longitude == pytest.approx(-179.9)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "0 lines; expected a header"),
        ("time,lat,depth\nx,1,2\n", "no column for longitude among 'time', 'lat', 'depth'"),
        ("a,lat,lon\n1,2,3\n", "no column for time"),
        ("time,lat,lon\nyesterday,1,2\n", "line 2: time 'yesterday'; expected UTC as"),
        ("seconds,lat,lon\n1,95,2\n", "line 2: latitude '95'; expected a number from -90 to 90"),
        ("seconds,lat,lon\n1,N 5°,2\n", "latitude 'N 5°'"),
        ("seconds,lat,lon\n1,nan,2\n", "latitude 'nan'"),
        ("seconds,lat,lon\n5,1,2\n4,1,2\n", "times fall after position 1"),
        ("seconds,lat,lon\n5,,\n", "no line has a position"),
    ],
)
def test_says_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError, match=r"nav\.csv") as error:
        read_navigation(file(tmp_path / "nav.csv", text))
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_navigation(tmp_path / "none.csv")


def test_utc_fixes_give_nothing_without_a_start(tmp_path: Path) -> None:
    text = "time,lat,lon\n2026-05-01T12:00:00Z,10,20\n"
    navigation: Navigation = read_navigation(file(tmp_path / "nav.csv", text))
    assert navigation.at(0.0, None) is None
