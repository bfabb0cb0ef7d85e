"""Both engines on models made at random: equal to the last bit, and obeying the laws that need no assumption.

The run in pieces, which keeps histograms, and the sweep of those models that it takes are compared with the reference
as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import numpy as np

from sdlab.workload import Requests
from simulations.checks import check, everything_in_flight
from simulations.engines import simulate, simulate_stream
from simulations.engines.compiled.sweep import SLICE
from simulations.model import Model
from simulations.proof.describing import python_of
from simulations.proof.feed_forward import FeedForwardMaker
from simulations.proof.made_resources import EVERYTHING, KEYS, REGIONS, Vocabulary
from simulations.proof.model_maker import OPERATIONS, ModelMaker
from simulations.proof.reductions import smallest
from simulations.proof.streams import differences_of_streamed, pieces, swept
from simulations.records import requests_of
from simulations.sample_path import OUTCOMES, SamplePath

BINS_S = (None, 1.0, 2.5)
LONG = SLICE + SLICE // 4
"""Requests of an example that do not fit into one slice of the sweep."""


@dataclass(frozen=True, eq=False)
class Example:
    """A model with requests, the seed of its draws and the length of bins."""

    model: Model
    requests: Requests
    seed: int
    bin_s: float | None

    def run(self, engine: str) -> SamplePath:
        """Everything recorded."""
        return simulate(
            self.model,
            self.requests,
            self.seed,
            engine,
            record_spans=True,
            record_spawned=True,
            bin_s=self.bin_s,
        )

    def __str__(self) -> str:
        """Python that makes the example again, given the names of `simulations.model`, `Requests` and `np`."""
        columns = ("arrival_s", "operation", "key", "region")
        arrays = [(getattr(self.requests, column).tolist(), getattr(self.requests, column).dtype) for column in columns]
        table = "\n".join(f"    np.array({values}, np.{kind})," for values, kind in arrays)
        names = f"    {self.requests.operations},\n    {self.requests.regions},"
        rest = f"seed, bin_s = {self.seed}, {self.bin_s}"
        return f"model = {python_of(self.model)}\nrequests = Requests(\n{table}\n{names}\n)\n{rest}"


def example(seed: int, vocabulary: Vocabulary = EVERYTHING) -> Example:
    """The example of a seed: small ones and large ones, requests at whole seconds and at any time."""
    r = Random(seed)
    longest, depth, count = r.randint(1, 6), r.choice([0, 1, 2, 3, 4, 5]), r.choice([2, 5, 10, 20, 40, 60, 80])
    bin_s = r.choice(BINS_S)
    table = crowd(r.getrandbits(32), count, r.random() < 0.6)
    return Example(ModelMaker(r, longest, depth, vocabulary).model(), table, r.getrandbits(62), bin_s)


def feed_forward(seed: int) -> Example:
    """The plain feed-forward example of a seed, made to be swept unless things coincide in it."""
    r = Random(seed)
    count, at_whole_seconds = r.choice([0, 1, 5, 20, 40, 80]), r.choice(["never", "never", "alone", "together"])
    table = crowd(r.getrandbits(32), count, at_whole_seconds == "together")
    if at_whole_seconds == "alone":
        table = replace(table, arrival_s=np.floor(table.arrival_s) + np.arange(count))
    model = FeedForwardMaker(r, OPERATIONS, r.choice([0, 1, 2, 3])).model()
    return Example(model, table, r.getrandbits(62), r.choice(BINS_S))


def long_feed_forward(seed: int) -> Example:
    """As `feed_forward`, nothing at whole seconds, with so many requests that the sweep cuts them into slices."""
    r = Random(seed)
    table = crowd(r.getrandbits(32), LONG, at_whole_seconds=False)
    return Example(FeedForwardMaker(r, OPERATIONS, r.choice([0, 1, 2])).model(), table, r.getrandbits(62), None)


def crowd(seed: int, count: int, at_whole_seconds: bool) -> Requests:
    """Requests for the generated models, many of them at the same instant if at whole seconds."""
    rng = np.random.default_rng(seed)
    gaps = rng.integers(0, 3, count).astype(np.float64) if at_whole_seconds else rng.exponential(1.0, count)
    return Requests(
        np.cumsum(gaps),
        rng.integers(0, len(OPERATIONS), count).astype(np.int16),
        rng.integers(0, KEYS, count).astype(np.int64),
        rng.integers(0, len(REGIONS), count).astype(np.int16),
        OPERATIONS,
        REGIONS,
    )


def problems(one: Example, tally: Tally | None = None) -> list[str]:
    """What is wrong with the runs of an example: fields in which they differ, laws that do not hold, errors raised.

    The tally, if given, gets what there was in the runs.
    """
    paths = []
    for engine in ("simpy", "compiled"):
        try:
            paths.append(one.run(engine))
        except Exception as error:  # an engine that stops is a finding like any other
            return [f"{engine} raised {type(error).__name__}: {error}"]
    reference, compiled = paths
    if tally is not None:
        tally.count(one, reference)
    found = [f"differ in {name}" for name in reference.differences(compiled)]
    return [*found, *_otherwise(one, reference, tally), *broken_laws(one, reference)]


def _otherwise(one: Example, reference: SamplePath, tally: Tally | None) -> list[str]:
    """In which fields the run in pieces and the sweep, if it takes the model, differ from the reference."""
    table = requests_of(one.requests, reference, one.model)
    try:
        streamed = simulate_stream(one.model, pieces(one.requests), one.seed, bin_s=one.bin_s)
        sweep = swept(one.model, one.requests, one.seed)
    except Exception as error:
        return [f"stream or sweep raised {type(error).__name__}: {error}"]
    found = [f"differ, in pieces, in {name}" for name in differences_of_streamed(table, reference, streamed)]
    if sweep is not None:
        # Bins end the integrals of a queue's account in more places, which rounds otherwise: none here.
        whole = reference if one.bin_s is None else replace(one, bin_s=None).run("simpy")
        found += [f"differ, swept, in {name}" for name in whole.differences(sweep)]
    if tally is not None:
        tally.streamed += 1
        tally.swept += sweep is not None
    return found


def broken_laws(one: Example, path: SamplePath) -> list[str]:
    """Laws that the run does not obey."""
    laws = check(path)
    if path.bins is not None:
        laws.append(everything_in_flight(path, len(one.model.queues)))
    found = [f"{law.law} at {law.resource}: {law.left!r}, {law.right!r}" for law in laws if not law.ok]
    if not np.all(path.completed_s >= path.arrival_s):
        found.append("a request ended before it came")
    if np.any(path.queue.busy_s < 0) or np.any(path.queue.queue_s < 0):
        found.append("an integral is below 0")
    return found


def differs(one: Example) -> bool:
    """Whether there is a problem that is not the example's own, such as a request that the model has no flow for."""
    return any("InvalidInput" not in problem for problem in problems(one))


