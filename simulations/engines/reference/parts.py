"""Steps that run what is inside them as parts: fork, time-out, retry, hedge, break, attempt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from simpy.events import Event

from simulations.draw_keys import Drawn
from simulations.engines.reference.draws import child
from simulations.engines.reference.environment import Process
from simulations.engines.reference.guards import BreakerState, BudgetState
from simulations.engines.reference.tasks import COMPLETED, TIMED_OUT, Task
from simulations.steps import Attempt, Backoff, Break, Fork, Hedge, Place, Retry, Step, Timeout

if TYPE_CHECKING:
    from simulations.engines.reference.engine import ReferenceEngine


class Parts:
    """The parts of one task at one step; it hears how each ends."""

    def __init__(self, engine: ReferenceEngine, task: Task, place: Place) -> None:
        self.engine = engine
        self.env = engine.env
        self.tasks = engine.tasks
        self.task = task
        self.place = place
        self.drawn: Drawn = engine.program.drawn[place]
        self.running: list[Task] = []
        self.timer: Event | None = None

    def wait(self) -> Process:
        """Let the task wait until it is decided how it goes on; raises `TaskFailed` if it fails."""
        yield from self.tasks.wait(self.task, self.leave)

    def start(self, steps: Sequence[Step], way: str = "steps", identity: int | None = None) -> None:
        """Make a part ready; with its parent's identity, if none is given."""
        part = self.task.part(self.task.identity if identity is None else identity, self)
        self.running.append(part)
        self.tasks.start(part, self.engine.walk(part, (*self.place, way), steps))

    def nth_identity(self, number: int) -> int:
        """The identity of the number-th repetition."""
        return child(child(self.task.identity, self.drawn.draw_key), number)

    def heard(self, task: Task, outcome: str) -> None:
        """A part has ended."""
        self.running.remove(task)
        self.part_ended(outcome)

    def part_ended(self, outcome: str) -> None:
        """A part has ended; if nothing else is said, so has the step."""
        self.decide(outcome)

    def decide(self, outcome: str) -> None:
        """Make the task ready to go on, or to fail."""
        self.stop_timer()
        self.tasks.wake(self.task, None if outcome == COMPLETED else outcome)

    def stop_timer(self) -> None:
        """The timer, if there is one, will not happen."""
        if self.timer is not None:
            self.env.cancel(self.timer)

    def leave(self) -> None:
        """The task is cancelled, and so are its parts."""
        self.end_rest(cancel=True)
        self.stop_timer()

    def end_rest(self, *, cancel: bool) -> None:
        """Cancel the parts that still run, or leave them alone."""
        for part in self.running:
            if cancel:
                self.tasks.cancel(part)
            else:
                part.parent = None
        self.running.clear()


class ForkParts(Parts):
    """Several at once, of which some must complete."""

    def __init__(self, engine: ReferenceEngine, task: Task, place: Place, step: Fork) -> None:
        super().__init__(engine, task, place)
        self.cancels = step.rest == "cancel"
        self.to_complete = len(step.parts) if step.wait_for is None else step.wait_for
        self.may_fail = len(step.parts) - self.to_complete
        for number, steps in enumerate(step.parts, 1):
            self.start(steps, f"part {number}")

    def part_ended(self, outcome: str) -> None:
        """Count it; decide when enough have completed, or no longer can."""
        if outcome == COMPLETED:
            self.to_complete -= 1
        else:
            self.may_fail -= 1
        if self.to_complete == 0 or self.may_fail < 0:
            self.end_rest(cancel=self.cancels)
            self.decide(outcome)


class TimeoutParts(Parts):
    """One, waited for no longer than some time."""

    def __init__(self, engine: ReferenceEngine, task: Task, place: Place, step: Timeout) -> None:
        super().__init__(engine, task, place)
        self.cancels = step.abandoned == "cancel"
        self.timer = self.env.timer(engine.draws.step_s(task.identity, self.drawn), self.timer_happens)
        self.start(step.steps)

    def timer_happens(self) -> None:
        """The time is over: the task fails at once."""
        self.end_rest(cancel=self.cancels)
        self.tasks.fail(self.task, TIMED_OUT)


