"""Queues whose workers take several items at a time."""

from __future__ import annotations

from simulations.model import Delay, Enqueue, Fail, Model, Queue, Serve, Timeout
from simulations.steps import Step
from tests.unit.simulations.rules.running import Run, booked, c, ends, flows, outcomes


def queued(
    *steps: Step,
    wait: bool = True,
    batch: int = 2,
    wait_s: float = 10,
    workers: int = 1,
    limit: int | None = None,
) -> Model:
    """Flow 0 leaves an item, flow 1 does so but gives up after 2 s; "batch" takes 1 s and 0.5 s an item, or steps."""
    return flows(
        {
            "get": [Enqueue("q", wait)],
            "hasty": [Timeout(c(2), [Enqueue("q", wait)], "cancel")],
            "batch": list(steps) or [Serve("s", c(1), per_item=c(0.5))],
        },
        servers=None if steps else 9,
        queues=[Queue("q", "batch", batch, wait_s, workers, limit)],
    )


def test_a_batch_starts_when_enough_wait(run: Run) -> None:
    path = run(queued(), [0, 1])
    assert ends(path) == [3, 3]
    assert booked(path, "q") == (1, 2, 2)
    assert booked(path, "s") == (0, 2, 1)
    assert path.background.spawned.sum() == 0, "a batch is not counted as spawned"
    assert path.max_in_flight == 3


def test_a_batch_starts_when_the_first_has_waited_long_enough(run: Run) -> None:
    path = run(queued(), [1])
    assert ends(path) == [12.5]
    assert path.end_s == 12.5


def test_an_item_that_is_left_is_recorded_as_spawned(run: Run) -> None:
    path = run(queued(wait=False), [0, 1])
    assert ends(path) == [0, 1]
    assert path.spawned is not None
    assert path.spawned.flow.tolist() == [2, 2]
    assert path.spawned.started_s.tolist() == [0, 1]
    assert path.spawned.completed_s.tolist() == [3, 3]
    assert path.background.response_s.tolist() == [0, 0, 5]


def test_items_wait_for_a_free_worker(run: Run) -> None:
    path = run(queued(Delay("work", c(4)), batch=2, wait_s=0), [0, 1, 2, 3])
    # At 4 two of the three that wait are taken, at 8 the last.
    assert ends(path) == [4, 8, 8, 12]
    assert path.queue.max_waiting.tolist() == [3]


def test_several_workers_run_batches_at_once(run: Run) -> None:
    path = run(queued(Delay("work", c(4)), batch=1, workers=2), [0, 1, 2])
    assert ends(path) == [4, 5, 8]


def test_a_full_queue_rejects(run: Run) -> None:
    path = run(queued(Delay("work", c(4)), batch=1, limit=1), [0, 1, 2])
    assert outcomes(path) == ["completed", "completed", "rejected"]
    assert ends(path) == [4, 8, 2]


def test_who_waits_fails_with_the_batch(run: Run) -> None:
    path = run(queued(Delay("work", c(1)), Fail("rejected")), [0, 1])
    assert outcomes(path) == ["rejected", "rejected"]
    assert path.queue.completions.tolist() == [2]


def test_an_item_that_is_left_fails_with_the_batch(run: Run) -> None:
    path = run(queued(Delay("work", c(1)), Fail("rejected"), wait=False), [0, 1])
    assert outcomes(path) == ["completed", "completed"]
    assert path.spawned is not None
    assert path.spawned.outcome.tolist() == [1, 1]
    assert path.background.failed.tolist() == [0, 0, 2]


def test_a_cancelled_item_leaves_the_line_and_the_timer_is_for_the_next(run: Run) -> None:
    path = run(queued(), [0, 3], operation=[1, 0])
    assert ends(path) == [2, 14.5]
    assert path.queue.abandoned.tolist() == [0, 1]
    path = run(queued(batch=3), [0, 1], operation=[1, 0])
    assert ends(path) == [2, 12.5]


def test_a_batch_runs_on_without_an_item_that_is_cancelled(run: Run) -> None:
    path = run(queued(Delay("work", c(4)), batch=2), [0, 1], operation=[1, 0])
    assert ends(path) == [2, 5]
    assert path.queue.completions.tolist() == [2]


def test_a_time_out_does_not_touch_an_item_that_was_left(run: Run) -> None:
    model = flows(
        {
            "get": [Timeout(c(1), [Enqueue("q"), Delay("far", c(9))], "cancel")],
            "batch": [Delay("work", c(4))],
        },
        queues=[Queue("q", "batch")],
    )
    path = run(model, [0])
    assert ends(path) == [1]
    assert path.spawned is not None
    assert path.spawned.completed_s.tolist() == [4]
    assert path.end_s == 4
