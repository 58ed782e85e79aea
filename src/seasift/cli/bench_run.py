"""What `seasift bench` does."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from seasift.cli.bench_table import tell
from seasift.cli.terminal import progress_bar
from seasift.core.errors import BadInput
from seasift.core.files import check_file, write_json
from seasift.runtime import box
from seasift.runtime.engines import PRECISIONS
from seasift.runtime.predictor import load_predictor
from seasift.speed.pictures import Pictures, draw_pictures, given_pictures
from seasift.speed.record import measure
from seasift.speed.subjects import Beside, Subject, Way


@dataclass(frozen=True)
class Options:
    """The command line's options, as given."""

    model: str = "default"
    pictures: tuple[str, ...] = ()
    ways: tuple[str, ...] = ()
    threads: int | None = None
    threshold: float | None = None
    limit: int = 64
    repeats: int = 5
    cold: bool = True
    beside: tuple[Path, ...] = ()
    json_file: Path | None = None


def run(options: Options) -> None:
    """Measure, print the table, write the file.

    Raises:
        BadInput: a bad option, picture or model.
    """
    if options.json_file:
        check_file("--json", options.json_file)
    ways = parse_ways(options.ways)
    box.find(options.model)  # said before pictures are drawn, which takes seconds
    with tempfile.TemporaryDirectory() as folder:
        pictures = (
            given_pictures(options.pictures, limit=options.limit)
            if options.pictures
            else draw_pictures(Path(folder))
        )
        record = _measure(options, ways, pictures)
    tell(record)
    if options.json_file:
        write_json(options.json_file, record, indent=1)


def _measure(options: Options, ways: Sequence[tuple[str, str]], pictures: Pictures) -> dict[str, object]:
    threshold = options.threshold
    if threshold is None:
        threshold = load_predictor(options.model, threads=options.threads).info.threshold
    subjects = [
        Subject(options.model, Way(engine, precision, options.threads, threshold), pictures)
        for engine, precision in ways
    ]
    real = [s for s in subjects if s.single.precision.removeprefix("int8+") == s.way.precision]
    for subject in subjects:
        if subject not in real:
            print(
                f"seasift: left out {subject.way.name}: here it computes in {subject.single.precision}",
                file=sys.stderr,
            )
    if not real:
        raise BadInput("no way is left that runs here in its precision. Give another --way.")
    precisions = dict.fromkeys(s.way.precision for s in real if s.way.engine == "openvino")
    beside = [
        Beside(path, precision, options.threads)
        for path in options.beside
        for precision in precisions or ("f32",)
    ]
    with progress_bar("measuring") as progress:
        return measure(
            options.model,
            real,
            beside,
            pictures,
            repeats=options.repeats,
            cold=options.cold,
            progress=progress,
        )


def parse_ways(given: tuple[str, ...]) -> list[tuple[str, str]]:
    """Engines and precisions from values like "openvino:bf16"; without any, those that a CPU may have.

    Raises:
        BadInput: not of that form, or unknown.
    """
    if not given:
        ways = [("openvino", "f32"), ("openvino", "bf16")]
        return [*ways, ("onnxruntime", "f32")] if find_spec("onnxruntime") else ways
    parsed = []
    for value in given:
        engine, _, precision = value.partition(":")
        if engine not in PRECISIONS or precision not in PRECISIONS[engine]:
            known = ", ".join(
                f"{name}:{each}" for name, precisions in PRECISIONS.items() for each in precisions
            )
            raise BadInput(f"--way {value!r}; expected one of {known}.")
        parsed.append((engine, precision))
    return list(dict.fromkeys(parsed))
