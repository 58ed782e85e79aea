"""Run the model of a survey in this process or on a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from seasift.core.choices import EngineName, SurveyEngine, choose
from seasift.core.errors import InputError, require
from seasift.inference.engines import AUTO, open_engine
from seasift.inference.predictor import OnnxPredictor, predict_with_statistics
from seasift.modelfile import bundled
from seasift.modelfile.info import ModelFile, read_model_file
from seasift.survey.follow import Look
from seasift.survey.on_ray import OnRay


@dataclass(frozen=True)
class Asked:
    """Arguments for `OnnxPredictor.predict`; empty `class_ids` mean all classes."""

    threshold: float
    max_objects: int
    class_ids: tuple[int, ...]


def parse_engine(text: str) -> tuple[bool, str]:
    """Parse a word of `SurveyEngine` into whether to use Ray, and the engine.

    Raises:
        InputError: another word.
    """
    first, _, rest = choose("--engine", text, list(SurveyEngine)).partition(":")
    if first in (SurveyEngine.LOCAL, SurveyEngine.RAY):
        return first == SurveyEngine.RAY, rest or EngineName.OPENVINO.value
    return False, first


def require_ray() -> None:
    """Check that Ray Data is installed.

    Raises:
        MissingExtraError: it is not.
    """
    require("ray", "ray", "pyarrow", "pandas")


def look_of(model: OnnxPredictor, asked: Asked) -> Look:
    """The model as a survey uses it."""
    return partial(
        predict_with_statistics,
        model,
        threshold=asked.threshold,
        max_objects=asked.max_objects,
        class_ids=asked.class_ids or None,
    )


def open_look(file: ModelFile, engine: str, precision: str, becomes: str, threads: int, asked: Asked) -> Look:
    """Load a model in a worker.

    Args:
        precision: the requested precision, not `auto`.
        becomes: the precision of the machine that started the survey; all must use the same.
    Raises:
        InputError: the precision differs here.
    """
    ready = open_engine(file.data, file.name, engine=engine, precision=precision, threads=threads)
    model = OnnxPredictor(file, ready)
    if model.precision != becomes:
        raise InputError(
            f"a worker computes in {model.precision}, the machine that runs the survey in {becomes}; expected "
            "machines of one kind. Give --precision f32."
        )
    return look_of(model, asked)


def looking_on_ray(
    model: OnnxPredictor,
    look: Look,
    asked: Asked,
    *,
    path: str | Path,
    precision: str,
    threads: int | None,
    address: str | None,
    workers: int | None,
    tell: Callable[[str], None],
) -> OnRay:
    """Evaluate frames on a cluster.

    Args:
        model: the one in this process.
        look: for frames that this process evaluates.
        path: path of the model, or name of a bundled one.
        precision: as requested; `auto` becomes the precision of this machine.
        threads: threads of each worker; None for one.
        address, workers, tell: see `OnRay`.
    """
    if bundled.is_address(path):
        raise InputError(
            f"--engine ray with --model {path}; expected a model file, for a cluster runs it itself."
        )
    file = read_model_file(bundled.find(path))
    # Fix the precision that auto chose here; workers on other processors might choose another.
    wanted = model.precision if precision == AUTO else precision
    return OnRay(
        open_look=partial(open_look, file, model.engine, wanted, model.precision, threads or 1, asked),
        look=look,
        max_in_flight=model.max_in_flight,
        address=address,
        cpus=threads or 1,
        workers=workers,
        tell=tell,
    )
