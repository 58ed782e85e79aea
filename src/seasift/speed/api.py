"""`bench`: measure how fast a model runs on this machine.

All subjects are measured in rounds; the record summarises them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean, median
from typing import Annotated, Any, Literal

from pydantic import Field

from seasift import __version__
from seasift.core.errors import InputError, hint
from seasift.core.files import check_file, write_json
from seasift.evaluation.document import Number, Record
from seasift.evaluation.machine import describe_hardware, describe_machine
from seasift.inference.engines import PRECISIONS
from seasift.inference.predictor import load_predictor
from seasift.modelfile import bundled
from seasift.speed.subjects import (
    STAGES,
    Baseline,
    EngineConfig,
    Images,
    Round,
    Subject,
    cold_start_s,
    draw_images,
    given_images,
    interleaved,
    percentile,
    ratio,
)

SCHEMA: Literal["seasift-speed/1"] = "seasift-speed/1"
_LIBRARIES = ("openvino", "onnxruntime", "opencv-python-headless", "numpy")


class MeasuredModel(Record):
    """The model file."""

    name: str
    sha256: str


class Ratio(Record):
    """End-to-end speed compared with a foreign network alone, serially and in parallel."""

    one_by_one: Number
    max_in_flight: Number = Field(alias="at_once")


class MeasuredRow(Record):
    """One engine and precision; `start_s`, the time of a whole process, only if measured."""

    engine: str
    precision: str
    hardware: str
    max_in_flight: int = Field(alias="at_once")
    objects: Number
    stages_ms: dict[str, Number]
    sum_ms: Number
    latency_p50_ms: Number
    latency_p95_ms: Number
    network_per_s: Number
    end_to_end_per_s: Number
    ratio_to_first: Number
    start_s: Number | None = None
    against: dict[str, Ratio]


class ForeignNetwork(Record):
    """A foreign network for comparison; `input` is its shape."""

    name: str
    input: list[int]
    network_ms: Number
    network_per_s: Number


class Measurement(Record):
    """A measurement of speed, `seasift-speed/1`.

    A time is the median over rounds of the mean over images; a ratio is the median over rounds of the ratio in a round.
    """

    schema_version: Annotated[Literal["seasift-speed/1"], Field(alias="schema")]
    date: str
    machine: dict[str, str | int]
    versions: dict[str, str]
    model: MeasuredModel
    images: str = Field(alias="pictures")
    threshold: Number
    threads: int | None
    repeats: int
    rows: list[MeasuredRow]
    baselines: list[ForeignNetwork] = Field(alias="beside")


def measure(
    model: str,
    subjects: Sequence[Subject],
    baselines: Sequence[Baseline],
    images: Images,
    *,
    repeats: int,
    cold: bool,
    progress: Callable[[int, int], None] | None = None,
) -> Measurement:
    """Measure everything in one run, in turn.

    Args:
        model: as given, for separate processes.
        repeats: measured rounds, after one warm-up round.
        cold: also measure whole processes.
        progress: called with the parts done, and all parts.
    Returns:
        The measurements, and their conditions; see `Measurement`.
    """
    works: dict[str, Callable[[], Any]] = {subject.config.name: subject.round for subject in subjects}
    count = len(images.sources)
    works |= {each.name: partial(each.round, count) for each in baselines}
    rounds = interleaved(works, repeats=repeats, progress=progress)
    starts = _starts(model, subjects, images, repeats) if cold else {}
    first = rounds[subjects[0].config.name]
    rows = []
    for subject in subjects:
        own = rounds[subject.config.name]
        against = {each.name: _against(own, rounds[each.name]) for each in baselines}
        rows.append({**_row(subject, own, first), **starts.get(subject.config.name, {}), "against": against})
    values = {
        **_circumstances(subjects[0], images, repeats),
        "rows": rows,
        "beside": [
            {
                "name": each.name,
                "input": list(each.shape),
                "network_ms": round(median(1000 / one for one, _ in rounds[each.name]), 3),
                "network_per_s": round(median(many for _, many in rounds[each.name]), 3),
            }
            for each in baselines
        ],
    }
    return Measurement.from_json(values)


def _circumstances(subject: Subject, images: Images, repeats: int) -> dict[str, Any]:
    model = subject.single
    return {
        "schema": SCHEMA,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": describe_machine(),
        "versions": {"seasift": __version__, **_versions()},
        "model": {"name": model.name, "sha256": model.sha256},
        "pictures": images.what,
        "threshold": subject.config.threshold,
        "threads": subject.config.threads,
        "repeats": repeats,
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _row(subject: Subject, own: Sequence[Round], first: Sequence[Round]) -> dict[str, Any]:
    latencies = [latency for each in own for latency in each.latencies_ms]
    stages = {stage: round(median(each.stages_ms[stage] for each in own), 3) for stage in STAGES}
    rates = [each.end_to_end_per_s for each in own]
    return {
        "engine": subject.config.engine,
        "precision": subject.config.precision,
        "hardware": describe_hardware(subject.config.engine),
        "at_once": subject.max_in_flight,
        "objects": round(fmean(each.objects for each in own), 2),
        "stages_ms": stages,
        "sum_ms": round(median(sum(each.stages_ms.values()) for each in own), 3),
        "latency_p50_ms": round(percentile(latencies, 0.5), 3),
        "latency_p95_ms": round(percentile(latencies, 0.95), 3),
        "network_per_s": round(median(each.network_per_s for each in own), 3),
        "end_to_end_per_s": round(median(rates), 3),
        "ratio_to_first": round(ratio(rates, [each.end_to_end_per_s for each in first]), 3),
    }


def _against(own: Sequence[Round], foreign: Sequence[tuple[float, float]]) -> dict[str, float]:
    """End-to-end speed compared with a network alone, serially and in parallel."""
    rates = [each.end_to_end_per_s for each in own]
    return {
        "one_by_one": round(ratio(rates, [one for one, _ in foreign]), 3),
        "at_once": round(ratio(rates, [many for _, many in foreign]), 3),
    }


def _starts(
    model: str, subjects: Sequence[Subject], images: Images, repeats: int
) -> dict[str, dict[str, float]]:
    """Time whole processes on one image; the first run of each compiles the model and is dropped."""
    with tempfile.TemporaryDirectory() as folder:
        indices = {subject.config.name: Path(folder) / str(number) for number, subject in enumerate(subjects)}
        for index in indices.values():
            index.mkdir()
        taken = interleaved(
            {
                subject.config.name: partial(
                    cold_start_s, model, subject.config, images.paths[0], indices[subject.config.name]
                )
                for subject in subjects
            },
            repeats=repeats,
        )
    return {name: {"start_s": round(median(seconds), 3)} for name, seconds in taken.items()}


def bench(
    model: str | Path = "default",
    images: Sequence[str | Path] | None = None,
    *,
    config: Sequence[str] | None = None,
    threads: int | None = None,
    threshold: float | None = None,
    limit: int = 64,
    repeats: int = 5,
    cold: bool = True,
    baseline: Sequence[str | Path] | None = None,
    json_file: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    warn: Callable[[str], None] | None = None,
) -> Measurement:
    """Measure how fast a model runs here: each stage, one warm image, end to end, and a whole process.

    Everything runs in turn in one process, so ratios are reliable even if absolute times are not.

    Args:
        model: a model file, or the name of a bundled model.
        images: image files, folders or globs; default: synthetic images.
        config: engines and precisions as "openvino:bf16"; ratios refer to the first. Default: all available.
        threads: CPU threads; default: the engine's choice.
        threshold: leave out lower scores; default: the model's.
        limit: maximum number of images, evenly spaced.
        repeats: measured rounds, after one warm-up round.
        cold: also time whole processes on one image.
        baseline: foreign ONNX networks (1, 3, H, W), run alone on OpenVINO in the same rounds.
        json_file: also write the record to this file.
        progress: called with the parts done, and all parts.
        warn: called with one line for each skipped configuration.
    Returns:
        The measurements, and their conditions.
    Raises:
        InputError: a bad option, image or model.

    >>> record = seasift.bench("default", limit=8)
    >>> record.rows[0].end_to_end_per_s
    """
    if json_file:
        check_file("--json", Path(json_file))
    configs = parse_configs(config or ())
    if bundled.is_address(model):
        raise InputError(
            f"{model}: a server; expected a model file or a bundled model, to measure this machine."
        )
    bundled.find(model)  # fail before drawing images, which takes seconds
    if threshold is None:
        threshold = load_predictor(model, threads=threads).info.threshold
    with tempfile.TemporaryDirectory() as folder:
        chosen = (
            given_images([str(each) for each in images], limit=limit) if images else draw_images(Path(folder))
        )
        subjects = [
            Subject(str(model), EngineConfig(engine, precision, threads, threshold), chosen)
            for engine, precision in configs
        ]
        real = _real(subjects, warn)
        precisions = dict.fromkeys(s.config.precision for s in real if s.config.engine == "openvino")
        foreign = [
            Baseline(Path(path), precision, threads)
            for path in baseline or ()
            for precision in precisions or ("f32",)
        ]
        record = measure(str(model), real, foreign, chosen, repeats=repeats, cold=cold, progress=progress)
    if json_file:
        write_json(Path(json_file), record.to_json(), indent=1)
    return record


def _real(subjects: Sequence[Subject], warn: Callable[[str], None] | None) -> list[Subject]:
    """The subjects that compute in their precision here.

    Raises:
        InputError: no subject does.
    """
    real = [s for s in subjects if s.single.precision.removeprefix("int8+") == s.config.precision]
    for subject in subjects:
        if subject not in real and warn:
            warn(f"skipped {subject.config.name}: here it computes in {subject.single.precision}")
    if not real:
        raise InputError("no configuration runs here in its precision. Give another --config.")
    return real


def parse_configs(given: Sequence[str]) -> list[tuple[str, str]]:
    """Engines and precisions from values like "openvino:bf16"; by default, all that a CPU may support.

    Raises:
        InputError: invalid or unknown.
    """
    if not given:
        configs = [("openvino", "f32"), ("openvino", "bf16")]
        return [*configs, ("onnxruntime", "f32")] if find_spec("onnxruntime") else configs
    parsed = []
    for value in given:
        engine, _, precision = value.partition(":")
        if engine not in PRECISIONS or precision not in PRECISIONS[engine]:
            known = [f"{name}:{each}" for name, precisions in PRECISIONS.items() for each in precisions]
            raise InputError(f"--config {value!r}{hint(value, known)}; expected one of {', '.join(known)}.")
        parsed.append((engine, precision))
    return list(dict.fromkeys(parsed))
