"""The time of an adaptation, and Ctrl-C."""

from __future__ import annotations

import signal
import threading

import pytest

from seasift.adaptation.clock import Interrupt, RunClock


def test_the_first_ctrl_c_asks_and_the_second_one_interrupts() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interrupt() as interrupt:
        assert not interrupt.asked
        signal.raise_signal(signal.SIGINT)
        assert interrupt.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == before


def test_in_another_thread_signals_are_left_alone() -> None:
    before = signal.getsignal(signal.SIGINT)
    kept = []

    def work() -> None:
        with Interrupt():
            kept.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert kept == [before]


def test_progress_is_in_seconds_of_the_budget_and_never_done_before_the_end() -> None:
    told: list[tuple[int, int]] = []
    RunClock(2, lambda done, total: told.append((done, total))).tick()
    used_up = RunClock(0.001, lambda done, total: told.append((done, total)))
    used_up.total = 0
    used_up.tick()
    assert told == [(0, 120), (0, 1)]
    assert used_up.left == 0
