"""CVAT XML 1.1: "CVAT for video" (tracks with key frames) and "CVAT for images".

Source: https://docs.cvat.ai/docs/manual/advanced/xml_format/. CVAT fills in frames between key frames until one
is `outside`, so a track gets such a frame after each run of observations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from seasift.core.errors import InputError
from seasift.core.files import replacing
from seasift.formats.exchange import regions
from seasift.formats.exchange.builder import Builder, largest, lost_outlines, runs, stride
from seasift.formats.exchange.content import (
    Content,
    ReadOptions,
    WriteOptions,
    is_image,
    left_out,
    number,
    outlines,
    reading,
)
from seasift.formats.exchange.regions import Region
from seasift.formats.exchange.table import one_video
from seasift.formats.tracks import Observation, TrackEntry, Video


def write(path: Path, content: Content, _options: WriteOptions) -> list[str]:
    """Write a video's tracks one by one, or images. An object gets one outline, the largest.

    Raises:
        InputError: the document has several videos.
    """
    one_video(path, content, "CVAT XML")
    videos = content.header.videos
    moving = bool(videos) and not is_image(videos[0])
    lost: Counter[str] = Counter()
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(_head(content, moving))
        file.writelines(_tracks(content, lost) if moving else _images(content, lost))
        file.write("</annotations>\n")
    return left_out(lost)


def _tag(element: str, end: str, /, **attributes: Any) -> str:
    return (
        f"<{element} " + " ".join(f"{key}={quoteattr(str(value))}" for key, value in attributes.items()) + end
    )


def _element(name: str, value: Any) -> str:
    element = ElementTree.Element(name)
    element.text = str(value)
    return ElementTree.tostring(element, encoding="unicode")


def _head(content: Content, moving: bool) -> Iterator[str]:
    videos = content.header.videos
    first = videos[0] if videos else None
    yield '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n<meta><task>\n'
    yield _element("name", first.file if first else "seasift")
    yield _element("size", (first.frames or 0) if moving and first else len(videos))
    yield _element("mode", "interpolation" if moving else "annotation") + "\n<labels>\n"
    for category in content.header.categories:
        yield f"<label>{_element('name', category.name)}<attributes>"
        of_track = ("class", "class_score") if content.header.names else ()
        for name in (*(("score", "time_s") if moving else ("score",)), *of_track):
            mutable = name not in of_track
            yield (
                f"<attribute><name>{name}</name><mutable>{mutable}</mutable><input_type>text</input_type>"
                "<default_value></default_value><values></values></attribute>"
            )
        yield "</attributes></label>\n"
    yield "</labels>\n"
    if moving and first:
        size = _element("width", first.width) + _element("height", first.height)
        yield f"<original_size>{size}</original_size>"
    yield "</task>"
    if moving and first:
        yield _element("source", first.file)
    yield "</meta>\n"


def _tracks(content: Content, lost: Counter[str]) -> Iterator[str]:
    video = content.header.videos[0]
    for track in content.tracks:
        yield _tag("track", ">\n", id=track.id, label=track.name, source="auto")
        yield _of_track(track)
        rings = [outlines(seen, video) for seen in track.observations]
        polygon = all(rings)
        lost_outlines(lost, rings, together=True)
        step = stride(track.observations)
        for run in runs(track.observations):
            for seen in run:
                yield _shape(seen, video, polygon, frame=seen.frame, outside=0, occluded=0, keyframe=1)
            after = run[-1].frame + step
            if video.frames is None or after < video.frames:
                yield _shape(run[-1], video, polygon, frame=after, outside=1, occluded=0, keyframe=1)
        yield "</track>\n"


def _of_track(track: TrackEntry) -> str:
    """The likeliest class behind a rolled-up name, and its score."""
    if track.rollup is None or not track.class_scores:
        return ""
    name = max(track.class_scores, key=track.class_scores.__getitem__)
    known = {"class": name, "class_score": number(track.class_scores[name])}
    return "".join(_attribute_element(key, value) for key, value in known.items())


def _attribute_element(name: str, value: str) -> str:
    element = ElementTree.Element("attribute", name=name)
    element.text = value
    return ElementTree.tostring(element, encoding="unicode")


def _shape(seen: Observation, video: Video, polygon: bool, of_track: str = "", /, **attributes: Any) -> str:
    if polygon:
        ring = largest(outlines(seen, video))
        pairs = zip(ring[0::2], ring[1::2], strict=True)
        name, where = "polygon", {"points": ";".join(f"{number(x)},{number(y)}" for x, y in pairs)}
    else:
        x, y, width, height = seen.box_xywh
        edges = (x, y, x + width, y + height)
        name, where = "box", dict(zip(("xtl", "ytl", "xbr", "ybr"), map(number, edges), strict=True))
    known = {"score": seen.score} | ({} if is_image(video) else {"time_s": seen.time_s})
    extra = "".join(f'<attribute name="{key}">{number(value)}</attribute>' for key, value in known.items())
    return _tag(name, ">", **attributes, **where, z_order=0) + extra + of_track + f"</{name}>\n"


def _images(content: Content, lost: Counter[str]) -> Iterator[str]:
    found: dict[int, list[tuple[TrackEntry, Observation]]] = {}
    for track in content.tracks:
        for seen in track.observations:
            found.setdefault(seen.video, []).append((track, seen))
    for index, video in enumerate(content.header.videos):
        yield _tag("image", ">\n", id=index, name=video.file, width=video.width, height=video.height)
        for track, seen in found.get(index, []):
            rings = outlines(seen, video)
            polygon = bool(rings)
            lost_outlines(lost, [rings])
            yield _shape(seen, video, polygon, _of_track(track), label=track.name, source="auto", occluded=0)
        yield "</image>\n"


def read(path: Path, options: ReadOptions) -> Content:
    """Read either kind: boxes, polygons, masks, ellipses, boxes around skeletons. Frames marked `outside` have no object."""
    built = Builder(path, options)
    video: dict[str, Any] = {"file": path.with_suffix(".mp4").name}
    try:
        for _, element in ElementTree.iterparse(path, events=("end",)):
            if element.tag == "meta":
                _read_meta(built, element, video)
            elif element.tag == "track":
                with reading(path, f"track {element.get('id')}"):
                    _read_track(built, element, built.video(**video), video["file"])
                element.clear()
            elif element.tag == "image":
                with reading(path, f"image {element.get('name')}"):
                    _read_image(built, element)
                element.clear()
    except ElementTree.ParseError as error:
        raise InputError(f"{path}: not XML ({error}); expected annotations.xml of CVAT.") from None
    return built.content()


def _read_meta(built: Builder, meta: ElementTree.Element, video: dict[str, Any]) -> None:
    for label in meta.iterfind(".//labels/label"):
        if label.find("parent") is None:  # else a point of a skeleton
            built.category(label.findtext("name") or "unknown")
    source, size = meta.findtext("source"), meta.find(".//original_size")
    frames = meta.findtext(".//size")
    if source:
        video["file"] = source
    if size is not None:
        video["width"], video["height"] = int(size.findtext("width") or 0), int(size.findtext("height") or 0)
    if frames and frames.isdigit() and int(frames):
        video["frames"] = int(frames)


_NO_AREA = {"polyline": "polyline (no area)", "points": "points (no area)"}


def _read_region(built: Builder, element: ElementTree.Element) -> tuple[bool, Region | None]:
    """Whether the shape is supported, and the shape; None for a mask without a pixel."""
    kind, given = element.tag, element.attrib
    if kind == "box":
        left, top, right, bottom = (float(given[name]) for name in ("xtl", "ytl", "xbr", "ybr"))
        degrees = float(given.get("rotation") or 0)
        return True, regions.turned_box(left, top, right - left, bottom - top, degrees, "middle")
    if kind == "ellipse":
        cx, cy, rx, ry = (float(given[name]) for name in ("cx", "cy", "rx", "ry"))
        return True, regions.ellipse(cx, cy, rx, ry, float(given.get("rotation") or 0))
    if kind == "polygon":
        return True, regions.outline(_points(element))
    if kind == "mask":
        left, top, width, height = (round(float(given[name])) for name in ("left", "top", "width", "height"))
        runs = [int(value) for value in given["rle"].split(",") if value.strip()]
        return True, regions.of_mask(regions.from_rows(runs, left, top, width, height))
    if kind == "skeleton":
        shown = [one for one in element.iterfind("points") if one.get("outside") != "1"]
        points = [value for one in shown for value in _points(one)]
        if len(points) >= 4:
            around = regions.outline(points).box_xywh
            if around[2] > 0 and around[3] > 0:
                built.leave_out("skeleton's points (the box around them is kept)")
                return True, Region(around)
        built.leave_out("skeleton (no area)")
    elif kind != "attribute":
        built.leave_out(_NO_AREA.get(kind, kind))
    return False, None


def _points(element: ElementTree.Element) -> list[float]:
    return [float(value) for pair in element.attrib["points"].split(";") for value in pair.split(",")]


def _attribute(element: ElementTree.Element, name: str) -> float | None:
    text = next((one.text for one in element.iterfind("attribute") if one.get("name") == name), None)
    return float(text) if text else None


def _read_track(built: Builder, track: ElementTree.Element, index: int, file: str) -> None:
    shown = 0
    for element in track:
        if element.tag == "attribute" or element.get("outside") == "1":
            continue
        shown += 1
        found, region = _read_region(built, element)
        if not found:
            continue
        frame, score = int(element.attrib["frame"]), _attribute(element, "score")
        time_s = _attribute(element, "time_s")
        built.add_region(
            int(track.attrib["id"]),
            track.attrib["label"],
            index,
            region,
            score=1.0 if score is None else score,
            frame=frame,
            time_s=built.time_of(file, frame) if time_s is None else time_s,
        )
    if not shown:
        built.leave_out("track (outside in all its frames)")


def _read_image(built: Builder, image: ElementTree.Element) -> None:
    size = {"width": int(image.attrib["width"]), "height": int(image.attrib["height"])}
    index = built.video(image.attrib["name"], frames=1, **size)
    for element in image:
        found, region = _read_region(built, element)
        if found:
            score = _attribute(element, "score")
            built.add_region(
                None, element.attrib["label"], index, region, score=1.0 if score is None else score
            )
