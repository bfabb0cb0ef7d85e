"""Every wrong model gets the message that the documentation shows, word for word."""

from __future__ import annotations

import pytest

from simulations import mistakes
from simulations.mistakes import MISTAKES, document, what_it_gets
from simulations.model_commands import DOCUMENT


def test_the_documentation_has_every_wrong_model_and_what_it_gets_today() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            mistakes.pool_never_released,
            "flow buy, step 1 (hold connections) = 'connections': is still held at the end of the flow: release it",
        ),
        (
            mistakes.pools_in_two_orders,
            (
                "flow restock, step 2 (hold orders) = 'orders': is held in another order in flow buy, step "
                "2 (hold stock): both could wait for ever"
            ),
        ),
        (
            mistakes.waits_for_workers_that_need_what_it_holds,
            (
                "flow write, step 1 (hold connections) = 'connections': is asked for by who has a worker "
                "of writes; in flow buy, step 2 (enqueue writes), who has connections asks for a worker of writes: "
                "they could wait for ever"
            ),
        ),
        (mistakes.station_nobody_serves, "model shop, station = 'cache': no step serves at it"),
        (
            mistakes.spawns_without_end,
            "flow bounce, step 1 (spawn mail) = 'mail': spawns without end: buy -> mail -> bounce -> mail",
        ),
        (
            mistakes.number_instead_of_a_distribution,
            "flow buy, step 1 (serve database), time = 0.003: must be a distribution, such as Constant(0.003)",
        ),
        (
            mistakes.lookup_without_keys,
            "population visitors, keys = (): must hold at least one: flow view, step 1 (lookup pages) needs a key",
        ),
    ],
)
def test_what_cannot_be_right_is_refused(make: mistakes.Make, message: str) -> None:
    assert what_it_gets(make) == mistakes.Got(True, (message,))


@pytest.mark.parametrize(
    ("make", "messages"),
    [
        (
            mistakes.milliseconds_for_seconds,
            [
                (
                    "station database: offered load 600 of capacity (rate 400/s x 3 s / 2 servers): its "
                    "queue grows without end"
                ),
                "flow buy, step 1 (serve database): service time 3 s on average: did you mean 3 ms (0.003)?",
            ],
        ),
        (
            mistakes.load_above_capacity,
            [
                (
                    "station database: offered load 1.32 of capacity (rate 400/s x 6.6 ms / 2 servers): "
                    "its queue grows without end"
                )
            ],
        ),
        (
            mistakes.timeout_shorter_than_the_service,
            [
                (
                    "flow buy, step 1 (timeout): waits 5 ms for what takes 6.6 ms on average without any "
                    "waiting: most of it is given up"
                )
            ],
        ),
        (
            mistakes.retries_in_every_layer,
            [
                (
                    "flow buy, step 1, steps, step 1, steps, step 1 (retry): up to 27 attempts (3 x 3 x 3) "
                    "when what is inside keeps failing: give it a budget"
                )
            ],
        ),
        (
            mistakes.ways_that_cannot_be_reached,
            [
                "flow buy, step 1 (branch), way 2: is never taken: its probability is 0",
                (
                    "flow buy, step 2 (switch on operation), operation refund: is never taken: no request "
                    "that comes here has this operation"
                ),
                "flow buy, step 3 (delay answer): cannot be reached: step 2 before it never completes",
                "flow refund: no request, population, step or queue starts it",
            ],
        ),
    ],
)
def test_what_is_only_doubtful_gets_a_warning(make: mistakes.Make, messages: list[str]) -> None:
    assert what_it_gets(make) == mistakes.Got(False, tuple(messages))


def test_every_wrong_model_gets_something() -> None:
    assert len(MISTAKES) >= 10
    assert all(what_it_gets(make).messages for make in MISTAKES)
