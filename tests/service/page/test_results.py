"""Outlines, slider, filter, keys and downloads."""

from __future__ import annotations

import io
import json
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image

from seasift.core.image import encode_image
from seasift.formats import coco, table_csv
from seasift.formats.validation import read
from tests.service.page.conftest import (
    RED,
    Open,
    Running,
    canvas_point,
    choose,
    decoded,
    done,
    drawn,
    expect,
    objects,
    predictions_asked,
    sample_image,
    saved,
    saved_json,
)
from tests.tiny_model import quarters


def of_the_api(server: Running, data: bytes, threshold: float) -> Any:
    """What the API says of an image at a threshold, each object once."""
    edge = "edge-of-a-part"
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="threshold"\r\n\r\n{threshold}\r\n'.encode(),
        f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'.encode(),
        data,
        f"\r\n--{edge}--\r\n".encode(),
    ]
    request = urllib.request.Request(
        server.url + "v1/predict",
        b"".join(parts),
        {"Content-Type": f"multipart/form-data; boundary={edge}"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def test_the_slider_and_the_filter_act_without_a_request(open_page: Open) -> None:
    page = open_page()
    choose(page, sample_image("a.png"))
    done(page, 1)
    assert objects(page) == ["red thing 0.98", "red thing 0.78", "red thing 0.63"]
    page.locator("#threshold").fill("0.7")
    expect(page.locator(".object")).to_have_count(2)
    expect(page.locator("tfoot td").first).to_have_text("2")
    expect(page.locator(".film-state")).to_have_text("2 objects")
    page.get_by_role("checkbox", name="red thing").uncheck()
    expect(page.locator(".object")).to_have_count(0)
    expect(page.locator("#objects-none")).to_contain_text("the model has 3")
    page.get_by_role("checkbox", name="Other").check()
    expect(page.locator(".object")).to_have_count(2)
    assert predictions_asked(page) == 1


def test_documents_hold_what_the_api_says_at_that_threshold(
    open_page: Open, server: Running, tmp_path: Path
) -> None:
    page = open_page()
    choose(page, sample_image("a.png"), sample_image("b, c.png", quarters(0, 0, 0, 255)))
    done(page, 2)
    page.locator("#threshold").fill("0.7")
    expect(page.locator(".object")).to_have_count(2)
    (tmp_path / "r.json").write_bytes(saved(page, "json"))
    document = read(tmp_path / "r.json")  # raises if it is not of the schema
    truth = of_the_api(server, encode_image(RED, ".png"), 0.7)
    got = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert {**got, "images": got["images"][:1]} == {
        **truth,
        "images": [{**truth["images"][0], "file": "a.png"}],
    }
    assert [image.file for image in document.images] == ["a.png", "b, c.png"]
    assert saved_json(page, "coco") == coco.to_coco(document)
    table = saved(page, "csv").decode("utf-8-sig")
    assert plain(table) == plain(table_csv.to_text(document))


def plain(table: str) -> str:
    """JavaScript writes 12 where Python writes 12.0."""
    assert "\r\n" in table
    return table.replace(".0,", ",").replace(".0\r", "\r")


def test_downloads_respect_the_filter(open_page: Open) -> None:
    page = open_page()
    image = quarters(250, 0, 0, 0, size=240)
    image[120:, 120:, 1] = 230
    choose(page, sample_image("a.png", image))
    done(page, 1)
    assert objects(page) == ["red thing 0.98", "green thing 0.90"]
    page.get_by_role("checkbox", name="red thing").uncheck()
    got = saved_json(page)
    assert [found["name"] for found in got["images"][0]["objects"]] == ["green thing"]
    assert "red thing" not in got["classes"]
    assert len(got["categories"]) == 3
    with_green = decoded(saved(page, "overlay")).astype(int)
    assert with_green.shape == (480, 480, 3), "small images are doubled"
    twice = cv2.resize(image, (480, 480), interpolation=cv2.INTER_NEAREST).astype(int)
    changed = np.abs(with_green - twice).max(axis=2) > 60
    assert changed[250:470, 250:470].any()
    assert not changed[60:180, 60:180].any(), "the red thing is left alone"


def test_all_overlays_as_an_archive(open_page: Open) -> None:
    page = open_page()
    choose(page, sample_image("dive/ü 1.png"), sample_image("b.png", quarters(0, 0, 0, 255, size=600)))
    done(page, 2)
    archive = zipfile.ZipFile(io.BytesIO(saved(page, "overlays")))
    assert archive.testzip() is None
    sizes = {name: decoded(archive.read(name)).shape[:2] for name in archive.namelist()}
    assert list(sizes.values()) == [(600, 600), (480, 480)]
    assert {"0001-b-found.jpg", "0002-ü_1-found.jpg"} == set(sizes)


def test_the_outline_on_the_canvas_is_where_the_mask_is(open_page: Open) -> None:
    page = open_page()
    choose(page, sample_image("a.png", quarters(0, 0, 0, 255, size=240)))
    done(page, 1)
    drawn(page)
    page.locator("#outlines").click()
    expect(page.locator("#outlines")).to_have_attribute("aria-pressed", "false")
    without = decoded(page.locator("#canvas").screenshot()).astype(int)
    page.locator("#outlines").click()
    expect(page.locator("#outlines")).to_have_attribute("aria-pressed", "true")
    changed = np.abs(decoded(page.locator("#canvas").screenshot()).astype(int) - without).max(axis=2) > 20
    (x, y), (left, top) = canvas_point(page, 180, 180), canvas_point(page, 60, 180)
    assert changed[int(y), int(x)], "filled"
    assert not changed[int(top), int(left)]


def test_list_and_canvas_select_each_other(open_page: Open) -> None:
    page = open_page()
    choose(page, sample_image("a.png"))
    done(page, 1)
    drawn(page)
    best, second = page.locator(".object").nth(0), page.locator(".object").nth(1)
    x, y = canvas_point(page, 60, 60)
    page.locator("#canvas").hover(position={"x": x, "y": y})
    expect(page.locator(".object.near .object-score")).to_contain_text("0.98")
    page.locator("#canvas").click(position={"x": x, "y": y})
    expect(best).to_have_attribute("aria-pressed", "true")
    second.click()
    expect(best).to_have_attribute("aria-pressed", "false")
    expect(second).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#status")).to_contain_text("Object 2: red thing, score 0.78")
    page.keyboard.press("Escape")
    expect(second).to_have_attribute("aria-pressed", "false")


def test_keys(open_page: Open) -> None:
    page = open_page()
    choose(page, *(sample_image(f"{name}.png") for name in "abc"))
    done(page, 3)
    title = page.locator("#stage-title")
    expect(title).to_have_text("a.png")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(title).to_have_text("c.png")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(title).to_have_text("b.png")
    canvas = page.locator("#canvas")
    expect(canvas).to_have_attribute("data-zoom", "1.000")
    canvas.focus()
    page.keyboard.press("+")
    expect(canvas).to_have_attribute("data-zoom", "1.500")
    page.keyboard.press("0")
    expect(canvas).to_have_attribute("data-zoom", "1.000")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".object").nth(1)).to_have_attribute("aria-pressed", "true")
    page.locator("#threshold").focus()
    page.keyboard.press("ArrowRight")
    expect(title).to_have_text("b.png")
    expect(page.locator("#threshold-value")).to_have_text("0.51")


