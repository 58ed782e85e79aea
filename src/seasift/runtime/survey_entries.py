"""What a model file tells surveys: how well each class is found, and how the pictures look that it learned from."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class Strict(BaseModel):
    """A part of a model file's description: no unknown keys, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class CountingClass(Strict):
    """How a class was found on pictures of known truth, at each threshold of `CountingEntry`.

    Attributes:
        objects: truth.
        videos: groups of alike pictures that hold some.
        found: detections with at least the threshold, but for those in crowds.
        right: those of them that have an object of the class to themselves at IoU .50.
        found_alike, objects_alike: design effects of right / found and of right / objects: by how much videos whose
            frames are alike make the counts say less than as many independent ones; 1 or more.
    """

    objects: Annotated[int, Field(ge=0)]
    videos: Annotated[int, Field(ge=0)]
    found: tuple[Annotated[int, Field(ge=0)], ...]
    right: tuple[Annotated[int, Field(ge=0)], ...]
    found_alike: tuple[Annotated[float, Field(ge=1)], ...]
    objects_alike: tuple[Annotated[float, Field(ge=1)], ...]


class CountingEntry(Strict):
    """Precision and recall of each class, as counts, for intervals of what was counted; classes as in `categories`."""

    data: Annotated[str, Field(min_length=1)]
    thresholds: Annotated[tuple[Share, ...], Field(min_length=1)]
    classes: tuple[CountingClass, ...]

    @model_validator(mode="after")
    def _a_value_a_threshold(self) -> CountingEntry:
        for row in self.classes:
            for values in (row.found, row.right, row.found_alike, row.objects_alike):
                if len(values) != len(self.thresholds):
                    raise ValueError(f"{len(values)} values for {len(self.thresholds)} thresholds")
        return self


class LooksEntry(Strict):
    """How the pictures look that the model learned from; see `runtime.seen_alike`.

    Attributes:
        data: name of the part.
        pictures: how many were looked at.
        mean, std: of each statistic over them.
        samples: some of them, each (value - mean) / std.
        video_distances: of each video the median distance of its pictures to the nearest sample of another video,
            rising.
    """

    data: Annotated[str, Field(min_length=1)]
    pictures: Annotated[int, Field(ge=1)]
    names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[Positive, ...]
    samples: Annotated[tuple[tuple[float, ...], ...], Field(min_length=1)]
    video_distances: Annotated[tuple[float, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_length(self) -> LooksEntry:
        for values in (self.mean, self.std, *self.samples):
            if len(values) != len(self.names):
                raise ValueError(f"{len(values)} values for {len(self.names)} statistics")
        return self
