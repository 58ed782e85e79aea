"""Surveys of a dive: frames become tracks, counts with intervals, positions and a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seasift._lazy import lazy, make_callable

if TYPE_CHECKING:
    from seasift.survey.api import survey as survey

__all__ = ["survey"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "survey": "seasift.survey.api:survey",
    },
)
make_callable(__name__, "seasift.survey.api", "survey")
