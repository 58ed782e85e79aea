"""Adopt another maker's ONNX graph: recognise its kind of output and write a model file. Loads no PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from seasift.core.choices import parse_size
from seasift.core.classes import GROUPS, parse_class_map, parse_group
from seasift.core.errors import EngineError, InputError, ModelError, hint
from seasift.core.files import check_onnx_name, read_regular, write_bytes
from seasift.core.types import SizeHW
from seasift.inference.engine import Engine
from seasift.inference.engines import open_engine
from seasift.inference.predictor import OnnxPredictor
from seasift.modelfile.info import (
    METADATA_KEY,
    AdoptedEntry,
    ClassEntry,
    DecodeEntry,
    InputEntry,
    ModelFile,
    ModelInfo,
)
from seasift.modelfile.onnx_file import with_metadata
from seasift.modelfile.onnx_graph import CONTROL_FLOW, OnnxGraph, read_graph
from seasift.modelfile.recognise import LAYOUTS, Match, classes_of, labels_of, recognise, size_of

_MOST_CLASSES = 10_000
_MOST_BYTES = 2 << 30  # of an ONNX file without other files
_LARGEST_SIDE = 4096  # px
_FINAL_OUTPUTS = {"boxes", "labels", "scores"}
_PROBE_HW = (800, 800)  # where the graph takes images of any size
_UNKNOWN_LICENCE = "unknown; ask the maker of the weights"


def adopt(
    file: Path,
    output: Path | None = None,
    *,
    kind: str | None = None,
    names: str | Sequence[str] | None = None,
    size: str | None = None,
    map: str | Path | Mapping[str, str] | None = None,
    threshold: float | None = None,
    licence: str | None = None,
) -> tuple[Path, ModelInfo]:
    """Write a model file around another maker's ONNX graph, which stays unchanged.

    Args:
        file: the maker's ONNX file.
        output: the model file to write; None: `NAME-seasift.onnx` beside `file`.
        kind: kind of output, a key of `modelfile.recognise.LAYOUTS`; None to recognise it.
        names: class names in the model's order: a list, text such as "fish,crab", or a text file with one a line;
            None for those in the file.
        size: input size "640" or "640x480" (WIDTHxHEIGHT), px, for graphs that take several.
        map: supercategory of classes, such as "eel=animal,rope=trash": pairs, a text file with one a line, or a dict;
            None: by the names.
        threshold: default minimum score; None: the maker's.
        licence: of the weights; None: what the file says.
    Returns:
        The path written, and the description in it.
    Raises:
        InputError: a name or size that does not fit. ModelError: not ONNX, with weights in other files or control flow,
            of no known kind, or a graph that does not run.

    >>> path, info = adopt(Path("yolo11n-seg.onnx"))
    """
    output = output or file.with_name(f"{file.stem}-seasift.onnx")
    check_onnx_name(output)
    data, graph = _read(file)
    sides = _sides(graph, size, str(file))
    names_of_outputs = {output.name for output in graph.outputs}
    if sides is None and not names_of_outputs >= _FINAL_OUTPUTS:
        raise InputError(f"{file}: its input takes any size. Give the one it was trained with: --size 640.")
    size_hw = sides or _PROBE_HW
    engine = open_engine(data, str(file), engine="openvino", precision="f32", threads=None)
    seen = _run(engine, graph, size_hw, str(file))
    found, match = recognise(seen, size_hw, kind, str(file))
    layout = LAYOUTS[found]
    resize = layout.resize
    if resize == "original" and sides is not None:
        resize = "fit"
    categories, labels = _classes(names, graph, match, str(file))
    if map is not None:
        categories = _grouped(categories, parse_class_map(map))
    info = ModelInfo(
        name=file.stem,
        head=found,
        categories=categories,
        input=InputEntry.model_validate(
            {
                "size_hw": size_hw,
                "mean": layout.mean,
                "std": layout.std,
                "resize": resize,
                "sampling": layout.sampling,
                "fill": layout.fill,
                "channels": layout.channels,
            }
        ),
        decode=DecodeEntry(nms_iou=layout.nms_iou),
        threshold=layout.threshold if threshold is None else threshold,
        max_objects=layout.max_objects,
        adopted=AdoptedEntry(
            source=file.name,
            outputs=match.outputs,
            labels=labels,
            batch=len(graph.inputs[0].shape) == 4,
            batch_of_outputs=match.batch,
            size_input=1 if len(graph.inputs) == 2 else None,
        ),
        licence=licence or graph.metadata.get("license") or _UNKNOWN_LICENCE,
        attribution=graph.metadata.get("author") or layout.maker,
    )
    written = with_metadata(data, METADATA_KEY, info.model_dump_json())
    _try(ModelFile(str(file), info, written, ""), engine)
    write_bytes(output, written)
    return output, info


def _read(path: Path) -> tuple[bytes, OnnxGraph]:
    """The bytes of an ONNX file and its graph, if it is one that can be adopted."""
    try:
        if path.is_dir():
            raise ModelError(f"{path}: a folder; expected an ONNX file.")
        if path.stat().st_size > _MOST_BYTES:
            raise ModelError(f"{path}: larger than 2 GiB; expected one ONNX file with its weights.")
        data = read_regular(path, ModelError)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file. Check the name and the folder you are in.") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); expected an ONNX file.") from None
    try:
        graph = read_graph(data)
    except ValueError as error:
        raise ModelError(
            f"{path}: not a whole ONNX file ({len(data):,} bytes; {error}). Export it to ONNX, or copy it again."
        ) from None
    if METADATA_KEY in graph.metadata:
        raise ModelError(f"{path}: a model file of seasift already; use it as it is.")
    if graph.external:
        raise ModelError(
            f"{path}: some of its weights lie in other files; expected one file. Export with all weights inside."
        )
    looping = sorted(graph.operators & CONTROL_FLOW)
    if looping and (graph.endless or not {output.name for output in graph.outputs} >= _FINAL_OUTPUTS):
        raise ModelError(
            f"{path}: control flow in its graph ({', '.join(looping)}); expected none, or that of torchvision's "
            "detectors. Export without post-processing."
        )
    if foreign := sorted(name for name in graph.operators if "." in name):
        raise ModelError(
            f"{path}: operators that are not ONNX's own ({', '.join(foreign[:3])}); expected a plain graph. "
            "Export without custom operators."
        )
    return data, graph


def _sides(graph: OnnxGraph, size: str | None, name: str) -> SizeHW | None:
    """Height and width of the graph's input, or those to use; None if it takes any and nobody says which."""
    shown = "; ".join(map(str, graph.inputs)) or "none"
    images = graph.inputs[0] if graph.inputs else None
    shape = images.shape if images else ()
    fits = images is not None and images.element == "float32" and len(shape) in (3, 4)
    fits = fits and shape[-3] in (None, 3) and (len(shape) == 3 or shape[0] in (None, 1))
    if len(graph.inputs) == 2:  # images, and their width and height
        other = graph.inputs[1]
        fits = fits and other.element == "int64" and len(other.shape) == 2 and other.shape[1] in (None, 2)
    if not fits or len(graph.inputs) > 2:
        raise ModelError(f"{name}: inputs {shown}; expected one of 1x3xHxW float32. Export it so.")
    given = parse_size(size, "--size", least=32, square=True)[::-1] if size else None
    wanted = given or size_of(graph.metadata)
    height, width = (side or (wanted[a] if wanted else None) for a, side in enumerate(shape[-2:]))
    if height is None or width is None:
        return None
    if max(height, width) > _LARGEST_SIDE:
        raise InputError(f"{name}: an input of {width}x{height} px; expected sides to {_LARGEST_SIDE} px.")
    if given and given != (height, width):
        raise InputError(
            f"--size {size}: the graph of {name} takes {width}x{height} px only. Leave --size out, or export it again."
        )
    return height, width


