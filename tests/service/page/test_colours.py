"""The groups' colours are told apart by all eyes, by a published model of colour blindness."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seasift.service

SOURCE = (Path(seasift.service.__file__).parent / "page" / "groups.js").read_text("utf-8")
COLOURS = dict(re.findall(r'id: "(\w+)".*?colour: "#([0-9a-f]{6})"', SOURCE))
# Machado, Oliveira, Fernandes 2009, table 1: severity 1.0, on linear RGB.
EYES = {
    "all cones": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour: str) -> Any:
    value = np.array([int(colour[i : i + 2], 16) for i in (0, 2, 4)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(rgb: Any) -> Any:
    """CIELAB at D65 of linear sRGB."""
    xyz = TO_XYZ @ np.clip(rgb, 0, 1) / TO_XYZ.sum(axis=1)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("eyes", EYES)
def test_groups_differ_to_all_eyes(eyes: str) -> None:
    assert set(COLOURS) == {"trash", "animal", "plant", "vehicle", "other"}
    seen = [lab(np.array(EYES[eyes]) @ linear(colour)) for colour in COLOURS.values()]
    nearest = min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2))
    assert nearest > 25


def test_groups_show_on_dark_water() -> None:
    """At least 4.5 to 1 against the stage (#071a24), as WCAG wants of text."""
    ground = (TO_XYZ @ linear("071a24"))[1]
    for group, colour in COLOURS.items():
        assert ((TO_XYZ @ linear(colour))[1] + 0.05) / (ground + 0.05) > 4.5, group
