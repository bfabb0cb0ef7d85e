"""What changes a station's servers: outages, breakdowns, the autoscaler."""

from __future__ import annotations

import math
from typing import Protocol

from simulations.distributions import Distribution
from simulations.engines.reference.accounts import QueueAccount
from simulations.engines.reference.draws import Draws
from simulations.engines.reference.environment import Environment
from simulations.engines.reference.supply import Supply
from simulations.resources import Autoscaler, Breakdowns, Outage


class Adapts(Protocol):
    """A station whose servers can change."""

    def adapt(self, interrupt: bool) -> None:
        """There are more or fewer servers now."""


class Outages:
    """One outage of a station, or its breakdowns, again and again."""

    def __init__(
        self,
        env: Environment,
        draws: Draws,
        station: Adapts,
        supply: Supply,
        outage: Outage | Breakdowns,
        place: tuple[str, int],
    ) -> None:
        self.env = env
        self.draws = draws
        self.station = station
        self.supply = supply
        self.outage = outage
        self.place = place
        """The station, and the number of the outage there."""
        self.number = 0
        """How many times up and down there were, of breakdowns."""
        if isinstance(outage, Outage):
            env.timer_at(outage.start_s, self._begin)
        else:
            self._stay_up()

    def _stay_up(self) -> None:
        assert isinstance(self.outage, Breakdowns)
        self.env.timer(self._time_s("up", self.outage.up), self._begin)

    def _duration_s(self) -> float:
        if isinstance(self.outage, Outage):
            return self.outage.duration_s
        return self._time_s("down", self.outage.down)

    def _time_s(self, kind: str, time: Distribution) -> float:
        return self.draws.time_s(time, self.number, self.draws.program.keys[(kind, *self.place)])

    def _begin(self) -> None:
        self._in_force(1)
        self.station.adapt(interrupt=self.outage.work == "fail")
        self.env.timer(self._duration_s(), self._end)

    def _end(self) -> None:
        self._in_force(-1)
        self.station.adapt(interrupt=False)
        if isinstance(self.outage, Breakdowns):
            self.number += 1
            self._stay_up()

    def _in_force(self, change: int) -> None:
        if self.outage.servers is None:
            self.supply.whole += change
        else:
            self.supply.down += change * self.outage.servers
        self.supply.refusing += change * self.outage.refuses


class Scaler:
    """An autoscaler: looks, again and again, and changes the number of servers."""

    def __init__(
        self, env: Environment, account: QueueAccount, station: Adapts, supply: Supply, rule: Autoscaler
    ) -> None:
        self.env = env
        self.account = account
        self.station = station
        self.supply = supply
        self.rule = rule
        self.looked_s = 0.0
        self.looked_busy_s = 0.0
        self._look_later()

    def _look_later(self) -> None:
        self.env.timer(self.rule.interval_s, self._look)

    def _look(self) -> None:
        self.account.up_to_now()
        now_s, busy_s, number = self.env.now, self.account.busy_s, self.supply.number
        utilisation = (busy_s - self.looked_busy_s) / ((now_s - self.looked_s) * number)
        self.looked_s, self.looked_busy_s = now_s, busy_s
        wanted = math.ceil(number * utilisation / self.rule.target_utilisation - 1e-9)
        wanted = min(max(wanted, self.rule.least), self.rule.most)
        if wanted > number:
            self.env.timer(self.rule.delay_s, lambda: self._more(wanted))
            return
        if wanted < number:
            self._now(wanted)
        self._look_later()

    def _more(self, number: int) -> None:
        self._now(number)
        self._look_later()

    def _now(self, number: int) -> None:
        self.supply.number = number
        self.station.adapt(interrupt=False)