def _run(engine: Engine, graph: OnnxGraph, size_hw: SizeHW, name: str) -> OnnxGraph:
    """Run the graph once on a grey image; its outputs then have known shapes."""
    grey = np.full((1, 3, *size_hw), 0.5, np.float32)
    others = [np.array([size_hw[::-1]], np.int64)] * (len(graph.inputs) - 1)
    if len(engine.inputs) != len(graph.inputs):
        raise ModelError(
            f"{name}: an input without effect among {'; '.join(map(str, graph.inputs))}; expected none. Export it again."
        )
    try:
        results = engine.run(grey if len(graph.inputs[0].shape) == 4 else grey[0], others)
    except EngineError as error:
        raise ModelError(f"{name}: its graph does not run on a grey image: {error}") from None
    seen = [results[port.name] for port in engine.outputs]
    for port, values in zip(engine.outputs, seen, strict=True):
        if not np.isfinite(values).all():
            raise ModelError(
                f"{name}: its output {port.name} holds NaN or infinity for a grey image; expected finite numbers. "
                "Export it again in float32."
            )
    outputs = tuple(
        replace(tensor, shape=values.shape) for tensor, values in zip(graph.outputs, seen, strict=True)
    )
    return replace(graph, outputs=outputs)


def _try(file: ModelFile, engine: Engine) -> None:
    """Find objects in a grey image with the new description, so that a file that is written works."""
    predictor = OnnxPredictor(file, engine)
    height, width = file.info.input.size_hw
    predictor.predict([np.full((height, width, 3), 128, np.uint8)], threshold=file.info.threshold)


