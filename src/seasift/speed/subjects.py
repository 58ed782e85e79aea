"""Subjects of a measurement: a model on an engine in a precision, and other networks.

Their images, and reliable times on a busy machine: interleaved runs, medians, and ratios within a round.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean, median
from typing import Any, TypeVar

import numpy as np

from seasift.core.errors import InputError, ModelError, SeasiftError
from seasift.core.image import read_image, write_image
from seasift.core.instances import Instances
from seasift.core.types import Float32, UInt8
from seasift.formats.document import Image, image_entry, plain
from seasift.inference.engines import open_engine
from seasift.inference.inputs import Failure, Source, expand
from seasift.inference.openvino_engine import VARIABLE
from seasift.inference.predictor import OnnxPredictor, load_predictor
from seasift.inference.stream import SourceImage, ending, predict_sources
from seasift.video.reading import FrameSampling, Span

T = TypeVar("T")


def interleaved(
    works: Mapping[str, Callable[[], Any]],
    *,
    repeats: int,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, list[Any]]:
    """Results of each task in several rounds, after a warm-up round.

    Each task runs once per round, so that a slow phase of the machine affects all.
    """
    results: dict[str, list[Any]] = {name: [] for name in works}
    for round_ in range(repeats + 1):
        for index, (name, work) in enumerate(works.items()):
            result = work()
            if round_:
                results[name].append(result)
            if progress:
                progress(round_ * len(works) + index + 1, (repeats + 1) * len(works))
    return results


def seconds_of(work: Callable[[], object]) -> float:
    """Time a call, seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def rate_at_once(work: Callable[[T], object], items: Sequence[T], max_in_flight: int) -> float:
    """Items per second, with several threads."""
    with ThreadPoolExecutor(max_in_flight) as pool:
        return len(items) / seconds_of(lambda: list(pool.map(work, items)))


