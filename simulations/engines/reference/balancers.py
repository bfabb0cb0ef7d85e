"""A balancer: which target a request goes to, and how many are in flight at each."""

from __future__ import annotations

from bisect import bisect_left

from simulations.draw_keys import ring_of
from simulations.engines.reference.draws import Draws, child
from simulations.engines.reference.tasks import Task
from simulations.program import Program
from simulations.resources import Balancer


class BalancerState:
    """Picks targets, by their number."""

    def __init__(self, program: Program, draws: Draws, balancer: Balancer) -> None:
        self.balancer = balancer
        self.draws = draws
        self.count = len(balancer.targets)
        self.in_flight = [0] * self.count
        self.sent = [0] * self.count
        self.last = self.count - 1
        self.hash_key = program.keys["balancer", balancer.name]
        self.points, self.owners = ring_of(program.model, balancer.name) if self._hashes else ([], [])

    @property
    def _hashes(self) -> bool:
        return self.balancer.policy == "consistent_hash"

    def pick(self, task: Task, draw_key: int) -> int:
        """Send a task to a target."""
        picked = self._choose(task, draw_key)
        self.last = picked
        self.sent[picked] += 1
        self.in_flight[picked] += 1
        return picked

    def left(self, target: int) -> None:
        """One is not in flight there any more."""
        self.in_flight[target] -= 1

    def _choose(self, task: Task, draw_key: int) -> int:
        following = (self.last + 1) % self.count
        match self.balancer.policy:
            case "random":
                return int(self.draws.uniform(task.identity, draw_key) * self.count)
            case "round_robin":
                return following
            case "least_connections":
                order = [(following + ahead) % self.count for ahead in range(self.count)]
                return min(order, key=lambda target: self.in_flight[target])
            case "two_choices":
                return self._less_busy_of_two(*self.draws.uniforms(task.identity, draw_key))
            case "consistent_hash":
                point = bisect_left(self.points, child(task.key, self.hash_key))
                return self.owners[point % len(self.points)]

    def _less_busy_of_two(self, u: float, v: float) -> int:
        first, second = int(u * self.count), int(v * (self.count - 1))
        second += second >= first
        if self.count == 1:
            return 0
        return second if self.in_flight[second] < self.in_flight[first] else first