def _classes(
    names: str | Sequence[str] | None, graph: OnnxGraph, match: Match, name: str
) -> tuple[tuple[ClassEntry, ...], tuple[int, ...]]:
    """The classes, and the number that the graph gives each (empty: their index)."""
    given = classes_of(graph.metadata) if names is None else read_names(names)
    if given is None:
        count = f"{match.classes} classes" if match.classes else "classes"
        raise InputError(
            f"{name}: {count} without names. Give them in the model's order: --names fish,crab or a text file."
        )
    if len(given) > _MOST_CLASSES:
        raise InputError(f"{name}: {len(given)} names; expected at most {_MOST_CLASSES:,}.")
    numbered = labels_of(given, match)
    if numbered is None:
        raise InputError(
            f"{name}: {len(given)} names for {match.classes} classes; expected one name a class, in the model's order. "
            "Give --names."
        )
    kept, labels = numbered
    if not kept:
        raise InputError(f"{name}: no name of a class; expected one name a class. Give --names.")
    entries = (ClassEntry(id=number, name=each) for number, each in enumerate(_distinct(kept), start=1))
    return tuple(entries), labels


def _grouped(categories: Sequence[ClassEntry], pairs: Mapping[str, str]) -> tuple[ClassEntry, ...]:
    """Classes with the supercategories that a user gave."""
    known = [category.name for category in categories]
    groups = {}
    for name, meaning in pairs.items():
        if name not in known:
            raise InputError(
                f"--map: {name!r}{hint(name, known)} is no class of the model: {', '.join(known)}."
            )
        group = parse_group(meaning)
        if group is None:
            raise InputError(f"--map {name}={meaning}; expected {', '.join(GROUPS)} as supercategory.")
        groups[name] = group
    return tuple(
        category.model_copy(update={"supercategory": groups.get(category.name)}) for category in categories
    )


def read_names(names: str | Sequence[str]) -> tuple[str, ...]:
    """Class names from a list, text such as "fish,crab", or a text file with one name a line.

    Raises:
        InputError: no name, or a file that cannot be read.
    """
    if not isinstance(names, str):
        found = [str(each).strip() for each in names]
    elif Path(names).is_file():
        try:
            found = Path(names).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError):
            raise InputError(
                f"--names {names}: not a text file in UTF-8; expected one name a line."
            ) from None
    elif "," not in names and Path(names).suffix:
        raise InputError(f"--names {names}: no such file. Check the name, or give names: --names fish,crab.")
    else:
        found = names.split(",")
    found = [each.strip() for each in found if each.strip()]
    if not found:
        raise InputError(f"--names {names}: no name in it; expected one name a line, or fish,crab.")
    return tuple(found)


def _distinct(names: Sequence[str]) -> list[str]:
    """Names with a number behind those that occur again, as some makers' lists do."""
    found: list[str] = []
    for name in names:
        other, count = name, 2
        while other in found:
            other, count = f"{name} {count}", count + 1
        found.append(other)
    return found
