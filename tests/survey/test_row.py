"""Parts of files put in a row are what an unbroken run gives: frames, times, gaps."""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seasift.core.errors import InputError
from seasift.core.instances import Instances
from seasift.core.types import Float64, UInt8
from seasift.survey.kept import Frame
from seasift.survey.looking import Looked, in_threads, look_here
from seasift.survey.on_ray import look_at_split
from seasift.survey.row import BROKE, Block, Row
from seasift.video.dive import Dive, open_dive
from tests.tiny_video import number_of, save_kind
from tests.video.mutated_videos import KINDS as DAMAGED
from tests.video.mutated_videos import mutated


def look(image: UInt8) -> tuple[Instances, Float64]:
    """The number in the image stands in for what a model makes of it."""
    return Instances.empty((64, 96)), np.array([number_of(image), image.astype(np.int64).sum()], float)


def told(looked: Looked) -> Any:
    return looked.video, looked.frame, looked.time_s, looked.dive_s, looked.looks.tolist()


def in_parts(
    dive: Dive, part_s: float, after: Frame | None = None, spoil: Any = None
) -> tuple[list[Any], list[Any], list[str]]:
    """Frames, gaps and what was told, by way of pickles as between machines."""
    lines: list[str] = []
    parts = dive.parts(part_s, None if after is None else (after.video, after.frame, after.time_s))
    sent = pickle.loads(pickle.dumps(dive.anywhere()))

    def blocks() -> Iterator[Block]:
        for index, part in enumerate(parts):
            for block in look_at_split(look, sent, index, part):
                block = pickle.loads(pickle.dumps(block))
                block = block if spoil is None else spoil(block)
                if block is not None:
                    yield block

    def rest(dive: Dive, video: int, after: tuple[int, float] | None) -> Iterator[Looked]:
        return in_threads(look, 1, dive.rest(video, after))

    row = Row(dive, parts, after, rest, lines.append)
    return [told(each) for each in row.frames(blocks())], gaps_of(dive), lines


def gaps_of(dive: Dive) -> list[Any]:
    return sorted({(gap.file, gap.from_s, gap.to_s, gap.reason) for gap in dive.gaps}, key=str)


def unbroken(dive: Dive) -> tuple[list[Any], list[Any]]:
    frames = [told(each) for each in look_here(look, 1, dive, None)]
    return frames, gaps_of(dive)


@pytest.mark.parametrize("kind", ["h264-mp4", "h264-open-gop-mkv", "hevc-ts", "mpeg4-avi"])
def test_parts_are_the_unbroken_run(kind: str, tmp_path: Path) -> None:
    paths = [save_kind(tmp_path, kind), save_kind(tmp_path, "mjpeg-mov", count=32)]
    for given in ({"every": 0.3}, {"start_s": 1.13, "end_s": 8.1}):
        dive = partial(open_dive, paths, **given)
        assert len(dive().parts(1.0)) > (2 if kind == "mpeg4-avi" else 5)
        frames, gaps = unbroken(dive())
        assert in_parts(dive(), 1.0) == (frames, gaps, [])
        at = frames[len(frames) // 3]
        after = Frame(0, at[0], at[1], round(at[2], 6), round(at[3], 6))
        assert in_parts(dive(), 1.0, after)[0] == frames[len(frames) // 3 + 1 :]


def fits_not(block: Block) -> Block:
    """The worker counted a frame too many on its way to the part."""
    first = block.first
    other = first and replace(first, index=first.index + 1)
    return replace(block, first=other) if block.part == 2 else block


def gave_up(block: Block) -> Block:
    return replace(block, frames=block.frames[:3], error="no such file") if block.part == 2 else block


@pytest.mark.parametrize("spoil", [fits_not, gave_up])
def test_what_a_worker_cannot_do_is_done_here(spoil: Any, tmp_path: Path) -> None:
    paths = [save_kind(tmp_path, "h264-mp4"), save_kind(tmp_path, "mjpeg-mov")]
    frames, gaps = unbroken(open_dive(paths))
    got = in_parts(open_dive(paths), 1.0, spoil=spoil)
    assert got[:2] == (frames, gaps)
    (line,) = got[2]
    assert line.startswith(f"{paths[0].as_posix()}: ")
    assert "without Ray" in line


@pytest.mark.parametrize("part", [0, 2, 6])
def test_a_part_that_breaks_every_worker_is_a_gap_and_stops_nothing(part: int, tmp_path: Path) -> None:
    clip = save_kind(tmp_path, "h264-mp4")
    frames, _ = unbroken(open_dive([clip]))
    got, gaps, _ = in_parts(open_dive([clip]), 1.0, spoil=lambda block: None if block.part == part else block)
    assert got == [frame for frame in frames if not part <= frame[2] < part + 1]
    assert gaps == [(clip.as_posix(), float(part), None if part == 6 else part + 1.0, BROKE)]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(0, 240, 24))
def test_damaged_videos_in_parts_are_the_unbroken_run(seed: int, tmp_path: Path) -> None:
    whole = {kind: save_kind(tmp_path, kind, count=40) for kind in DAMAGED}
    for number in range(seed, seed + 24):
        kind = DAMAGED[number % len(DAMAGED)]
        path = tmp_path / f"{number}-{kind}{whole[kind].suffix}"
        path.write_bytes(mutated(whole[kind].read_bytes(), random.Random(number), number % 6))
        try:
            dive = open_dive([path], every=0.3)
        except InputError:
            continue
        frames, gaps = unbroken(dive)
        got = in_parts(open_dive([path], every=0.3), 1.0)
        assert [frame[:4] for frame in got[0]] == [frame[:4] for frame in frames], path.name
        assert got[1] == gaps, path.name
