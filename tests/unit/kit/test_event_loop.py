"""The event loop's lag at random instants, on asyncio's loop and on uvloop, by a file and by the loop's timers."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

from reference_impls.kit import event_loop
from reference_impls.kit.event_loop import MEAN_GAP_S, lag_measured

STALL_S = 1.0
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.SelectorEventLoop,
    "uvloop": uvloop.new_event_loop,
}
Run = Callable[[Coroutine[Any, Any, None]], None]
ALARMS = {"loop": event_loop._LoopAlarm} | ({"file": event_loop._FileAlarm} if sys.platform == "linux" else {})


@pytest.fixture(params=[(loop, alarm) for loop in LOOPS for alarm in ALARMS], ids="-".join)
def run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Run:
    loop, alarm = request.param
    monkeypatch.setattr(event_loop, "_alarm", ALARMS[alarm])

    def start(work: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
            runner.run(work)

    return start


def test_each_random_instant_of_a_stall_is_counted_with_what_was_left_of_it(run: Run) -> None:
    seen_s: list[float] = []

    async def stall() -> None:
        with lag_measured(seen_s.append):
            time.sleep(STALL_S)
            await asyncio.sleep(5 * MEAN_GAP_S)

    run(stall())
    stalled_s = [lag_s for lag_s in seen_s if lag_s > STALL_S / 10]
    assert len(stalled_s) >= 5, "of 18 at the mean"
    assert max(stalled_s) > STALL_S / 2
    assert min(seen_s) >= 0


class ByHand:
    """A clock that is set, and an alarm that goes by it."""

    def __init__(self) -> None:
        self.now_s = self.due_s = 100.0
        self.ring: Callable[[], None] = lambda: None

    def monotonic(self) -> float:
        return self.now_s

    def alarm(self, _loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> ByHand:
        self.ring = ring
        return self

    def set(self, at_monotonic_s: float) -> None:
        self.due_s = at_monotonic_s

    def close(self) -> None:
        pass


async def test_the_instants_are_those_of_the_seed_whatever_the_loop_does(monkeypatch: pytest.MonkeyPatch) -> None:
    def instants_s(late_s: float, seed: int) -> list[float]:
        """When the first hundred fell due, of a loop that is late by so much each time that it looks."""
        by_hand = ByHand()
        monkeypatch.setattr(event_loop, "time", by_hand)
        monkeypatch.setattr(event_loop, "_alarm", by_hand.alarm)
        found_s: list[float] = []
        with lag_measured(lambda lag_s: found_s.append(by_hand.now_s - lag_s), seed):
            while len(found_s) < 100:
                by_hand.now_s = by_hand.due_s + late_s
                by_hand.ring()
        return found_s[:100]

    on_time_s = instants_s(0.0, seed=1)
    assert instants_s(0.7, seed=1) == pytest.approx(on_time_s)
    assert instants_s(0.0, seed=2) != pytest.approx(on_time_s)
    assert (on_time_s[-1] - 100.0) / 100 == pytest.approx(MEAN_GAP_S, rel=0.4)


def open_files() -> set[str]:
    return {file.name for file in Path("/proc/self/fd").iterdir()} if sys.platform == "linux" else set()


def test_it_ends_with_its_block_and_leaves_no_file_open(run: Run) -> None:
    seen_s: list[float] = []

    async def measured() -> None:
        files = open_files()
        with lag_measured(seen_s.append):
            while not seen_s:
                await asyncio.sleep(0.01)
        count = len(seen_s)
        await asyncio.sleep(5 * MEAN_GAP_S)
        assert len(seen_s) == count
        assert open_files() == files

    run(measured())
