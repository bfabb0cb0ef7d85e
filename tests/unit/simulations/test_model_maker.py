"""Generated models: valid, of every kind, the same for the same seed; and how a failing one is made small and shown."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import get_args

import numpy as np

from sdlab.workload import Requests
from simulations import distributions, model
from simulations.caches.cache import POLICIES
from simulations.layout import OUTCOMES
from simulations.model import Hedge, Model, Serve
from simulations.proof.describing import python_of
from simulations.proof.equality import Example, Tally, broken_laws, example, kinds, shrunk
from simulations.resources import BALANCING
from simulations.steps import Step

NAMES = {**vars(distributions), **vars(model), "Requests": Requests, "np": np}


def test_the_same_seed_makes_the_same_example() -> None:
    assert str(example(7)) == str(example(7))
    assert str(example(7)) != str(example(8))


def test_a_few_hundred_models_have_every_step_resource_and_option() -> None:
    found: Counter[str] = Counter()
    for seed in range(200):
        found.update(kinds(example(seed).model))
    expected = {kind.__name__ for kind in get_args(Step)}
    expected |= {f"Balancer {policy}" for policy in BALANCING} | {f"Cache {policy}" for policy in POLICIES}
    expected |= {
        "Queue",
        "TokenBucket",
        "Breaker",
        "RetryBudget",
        "Population",
        "Cache single flight",
        "Cache expiry",
        "Cache in bytes",
    }
    expected |= {f"Station {name}" for name in ("shared", "start-up", "autoscaler", "finite queue")}
    expected |= {f"{kind} {work}" for kind in ("Outage", "Breakdowns") for work in ("fail", "finish")}
    written = "".join(python_of(example(seed).model) for seed in range(200))
    for kind in get_args(distributions.Distribution):
        assert f"{kind.__name__}(" in written, kind
    assert {name: found[name] for name in expected if found[name] < 10} == {}


def test_generated_requests_meet_every_outcome_and_everything_that_stops_work() -> None:
    tally, stopped = Tally(), Counter[str]()
    for seed in range(60):
        one = example(seed)
        path = one.run("simpy")
        tally.count(one, path)
        for name in ("rejected", "abandoned", "interrupted"):
            stopped[name] += int(getattr(path.queue, name).sum())
        for name in ("bucket_rejected", "breaker_opened", "breaker_rejected", "budget_taken"):
            stopped[name] += int(getattr(path.guards, name).sum())
        stopped["retries"] += int(path.retries.sum())
        assert broken_laws(one, path) == []
    assert all(tally.outcomes[name] > 50 for name in OUTCOMES)
    assert all(count > 3 for count in stopped.values()), stopped


def test_an_example_is_shown_as_python_that_makes_it_again() -> None:
    for seed in range(20):
        one = example(seed)
        made: dict[str, object] = {}
        exec(str(one), dict(NAMES), made)
        again = Example(made["model"], made["requests"], made["seed"], made["bin_s"])  # type: ignore[arg-type]
        assert str(again) == str(one)
        assert again.run("simpy").differences(one.run("simpy")) == []


def test_a_failing_example_is_made_as_small_as_it_can_be() -> None:
    def hedges_a_service(one: Example) -> bool:
        hedges = [step for _, step in one.model.walk() if isinstance(step, Hedge)]
        served = any(isinstance(inner, Serve) for hedge in hedges for inner in hedge.steps)
        return served and len(one.requests) >= 2

    one = next(one for seed in range(100) if hedges_a_service(one := example(seed)))
    small = shrunk(one, hedges_a_service)
    steps = [type(step).__name__ for _, step in small.model.walk()]
    assert ("Hedge", "Serve") in pairwise(steps)
    assert len(steps) <= 4  # the flows of the two requests may be others
    assert len(small.requests) == 2
    assert len(small.model.stations) == 1
    assert not small.model.populations
    assert small.bin_s is None


def test_python_of_a_model_names_only_what_is_not_a_default() -> None:
    one = example(3).model
    assert isinstance(one, Model)
    assert eval(python_of(one), dict(NAMES)) is not None
    assert python_of(replace(one.stations[0], servers=1)).count("servers") == 0
