"""A station that shares its processors: all are served at once, each at an equal part of the servers.

It keeps the service given to a task that is there all the time, ``given_s``; a task that comes with some work is done
when that has grown by so much.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass

from simpy.events import Event

from simulations.engines.reference.accounts import QueueAccount
from simulations.engines.reference.environment import Environment, Process
from simulations.engines.reference.supply import Supply
from simulations.engines.reference.tasks import FAILED, Task, TaskFailed, Tasks


@dataclass(eq=False)
class Share:
    """Who is there, since when, with how much work, done when the station has given ``target_s``."""

    task: Task
    came_s: float
    service_s: float
    target_s: float


class SharedStation:
    """A station without a line."""

    def __init__(self, env: Environment, tasks: Tasks, account: QueueAccount, supply: Supply) -> None:
        self.env = env
        self.tasks = tasks
        self.account = account
        self.supply = supply
        self.servers = supply.servers
        self.given_s = 0.0
        self.changed_s = 0.0
        self.present: dict[Share, None] = {}
        self.by_target: list[Share] = []
        self.completion: Event | None = None

    @property
    def rate(self) -> float:
        """The service that each gets per second."""
        present = len(self.present)
        return 1.0 if present <= self.servers else self.servers / present

    def serve(self, task: Task, service_s: float) -> Process:
        """Be served among the others."""
        self.account.arrived()
        if self.supply.refuses:
            self.account.rejected += 1
            raise TaskFailed(FAILED)
        self._advance()
        share = Share(task, self.env.now, service_s, self.given_s + service_s)
        self.present[share] = None
        insort(self.by_target, share, key=lambda one: one.target_s)
        self.account.visited(task, 0.0, service_s)
        self._changed()
        yield from self.tasks.wait(task, lambda: self._leave(share))

    def adapt(self, interrupt: bool) -> None:
        """There are more or fewer servers now; ``interrupt``: if there are none, all services fail."""
        self._advance()
        self.account.set_servers(self.supply.servers)
        self.servers = self.supply.servers
        if interrupt and self.servers == 0:
            for share in list(self.present):
                self._interrupt(share)
                self.tasks.wake(share.task, FAILED)
        self._changed()

    def _advance(self) -> None:
        if self.present:
            self.given_s += (self.env.now - self.changed_s) * self.rate
        self.changed_s = self.env.now

    def _changed(self) -> None:
        """Someone came or went, or there are other servers: count, and schedule the next completion anew."""
        present = len(self.present)
        busy = min(present, self.servers)
        self.account.set(busy, present - busy)
        if self.completion is not None:
            self.env.cancel(self.completion)
            self.completion = None
        if present and self.servers:
            now_s = self.env.now
            time_s = max(now_s, now_s + (self.by_target[0].target_s - self.given_s) / self.rate)
            self.completion = self.env.timer_at(time_s, self._complete)

    def _complete(self) -> None:
        share = self.by_target.pop(0)
        del self.present[share]
        self.completion = None
        self.given_s, self.changed_s = share.target_s, self.env.now
        self.account.completions += 1
        self.account.corrected(share.task, (self.env.now - share.came_s) - share.service_s, 0.0)
        self._changed()
        self.tasks.wake(share.task)

    def _leave(self, share: Share) -> None:
        self._advance()
        self._interrupt(share)
        self._changed()

    def _interrupt(self, share: Share) -> None:
        del self.present[share]
        self.by_target.remove(share)
        done_s = share.service_s - (share.target_s - self.given_s)
        self.account.interrupted += 1
        self.account.corrected(share.task, (self.env.now - share.came_s) - done_s, done_s - share.service_s)
