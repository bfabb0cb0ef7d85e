"""A pool: slots that tasks keep across several steps, and the line before them."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass

from simulations.engines.reference.accounts import QueueAccount
from simulations.engines.reference.environment import Environment, Process
from simulations.engines.reference.tasks import POOLS, REJECTED, Holding, Task, TaskFailed, Tasks
from simulations.resources import Pool


@dataclass(eq=False)
class Waiting:
    """Who waits for a slot, since when."""

    task: Task
    priority: int
    since_s: float


class PoolState:
    """A pool's free slots and its line."""

    def __init__(self, env: Environment, tasks: Tasks, account: QueueAccount, pool: Pool, index: int) -> None:
        self.env = env
        self.tasks = tasks
        self.account = account
        self.index = index
        self.free = pool.slots
        self.room = pool.queue
        self.line: list[Waiting] = []
        self.held: dict[Task, tuple[Holding, float]] = {}

    def hold(self, task: Task, priority: int) -> Process:
        """Take a slot, or wait for one."""
        self.account.arrived()
        if self.free > 0:
            self.free -= 1
            self._grant(task, 0.0)
            return
        if self.room is not None and len(self.line) >= self.room:
            self.account.rejected += 1
            raise TaskFailed(REJECTED)
        waiting = Waiting(task, priority, self.env.now)
        self.account.change(waiting=1)
        insort(self.line, waiting, key=lambda one: one.priority)
        yield from self.tasks.wait(task, lambda: self._leave(waiting))

    def release(self, task: Task) -> None:
        """Give the slot back, as a step of the flow."""
        holding, _ = self.held[task]
        task.holdings.remove(holding)
        self._give_back(task)

    def _give_back(self, task: Task) -> None:
        _, since_s = self.held.pop(task)
        self.account.kept(task.flow, self.env.now - since_s)
        self.account.completions += 1
        self.account.change(busy=-1)
        if not self.line:
            self.free += 1
            return
        following = self.line.pop(0)
        self.account.change(waiting=-1)
        self._grant(following.task, self.env.now - following.since_s)
        self.tasks.wake(following.task)

    def _grant(self, task: Task, wait_s: float) -> None:
        self.account.change(busy=1)
        self.account.visited(task, wait_s, 0.0)
        self.held[task] = (task.hold(POOLS, self.index, lambda: self._give_back(task)), self.env.now)

    def _leave(self, waiting: Waiting) -> None:
        self.line.remove(waiting)
        self.account.left_line(waiting.task, self.env.now - waiting.since_s)
