"""The review's endpoints: tracks, images of them, decisions, undo, export."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from seasift.core.classes import group_of
from seasift.core.errors import ImageError, InputError, NotFoundError
from seasift.review.decisions import Decision, state_of
from seasift.review.folder import Review
from seasift.review.frames import TrackRow, is_coarse

router = APIRouter(prefix="/v1/review")
_IMAGE = {"Cache-Control": "no-store"}  # the next survey at this address has other images of the same names


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reviewer: Annotated[str | None, Field(max_length=100, description="who decides")] = None


class Said(_Body):
    """A word on a track; `name` is what it is, if not what the model said, and may be a new class."""

    track: int
    word: Literal["accept", "reject"]
    name: str | None = None


class Undo(_Body):
    """Take back this reviewer's last word."""


def _only_json(request: Request) -> None:
    """A browser lets any page send this machine a form or plain text, but asks first before it sends JSON."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise InputError(f"a request of type {kind[:60]!r}; expected application/json.")


def _service(request: Request) -> Any:
    return request.app.state.service


def _review(request: Request) -> Review:
    return cast(Review, request.app.state.service.review)


WithReview = Annotated[Review, Depends(_review)]
WithService = Annotated[Any, Depends(_service)]


@router.get("")
def overview(service: WithService) -> dict[str, Any]:
    """All tracks without their observations, classes, videos."""
    review: Review = service.review
    decisions = review.decisions.all()
    return {
        "folder": str(review.tracks.folder),
        "reviewer": service.reviewer,
        "model": review.tracks.header.model.name if review.tracks.header.model else None,
        "categories": _categories(review),
        "videos": [
            {"file": video.file, "there": path is not None}
            for video, path in zip(review.tracks.header.videos, review.footage.paths, strict=True)
        ],
        "tracks": [_track(review, row, decisions.get(row.id)) for row in review.tracks.rows.values()],
    }


@router.post("/decisions", dependencies=[Depends(_only_json)])
def decide(service: WithService, said: Said) -> dict[str, Any]:
    """Keep a word. When the answer comes it is on the disk."""
    review: Review = service.review
    made = review.decide(said.track, said.word, said.name, _reviewer(service, said))
    return _answer(review, said.track, made)


@router.post("/undo", dependencies=[Depends(_only_json)])
def undo(service: WithService, said: Undo) -> dict[str, Any]:
    """Take back the reviewer's last word; 404 if there is none."""
    review: Review = service.review
    track = review.decisions.undo(_reviewer(service, said))
    return _answer(review, track, review.decisions.of(track))


@router.get("/tracks/{track}/picture")
def image(review: WithReview, track: int) -> Response:
    """The best image that the survey kept."""
    path = review.tracks.image(track)
    try:
        return Response(path.read_bytes(), media_type="image/jpeg", headers=_IMAGE)
    except OSError:
        raise NotFoundError(f"the image {path.name} is not there any more.") from None


@router.get("/tracks/{track}/views/{index}")
def view(review: WithReview, track: int, index: int) -> Response:
    """One observation from the video, with its outline; 404 if the video is not there."""
    try:
        return Response(review.views.get(track, index), media_type="image/jpeg", headers=_IMAGE)
    except ImageError as error:
        raise NotFoundError(str(error)) from None


@router.post("/export", status_code=202, dependencies=[Depends(_only_json)])
def start_export(service: WithService) -> dict[str, Any]:
    """Begin to write the data set into the survey's folder."""
    service.exporter.start()
    return asdict(service.exporter.state)


@router.get("/export")
def export_state(service: WithService) -> dict[str, Any]:
    """How far it is."""
    return asdict(service.exporter.state)


def _reviewer(service: Any, said: _Body) -> str:
    name = service.reviewer if said.reviewer is None else said.reviewer
    return " ".join(name.split())


def _answer(review: Review, track: int, decision: Decision | None) -> dict[str, Any]:
    row = review.tracks.row(track)
    return {"track": _track(review, row, decision), "categories": _categories(review)}


def _categories(review: Review) -> list[dict[str, Any]]:
    return [
        {"id": id_, "name": name, "group": group_of(name), "coarse": is_coarse(review.tracks, name)}
        for name, id_ in review.categories().items()
    ]


def _track(review: Review, row: TrackRow, decision: Decision | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "machine_name": row.name,
        "name": decision.name if decision else row.name,
        "state": state_of(row.name, decision),
        "reviewer": decision.reviewer if decision else None,
        "score": row.score,
        "level": row.level,
        "class_name": row.class_name,
        "class_score": row.class_score,
        "frames": row.frames,
        "first_s": row.first_s,
        "last_s": row.last_s,
        "video": row.first[0],
        "views": review.views.indices(row.id),
    }
