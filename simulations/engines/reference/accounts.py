"""What the reference engine counts at one station, pool or queue.

Nothing here is shared with the compiled engine: that two independent accounts agree to the last bit is the proof.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from simulations.engines.reference.environment import Environment
from simulations.engines.reference.integrals import Integrals
from simulations.engines.reference.tasks import Task

if TYPE_CHECKING:
    from simulations.engines.reference.ledger import Ledger

BUSY, WAITING, SERVERS = range(3)


class QueueAccount:
    """The counts and integrals of one resource; ``column`` is that of its sums."""

    def __init__(self, env: Environment, ledger: Ledger, column: int, servers: int, varies: bool) -> None:
        self.env = env
        self.ledger = ledger
        self.column = column
        self.servers = servers
        self.varies = varies
        self.integrals = Integrals([0, 0, servers], ledger.bin_s)
        self.arrivals = self.completions = self.rejected = self.abandoned = self.interrupted = 0
        self.max_waiting = 0
        self.bin_arrivals: defaultdict[int, int] = defaultdict(int)

    def up_to_now(self) -> None:
        """Bring the integrals up to now."""
        self.integrals.until(self.env.now)

    @property
    def busy_s(self) -> float:
        """The integral of who is served, up to where it was brought last."""
        return self.integrals.totals[BUSY]

    def capacity_s(self, end_s: float) -> float:
        """The integral of the servers there were."""
        return self.integrals.totals[SERVERS] if self.varies else self.servers * end_s

    def arrived(self) -> None:
        """Someone comes."""
        self.up_to_now()
        self.arrivals += 1
        self.bin_arrivals[self.integrals.bin] += 1

    def change(self, busy: int = 0, waiting: int = 0) -> None:
        """More or fewer are served, or wait."""
        now = self.integrals.levels
        self.set(now[BUSY] + busy, now[WAITING] + waiting)

    def set(self, busy: int, waiting: int) -> None:
        """So many are served, and wait."""
        self.up_to_now()
        self.integrals.levels[BUSY], self.integrals.levels[WAITING] = busy, waiting
        self.max_waiting = max(self.max_waiting, waiting)

    def set_servers(self, servers: int) -> None:
        """There are so many servers now."""
        self.up_to_now()
        self.integrals.levels[SERVERS] = servers

    def visited(self, task: Task, wait_s: float, service_s: float) -> None:
        """A visit, with its wait and its service."""
        self.ledger.visited(self.column, task, wait_s, service_s)

    def corrected(self, task: Task, wait_s: float, service_s: float) -> None:
        """More (or less) wait and service than was booked so far, of no new visit."""
        self.ledger.booked(self.column, task, wait_s, service_s)

    def left_line(self, task: Task, waited_s: float) -> None:
        """One has left the line without being served."""
        self.change(waiting=-1)
        self.abandoned += 1
        self.corrected(task, waited_s, 0.0)

    def kept(self, flow: int, held_s: float) -> None:
        """How long a slot was held, or a batch took."""
        self.ledger.service_s[flow][self.column] += held_s
