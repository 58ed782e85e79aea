"""The recipe of the arrays beside this file: what the makers' own packages make of graphs with random weights.

Run it outside of the project's environment, in one with rfdetr 1.11.2, transformers 5.24.0 (both Apache 2.0), torchvision
(BSD) and onnxruntime: `python make.py`. Each archive holds the size of the image that `image_of` draws, the input that
the maker prepares of it (empty where the graph prepares it), the outputs of the exported graph, and the objects of the
maker's post-processing.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
SIZE_HW = (150, 200)
QUERIES = 12


def image_of(size_hw: tuple[int, int]) -> Any:
    """An image (H, W, 3) uint8 of smooth waves and noise, the same on every machine."""
    rows, columns = np.mgrid[: size_hw[0], : size_hw[1]]
    waves = [128 + 90 * np.sin(rows / (9 + 4 * c) + columns / (14 - 3 * c)) for c in range(3)]
    noise = np.random.default_rng(26).integers(-30, 31, (*size_hw, 3))
    return np.clip(np.stack(waves, axis=-1) + noise, 0, 255).astype(np.uint8)


def save(name: str, prepared: Any, outputs: dict[str, Any], found: dict[str, Any]) -> None:
    masks = np.asarray(found.pop("masks", np.zeros(0, bool)))
    np.savez_compressed(
        HERE / f"{name}.npz",
        size_hw=np.array(SIZE_HW),
        prepared=np.asarray(prepared, np.float32),
        masks_shape=np.array(masks.shape),
        masks=np.packbits(masks),
        **{f"output_{key}": np.asarray(value) for key, value in outputs.items()},
        **{key: np.asarray(value) for key, value in found.items()},
    )
    print(
        name, {key: np.shape(value) for key, value in {**outputs, **found}.items()}, masks.shape, masks.mean()
    )


def run(path: Path, inputs: dict[str, Any]) -> dict[str, Any]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def rf_detr() -> None:
    import torch
    from PIL import Image
    from rfdetr import RFDETRNano, RFDETRSegNano
    from rfdetr.export._runtime.preprocess import preprocess_to_nchw
    from rfdetr.models.postprocess import PostProcess

    for name, kind in (("rf-detr", RFDETRNano), ("rf-detr-seg", RFDETRSegNano)):
        torch.manual_seed(3)
        model = kind(
            pretrain_weights=None,
            num_classes=3,
            device="cpu",
            num_queries=QUERIES,
            num_select=QUERIES,
            resolution=96,
        )
        network = model.model.model
        torch.nn.init.normal_(network.class_embed.weight, std=0.2)
        torch.nn.init.zeros_(network.class_embed.bias)
        for layer in network.bbox_embed.layers:
            torch.nn.init.normal_(layer.weight, std=0.1)
        with tempfile.TemporaryDirectory() as folder:
            model.export(output_dir=folder, verbose=False)
            prepared = preprocess_to_nchw(Image.fromarray(image_of(SIZE_HW)), 96, 96)
            outputs = run(next(Path(folder).glob("*.onnx")), {"input": prepared})
        raw = {"pred_logits": outputs["labels"], "pred_boxes": outputs["dets"]}
        if "masks" in outputs:
            raw["pred_masks"] = outputs["masks"]
        tensors = {key: torch.tensor(value) for key, value in raw.items()}
        found = PostProcess(num_select=QUERIES)(tensors, torch.tensor([SIZE_HW]))[0]
        save(name, prepared[0], {key: value[0] for key, value in outputs.items()}, found)


def d_fine() -> None:
    import torch
    from transformers import DFineConfig, DFineForObjectDetection, RTDetrImageProcessor

    torch.manual_seed(1)
    config = DFineConfig(
        num_labels=3,
        num_queries=QUERIES,
        decoder_layers=2,
        d_model=64,
        encoder_hidden_dim=64,
        decoder_in_channels=[64, 64, 64],
        encoder_ffn_dim=128,
        decoder_ffn_dim=128,
        decoder_attention_heads=4,
        encoder_attention_heads=4,
    )
    model = DFineForObjectDetection(config).eval()
    for part in model.model.decoder.class_embed:
        torch.nn.init.normal_(part.weight, std=0.3)
        torch.nn.init.zeros_(part.bias)
    processor = RTDetrImageProcessor(size={"height": 96, "width": 96})
    prepared = processor(images=image_of(SIZE_HW), return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        outputs = model(prepared)
    found = processor.post_process_object_detection(outputs, threshold=0.0, target_sizes=[SIZE_HW])[0]
    save(
        "d-fine-transformers",
        prepared[0],
        {"logits": outputs.logits[0], "pred_boxes": outputs.pred_boxes[0]},
        found,
    )


def torchvision() -> None:
    import torch
    import torchvision.models.detection as detection

    torch.manual_seed(2)
    model = detection.maskrcnn_resnet50_fpn(
        weights=None,
        weights_backbone=None,
        num_classes=4,
        min_size=96,
        max_size=128,
        box_score_thresh=0.0,
        box_detections_per_img=6,
    ).eval()
    prepared = torch.tensor(image_of(SIZE_HW)).permute(2, 0, 1) / 255
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            model,
            ([prepared],),
            path,
            dynamo=False,
            opset_version=17,
            input_names=["images"],
            output_names=["boxes", "labels", "scores", "masks"],
            dynamic_axes={"images": {1: "height", 2: "width"}},
        )
        outputs = run(path, {"images": prepared.numpy()})
    with torch.no_grad():
        found = dict(model([prepared])[0])
    found["masks"] = found["masks"][:, 0] > 0.5
    save("torchvision-detection", np.zeros(0), outputs, found)


if __name__ == "__main__":
    for make in (rf_detr, d_fine, torchvision):
        if len(sys.argv) == 1 or make.__name__ in sys.argv[1:]:
            make()
