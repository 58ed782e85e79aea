"""Reliable times on a busy machine: interleaved runs, medians, and ratios within a round."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any, TypeVar

T = TypeVar("T")


def interleaved(
    works: Mapping[str, Callable[[], Any]],
    *,
    repeats: int,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, list[Any]]:
    """Results of each task in several rounds, after a warm-up round.

    Each task runs once per round, so that a slow phase of the machine affects all.
    """
    results: dict[str, list[Any]] = {name: [] for name in works}
    for round_ in range(repeats + 1):
        for index, (name, work) in enumerate(works.items()):
            result = work()
            if round_:
                results[name].append(result)
            if progress:
                progress(round_ * len(works) + index + 1, (repeats + 1) * len(works))
    return results


def seconds_of(work: Callable[[], object]) -> float:
    """Time a call, seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def rate_at_once(work: Callable[[T], object], items: Sequence[T], max_in_flight: int) -> float:
    """Items per second, with several threads."""
    with ThreadPoolExecutor(max_in_flight) as pool:
        return len(items) / seconds_of(lambda: list(pool.map(work, items)))


def ratio(a: Sequence[float], b: Sequence[float]) -> float:
    """Median of a / b, round by round."""
    return median(x / y for x, y in zip(a, b, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values does not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(math.ceil(share * len(ranked)) - 1, 0)]
