"""Positions from navigation files as ships write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import xor
from pathlib import Path

import numpy as np
import pytest

from seasift.core.errors import InputError
from seasift.survey.navigation import Navigation, VehiclePosition, read_navigation

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
    assert navigation.at(0.0, NOON) == VehiclePosition(10.0, 20.0, 100.0)
    assert navigation.at(0.0, NOON.replace(second=5)) == VehiclePosition(10.05, 20.1, 105.0)


def test_seconds_on_the_dive_s_clock_need_no_start(tmp_path: Path) -> None:
    navigation = read_navigation(file(tmp_path / "nav.csv", "seconds,lat,lon\n0,10,20\n10,10.1,20.2\n"))
    assert navigation.at(2.5, None) == VehiclePosition(10.025, 20.05, None)


def test_heights_become_depths(tmp_path: Path) -> None:
    navigation = read_navigation(file(tmp_path / "nav.csv", "seconds,lat,lon,depth\n0,1,2,-50\n10,1,2,-60\n"))
    assert navigation.at(5, None) == VehiclePosition(1, 2, 55)


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
        ("time,lat,lon\nyesterday,1,2\n", "line 2, column 'time': time 'yesterday'"),
        ("seconds,lat,lon\n1,95,2\n", "line 2, column 'lat': latitude '95'"),
        ("seconds,lat,lon\n1,nan,2\n", "latitude 'nan'"),
        ("seconds,lat,lon\n1,54 60.5 N,2\n", "latitude '54 60.5 N'"),
        ("seconds,lat,lon\n1,5°5'5'5,2\n", "latitude"),
        ("seconds,lat,lon\n1,2,3\n2,2,3E\n3,2,3N\n", "line 4, column 'lon': longitude '3N'"),
        ("seconds,lat,N/S,lon\n1,-5,N,2\n", "column 'lat': latitude '-5' with 'N'"),
        ("seconds,lat,N/S,lon\n1,5,N,2\n2,5,X,2\n", "line 3, column 'N/S': 'X'"),
        ("seconds,lat,lon\n1,54,1,10,2\n", "line 2: 5 cells, but the header has 3"),
        ("seconds,x,lat,lon\n1,S,5,2\n", "column 'x'"),
        ("time,lat,lon\n01/02/2026 12:00:00,1,2\n02/02/2026 12:00:00,1,2\n", "line 2, column 'time'"),
        ("date,time,lat,lon\n13/13/2026,12:00:00,1,2\n", "line 2"),
        ("time,lat,lon\n25:00:00,1,2\n", "time '25:00:00'"),
        ("time,lat,lon\n13:00:00 PM,1,2\n", "time '13:00:00 PM'"),
        ("time,lat,lon\n2026-05-01T12:00:00 CEST,1,2\n", "CEST"),
        ("time,lat,lon\n2026-05-01,1,2\n", "no time of day"),
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


WEST_OF_SOUTH = (-54.1, -10.25)


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("lat,N/S,lon,E/W", "54.1,S,10.25,W"),
        ("Latitude,NS,Longitude,EW", "54.1,s,10.25,w"),
        ("latitude,lat_dir,longitude,lon_dir", "54.1,South,10.25,West"),
        ("lat,hemisphere,lon,hemisphere", "54.1,S,10.25,W"),
        ("lat,,lon,", "54.1,S,10.25,W"),
        ("lat,lon", "54.1S,10.25W"),
        ("lat,lon", "S54.1,W 10.25"),
        ("lat,lon", "-54.1 S,-10.25 W"),
        ("lat,lon", "54 6.0 S,10 15.0 W"),
        ("lat,lon", "54° 6.0' S,10° 15.0' W"),
        ("lat,lon", "S 54° 06.000′,W 010° 15.000′"),
        ("lat,lon", "-54° 6.0',-10° 15.0'"),
        ("lat,lon", "54-06.0S,010-15.0W"),
        ("lat,lon", "54:06:00 S,10:15:00 W"),
        ("lat,lon", "54 06 00 S,10 15 00 W"),
        ("lat,lon", '54°06\'00.0""S,10°15\'00.0""W'),
        ("lat,lon", "54d06'00S,10d15'00W"),
        ("lat,N/S,lon,E/W", "5406.000,S,01015.000,W"),
        ("lat_deg,lat_min,N/S,lon_deg,lon_min,E/W", "54,6.0,S,10,15.0,W"),
        ("lat_deg,lat_min,lat_sec,N/S,lon_deg,lon_min,lon_sec,E/W", "54,6,0,S,10,15,0,W"),
        ("lat_deg,lat_min,lon_deg,lon_min", "-54,6.0,-10,15.0"),
        ("lat,lon,a,b", "54.1,10.25,S,W"),
        ("a,lat,b,lon", "S,54.1,W,10.25"),
        ("lat,lon", "5406.000S,01015.000W"),
        ("lat,lon", "-5406.000,-01015.000"),
    ],
)
def test_positions_as_people_and_instruments_write_them(tmp_path: Path, header: str, cells: str) -> None:
    quoted = ",".join(f'"{cell}"' for cell in cells.split(","))
    navigation = read_navigation(file(tmp_path / "nav.csv", f"seconds,{header}\n0,{quoted}\n"))
    assert navigation.at(0, None) == VehiclePosition(*WEST_OF_SOUTH, None)
    north = quoted.replace("S", "N").replace("s", "n").replace("W", "E").replace("w", "e").replace("-5", "5")
    north = north.replace("-1", "1").replace("-01", "01") if "-06" not in cells else north
    if "South" not in cells:
        navigation = read_navigation(file(tmp_path / "nav.csv", f"seconds,{header}\n0,{north}\n"))
        assert navigation.at(0, None) == VehiclePosition(54.1, 10.25, None)


@pytest.mark.parametrize("before", ["sep=;\n", "# dive 7\n\n", "# "])
def test_lines_before_the_header(tmp_path: Path, before: str) -> None:
    text = f"{before}seconds;lat;lon\n0;54,1 South;10,25 west\n1;;\n2;x;3\n"
    with pytest.raises(InputError, match="line {}, column 'lat'".format(4 + before.count("\n"))):
        read_navigation(file(tmp_path / "nav.csv", text))
    navigation = read_navigation(file(tmp_path / "nav.csv", text.replace("2;x;3\n", "")))
    assert navigation.at(0, None) == VehiclePosition(-54.1, -10.25, None)
    (note,) = navigation.notes
    assert "1 lines" in note


def test_depths_in_feet_are_not_taken_for_metres(tmp_path: Path) -> None:
    navigation = read_navigation(file(tmp_path / "nav.csv", "seconds,lat,lon,Depth (ft)\n0,1,2,30\n"))
    assert navigation.at(0, None) == VehiclePosition(1, 2, None)
    (note,) = navigation.notes
    assert "Depth (ft)" in note


@pytest.mark.parametrize(
    ("header", "first", "second"),
    [
        ("time", "2026-05-13 12:00:00", "2026-05-13 12:00:10"),
        ("time", "2026-05-13T14:00:00+02:00", "2026-05-13T14:00:10+0200"),
        ("time", "2026-05-13 12:00:00 UTC", "2026-05-13 12:00:10 UTC"),
        ("time", "20260513T12:00:00Z", "20260513 12:00:10"),
        ("time", "13/05/2026 12:00:00", "13/05/2026 12:00:10"),
        ("time", "05/13/2026 12:00:00", "05/13/2026 12:00:10"),
        ("time", "5/13/2026 12:00:00 PM", "5/13/2026 12:00:10 pm"),
        ("time", "13.05.2026 12:00:00", "13.05.2026 12:00:10"),
        ("time", "13-May-2026 12:00:00", "13 may 2026 12:00:10.0"),
        ("time", "May 13, 2026 12:00:00", "May 13, 2026 12:00:10"),
        ("time", "1778673600", "1778673610"),
        ("time", "1778673600000", "1778673610000"),
        ("date,time", "13/05/2026,12:00:00", "13/05/2026,12:00:10"),
        ("date,time", "2026-05-13,120000", "2026-05-13,120010"),
        ("Date (dd/mm/yyyy),UTC Time", "13/05/2026,12:00", "13/05/2026,12:00:10"),
    ],
)
def test_times_as_people_and_instruments_write_them(
    tmp_path: Path, header: str, first: str, second: str
) -> None:
    separator = "\t" if "May 1" in first else ","
    head = f"{header},lat,lon".replace(",", separator)
    text = f"{head}\n{first}{separator}10{separator}20\n{second}{separator}11{separator}20\n"
    navigation = read_navigation(file(tmp_path / "nav.csv", text))
    noon = datetime(2026, 5, 13, 12, tzinfo=UTC)
    assert navigation.at(0, noon) == VehiclePosition(10, 20, None)
    assert navigation.at(0, noon + timedelta(seconds=10)) == VehiclePosition(11, 20, None)


def test_the_column_s_other_days_tell_days_from_months(tmp_path: Path) -> None:
    text = "time,lat,lon\n12/05/2026 23:59:00,10,20\n13/05/2026 00:00:00,11,20\n"
    navigation = read_navigation(file(tmp_path / "nav.csv", text))
    assert navigation.at(0, datetime(2026, 5, 12, 23, 59, tzinfo=UTC)) == VehiclePosition(10, 20, None)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "nav.csv"
    path.write_bytes("seconds;lat;lon\r\n0;54° 6,0' S;10,25\r\n".encode(encoding))
    assert read_navigation(path).at(0, None) == VehiclePosition(-54.1, 10.25, None)


def test_times_of_day_take_the_dive_s_day(tmp_path: Path) -> None:
    text = "time,lat,lon\n23:59:50,10,20\n00:00:00,11,20\n00:00:10.5,12,20\n"
    navigation = read_navigation(file(tmp_path / "nav.csv", text))
    begin = datetime(2026, 5, 1, 23, 59, 55, tzinfo=UTC)
    assert navigation.at(0, begin) is None, "not known of which day"
    on_day = navigation.on_day(begin)
    assert on_day.at(0, begin) == VehiclePosition(10.5, 20, None)
    assert on_day.at(0, datetime(2026, 5, 2, tzinfo=UTC)) == VehiclePosition(11, 20, None)
    late = navigation.on_day(datetime(2026, 5, 2, 0, 0, 3, tzinfo=UTC))
    assert late.at(0, datetime(2026, 5, 2, tzinfo=UTC)) == VehiclePosition(11, 20, None)


def sentence(body: str) -> str:
    """With its checksum: NMEA 0183 takes all letters between $ and * by exclusive or."""
    return f"${body}*{reduce(xor, body.encode()):02X}"


NMEA = {
    "GGA and RMC": [
        "GPGGA,115959.00,5406.0000,S,01015.0000,W,1,08,0.9,5.4,M,46.9,M,,",
        "GPRMC,115959.00,A,5406.0000,S,01015.0000,W,1.0,84.4,010526,,,A",
        "GPGGA,120000.00,5406.0000,S,01015.0000,W,1,08,0.9,5.4,M,46.9,M,,",
        "GPRMC,120000.00,A,5406.0000,S,01015.0000,W,1.0,84.4,010526,,,A",
        "GPGSV,1,1,01,01,40,083,46",
    ],
    "RMC": ["GNRMC,120000.00,A,5406.0000,S,01015.0000,W,1.0,84.4,010526,,,A"],
    "GGA and ZDA": [
        "GPZDA,120000.00,01,05,2026,00,00",
        "GPGGA,120000.00,5406.0000,S,01015.0000,W,1,08,0.9,5.4,M,46.9,M,,",
        "HEHDT,12.0,T",
    ],
}


@pytest.mark.parametrize("name", NMEA)
@pytest.mark.parametrize("prefix", ["", "2026-05-01 14:00:00.1 "])
def test_nmea(tmp_path: Path, name: str, prefix: str) -> None:
    lines = [prefix + sentence(body) for body in NMEA[name]]
    navigation = read_navigation(file(tmp_path / "gps.txt", "\r\n".join(lines)))
    assert navigation.at(0, NOON) == VehiclePosition(*WEST_OF_SOUTH, None)
    assert navigation.notes == ()


def test_nmea_over_midnight_without_fix_and_spoilt(tmp_path: Path) -> None:
    bodies = [
        "GPGGA,235958.00,,,,,0,00,,,M,,M,,",
        "GPGGA,235959.00,5400.0,N,01000.0,E,1,08,0.9,5.4,M,46.9,M,,",
        "GPGGA,000001.00,5402.0,N,01000.0,E,1,08,0.9,5.4,M,46.9,M,,",
        "GPRMC,000002.00,A,5403.0,N,01000.0,E,1.0,84.4,020526,,,A",
        "GPRMC,000003.00,V,,,,,,,020526,,,N",
    ]
    lines = [*map(sentence, bodies), sentence(bodies[1]).replace("5400", "5500")]
    navigation = read_navigation(file(tmp_path / "gps.nmea", "\n".join(lines)))
    assert navigation.at(0, datetime(2026, 5, 2, tzinfo=UTC)) == VehiclePosition(
        pytest.approx(54 + 1 / 60, abs=1e-6), 10, None
    )
    assert len(navigation.times_s) == 3
    (note,) = navigation.notes
    assert "1 NMEA" in note


@pytest.mark.parametrize(("was", "now"), [(",S,", ",,"), (",W,", ",,"), (",S,", ",X,")])
def test_nmea_without_hemispheres_gives_no_position(tmp_path: Path, was: str, now: str) -> None:
    body = NMEA["RMC"][0]
    spoilt = sentence(body.replace(was, now, 1))
    navigation = read_navigation(file(tmp_path / "gps.nmea", f"{spoilt}\n{sentence(body)}"))
    assert len(navigation.times_s) == 1
    (note,) = navigation.notes
    assert "1 NMEA" in note


def test_nmea_without_checksums(tmp_path: Path) -> None:
    text = "\n".join(f"${body}" for body in NMEA["GGA and RMC"])
    assert read_navigation(file(tmp_path / "gps.nmea", text)).at(0, NOON) == VehiclePosition(
        *WEST_OF_SOUTH, None
    )


def test_gga_alone_names_no_day(tmp_path: Path) -> None:
    text = sentence(NMEA["GGA and RMC"][0])
    navigation = read_navigation(file(tmp_path / "gps.nmea", text))
    assert navigation.at(0, NOON) is None
    second = NOON - timedelta(seconds=1)
    assert navigation.on_day(NOON).at(0, second) == VehiclePosition(*WEST_OF_SOUTH, None)


GPX = """<?xml version="1.0" encoding="{0}"?>
<gpx version="1.1" creator="x" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>
<trkpt lat="-54.1" lon="-10.25"><ele>3</ele><time>2026-05-01T12:00:00Z</time></trkpt>
<trkpt lat="-54.3" lon="-10.25"><time>2026-05-01T14:00:10+02:00</time></trkpt>
<trkpt lat="-60" lon="-10.25"></trkpt>
</trkseg></trk></gpx>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_gpx(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "track.xml"
    path.write_bytes(GPX.format(encoding).encode(encoding))
    navigation = read_navigation(path)
    assert navigation.at(0, NOON) == VehiclePosition(*WEST_OF_SOUTH, None)
    assert navigation.at(0, NOON + timedelta(seconds=5)) == VehiclePosition(-54.2, -10.25, None)
    (note,) = navigation.notes
    assert "1 points" in note


@pytest.mark.parametrize(
    "text",
    [
        "<gpx version='1.1'><trk>",
        "<html></html>",
        GPX.replace("<time>", "<!--").replace("</time>", "-->").format("utf-8"),
        GPX.replace("-54.1", "95").format("utf-8"),
        sentence("GPGGA,115959.00,,,,,0,00,,,M,,M,,"),
    ],
)
def test_what_holds_no_position_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"nav\.gps") as error:
        read_navigation(file(tmp_path / "nav.gps", text))
    assert "\n" not in str(error.value)


def test_a_shift_of_whole_hours_shows(tmp_path: Path) -> None:
    rows = "".join(f"{1777636800 + k * 10},10,20\n" for k in range(61))  # ten minutes from 12:00 UTC
    navigation = read_navigation(file(tmp_path / "nav.csv", "time,lat,lon\n" + rows))
    dive = np.arange(0, 500.0) + NOON.timestamp()
    assert navigation.covered(dive) == 1
    assert navigation.hours_off(dive) == 0
    assert navigation.hours_off(dive + 2 * 3600) == -2
    assert navigation.hours_off(dive - 3 * 3600) == 3
    assert navigation.hours_off(dive + 1.5 * 3600) == 0
    assert navigation.hours_off(dive + 20 * 3600) == 0
