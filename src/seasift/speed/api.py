"""`bench`: how fast a model runs on this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from seasift.core.errors import InputError, hint
from seasift.core.files import check_file, write_json
from seasift.inference.engines import PRECISIONS
from seasift.inference.predictor import load_predictor
from seasift.modelfile import bundled
from seasift.speed.images import draw_images, given_images
from seasift.speed.record import Measurement, measure
from seasift.speed.subjects import Baseline, Config, Subject


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
    bundled.find(model)  # fail before drawing images, which takes seconds
    if threshold is None:
        threshold = load_predictor(model, threads=threads).info.threshold
    with tempfile.TemporaryDirectory() as folder:
        chosen = (
            given_images([str(each) for each in images], limit=limit) if images else draw_images(Path(folder))
        )
        subjects = [
            Subject(str(model), Config(engine, precision, threads, threshold), chosen)
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
