"""What protects a service: token buckets, circuit breakers, retry budgets."""

from __future__ import annotations

from collections import deque

from simulations.engines.reference.tasks import COMPLETED, REJECTED, TaskFailed
from simulations.resources import Breaker, RetryBudget, TokenBucket


class BucketState:
    """A bucket's tokens, as they were when it was last asked."""

    def __init__(self, bucket: TokenBucket) -> None:
        self.bucket = bucket
        self.tokens = float(bucket.burst)
        self.asked_s = 0.0
        self.taken = self.rejected = 0

    def take(self, now_s: float) -> None:
        """Take a token, or reject."""
        bucket = self.bucket
        self.tokens = min(bucket.burst, self.tokens + (now_s - self.asked_s) * bucket.rate_rps)
        self.asked_s = now_s
        if self.tokens < 1:
            self.rejected += 1
            raise TaskFailed(REJECTED)
        self.tokens -= 1
        self.taken += 1


class BudgetState:
    """A retry budget's tokens."""

    def __init__(self, budget: RetryBudget) -> None:
        self.budget = budget
        self.tokens = float(budget.most)
        self.taken = self.refused = 0

    def add(self) -> None:
        """A first attempt begins."""
        self.tokens = min(self.budget.most, self.tokens + self.budget.ratio)

    def take(self) -> bool:
        """Take a token for a retry, if there is one."""
        if self.tokens < 1:
            self.refused += 1
            return False
        self.tokens -= 1
        self.taken += 1
        return True


class BreakerState:
    """A breaker: "closed", "open" or "half open". Each change of state begins a new generation of calls."""

    def __init__(self, breaker: Breaker) -> None:
        self.breaker = breaker
        self.state = "closed"
        self.generation = 0
        self.window: deque[bool] = deque(maxlen=breaker.window)
        """Whether each of the last calls failed."""
        self.open_until_s = 0.0
        self.permits = self.probes_completed = 0
        self.opened = self.rejected = 0

    def call(self, now_s: float) -> int:
        """Let a call through, and give its generation; or reject it."""
        if self.state == "open" and now_s >= self.open_until_s:
            self._change("half open")
            self.permits, self.probes_completed = self.breaker.probes, 0
        if self.state == "open" or (self.state == "half open" and self.permits == 0):
            self.rejected += 1
            raise TaskFailed(REJECTED)
        if self.state == "half open":
            self.permits -= 1
        return self.generation

    def ended(self, generation: int, outcome: str, now_s: float) -> None:
        """Take note of how a call ended."""
        if generation != self.generation:
            return
        failed = outcome != COMPLETED
        if self.state == "closed":
            self.window.append(failed)
            calls = len(self.window)
            if calls >= self.breaker.least_calls and sum(self.window) >= self.breaker.failure_ratio * calls:
                self._open(now_s)
        elif failed:
            self._open(now_s)
        else:
            self.probes_completed += 1
            if self.probes_completed == self.breaker.probes:
                self._change("closed")
                self.window.clear()

    def cancelled(self, generation: int) -> None:
        """A call will not end: give its probe back."""
        if generation == self.generation and self.state == "half open":
            self.permits += 1

    def _open(self, now_s: float) -> None:
        self._change("open")
        self.opened += 1
        self.open_until_s = now_s + self.breaker.open_s

    def _change(self, state: str) -> None:
        self.state = state
        self.generation += 1