def test_wheel_and_drag(open_page: Open) -> None:
    page = open_page()
    choose(page, sample_image("a.png"))
    done(page, 1)
    drawn(page)
    canvas = page.locator("#canvas")
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -500)
    expect(canvas).to_have_attribute("data-zoom", "2.718")
    before = canvas.screenshot()
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 - 150, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    assert np.any(decoded(before) != decoded(canvas.screenshot()))
    assert page.locator(".object[aria-pressed=true]").count() == 0, "a drag selects nothing"
    page.locator("#zoom-fit").click()
    expect(canvas).to_have_attribute("data-zoom", "1.000")


def test_two_fingers_zoom(open_page: Open) -> None:
    page = open_page(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 800})
    choose(page, sample_image("a.png"))
    done(page, 1)
    drawn(page)
    canvas = page.locator("#canvas")
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = page.context.new_cdp_session(page)
    for kind, apart in (("touchStart", 30), ("touchMove", 45), ("touchMove", 60), ("touchEnd", None)):
        points = (
            [] if apart is None else [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        )
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(canvas).to_have_attribute("data-zoom", "2.000")


def test_a_tiff_is_shown(open_page: Open) -> None:
    page = open_page()
    choose(page, sample_image("a.tif"))
    done(page, 1)
    expect(page.locator("#canvas")).to_have_attribute("data-zoom", "1.000")
    x, y = canvas_point(page, 118, 30)  # red, between the masks
    red = decoded(page.locator("#canvas").screenshot())[int(y), int(x)]
    assert red[0] > 200
    assert red[1] < 60


def test_a_turned_image_stands_in_its_orientation(open_page: Open) -> None:
    page = open_page()
    image = quarters(0, 250, 0, 0, size=240)[:, 20:]  # 220 wide, red at the right top
    data = io.BytesIO()
    turned = PIL.Image.fromarray(np.rot90(image).copy())
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees to the right
    turned.save(data, "JPEG", exif=exif, quality=95)
    choose(page, sample_image("a.jpg", data.getvalue()))
    done(page, 1)
    (entry,) = saved_json(page)["images"]
    assert (entry["width"], entry["height"]) == (220, 240)
    upright = decoded(saved(page, "overlay"))
    assert upright.shape == (480, 440, 3)
    assert upright[20, 420, 0] > 200
    assert upright[460, 20, 0] < 50
