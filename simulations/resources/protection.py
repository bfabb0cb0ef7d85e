"""What protective steps share: token buckets, circuit breakers, retry budgets."""

from __future__ import annotations

from dataclasses import dataclass

from sdlab.errors import InvalidInput
from simulations.resources.numbers import above_zero, count, seconds, share


@dataclass(frozen=True)
class TokenBucket:
    """Lets through ``rate_rps`` requests a second in the long run and up to ``burst`` at once; it starts full.

    Example:
        >>> from simulations.examples import *
        >>> steps = [Limit("edge"), Delay("work", Constant(0.25))]
        >>> model = Model("example", [Flow("get", steps)], buckets=[TokenBucket("edge", rate_rps=1.0, burst=2.0)])
        >>> outcomes(simulate(model, arrivals_at([0.0, 0.0, 0.0, 1.0]), seed=1))
        ['completed', 'completed', 'rejected', 'completed']
    """

    name: str
    rate_rps: float
    burst: float = 1.0

    def __post_init__(self) -> None:
        above_zero(f"token bucket {self.name}, rate_rps", self.rate_rps)
        if not self.burst >= 1:
            raise InvalidInput(f"token bucket {self.name}, burst", self.burst, "must be at least 1")
        above_zero(f"token bucket {self.name}, burst", self.burst)


@dataclass(frozen=True)
class Breaker:
    """A circuit breaker over the last ``window`` calls (Nygard 2007, "Release it!").

    *Closed*, it opens when, of the last ``window`` calls (at least ``least_calls`` of them), the share that did not
    complete reaches ``failure_ratio``. *Open*, it rejects for ``open_s``. Then it is *half open*: it lets ``probes``
    calls through and rejects others; one failure opens it again, and when all have completed it closes, forgetting
    the past. Calls that began before its last change of state are not counted.

    Example:
        >>> from simulations.examples import *
        >>> breaker = Breaker("database", window=1, least_calls=1, open_s=1.0)
        >>> query = [Switch("key", {0: [Fail("failed")]}, otherwise=[Delay("query", Constant(0.25))])]
        >>> model = Model("example", [Flow("get", [Break("database", query)])], breakers=[breaker])
        >>> outcomes(simulate(model, arrivals_at([0.0, 0.5, 2.0], key=[0, 1, 1]), seed=1))
        ['failed', 'rejected', 'completed']
    """

    name: str
    window: int = 100
    failure_ratio: float = 0.5
    least_calls: int = 10
    open_s: float = 30.0
    probes: int = 1

    def __post_init__(self) -> None:
        where = f"breaker {self.name}"
        count(f"{where}, window", self.window, least=1)
        count(f"{where}, least_calls", self.least_calls, least=1)
        if self.least_calls > self.window:
            raise InvalidInput(f"{where}, least_calls", self.least_calls, f"must be at most the window, {self.window}")
        share(f"{where}, failure_ratio", self.failure_ratio)
        seconds(f"{where}, open_s", self.open_s, zero=False)
        count(f"{where}, probes", self.probes, least=1)


@dataclass(frozen=True)
class RetryBudget:
    """Bounds retries to a ``ratio`` of the calls, beside ``most`` saved tokens (Finagle's RetryBudget).

    It starts with ``most`` tokens; each first attempt adds ``ratio`` (never above ``most``), each retry takes 1.

    Example:
        >>> from simulations.examples import *
        >>> steps = [Retry([Fail("failed")], attempts=3, budget="retries")]
        >>> model = Model("example", [Flow("get", steps)], budgets=[RetryBudget("retries", ratio=0.5, most=1.0)])
        >>> simulate(model, arrivals_at([0.0, 1.0]), seed=1).retries.tolist()
        [1, 0]
    """

    name: str
    ratio: float = 0.2
    most: float = 10.0

    def __post_init__(self) -> None:
        share(f"retry budget {self.name}, ratio", self.ratio)
        if not self.most >= 1:
            raise InvalidInput(f"retry budget {self.name}, most", self.most, "must be at least 1")
        above_zero(f"retry budget {self.name}, most", self.most)
