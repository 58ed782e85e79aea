"""The use case of this room: `bench`, how fast a model runs on this machine."""

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

    Everything runs in turn in one process, so ratios hold where absolute times do not.

    Args:
        model: a model file, or the name of a bundled model.
        images: image files, folders or globs; default: some are drawn.
        config: engines and precisions as "openvino:bf16"; the first is what ratios refer to. Default: all there are.
        threads: CPU threads; default: the engine's choice.
        threshold: leave out lower scores; default: the model's.
        limit: at most so many images, evenly spaced.
        repeats: rounds that count, after one that does not.
        cold: time whole processes on one image, too.
        baseline: foreign ONNX networks (1, 3, H, W), run bare on OpenVINO in the same rounds.
        json_file: write the record to this file, too.
        progress: called with parts done and in all.
        warn: called with one line for each configuration that is left out.
    Returns:
        What was measured on what.
    Raises:
        InputError: a bad option, image or model.

    >>> record = seasift.bench("default", limit=8)
    >>> record.rows[0].end_to_end_per_s
    """
    if json_file:
        check_file("--json", Path(json_file))
    configs = parse_configs(config or ())
    bundled.find(model)  # said before images are drawn, which takes seconds
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
    """Those that compute in their precision here.

    Raises:
        InputError: none does.
    """
    real = [s for s in subjects if s.single.precision.removeprefix("int8+") == s.config.precision]
    for subject in subjects:
        if subject not in real and warn:
            warn(f"left out {subject.config.name}: here it computes in {subject.single.precision}")
    if not real:
        raise InputError("no configuration is left that runs here in its precision. Give another --config.")
    return real


def parse_configs(given: Sequence[str]) -> list[tuple[str, str]]:
    """Engines and precisions from values like "openvino:bf16"; without any, those that a CPU may have.

    Raises:
        InputError: not of that form, or unknown.
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
