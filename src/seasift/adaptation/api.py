"""The use case of this room: `adapt`, from a few labelled images to a model that knows this sea floor."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from seasift.adaptation.clock import Interrupt, RunClock
from seasift.adaptation.held_out import Judgement
from seasift.adaptation.labels import read_labels
from seasift.adaptation.recipe import recipe_for
from seasift.core.choices import AcceleratorName, choose
from seasift.core.errors import InputError, require
from seasift.core.files import check_onnx_name
from seasift.modelfile import bundled
from seasift.modelfile.info import ModelInfo, read_model_file


@dataclass(frozen=True)
class AdaptResult:
    """What an adaptation left.

    Attributes:
        model: the model file; None if the base model is better on held-out images, and nothing was written.
        info: what it says of itself.
        report: the page with before and after.
        judgement: before and after on held-out images.
        next_command: what to run next.
    """

    model: Path | None
    info: ModelInfo | None
    report: Path
    judgement: Judgement
    next_command: str


def adapt(
    data: str | Path,
    *,
    output: str | Path,
    model: str = bundled.DEFAULT,
    minutes: float = 10.0,
    images: str | Path | None = None,
    accelerator: str = "auto",
    progress: Callable[[int, int], None] | None = None,
    tell: Callable[[str], None] | None = None,
) -> AdaptResult:
    """Adapt a model to labelled images, and measure on images held out by turns whether that helped.

    Classes are found by name; new ones come after the model's own. A third of the images is held out at a time. The weights
    of the result lie between the base model and the trained one, where the held-out images are found best.

    Args:
        data: COCO file of the labelled images.
        output: the .onnx file, with its card and the report beside it; a name without .onnx goes into the models folder.
        model: a model file with its weights as learnt, or its name.
        minutes: time for all trainings; writing the model comes after it.
        images: folder of the images; default: `images` beside the file, or its own folder.
        accelerator: "auto", "cpu" or "gpu".
        progress: called with seconds used and in all.
        tell: called with a line that the user should see.
    Raises:
        InputError: an option, the labels or the model cannot be used. WeightsError: a model without weights to learn from.
        KeyboardInterrupt: the user ended it before anything was measured; later, the best so far is kept.

    >>> result = seasift.adapt("labels.json", output="mine.onnx", minutes=10)
    >>> result.judgement.by_share
    """
    out = _output(output)
    if minutes <= 0:
        raise InputError(f"--minutes {minutes:g}: expected more than 0.")
    choose("--accelerator", accelerator, list(AcceleratorName))
    require("train", "torch", "lightning", "timm", "onnx", "onnxscript", "tensorboard")
    file = read_model_file(bundled.find(model))
    labels = read_labels(Path(data), file.info.class_list(), Path(images) if images else None)
    weights = model if model in bundled.known() else str(Path(model))
    recipe = recipe_for(file.info, weights, len(labels.split.coco.images), out.stem)

    def say(line: str) -> None:
        if tell:
            tell(line)

    for line in labels.notes:
        say(line)
    from seasift.adaptation.report import write_report
    from seasift.adaptation.result import write_model
    from seasift.adaptation.run import Setting, run

    clock = RunClock(minutes, progress)
    with tempfile.TemporaryDirectory(prefix="seasift-adapt-") as scratch, Interrupt() as interrupt:
        setting = Setting(
            labels=labels,
            recipe=recipe,
            decode=file.info.decode_settings(),
            threshold=file.info.threshold,
            calibration=file.info.score_calibration(),
            accelerator=accelerator,
            scratch=Path(scratch),
            tell=say,
        )
        adapted = run(setting, clock, interrupt)
        info = None
        if adapted.network is not None:
            say("writing the model")
            parent = {"name": Path(model).stem, "sha256": file.sha256}
            command = f"seasift adapt {Path(data).name} -o {out.name} --model {Path(model).name} --minutes {minutes:g}"
            info = write_model(out, adapted, setting, file.info, parent, command)
        report = out.with_name(f"{out.stem}-adapt-report.html")
        named = out.stem if bundled.own().get(out.stem, Path()).resolve() == out.resolve() else str(out)
        next_command = f"seasift survey DIVE.mp4 -m {named} -o survey" if info else ""
        write_report(
            report, adapted, setting, file.info, parent=Path(model).stem, name=out.stem, command=next_command
        )
    return AdaptResult(out if info else None, info, report, adapted.judgement, next_command)


def _output(output: str | Path) -> Path:
    """The model file; a bare name lies in the models folder."""
    path = Path(output)
    if not path.suffix and len(path.parts) == 1:
        path = bundled.models_folder() / f"{path.name}.onnx"
    check_onnx_name(path)
    if path.stem in bundled.names():
        raise InputError(f"-o {output}: {path.stem} is the name of a bundled model. Choose another name")
    return path
