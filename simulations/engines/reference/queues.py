"""A queue: items wait for workers that take several at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simpy.events import Event

from simulations.engines.reference.draws import child
from simulations.engines.reference.environment import Process
from simulations.engines.reference.tasks import COMPLETED, REJECTED, Task, TaskFailed
from simulations.resources import Queue

if TYPE_CHECKING:
    from simulations.engines.reference.engine import ReferenceEngine


@dataclass(eq=False)
class Item:
    """What waits in the queue: the task that left it and waits itself, or a task without steps of its own."""

    task: Task
    joined_s: float
    waits: bool
    gone: bool = False
    """Whether who waited was cancelled while the batch ran."""


class Batch:
    """Hears how a batch of items ended."""

    def __init__(self, queue: QueueState, items: list[Item]) -> None:
        self.queue = queue
        self.items = items

    def heard(self, task: Task, outcome: str) -> None:
        """The batch has ended: so do its items, then the worker is free."""
        tasks = self.queue.engine.tasks
        for item in self.items:
            if not item.waits:
                tasks.end(item.task, outcome)
            elif not item.gone:
                tasks.wake(item.task, None if outcome == COMPLETED else outcome)
        self.queue.worker_is_free(task, len(self.items))


class QueueState:
    """A queue's line and its free workers."""

    def __init__(self, engine: ReferenceEngine, queue: Queue) -> None:
        self.engine = engine
        self.env = engine.env
        self.queue = queue
        self.flow = engine.program.flows.index(queue.flow)
        self.draw_key = engine.program.keys["queue", queue.name]
        self.account = engine.ledger.queues[queue.name]
        self.free = queue.workers
        self.batches = 0
        self.line: list[Item] = []
        self.timer: tuple[Event, float] | None = None

    def enqueue(self, task: Task, wait: bool, draw_key: int) -> Process:
        """Leave an item, and wait for the end of its batch if told to."""
        self.account.arrived()
        if self.queue.limit is not None and len(self.line) >= self.queue.limit:
            self.account.rejected += 1
            raise TaskFailed(REJECTED)
        if wait:
            item = Item(task, self.env.now, waits=True)
            self._join(item)
            self._look()
            yield from self.engine.tasks.wait(task, lambda: self._leave(item))
        else:
            identity = child(task.identity, draw_key)
            left = Task("spawned", self.flow, identity, task.operation, task.key, task.region, task.place)
            self.engine.tasks.begin(left)
            self._join(Item(left, self.env.now, waits=False))
            self._look()

    def worker_is_free(self, batch: Task, items: int) -> None:
        """A batch has ended."""
        self.account.kept(self.flow, self.env.now - batch.started_s)
        self.account.completions += items
        self.account.change(busy=-1)
        self.free += 1
        self._look()

    def _join(self, item: Item) -> None:
        self.account.change(waiting=1)
        self.line.append(item)

    def _look(self) -> None:
        """Start what batches can start; then see that the timer is for the first that waits."""
        while self.free and self.line and (len(self.line) >= self.queue.batch or self.env.now >= self._due_s()):
            self._start_batch()
        due_s = self._due_s() if self.free and self.line else None
        if self.timer is not None and self.timer[1] != due_s:
            self.env.cancel(self.timer[0])
            self.timer = None
        if due_s is not None and self.timer is None:
            self.timer = (self.env.timer_at(due_s, self._timer_happens), due_s)

    def _due_s(self) -> float:
        return self.line[0].joined_s + self.queue.wait_s

    def _timer_happens(self) -> None:
        self.timer = None
        self._look()

    def _start_batch(self) -> None:
        items, self.line = self.line[: self.queue.batch], self.line[self.queue.batch :]
        self.free -= 1
        for item in items:
            self.account.change(waiting=-1)
            self.account.visited(item.task, self.env.now - item.joined_s, 0.0)
        self.account.change(busy=1)
        identity, first = child(self.batches, self.draw_key), items[0].task
        self.batches += 1
        batch = Task("batch", self.flow, identity, first.operation, first.key, first.region, first.place)
        batch.items, batch.parent = len(items), Batch(self, items)
        self.engine.start(batch)

    def _leave(self, item: Item) -> None:
        if item not in self.line:
            item.gone = True
            return
        self.line.remove(item)
        self.account.left_line(item.task, self.env.now - item.joined_s)
        self._look()
