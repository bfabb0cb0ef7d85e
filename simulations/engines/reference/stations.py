"""A station with a line: first come, first served within a priority."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field

from simpy.events import Event

from simulations.engines.reference.accounts import QueueAccount
from simulations.engines.reference.draws import Draws
from simulations.engines.reference.environment import Environment, Process
from simulations.engines.reference.start_ups import start_up_s
from simulations.engines.reference.supply import Supply
from simulations.engines.reference.tasks import FAILED, REJECTED, Task, TaskFailed, Tasks
from simulations.resources import Station


@dataclass(eq=False)
class Visit:
    """Who waits for, or has, a server; ``end`` is the end of its service, which takes ``service_s``."""

    task: Task
    priority: int
    came_s: float
    service_s: float
    end: Event
    began_s: float = field(default=0.0)


class StationState:
    """A station's servers and its line.

    ``idle_since_s`` is the stack of the free servers: when each became idle. ``served`` are those in service, who began
    first coming first.
    """

    def __init__(
        self, env: Environment, tasks: Tasks, account: QueueAccount, draws: Draws, station: Station, supply: Supply
    ) -> None:
        self.env = env
        self.tasks = tasks
        self.account = account
        self.draws = draws
        self.station = station
        self.supply = supply
        self.line: list[Visit] = []
        self.served: dict[Visit, None] = {}
        self.idle_since_s = [0.0] * station.servers

    def serve(self, task: Task, service_s: float, priority: int, draw_key: int) -> Process:
        """Wait for a server, be served, and hand the server on."""
        self.account.arrived()
        if self.supply.refuses:
            self.account.rejected += 1
            raise TaskFailed(FAILED)
        visit = Visit(task, priority, self.env.now, service_s, self.env.event())
        if self.idle_since_s:
            idle_s = self.env.now - self.idle_since_s.pop()
            visit.service_s += start_up_s(self.draws, self.station, task, draw_key, idle_s)
            self._begin(visit)
        elif self.station.queue is not None and len(self.line) >= self.station.queue:
            self.account.rejected += 1
            raise TaskFailed(REJECTED)
        else:
            self.account.change(waiting=1)
            insort(self.line, visit, key=lambda one: one.priority)
        yield from self.tasks.wait(task, lambda: self._leave(visit), visit.end)
        self.account.completions += 1
        self._stop(visit)
        self._hand_on()

    def adapt(self, interrupt: bool) -> None:
        """There are more or fewer servers now; ``interrupt``: too many services fail, those that began first."""
        self.account.set_servers(self.supply.servers)
        while interrupt and len(self.served) > self.supply.servers:
            visit = next(iter(self.served))
            self._interrupt(visit)
            self.tasks.wake(visit.task, FAILED)
        idle = max(0, self.supply.servers - len(self.served))
        del self.idle_since_s[: max(0, len(self.idle_since_s) - idle)]
        while len(self.idle_since_s) < idle:
            self.idle_since_s.append(self.env.now)
        while self.idle_since_s and self.line:
            self.idle_since_s.pop()
            self._take_from_line()

    def _begin(self, visit: Visit) -> None:
        visit.began_s = self.env.now
        self.served[visit] = None
        self.account.change(busy=1)
        self.account.visited(visit.task, visit.began_s - visit.came_s, visit.service_s)
        self.env.after(visit.end, visit.service_s)

    def _stop(self, visit: Visit) -> None:
        del self.served[visit]
        self.account.change(busy=-1)

    def _hand_on(self) -> None:
        """A server is free: who waits longest gets it, or it idles, unless there is one server less than there was."""
        if len(self.served) >= self.supply.servers:
            return
        if self.line:
            self._take_from_line()
        else:
            self.idle_since_s.append(self.env.now)

    def _take_from_line(self) -> None:
        following = self.line.pop(0)
        self.account.change(waiting=-1)
        self._begin(following)

    def _leave(self, visit: Visit) -> None:
        if visit in self.served:
            self._interrupt(visit)
            self._hand_on()
        else:
            self.line.remove(visit)
            self.account.left_line(visit.task, self.env.now - visit.came_s)

    def _interrupt(self, visit: Visit) -> None:
        self._stop(visit)
        self.account.interrupted += 1
        self.account.corrected(visit.task, 0.0, (self.env.now - visit.began_s) - visit.service_s)
