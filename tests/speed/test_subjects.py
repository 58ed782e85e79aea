"""How times are taken and compared."""

from __future__ import annotations

from threading import Barrier

import pytest

from seasift.speed.subjects import interleaved, percentile, rate_at_once, ratio


def test_rounds_run_in_turn_and_the_first_does_not_count() -> None:
    order: list[str] = []
    seen: list[tuple[int, int]] = []

    def work(name: str) -> int:
        order.append(name)
        return len(order)

    got = interleaved(
        {name: lambda name=name: work(name) for name in "ab"},
        repeats=2,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert order == list("ababab")
    assert got == {"a": [3, 5], "b": [4, 6]}
    assert seen == [(i, 6) for i in range(1, 7)]


def test_ratio_is_that_of_rounds_not_of_medians() -> None:
    assert ratio([10, 1, 1], [5, 1, 0.5]) == 2


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 5), (0.95, 10), (1.0, 10), (0.05, 1)])
def test_percentile_is_the_nearest_rank(share: float, value: int) -> None:
    assert percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], share) == value


def test_at_once_is_at_once() -> None:
    together = Barrier(2, timeout=30)
    assert rate_at_once(lambda _: together.wait(), [0, 1, 2, 3], 2) > 0