class RetryParts(Parts):
    """One, and if it fails again one."""

    def __init__(
        self, engine: ReferenceEngine, task: Task, place: Place, step: Retry, budget: BudgetState | None
    ) -> None:
        super().__init__(engine, task, place)
        self.step = step
        self.budget = budget
        self.retries = 0
        if budget is not None:
            budget.add()
        self.start(step.steps)

    def part_ended(self, outcome: str) -> None:
        """Try again if that is allowed."""
        step = self.step
        if (
            outcome == COMPLETED
            or outcome not in step.on
            or self.retries + 1 >= step.attempts
            or not (self.budget is None or self.budget.take())
        ):
            self.decide(outcome)
            return
        self.retries += 1
        self.engine.ledger.retried(self.task)
        self.timer = self.env.timer(self._backoff_s(step.backoff), self.timer_happens)

    def timer_happens(self) -> None:
        """The back-off is over."""
        self.timer = None
        self.start(self.step.steps, identity=self.nth_identity(self.retries))

    def _backoff_s(self, backoff: Backoff) -> float:
        base_s = backoff.first_s
        for _ in range(self.retries - 1):
            base_s *= backoff.factor
        base_s = min(backoff.most_s, base_s)
        if backoff.jitter == "none":
            return base_s
        uniform = self.engine.draws.uniform(self.nth_identity(self.retries), self.drawn.draw_key)
        if backoff.jitter == "full":
            return uniform * base_s
        return base_s / 2 + uniform * (base_s / 2)


class HedgeParts(Parts):
    """One, and another each time that some time has passed without an answer."""

    def __init__(self, engine: ReferenceEngine, task: Task, place: Place, step: Hedge) -> None:
        super().__init__(engine, task, place)
        self.step = step
        self.extra = 0
        self._start_timer(task.identity)
        self.start(step.steps)

    def _start_timer(self, identity: int) -> None:
        self.timer = None
        if self.extra < self.step.extra:
            self.timer = self.env.timer(self.engine.draws.step_s(identity, self.drawn), self.timer_happens)

    def timer_happens(self) -> None:
        """No answer yet: one more."""
        self.extra += 1
        identity = self.nth_identity(self.extra)
        self._start_timer(identity)
        self.start(self.step.steps, identity=identity)

    def part_ended(self, outcome: str) -> None:
        """The first to complete decides, or the last to fail."""
        if outcome == COMPLETED or not self.running:
            self.stop_timer()
            self.end_rest(cancel=True)
            self.decide(outcome)


class BreakParts(Parts):
    """One, behind a circuit breaker; raises `TaskFailed` if that is open."""

    def __init__(self, engine: ReferenceEngine, task: Task, place: Place, step: Break, breaker: BreakerState) -> None:
        super().__init__(engine, task, place)
        self.breaker = breaker
        self.generation = breaker.call(self.env.now)
        self.start(step.steps)

    def part_ended(self, outcome: str) -> None:
        """The breaker takes note."""
        self.breaker.ended(self.generation, outcome, self.env.now)
        self.decide(outcome)

    def leave(self) -> None:
        """The call is cancelled."""
        super().leave()
        self.breaker.cancelled(self.generation)


class AttemptParts(Parts):
    """One, with something else to do if it fails."""

    def __init__(self, engine: ReferenceEngine, task: Task, place: Place, step: Attempt) -> None:
        super().__init__(engine, task, place)
        self.on = step.on
        self.handled = False
        """Whether it failed with an outcome that is handled."""
        self.start(step.steps)

    def part_ended(self, outcome: str) -> None:
        """On an outcome that is handled, the task goes on."""
        self.handled = outcome in self.on
        self.decide(COMPLETED if self.handled else outcome)
