"""The reference engine's book-keeping: every request's record, and the sums by flow and resource."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from sdlab.workload import Requests
from simulations.engines.reference.accounts import QueueAccount
from simulations.engines.reference.environment import Environment
from simulations.engines.reference.integrals import Integrals, pieces
from simulations.engines.reference.tasks import COMPLETED, Task
from simulations.layout import OUTCOMES
from simulations.program import Program
from simulations.resources import Station
from simulations.sample_path import HIT, MISS, NO_LOOKUP


class Ledger:
    """Every record and account of one run. Lists by row hold open requests, then those of populations."""

    def __init__(
        self, env: Environment, program: Program, requests: Requests, record_spans: bool, bin_s: float | None
    ) -> None:
        flows, resources, count = len(program.flows), len(program.resources), len(requests)
        self.env = env
        self.program = program
        self.bin_s = bin_s
        self.wait_s = [[0.0] * resources for _ in range(flows)]
        self.service_s = [[0.0] * resources for _ in range(flows)]
        self.visits = [[0] * resources for _ in range(flows)]
        self.arrival_s: list[float] = requests.arrival_s.tolist()
        self.completed_s = [np.nan] * count
        self.outcome = [0] * count
        self.cache_hit = [NO_LOOKUP] * count
        self.retries = [0] * count
        self.spans = [[0.0] * resources for _ in range(count)] if record_spans else None
        self.closed: list[tuple[int, int]] = []
        self.in_flight = Integrals([0], bin_s)
        self.max_in_flight = 0
        self.spawned: list[tuple[int, float]] = []
        self.spawned_ended: dict[int, tuple[float, int]] = {}
        self.background_s = [0.0] * flows
        self.background_failed = [0] * flows
        self.lookups: defaultdict[tuple[int, int], int] = defaultdict(int)
        self.hits: defaultdict[tuple[int, int], int] = defaultdict(int)
        self._bin = 0
        model = program.model
        servers = [
            *((station.servers, _varies(station)) for station in model.stations),
            *((pool.slots, False) for pool in model.pools),
            *((queue.workers, False) for queue in model.queues),
        ]
        self.queues = {
            name: QueueAccount(env, self, column, *servers[column]) for column, name in enumerate(program.queues)
        }
        self.column = {name: column for column, name in enumerate(program.resources)}

    def new_row(self, population: int, user: int) -> int:
        """The row of a request that a user of a population begins now."""
        self.closed.append((population, user))
        self.arrival_s.append(self.env.now)
        self.completed_s.append(np.nan)
        self.outcome.append(0)
        self.cache_hit.append(NO_LOOKUP)
        self.retries.append(0)
        if self.spans is not None:
            self.spans.append([0.0] * len(self.program.resources))
        return len(self.arrival_s) - 1

    def began(self, task: Task) -> None:
        """A task begins; parts are not counted."""
        if task.kind == "part":
            return
        self._now_in_flight(1)
        if task.kind == "spawned":
            task.spawned = len(self.spawned)
            self.spawned.append((task.flow, task.started_s))

    def ended(self, task: Task, outcome: str) -> None:
        """A task has ended."""
        if task.kind == "part":
            return
        self._now_in_flight(-1)
        now_s, code = self.env.now, OUTCOMES.index(outcome)
        if task.kind == "request":
            assert task.row is not None
            self.completed_s[task.row] = now_s
            self.outcome[task.row] = code
        elif task.kind == "spawned":
            self.spawned_ended[task.spawned] = (now_s, code)
            self.background_s[task.flow] += now_s - task.started_s
            self.background_failed[task.flow] += outcome != COMPLETED

    def _now_in_flight(self, change: int) -> None:
        self.in_flight.until(self.env.now)
        self.in_flight.levels[0] += change
        self.max_in_flight = max(self.max_in_flight, self.in_flight.levels[0])

    def visited(self, column: int, task: Task, wait_s: float, service_s: float) -> None:
        """A visit to a resource, with its wait and its service."""
        self.visits[task.flow][column] += 1
        self.booked(column, task, wait_s, service_s)

    def booked(self, column: int, task: Task, wait_s: float, service_s: float) -> None:
        """Time at a resource; in the request's span it is one number."""
        self.wait_s[task.flow][column] += wait_s
        self.service_s[task.flow][column] += service_s
        if self.spans is not None and task.row is not None:
            self.spans[task.row][column] += wait_s + service_s

    def looked_up(self, cache: int, task: Task, hit: bool) -> None:
        """A cache was asked."""
        self._bin = pieces(self.env.now, self.env.now, self._bin, self.bin_s)[-1][0]
        self.lookups[self._bin, cache] += 1
        self.hits[self._bin, cache] += hit
        if task.row is not None:
            self.cache_hit[task.row] = HIT if hit else MISS

    def retried(self, task: Task) -> None:
        """A request's step will be tried once more."""
        if task.row is not None:
            self.retries[task.row] += 1


def _varies(station: Station) -> bool:
    return bool(station.outages) or station.autoscaler is not None
