"""Footage: how fast, and with how much memory. Run: python benchmarks/video.py speed [VIDEO] | memory [--hours 10] | keyframes

`speed` looks at the same frames in three ways, in turn: only decoded (as images), only looked at (images that are
decoded already, as many in work at once as the engine likes), and both, as `seasift predict` does; and once more with
the annotated MP4. It prints frames a second, and what share both reach of the slower of the two.

`memory` makes a long video out of a short one (its packets are copied with later times, so that decoding it is real
work, but making it is not), lets `seasift predict --format csv,video` run over it, and prints the process's resident
memory, a line for each tenth of the way. Linux only.

`keyframes` surveys a video of several copies of a clip, enlarged to 1080p with a keyframe each second, at `--every 1s` with and
without `--keyframes`, and prints processor seconds by an hour of footage and what was counted. Linux and macOS.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from seasift.core.types import UInt8
from seasift.evaluation.machine import describe_machine
from seasift.inference.inputs import Failure, Source
from seasift.inference.predictor import OnnxPredictor, load_predictor
from seasift.inference.stream import SourceImage, predict_sources
from seasift.video.dive import open_dive
from seasift.video.frames import FrameSampling
from seasift.video.reading import Span, read_span
from seasift.video.writing import writing_video
from seasift.viz.drawing import draw

ROOT = Path(__file__).resolve().parents[1]


class Ways:
    """The ways through one file; each gives its frames a second."""

    def __init__(self, path: Path, model: str, seconds: float | None) -> None:
        self.source = Source.of_file(path)
        self.span = Span(FrameSampling(frames=1), end_s=seconds)
        self.model: OnnxPredictor = load_predictor(model, throughput=True)
        self.images = list(self._images())

    def _images(self) -> Iterator[UInt8]:
        assert self.source.path is not None
        return (frame.image_rgb_u8 for frame in read_span(self.source.path, self.span).frames())

    def decoded(self) -> None:
        for _ in self._images():
            pass

    def looked(self) -> None:
        with ThreadPoolExecutor(self.model.max_in_flight) as pool:
            list(pool.map(lambda image: self.model.predict([image]), self.images))

    def both(self) -> None:
        def look(_: SourceImage, image: UInt8) -> int:
            (found,) = self.model.predict([image])
            return len(found)

        for found in predict_sources(
            look, [self.source], span=self.span, max_in_flight=self.model.max_in_flight
        ):
            assert not isinstance(found, Failure)

    def both_and_drawn(self) -> None:
        def look(_: SourceImage, image: UInt8) -> UInt8:
            (found,) = self.model.predict([image])
            return draw(image, found, self.model.categories)

        with tempfile.TemporaryDirectory() as folder, writing_video(Path(folder) / "a.mp4") as video:
            for found in predict_sources(
                look, [self.source], span=self.span, max_in_flight=self.model.max_in_flight
            ):
                assert not isinstance(found, Failure)
                assert found.result is not None
                assert found.image.time_s is not None
                video.add(found.result, found.image.time_s)


def speed(options: argparse.Namespace) -> None:
    """Print the table of speeds."""
    ways = Ways(options.video, options.model, options.seconds)
    count = len(ways.images)
    height, width = ways.images[0].shape[:2]
    runs: dict[str, Callable[[], None]] = {
        "decoded": ways.decoded,
        "looked at": ways.looked,
        "both": ways.both,
        "both, drawn, MP4": ways.both_and_drawn,
    }
    ways.looked()  # warms up
    fps: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(options.rounds):
        for name, run in runs.items():
            begin = time.perf_counter()
            run()
            fps[name].append(count / (time.perf_counter() - begin))
    print(describe_machine())
    print(
        f"{options.video.name}: {count} frames of {width}x{height}, {ways.model.name} "
        f"({ways.model.engine}, {ways.model.precision}), {options.rounds} rounds in turn"
    )
    for name, values in fps.items():
        print(f"{name:18} {statistics.median(values):8.1f} frames/s")
    for name in ("both", "both, drawn, MP4"):
        shares = [
            both / min(one, other)
            for both, one, other in zip(fps[name], fps["decoded"], fps["looked at"], strict=True)
        ]
        print(
            f"{name}: {statistics.median(shares):.3f} of the slower ({min(shares):.3f} to {max(shares):.3f})"
        )


def long_video(path: Path, hours: float, fps: int, size_wh: tuple[int, int]) -> int:
    """A minute of drifting blobs, H.264, its packets again and again; gives the number of frames."""
    chance, (width, height) = np.random.default_rng(0), size_wh
    ground = cv2.resize(chance.integers(0, 255, (9, 32, 3), np.uint8), (width * 2, height))
    minute = path.with_name("minute.mp4")
    with writing_video(minute) as video:
        for index in range(60 * fps):
            video.add(np.ascontiguousarray(np.roll(ground, index, axis=1)[:, :width]), index / fps)
    times = max(1, round(hours * 60))
    with av.open(str(minute)) as source, av.open(str(path), "w") as target:
        track = source.streams.video[0]
        copy = target.add_stream_from_template(track)
        packets = [
            (packet.pts, packet.dts, packet.is_keyframe, bytes(packet))
            for packet in source.demux(track)
            if packet.size
        ]
        step = round(60 / Fraction(track.time_base or 1))
        for turn in range(times):
            for pts, dts, key, data in packets:
                packet = av.Packet(data)
                packet.stream, packet.time_base, packet.is_keyframe = copy, track.time_base, key
                packet.pts, packet.dts = (pts or 0) + turn * step, (dts or 0) + turn * step
                target.mux(packet)
    return times * len(packets)


def memory(options: argparse.Namespace) -> None:
    """Print how memory went."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count = long_video(folder / "long.mp4", options.hours, options.fps, (options.width, options.height))
        size = (folder / "long.mp4").stat().st_size
        command = [
            sys.executable,
            "-m",
            "seasift",
            "predict",
            str(folder / "long.mp4"),
            "--every",
            options.every,
        ]
        command += ["-f", "csv,video", "-o", str(folder / "out")]
        print(describe_machine())
        print(
            f"{options.hours:g} hours, {count:,} frames of {options.width}x{options.height}, "
            f"{size / 1e6:.0f} MB; every {options.every}"
        )
        samples = watched(command)
    for tenth in range(10):
        part = samples[len(samples) * tenth // 10 : len(samples) * (tenth + 1) // 10]
        if part:
            print(
                f"{tenth * 10 + 10:4} % of the run ({part[-1][0]:6.0f} s): {max(held for _, held in part):7.1f} MB"
            )


def dense(path: Path, clip: Path, copies: int) -> float:
    """Copies of a clip behind each other as 1080p, H.264, a keyframe each second; gives its length in seconds."""
    count, rate = 0, 30
    with av.open(str(path), "w") as target:
        track = target.add_stream("libx264", rate=rate)
        track.width, track.height, track.pix_fmt = 1920, 1080, "yuv420p"
        track.codec_context.options = {"preset": "veryfast", "crf": "23", "g": str(rate)}
        for _ in range(copies):
            for frame in open_dive([clip]).frames():
                image = cv2.resize(frame.image_rgb_u8, (1920, 1080), interpolation=cv2.INTER_CUBIC)
                target.mux(track.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
                count += 1
        target.mux(track.encode())
    return count / rate


def keyframes(options: argparse.Namespace) -> None:
    """Print what a survey costs with and without keyframes only."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        long_s = dense(folder / "dense.mp4", options.video, options.copies)
        print(describe_machine())
        print(
            f"{options.video.name}, {options.copies} times, as {long_s:.0f} s of 1920x1080; every {options.every}"
        )
        base = [sys.executable, "-m", "seasift", "survey", "--every", options.every]
        runs = {"start and writing": ["--end", "1"], "each frame decoded": [], "--keyframes": ["--keyframes"]}
        fixed = 0.0
        for title, extra in runs.items():
            out = folder / title.strip("-").replace(" ", "-")
            begin = resource.getrusage(resource.RUSAGE_CHILDREN)
            command = [*base, str(folder / "dense.mp4"), "-o", str(out), *extra]
            subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
            end = resource.getrusage(resource.RUSAGE_CHILDREN)
            used = end.ru_utime + end.ru_stime - begin.ru_utime - begin.ru_stime
            if not extra or extra == ["--keyframes"]:
                with (out / "tracks.csv").open(encoding="utf-8-sig") as file:
                    objects = sum(1 for _ in file) - 1
                hourly = (used - fixed) * 3600 / long_s
                print(f"{title:20} {hourly:8.0f} processor seconds by an hour of footage, {objects} objects")
            else:
                fixed = used


def watched(command: list[str]) -> list[tuple[float, float]]:
    """Run a command; (seconds, MB) as it goes on."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    begin, samples, pause = time.monotonic(), [], threading.Event()
    while process.poll() is None:
        try:
            text = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            break
        held = [int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmRSS:")]
        samples += [(time.monotonic() - begin, value) for value in held]
        pause.wait(0.5)
    if process.wait():
        sys.exit(f"{' '.join(command)} failed with {process.returncode}")
    return samples


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ways = parser.add_subparsers(required=True)
    fast = ways.add_parser("speed")
    fast.add_argument("video", type=Path, nargs="?", default=ROOT / "examples/footage/shrimp.mp4")
    fast.add_argument("--model", default="default")
    fast.add_argument("--seconds", type=float, help="only the beginning")
    fast.add_argument("--rounds", type=int, default=5)
    fast.set_defaults(run=speed)
    much = ways.add_parser("memory")
    much.add_argument("--hours", type=float, default=10)
    much.add_argument("--fps", type=int, default=10)
    much.add_argument("--width", type=int, default=320)
    much.add_argument("--height", type=int, default=180)
    much.add_argument("--every", default="30s")
    much.set_defaults(run=memory)
    keys = ways.add_parser("keyframes")
    keys.add_argument("video", type=Path, nargs="?", default=ROOT / "examples/footage/shrimp.mp4")
    keys.add_argument("--copies", type=int, default=10)
    keys.add_argument("--every", default="1s")
    keys.set_defaults(run=keyframes)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