def ratio(a: Sequence[float], b: Sequence[float]) -> float:
    """Median of a / b, round by round."""
    return median(x / y for x, y in zip(a, b, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values does not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(math.ceil(share * len(ranked)) - 1, 0)]


DRAWN = 32
_DRAWN_HW = (270, 480)


@dataclass(frozen=True)
class Images:
    """Image files, and a description of them."""

    sources: tuple[Source, ...]
    what: str

    @property
    def paths(self) -> list[Path]:
        """Of the files."""
        return [source.path for source in self.sources if source.path]


def given_images(given: Sequence[str], *, limit: int) -> Images:
    """At most `limit` of the given images, evenly spaced.

    Raises:
        InputError: no image, a video, or standard input. ImageError: the first image cannot be read.
    """
    found = expand(given, recursive=True)
    for item in found:
        if isinstance(item, Failure):
            raise InputError(item.error)
        if item.moves or item.path is None:
            raise InputError(f"{item.name}: not an image file; expected images, or folders or globs of them.")
    sources = [item for item in found if isinstance(item, Source)]
    chosen = [sources[len(sources) * index // limit] for index in range(limit)][: len(sources)]
    chosen = chosen if len(sources) > limit else sources
    if not chosen:
        raise InputError(f"{', '.join(given)}: no images. Give images, or none to use synthetic ones.")
    height, width = read_image(_path(chosen[0])).shape[:2]
    return Images(
        tuple(chosen), f"{len(chosen)} of the {len(sources)} images given, the first of {width}x{height} px"
    )


def draw_images(folder: Path) -> Images:
    """Write JPEG files of sea-like noise, if no images are given; a model finds little in them."""
    for number in range(DRAWN):
        write_image(folder / f"{number:02}.jpg", _drawn(np.random.default_rng(number)))
    height, width = _DRAWN_HW
    what = f"{DRAWN} drawn images of {width}x{height} px, with few objects or none; give your own images"
    return Images(given_images([str(folder)], limit=DRAWN).sources, what)


def _drawn(random: np.random.Generator) -> UInt8:
    height, width = _DRAWN_HW
    down, across = np.mgrid[0:height, 0:width] / 60
    waves = sum(
        random.uniform(5, 25) * np.sin(down * random.uniform(-3, 3) + across * random.uniform(-3, 3))
        for _ in range(12)
    )
    water = (
        np.array([30.0, 90.0, 110.0]) + np.asarray(waves)[..., None] + random.normal(0, 6, (*_DRAWN_HW, 3))
    )
    return np.asarray(np.clip(water, 0, 255), np.uint8)


def _path(source: Source) -> Path:
    assert source.path is not None
    return source.path


STAGES = ("read", "prepare", "network", "decode", "write")
_FREE_SIDE = 640  # px, for a foreign network that accepts any size


@dataclass(frozen=True)
class EngineConfig:
    """How a model runs: engine, precision, threads and minimum score."""

    engine: str
    precision: str
    threads: int | None
    threshold: float

    @property
    def name(self) -> str:
        """For tables."""
        return f"{self.engine} {self.precision}"


@dataclass(frozen=True)
class Round:
    """Results of one round over all images.

    Attributes:
        stages_ms: mean time per image, one thread, each stage alone.
        latencies_ms: time of each image in a warm Predictor: prepare, network, decode.
        network_per_s: runs of the network alone per second, in parallel.
        end_to_end_per_s: images per second as in `seasift predict`, from JPEG to JSON with masks.
        objects: mean number per image.
    """

    stages_ms: dict[str, float]
    latencies_ms: list[float]
    network_per_s: float
    end_to_end_per_s: float
    objects: float


class Subject:
    """A loaded model to measure on images."""

    def __init__(self, model: str, config: EngineConfig, images: Images) -> None:
        """Load the model twice: for one image at a time and for many.

        Raises:
            as `load_predictor`.
        """
        self.config, self._images = config, images
        self.single, self._many = (
            load_predictor(
                model,
                engine=config.engine,
                precision=config.precision,
                threads=config.threads,
                throughput=throughput,
            )
            for throughput in (False, True)
        )

    @property
    def max_in_flight(self) -> int:
        """Process images in parallel, end to end."""
        return self._many.max_in_flight

    def round(self) -> Round:
        """Measure everything once."""
        images = [read_image(path) for path in self._images.paths]
        stages = [self._stages(path) for path in self._images.paths]
        latencies = [1000 * seconds_of(partial(self._predict, self.single, image)) for image in images]
        inputs = [self._many.prepare(image)[None] for image in images]
        return Round(
            {stage: 1000 * fmean(times[stage] for times in stages) for stage in STAGES},
            latencies,
            rate_at_once(self._many.run, inputs, self._many.max_in_flight),
            len(images) / seconds_of(self._end_to_end),
            fmean(times["objects"] for times in stages),
        )

    def _stages(self, path: Path) -> dict[str, float]:
        """Seconds of each stage for one image, and its number of objects."""
        times = [time.perf_counter()]
        image = read_image(path)
        times.append(time.perf_counter())
        batch = self.single.prepare(image)[None]
        times.append(time.perf_counter())
        outputs = self.single.run(batch)
        times.append(time.perf_counter())
        found = self.single.decode(
            {name: values[0] for name, values in outputs.items()},
            size_hw=(image.shape[0], image.shape[1]),
            threshold=self.config.threshold,
            max_objects=self.single.info.max_objects,
        )
        times.append(time.perf_counter())
        _text(self._entry(str(path), found))
        times.append(time.perf_counter())
        spent = np.diff(times).tolist()
        return {**dict(zip(STAGES, spent, strict=True)), "objects": float(len(found))}

    def _predict(self, predictor: OnnxPredictor, image: UInt8) -> Instances:
        (found,) = predictor.predict(
            [image], threshold=self.config.threshold, max_objects=predictor.info.max_objects
        )
        return found

    def _entry(self, file: str, found: Instances) -> Image:
        return image_entry(file, found, self.single.categories)

    def _end_to_end(self) -> None:
        def look(item: SourceImage, image: UInt8) -> Image:
            return self._entry(item.file, self._predict(self._many, image))

        found_all = predict_sources(
            look,
            self._images.sources,
            span=Span(FrameSampling(frames=1)),
            max_in_flight=self._many.max_in_flight,
        )
        with ending(found_all):
            for found in found_all:
                if isinstance(found, Failure):
                    raise SeasiftError(found.error)
                assert found.result is not None
                _text(found.result)


def _text(entry: Image) -> str:
    return json.dumps(plain(entry), ensure_ascii=False)


class Baseline:
    """A foreign ONNX network with any outputs, run on OpenVINO without decoding."""

    def __init__(self, path: Path, precision: str, threads: int | None) -> None:
        """Load it twice: for one run at a time and for many.

        Raises:
            ModelError: it cannot be read, or its input is not one batch (1, 3, H, W) of float32.
        """
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ModelError(f"{path}: cannot be read ({error.strerror}); expected an ONNX file.") from None
        self.precision = precision
        self.name = f"{path.stem} alone, openvino {precision}"
        self._single, self._many = (
            open_engine(
                data,
                str(path),
                engine="openvino",
                precision=precision,
                threads=threads,
                throughput=throughput,
            )
            for throughput in (False, True)
        )
        shapes = [port.shape for port in self._single.inputs if port.float32]
        if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][1] != 3:
            raise ModelError(f"{path}: inputs {shapes}; expected one of (1, 3, H, W) float32.")
        self.shape = (1, 3, *(side or _FREE_SIDE for side in shapes[0][2:]))

    def round(self, runs: int) -> tuple[float, float]:
        """Runs per second, serially and in parallel."""
        seen: Float32 = np.random.default_rng(0).random(self.shape, dtype=np.float32)
        one_by_one = runs / seconds_of(lambda: [self._single.run(seen) for _ in range(runs)])
        return one_by_one, rate_at_once(self._many.run, [seen] * runs, self._many.max_in_flight)


def cold_start_s(model: str, config: EngineConfig, item: Path, cache: Path) -> float:
    """Seconds of a whole `seasift predict` process on one image, up to its JSON file.

    Args:
        cache: folder for compiled graphs.
    Raises:
        SeasiftError: the command fails.
    """
    settings: Sequence[str] = ["--engine", config.engine, "--precision", config.precision]
    threads = [] if config.threads is None else ["--threads", str(config.threads)]
    command = [
        sys.executable,
        "-m",
        "seasift",
        "predict",
        str(item),
        "--model",
        model,
        *settings,
        *threads,
    ]
    start = time.perf_counter()
    done = subprocess.run(
        [*command, "-o", str(cache / "cold.json")],
        capture_output=True,
        text=True,
        env={**os.environ, VARIABLE: str(cache)},
    )
    taken = time.perf_counter() - start
    if done.returncode:
        raise SeasiftError(f"`{' '.join(command)}` failed: {done.stderr.strip()[-300:]}")
    return taken
