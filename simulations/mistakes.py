"""Wrong models, and what each gets: `./lab mistakes` prints them, docs/wrong-models.md has them.

Each function builds one, as a person might write it. Its docstring says what is wrong; what it gets is computed.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sdlab.errors import InvalidInput
from sdlab.workload import NO_KEY, Requests
from simulations.advice import advise
from simulations.caches.cache import Cache
from simulations.distributions import Constant, Exponential
from simulations.model import (
    Branch,
    Break,
    Breaker,
    Delay,
    Enqueue,
    Fail,
    Flow,
    Hold,
    Limit,
    Lookup,
    Model,
    Pool,
    Population,
    Queue,
    Release,
    Retry,
    Serve,
    Spawn,
    Station,
    Step,
    Switch,
    Timeout,
    TokenBucket,
)

Wrong = tuple[Model, Requests | None]
Make = Callable[[], Wrong]


def steady(rate_rps: float, *operations: str, key: int = NO_KEY) -> Requests:
    """Half a minute of requests at a constant rate, the operations in turn."""
    arrival_s = np.arange(1, round(30 * rate_rps) + 1) / rate_rps
    turn = np.arange(arrival_s.size)
    return Requests(
        arrival_s,
        (turn % len(operations)).astype(np.int16),
        np.full(arrival_s.size, key, dtype=np.int64),
        np.zeros(arrival_s.size, dtype=np.int16),
        operations,
        ("everywhere",),
    )


def pool_never_released() -> Wrong:
    """A connection is held and never released."""
    steps: list[Step] = [Hold("connections"), Serve("database", Exponential(0.003))]
    return Model("shop", [Flow("buy", steps)], [Station("database", 2)], [Pool("connections", 10)]), None


def released_on_one_way() -> Wrong:
    """A connection is released on one way only."""
    answer = Branch([(0.9, [Release("connections")]), (0.1, [Delay("logging", Constant(0.01))])])
    steps: list[Step] = [Hold("connections"), Serve("database", Exponential(0.003)), answer]
    return Model("shop", [Flow("buy", steps)], [Station("database", 2)], [Pool("connections", 10)]), None


def released_by_a_part() -> Wrong:
    """A part releases what the request around it holds."""
    query = Timeout(Constant(0.1), [Serve("database", Exponential(0.003)), Release("connections")])
    model = Model(
        "shop", [Flow("buy", [Hold("connections"), query])], [Station("database", 2)], [Pool("connections", 10)]
    )
    return model, None


def pools_in_two_orders() -> Wrong:
    """Two flows hold two pools in different orders: each can wait for what the other has."""
    buy: list[Step] = [
        Hold("orders"),
        Hold("stock"),
        Serve("database", Exponential(0.003)),
        Release("stock"),
        Release("orders"),
    ]
    restock: list[Step] = [
        Hold("stock"),
        Hold("orders"),
        Serve("database", Exponential(0.003)),
        Release("orders"),
        Release("stock"),
    ]
    flows = [Flow("buy", buy), Flow("restock", restock)]
    return Model("shop", flows, [Station("database", 2)], [Pool("orders", 5), Pool("stock", 5)]), None


def waits_for_workers_that_need_what_it_holds() -> Wrong:
    """A request keeps its connection while it waits for a batch, and the batch needs a connection."""
    buy: list[Step] = [Hold("connections"), Enqueue("writes", wait=True), Release("connections")]
    write: list[Step] = [Hold("connections"), Serve("database", Exponential(0.003)), Release("connections")]
    flows = [Flow("buy", buy), Flow("write", write)]
    queues = [Queue("writes", "write", batch=20, wait_s=0.01)]
    return Model("shop", flows, [Station("database", 2)], [Pool("connections", 10)], queues=queues), None


def station_nobody_serves() -> Wrong:
    """A cache node was declared, but no step serves at it."""
    flow = Flow("buy", [Serve("database", Exponential(0.003))])
    return Model("shop", [flow], [Station("database", 2), Station("cache", 1)]), None


def misspelt_station() -> Wrong:
    """A step names a station that is not there."""
    return Model("shop", [Flow("buy", [Serve("databse", Exponential(0.003))])], [Station("database", 2)]), None


def spawns_without_end() -> Wrong:
    """A job that starts itself again, through another."""
    flows = [
        Flow("buy", [Spawn("mail")]),
        Flow("mail", [Serve("mailer", Exponential(0.05)), Branch([(0.9, []), (0.1, [Spawn("bounce")])])]),
        Flow("bounce", [Spawn("mail")]),
    ]
    return Model("shop", flows, [Station("mailer")]), None


def probabilities_that_do_not_add_up() -> Wrong:
    """The ways of a branch leave something over."""
    ways = Branch([(0.7, [Serve("database", Exponential(0.003))]), (0.2, [])])
    return Model("shop", [Flow("buy", [ways])], [Station("database", 2)]), None


def number_instead_of_a_distribution() -> Wrong:
    """A bare number where a distribution of times is wanted."""
    flow = Flow("buy", [Serve("database", 0.003)])  # type: ignore[arg-type]
    return Model("shop", [flow], [Station("database", 2)]), None


def lookup_without_keys() -> Wrong:
    """Users who ask a cache, but for nothing in particular."""
    flow = Flow("view", [Lookup("pages", miss=[Serve("database", Exponential(0.003))])])
    users = Population("visitors", "view", users=100, think=Exponential(5.0))
    return Model("shop", [flow], [Station("database", 2)], caches=[Cache("pages", 1000)], populations=[users]), None


def milliseconds_for_seconds() -> Wrong:
    """Three milliseconds were written as 3, which is seconds."""
    return Model("shop", [Flow("buy", [Serve("database", Exponential(3))])], [Station("database", 2)]), steady(
        400, "buy"
    )


def load_above_capacity() -> Wrong:
    """More work comes than two servers can do."""
    flow = Flow("buy", [Serve("database", Exponential(0.0066))])
    return Model("shop", [flow], [Station("database", 2)]), steady(400, "buy")


def pool_too_small() -> Wrong:
    """The database could do it, but too few connections lead there, and each waits for the network as well."""
    query: list[Step] = [Delay("wire", Constant(0.02)), Serve("database", Exponential(0.003))]
    flow = Flow("buy", [Hold("connections"), *query, Release("connections")])
    return Model("shop", [flow], [Station("database", 2)], [Pool("connections", 5)]), steady(400, "buy")


def limit_below_the_rate() -> Wrong:
    """A rate limit for fewer requests than come."""
    flow = Flow("buy", [Limit("api"), Serve("database", Exponential(0.003))])
    buckets = [TokenBucket("api", rate_rps=300, burst=10)]
    return Model("shop", [flow], [Station("database", 2)], buckets=buckets), steady(400, "buy")


def timeout_shorter_than_the_service() -> Wrong:
    """The time-out comes before the answer does, even from an idle database."""
    query = Timeout(Constant(0.005), [Serve("database", Exponential(0.0066))])
    return Model("shop", [Flow("buy", [query])], [Station("database", 8)]), steady(400, "buy")


def retries_in_every_layer() -> Wrong:
    """Client, gateway and service each try three times."""
    query = Timeout(Constant(0.1), [Serve("database", Exponential(0.003))])
    flow = Flow("buy", [Retry([Retry([Retry([query], attempts=3)], attempts=3)], attempts=3)])
    return Model("shop", [flow], [Station("database", 2)]), steady(400, "buy")


def breaker_inside_the_time_out() -> Wrong:
    """The time-out is around the breaker, which so never hears that the database is slow."""
    query = Timeout(Constant(0.1), [Break("database", [Serve("database", Exponential(0.003))])], "cancel")
    stations = [Station("database", 2, queue=1000)]
    return Model("shop", [Flow("buy", [query])], stations, breakers=[Breaker("database")]), steady(400, "buy")


def ways_that_cannot_be_reached() -> Wrong:
    """A way of probability 0, a step behind a certain failure, a case for a flow nobody asks for."""
    steps: list[Step] = [
        Branch([(1.0, [Serve("database", Exponential(0.003))]), (0.0, [Delay("slow path", Constant(1.0))])]),
        Switch("operation", {"refund": [Delay("review", Constant(60.0))]}, [Fail("rejected")]),
        Delay("answer", Constant(0.001)),
    ]
    flows = [Flow("buy", steps), Flow("refund", [Delay("form", Constant(1.0))])]
    return Model("shop", flows, [Station("database", 2)]), steady(100, "buy")


def batch_that_never_fills() -> Wrong:
    """A queue that may hold fewer items than its batches have."""
    flows = [Flow("click", [Enqueue("clicks")]), Flow("count", [Serve("database", Exponential(0.003))])]
    queues = [Queue("clicks", "count", batch=500, wait_s=1.0, limit=100)]
    return Model("shop", flows, [Station("database", 2)], queues=queues), steady(50, "click")


MISTAKES: tuple[Make, ...] = (
    pool_never_released,
    released_on_one_way,
    released_by_a_part,
    pools_in_two_orders,
    waits_for_workers_that_need_what_it_holds,
    station_nobody_serves,
    misspelt_station,
    spawns_without_end,
    probabilities_that_do_not_add_up,
    number_instead_of_a_distribution,
    lookup_without_keys,
    milliseconds_for_seconds,
    load_above_capacity,
    pool_too_small,
    limit_below_the_rate,
    timeout_shorter_than_the_service,
    retries_in_every_layer,
    breaker_inside_the_time_out,
    ways_that_cannot_be_reached,
    batch_that_never_fills,
)


@dataclass(frozen=True)
class Got:
    """What a wrong model gets: refused with one message, or run with some warnings."""

    refused: bool
    messages: tuple[str, ...]


def what_it_gets(make: Make) -> Got:
    """Build a wrong model, and ask for advice if it can be built."""
    try:
        model, requests = make()
    except InvalidInput as error:
        return Got(True, (str(error),))
    return Got(False, tuple(str(advice) for advice in advise(model, requests) if advice.warning))


def title_of(make: Make) -> str:
    """What is wrong with it, in a sentence."""
    return inspect.getdoc(make) or ""


def document() -> str:
    """The page of all wrong models, in Markdown."""
    page = [
        "# Wrong models, and what each gets",
        "",
        "Written by `./lab mistakes --write`; a test holds it to what the code says today. A model that cannot be",
        "right is refused when it is built. One that is only doubtful gets warnings before it runs (`./lab simulate`),",
        "and is refused with `--strict`.",
    ]
    for number, make in enumerate(MISTAKES, 1):
        source = inspect.getsource(make).split('"""', 2)[2].strip("\n")
        got = what_it_gets(make)
        page += ["", f"## {number}. {title_of(make)}", "", "```python", textwrap.dedent(source), "```", ""]
        page += ["Refused:" if got.refused else "Warned:", "", "```text", *got.messages, "```"]
    return "\n".join([*page, ""])
