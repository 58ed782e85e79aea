"""A model on another machine, reached by HTTP: another seasift, or a server that answers in MegaDetector's JSON.

It is an engine whose graph gives final objects, so thresholds, classes, tiles and surveys work as with a file. Images go
to the address that the user names and to no other. Format of MegaDetector:
https://lila.science/megadetector-output-format
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np

from seasift.core.errors import EngineError, InputError, ModelError
from seasift.core.image import encode_image
from seasift.core.masks import MaskCrop, from_coco
from seasift.core.types import Float32, Int64, SizeHW
from seasift.data.json_form import defect_of_segmentation
from seasift.inference.engine import Engine, Port
from seasift.modelfile.info import AdoptedEntry, ClassEntry, InputEntry, ModelFile, ModelInfo

TRIES = 4
IN_FLIGHT = 4
"""Images that are at the server or on their way at most."""
TOKEN = "SEASIFT_TOKEN"
_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 10.0
_TIMEOUT_S = 120.0
_LARGEST_ANSWER = 64 << 20
_LOWEST_SCORE = 0.05  # asked for; the caller's own threshold comes after
_OUTPUTS = {
    "boxes": (1, None, 4),
    "labels": (1, None),
    "scores": (1, None),
    "crops": (1, None, 4),
    "bits": (1, None),
}
_HEAD = "remote"
_PREDICT = "/v1/predict"


def open_remote(
    address: str,
    *,
    transport: httpx.BaseTransport | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> tuple[ModelFile, Engine]:
    """Ask a server what its model is, with one small grey image.

    Args:
        address: such as http://127.0.0.1:8000/v1/predict; images are posted there. Its token is the environment variable
            SEASIFT_TOKEN, if there is one.
        transport: for tests; None: the network.
        pause: called with seconds between tries.
    Returns:
        A description without graph, and the engine.
    Raises:
        InputError: no such address. EngineError: no answer. ModelError: an answer that holds no objects.
    """
    try:
        parsed = urlsplit(address)
        shown = f"{parsed.scheme}://{parsed.hostname}{f':{parsed.port}' if parsed.port else ''}{parsed.path}"
        httpx.URL(address)
    except (ValueError, httpx.InvalidURL):
        raise InputError(
            f"--model {address!r}; expected an address such as http://host/v1/predict."
        ) from None
    if not parsed.hostname:
        raise InputError(f"--model {address!r}; expected an address such as http://host/v1/predict.")
    server = _Server(address, shown, transport, pause)
    answer = server.predict(np.full((64, 64, 3), 128, np.uint8))
    categories = _categories(answer, shown)
    about = server.about() if parsed.path.endswith(_PREDICT) else {}
    told = answer.get("model")
    name = str(told.get("name", shown)) if isinstance(told, dict) else shown
    sha256 = str(told.get("sha256", "")) if isinstance(told, dict) else ""
    info = ModelInfo(
        name=name or shown,
        head=_HEAD,
        categories=categories,
        input=InputEntry(size_hw=_size(about), mean=(0, 0, 0), std=(1, 1, 1), resize="original"),
        threshold=_number(about.get("threshold"), 0.25, 1),
        max_objects=int(_number(about.get("max_objects"), 300, 10_000)) or 300,
        adopted=AdoptedEntry(source=shown, outputs={name: k for k, name in enumerate(_OUTPUTS)}),
        licence=str(about.get("licence") or f"ask the operator of {shown}"),
        attribution=str(about.get("attribution") or shown),
    )
    sha256 = sha256 or hashlib.sha256(address.encode()).hexdigest()
    return ModelFile(shown, info, b"", sha256), RemoteEngine(server, categories)


class RemoteEngine:
    """Posts images and returns their objects as arrays; implements `inference.engine.Engine`."""

    name = "remote"
    precision = "unknown"
    max_in_flight: int = IN_FLIGHT
    inputs: tuple[Port, ...] = (Port("images", (1, 3, None, None), float32=True),)
    outputs: tuple[Port, ...] = tuple(Port(name, shape, float32=True) for name, shape in _OUTPUTS.items())

    def __init__(self, server: _Server, categories: Sequence[ClassEntry]) -> None:
        """Take a server whose classes are known."""
        self._server = server
        self._index = {category.id: index for index, category in enumerate(categories)}

    def run(self, batch: Float32, others: Sequence[Int64] = ()) -> dict[str, Float32]:
        """Outputs of the kind "remote" for one image (1, 3, H, W), 0..255.

        Raises:
            EngineError: no answer. ModelError: an answer that holds no objects, or one of an unknown class.
        """
        del others
        image = np.ascontiguousarray(batch[0].transpose(1, 2, 0)).astype(np.uint8)
        size_hw = image.shape[0], image.shape[1]
        try:
            objects = _objects(self._server.predict(image), size_hw)
            rows = [(box, self._index[category], score, mask) for category, score, box, mask in objects]
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
            raise ModelError(
                f"{self._server.shown}: an answer without objects as expected ({type(error).__name__}: {error}). "
                "Expected predictions of seasift or MegaDetector."
            ) from None
        masks = [mask for *_, mask in rows]
        boxes = [mask.box_xyxy if mask else (0, 0, -1, -1) for mask in masks]
        bits = [mask.crop.ravel() for mask in masks if mask] or [np.zeros(0, bool)]
        return {
            "boxes": np.array([row[0] for row in rows], np.float32).reshape(1, -1, 4),
            "labels": np.array([[row[1] for row in rows]], np.float32),
            "scores": np.array([[row[2] for row in rows]], np.float32),
            "crops": np.array([(x1, y1, x2 - x1, y2 - y1) for x1, y1, x2, y2 in boxes], np.float32).reshape(
                1, -1, 4
            ),
            "bits": np.concatenate(bits)[None].astype(np.float32),
        }


class _Server:
    """An address that takes images."""

    def __init__(
        self,
        address: str,
        shown: str,
        transport: httpx.BaseTransport | None,
        pause: Callable[[float], None],
    ) -> None:
        self.shown = shown
        self._address = address
        self._pause = pause
        token = os.environ.get(TOKEN)
        # No redirect is followed: images go to no address that the user did not name.
        self._client = httpx.Client(
            transport=transport,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=_TIMEOUT_S,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=IN_FLIGHT),
        )

    def predict(self, image_rgb_u8: Any) -> dict[str, Any]:
        """The answer to one image (H, W, 3)."""
        fields = {"threshold": str(_LOWEST_SCORE), "all_classes": "true", "names": "class"}
        data = encode_image(image_rgb_u8, ".png")
        answer = self._ask(
            "POST", self._address, data=fields, files={"files": ("image.png", data, "image/png")}
        )
        if not isinstance(answer, dict):
            raise ModelError(
                f"{self.shown}: no JSON object; expected predictions of seasift or MegaDetector."
            )
        return answer

    def about(self) -> dict[str, Any]:
        """What a seasift server says of its model; empty if it says nothing."""
        try:
            answer = self._ask("GET", self._address.removesuffix("predict") + "models")
            first = answer["models"][0]
        except (EngineError, ModelError, KeyError, IndexError, TypeError):
            return {}
        return first if isinstance(first, dict) else {}

    def _ask(self, method: str, url: str, **content: Any) -> Any:
        problem = ""
        for attempt in range(TRIES):
            wait = _PAUSE_S * 2**attempt
            try:
                with self._client.stream(method, url, **content) as answer:
                    data = _body(answer)
                if answer.is_success and data is not None:
                    return json.loads(data)
                problem = "an answer of more than 64 MiB" if data is None else f"status {answer.status_code}"
                if data is None or (answer.status_code < 500 and answer.status_code != 429):
                    break
                after = answer.headers.get("Retry-After", "")
                wait = min(float(after), _LONGEST_PAUSE_S) if after.isdecimal() else wait
            except (httpx.TransportError, httpx.InvalidURL, UnicodeError) as error:
                problem = str(error) or type(error).__name__
            except (ValueError, RecursionError):
                raise ModelError(
                    f"{self.shown}: an answer that is no JSON; expected predictions of seasift or MegaDetector."
                ) from None
            if attempt + 1 < TRIES:
                self._pause(wait)
        words = "".join(c if c.isprintable() else "_" for c in problem[:200])
        raise EngineError(
            f"{self.shown}: no predictions ({words}). Check the address, the token and the server."
        )


def _body(answer: httpx.Response) -> bytes | None:
    """The body of an answer; None if it is too large."""
    parts, size = [], 0
    for part in answer.iter_bytes():
        size += len(part)
        if size > _LARGEST_ANSWER:
            return None
        parts.append(part)
    return b"".join(parts)


def _categories(answer: Mapping[str, Any], shown: str) -> tuple[ClassEntry, ...]:
    """The classes that an answer names."""
    try:
        if "detection_categories" in answer:
            pairs = [(int(key), str(name)) for key, name in answer["detection_categories"].items()]
        else:
            pairs = [(int(each["id"]), str(each["name"])) for each in answer["categories"]]
        entries = tuple(ClassEntry(id=number, name=name) for number, name in pairs)
    except (KeyError, TypeError, ValueError, AttributeError):
        entries = ()
    if (
        not entries
        or len({e.id for e in entries}) < len(entries)
        or len({e.name for e in entries}) < len(entries)
    ):
        raise ModelError(
            f"{shown}: an answer without classes; expected predictions of seasift or MegaDetector. Check the address."
        )
    return entries


def _objects(
    answer: Mapping[str, Any], size_hw: SizeHW
) -> list[tuple[int, float, tuple[float, ...], MaskCrop | None]]:
    """Category id, score, box in px and mask of each object of an answer to one image."""
    (image,) = answer["images"]
    if "detection_categories" in answer:
        scale = np.array([size_hw[1], size_hw[0]] * 2)
        return [
            (
                int(each["category"]),
                float(each["conf"]),
                _corners(np.array(each["bbox"], float) * scale),
                None,
            )
            for each in image["detections"] or ()
        ]
    return [
        (
            int(each["category_id"]),
            float(each["score"]),
            _corners(np.array(each["box_xywh"], float)),
            _mask(each["mask"], size_hw) if each.get("mask") else None,
        )
        for each in image["objects"]
    ]


def _corners(box_xywh: Any) -> tuple[float, ...]:
    x, y, width, height = box_xywh.tolist()
    return x, y, x + width, y + height


def _mask(value: Any, size_hw: SizeHW) -> MaskCrop:
    defect = "not an RLE" if not isinstance(value, dict) else defect_of_segmentation(value, size_hw)
    if defect or list(value["size"]) != list(size_hw):
        raise ValueError(f"a mask: {defect or 'of another size than the image'}")
    return from_coco(value, size_hw)


def _number(value: object, otherwise: float, most: float) -> float:
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most
    return float(value) if known and isinstance(value, int | float) else otherwise


def _size(about: Mapping[str, Any]) -> SizeHW:
    value = about.get("input_size_hw")
    if (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(s, int) and 1 <= s <= 16384 for s in value)
    ):
        return value[0], value[1]
    return 640, 640