def shrunk(one: Example, has_problem: Callable[[Example], bool] = differs) -> Example:
    """The smallest example found that still has a problem: fewer requests, then a smaller model, then fewer again."""
    one = replace(one, requests=_fewest(one, has_problem))
    if one.bin_s is not None and has_problem(without_bins := replace(one, bin_s=None)):
        one = without_bins
    one = _with_model(one, smallest(one.model, lambda model: has_problem(_with_model(one, model))))
    return replace(one, requests=_fewest(one, has_problem))


def _with_model(one: Example, model: Model) -> Example:
    """Another model, with the requests that it has flows for."""
    names = [flow.name for flow in model.flows]
    known = np.array([name in names for name in one.requests.operations])
    return replace(one, model=model, requests=one.requests.take(np.flatnonzero(known[one.requests.operation])))


def _fewest(one: Example, has_problem: Callable[[Example], bool]) -> Requests:
    requests, step = one.requests, max(1, len(one.requests) // 2)
    while True:
        at = 0
        while at < len(requests):
            rows = np.r_[0:at, min(at + step, len(requests)) : len(requests)].astype(np.intp)
            fewer = requests.take(rows)
            if has_problem(replace(one, requests=fewer)):
                requests = fewer
            else:
                at += step
        if step == 1:
            return requests
        step //= 2


@dataclass
class Tally:
    """What a series of examples came to; ``containing`` says how many models had each kind of step or resource."""

    models: int = 0
    requests: int = 0
    closed: int = 0
    spawned: int = 0
    streamed: int = 0
    swept: int = 0
    wrong: list[tuple[Example, list[str]]] = field(default_factory=list)
    containing: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def differing(self) -> int:
        """In how many of the wrong ones the engines differ; the others break a law, or an engine stops."""
        return sum(any(problem.startswith("differ") for problem in found) for _, found in self.wrong)

    @classmethod
    def of(cls, parts: Iterable[Tally]) -> Tally:
        """All of several series together."""
        whole = cls()
        for part in parts:
            for name in ("models", "requests", "closed", "spawned", "streamed", "swept"):
                setattr(whole, name, getattr(whole, name) + getattr(part, name))
            whole.wrong += part.wrong
            whole.containing += part.containing
            whole.outcomes += part.outcomes
        return whole

    def count(self, one: Example, path: SamplePath) -> None:
        """Add what a run had."""
        self.requests += len(one.requests)
        self.closed += len(path.arrival_s) - len(one.requests)
        self.spawned += int(path.background.spawned.sum())
        ended = np.bincount(path.outcome, minlength=len(OUTCOMES))
        self.outcomes.update(dict(zip(OUTCOMES, ended.tolist(), strict=True)))

    def as_dict(self) -> dict[str, Any]:
        """For a file."""
        return {
            "models": self.models,
            "requests": self.requests,
            "requests_of_populations": self.closed,
            "spawned": self.spawned,
            "models_streamed": self.streamed,
            "models_swept": self.swept,
            "outcomes": dict(self.outcomes),
            "differing": self.differing,
            "wrong": [{"what": found, "example": str(one)} for one, found in self.wrong],
            "models_containing": dict(sorted(self.containing.items())),
        }


def kinds(model: Model) -> set[str]:
    """The kinds of steps, resources and options in a model, by name."""
    found = {type(step).__name__ for _, step in model.walk()}
    for resource in (*model.queues, *model.buckets, *model.breakers, *model.budgets, *model.populations):
        found.add(type(resource).__name__)
    found |= {f"Balancer {balancer.policy}" for balancer in model.balancers}
    found |= {f"Cache {cache.policy}" for cache in model.caches}
    found |= {"Cache single flight" for cache in model.caches if cache.single_flight}
    found |= {"Cache expiry" for cache in model.caches if cache.expiry_s is not None}
    found |= {"Cache in bytes" for cache in model.caches if cache.capacity_bytes is not None}
    for station in model.stations:
        named = {"shared": station.shares, "turns": station.turns, "start-up": station.start_up}
        found |= {f"Station {name}" for name, there in named.items() if there}
        found |= {"Station autoscaler" for _ in range(1) if station.autoscaler is not None}
        found |= {"Station finite queue" for _ in range(1) if station.queue is not None}
        found |= {f"{type(outage).__name__} {outage.work}" for outage in station.outages}
    return found


def tally(seeds: Iterable[int], make: Callable[[int], Example] = example) -> Iterator[Tally]:
    """Run the examples that are made of some seeds; the tally so far after each."""
    so_far = Tally()
    for seed in seeds:
        one = make(seed)
        so_far.models += 1
        so_far.containing.update(kinds(one.model))
        if found := problems(one, so_far):
            so_far.wrong.append((one, found))
        yield so_far
