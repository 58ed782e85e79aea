"""Engines and precisions find the same objects: the bundled model on frames of real footage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from seasift.core.boxes import pairwise_iou
from seasift.core.instances import Instances
from seasift.core.types import UInt8
from seasift.inference.predictor import OnnxPredictor, load_predictor
from seasift.modelfile import bundled
from seasift.modelfile.info import read_model_file, to_metadata
from seasift.video.reading import FrameSampling, frames

FOOTAGE = Path(__file__).parents[2] / "examples" / "footage"
THRESHOLD = 0.1
SCORE, BOX_IOU, MASK_IOU = (
    0.02,
    0.85,
    0.75,
)  # what bf16's 8 bits may do to an object; to the median mask below
MEDIAN_MASK_IOU = 0.92
ELSEWHERE = 0.1  # share of objects for which fewer bits may choose another of several boxes that score alike; 2 of 50 do


@pytest.fixture(scope="module")
def images() -> list[UInt8]:
    return [
        frame.image_rgb_u8
        for clip in sorted(FOOTAGE.glob("*.mp4"))
        for frame in frames(clip, FrameSampling(frames=60))
    ]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled model with scores as its network gives them, so that differences are the engine's."""
    file = bundled.find(bundled.DEFAULT)
    info = read_model_file(file).info
    assert info.calibration is not None
    proto = onnx.load(file)
    del proto.metadata_props[:]
    for key, value in to_metadata(info.model_copy(update={"calibration": None})).items():
        proto.metadata_props.add(key=key, value=value)
    path = tmp_path_factory.mktemp("model") / "raw.onnx"
    onnx.save(proto, path)
    return path


@pytest.fixture(scope="module")
def reference(model: Path, images: list[UInt8]) -> list[Instances]:
    found = load_predictor(model).predict(images, threshold=THRESHOLD)
    assert sum(len(one) for one in found) > 20
    return found


def assert_equal(ours: Instances, theirs: Instances) -> None:
    """As two float32 engines may differ: by the order of sums."""
    assert ours.class_ids.tolist() == theirs.class_ids.tolist()
    np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-5)
    np.testing.assert_allclose(ours.boxes_xyxy, theirs.boxes_xyxy, atol=0.01)
    assert ours.masks is not None
    assert theirs.masks is not None
    for a, b in zip(ours.masks, theirs.masks, strict=True):
        assert (a.bitmap(ours.size_hw) != b.bitmap(ours.size_hw)).sum() <= 2


def sure(found: list[Instances]) -> int:
    """Objects that are sure enough to be on the other side."""
    return sum(int((one.scores > THRESHOLD + SCORE).sum()) for one in found)


def disagreements(ours: list[Instances], theirs: list[Instances]) -> list[str]:
    """Objects of either side, sure enough to be on the other, that are not there in the same place, shape and score."""
    bad, mask_ious = [], []
    for one, other in [*zip(ours, theirs, strict=True), *zip(theirs, ours, strict=True)]:
        same = pairwise_iou(one.boxes_xyxy, other.boxes_xyxy) * (one.class_ids[:, None] == other.class_ids)
        for index in np.flatnonzero(one.scores > THRESHOLD + SCORE):
            twin = int(same[index].argmax()) if len(other) else -1
            if twin < 0 or same[index, twin] < BOX_IOU:
                bad.append(f"object {index}: no twin")
                continue
            if abs(one.scores[index] - other.scores[twin]) > SCORE:
                bad.append(f"object {index}: scores {one.scores[index]:.3f} and {other.scores[twin]:.3f}")
            assert one.masks is not None
            assert other.masks is not None
            a, b = (each.masks[i].bitmap(one.size_hw) for each, i in ((one, index), (other, twin)))  # type: ignore[index]
            mask_ious.append((a & b).sum() / max((a | b).sum(), 1))
            if mask_ious[-1] < MASK_IOU and (a ^ b).sum() > 20:
                bad.append(f"object {index}: masks overlap by {mask_ious[-1]:.2f}")
    if not mask_ious or np.median(mask_ious) < MEDIAN_MASK_IOU:
        bad.append(f"masks overlap by {np.median(mask_ious or [0]):.3f}, the median")
    return bad


def test_onnx_runtime_finds_what_openvino_finds(
    model: Path, images: list[UInt8], reference: list[Instances]
) -> None:
    pytest.importorskip("onnxruntime")
    found = load_predictor(model, engine="onnxruntime").predict(images, threshold=THRESHOLD)
    for ours, theirs in zip(found, reference, strict=True):
        assert_equal(ours, theirs)


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_many_at_once_are_bit_for_bit_the_same(engine: str, model: Path, images: list[UInt8]) -> None:
    pytest.importorskip(engine)
    single, many = (load_predictor(model, engine=engine, throughput=fast) for fast in (False, True))
    batch = single.prepare(images[0])[None]
    one, other = single.run(batch), many.run(batch)
    for name, values in one.items():
        if engine == "openvino":
            np.testing.assert_array_equal(values, other[name])
        else:  # its sums depend on the number of threads
            np.testing.assert_allclose(values, other[name], atol=1e-4)


@pytest.mark.parametrize("precision", ["bf16", "f16"])
def test_fewer_bits_find_the_same_objects(
    precision: str, model: Path, images: list[UInt8], reference: list[Instances]
) -> None:
    """On a CPU that has not the precision OpenVINO takes another and says which; that one is held to its own."""
    predictor: OnnxPredictor = load_predictor(model, precision=precision)
    found = predictor.predict(images, threshold=THRESHOLD)
    assert predictor.precision in ("f32", "bf16", "f16")
    if predictor.precision == "f32":
        for ours, theirs in zip(found, reference, strict=True):
            assert_equal(ours, theirs)
    bad = disagreements(found, reference)
    assert len(bad) <= ELSEWHERE * (sure(found) + sure(reference)), bad


@pytest.mark.parametrize("fault", ["moved", "colours", "darker"])
def test_the_measure_sees_faults(
    fault: str, model: Path, images: list[UInt8], reference: list[Instances]
) -> None:
    """What a bug in preparing or decoding would do is outside the tolerances."""
    wrong = {
        "moved": [np.roll(image, 8, axis=1) for image in images],
        "colours": [np.ascontiguousarray(image[..., ::-1]) for image in images],
        "darker": [(image * 0.8).astype(np.uint8) for image in images],
    }[fault]
    found = load_predictor(model).predict(wrong, threshold=THRESHOLD)
    assert len(disagreements(found, reference)) > 2 * ELSEWHERE * (sure(found) + sure(reference))
