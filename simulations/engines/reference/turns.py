"""A station that takes turns: an event loop.

It takes up all who wait at once, serves them one after the other, and lets them go together when the last is done.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass

from simpy.events import Event

from simulations.engines.reference.accounts import QueueAccount
from simulations.engines.reference.draws import Draws
from simulations.engines.reference.environment import Environment, Process
from simulations.engines.reference.start_ups import start_up_s
from simulations.engines.reference.tasks import Task, Tasks
from simulations.resources import Station


@dataclass(eq=False)
class Member:
    """Who waits for a turn, or is in one."""

    task: Task
    priority: int
    came_s: float
    service_s: float


class TurningStation:
    """The line of those who wait for the next turn, and who is in the present one, which ends at ``end_s``."""

    def __init__(self, env: Environment, tasks: Tasks, account: QueueAccount, draws: Draws, station: Station) -> None:
        self.env = env
        self.tasks = tasks
        self.account = account
        self.draws = draws
        self.station = station
        self.line: list[Member] = []
        self.turn: list[Member] = []
        self.end_s = 0.0
        self.end: Event | None = None
        self.idle_since_s = 0.0

    def serve(self, task: Task, service_s: float, priority: int, draw_key: int) -> Process:
        """Wait for a turn, and for its end."""
        self.account.arrived()
        member = Member(task, priority, self.env.now, service_s)
        if self.turn:
            self.account.change(waiting=1)
            insort(self.line, member, key=lambda one: one.priority)
        else:
            idle_s = self.env.now - self.idle_since_s
            member.service_s += start_up_s(self.draws, self.station, task, draw_key, idle_s)
            self.account.change(busy=1)
            self._begin([member])
        yield from self.tasks.wait(task, lambda: self._leave(member))

    def _begin(self, members: list[Member]) -> None:
        """A turn begins; of those in it, one at a time is served and the others wait."""
        self.turn = members
        ends_s = [self.env.now]
        for member in members:
            ends_s.append(ends_s[-1] + member.service_s)
        for member, began_s, ended_s in zip(members, ends_s, ends_s[1:], strict=False):
            wait_s = (began_s - member.came_s) + (ends_s[-1] - ended_s)
            self.account.visited(member.task, wait_s, member.service_s)
        self.end_s = ends_s[-1]
        self.end = self.env.timer_at(self.end_s, self._over)

    def _over(self) -> None:
        """The turn is over: the next one begins, then those who were in it go on."""
        members = self.turn
        self.account.completions += len(members)
        self.account.change(waiting=1 - len(members))
        self._follow()
        for member in members:
            self.tasks.wake(member.task)

    def _follow(self) -> None:
        """The next turn begins with all who wait, or the server is idle."""
        self.turn = []
        if self.line:
            following, self.line = self.line, []
            self.account.change(waiting=-1)
            following[0].service_s += self.station.turn_s
            self._begin(following)
        else:
            self.account.change(busy=-1)
            self.idle_since_s = self.env.now

    def _leave(self, member: Member) -> None:
        if member in self.line:
            self.line.remove(member)
            self.account.left_line(member.task, self.env.now - member.came_s)
            return
        self.turn.remove(member)
        self.account.interrupted += 1
        early_s = self.env.now - self.end_s
        if self.turn:
            self.account.change(waiting=-1)
            self.account.corrected(member.task, early_s, 0.0)
        else:
            assert self.end is not None
            self.account.corrected(member.task, 0.0, early_s)
            self.env.cancel(self.end)
            self._follow()
