"""Parts, compiled: how steps start them, what their parents do when they end, and how tasks are cancelled.

What must be done at this instant before anyone runs on stands on a stack of work, done from the top.
"""

from __future__ import annotations

from typing import Any

from simulations.draws import child_identity, draw
from simulations.engines.compiled import world
from simulations.engines.compiled.agenda import make_ready, schedule, unschedule
from simulations.engines.compiled.guards import call_cancelled, may_retry, take_note
from simulations.engines.compiled.tasks import copy_who, new_task
from simulations.jit import kernel
from simulations.layout import (
    ATTEMPT,
    BREAK,
    CANCEL,
    COMPLETED,
    FAILING,
    FORK,
    HEDGE,
    NONE,
    PART,
    PARTED,
    REMOVE,
    RESUME,
    RETRY,
    TIMED_OUT,
    TIMEOUT,
)
from simulations.sampling import sample


@kernel
def push(w: Any, what: int, slot: int) -> None:
    """Put work on the stack."""
    work = world.work(w)[w.work_left]
    work.what = what
    work.slot = slot
    w.work_left += 1


@kernel
def _start_part(w: Any, parent: int, way: int, again: int) -> None:
    """Make a part ready; ``again`` counts the repetitions of a retried or hedged one."""
    slot = new_task(w, PART)
    copy_who(w, slot, parent)
    origin, above = world.slots(w)[parent], world.tasks(w)[parent]
    record, task = world.slots(w)[slot], world.tasks(w)[slot]
    instruction = world.instructions(w)[origin.instruction]
    if again > 0:
        record.identity = child_identity(child_identity(origin.identity, instruction.draw_key), again)
    record.instruction = world.ways(w)[instruction.first + way].target
    record.started_s = w.now_s
    record.spawned = NONE
    task.parent = parent
    task.items = above.items
    task.next_part = NONE
    task.previous_part = above.last_part
    if above.last_part == NONE:
        above.first_part = slot
    else:
        world.tasks(w)[above.last_part].next_part = slot
    above.last_part = slot
    above.started += 1
    above.where = PARTED
    make_ready(w, slot)


@kernel
def _set_timer(w: Any, slot: int) -> None:
    """The first draw of a time-out or a hedge is the parent's own, further ones those of the repetition."""
    record, started = world.slots(w)[slot], world.tasks(w)[slot].started
    instruction = world.instructions(w)[record.instruction]
    identity = record.identity
    if started > 0:
        identity = child_identity(child_identity(identity, instruction.draw_key), started)
    after_s = sample(world.table(w), instruction.distribution, w.seed, identity, instruction.draw_key)
    schedule(w, w.now_s + after_s, slot)


@kernel
def start_parts(w: Any, slot: int) -> None:
    """A task comes to a step that starts parts."""
    task = world.tasks(w)[slot]
    instruction = world.instructions(w)[world.slots(w)[slot].instruction]
    policy = world.policies(w)[instruction.option]
    task.started = 0
    task.completed = 0
    task.failed = 0
    parts = 1
    if instruction.code == FORK:
        parts = instruction.count
    elif instruction.code == RETRY and policy.budget != NONE:
        budget = world.budgets(w)[policy.budget]
        budget.tokens = min(budget.most, budget.tokens + budget.rate)
    elif instruction.code == BREAK:
        task.generation = world.breakers(w)[instruction.resource].generation
    elif instruction.code in (TIMEOUT, HEDGE):
        _set_timer(w, slot)
    for way in range(parts):
        _start_part(w, slot, way, 0)


@kernel
def timer_event(w: Any, slot: int) -> None:
    """The event of a task that waits for its parts happens."""
    task = world.tasks(w)[slot]
    instruction = world.instructions(w)[world.slots(w)[slot].instruction]
    policy = world.policies(w)[instruction.option]
    if instruction.code == TIMEOUT:
        task.outcome = TIMED_OUT
        push(w, FAILING, slot)
        _give_up_parts(w, slot, policy.left_alone)
        return
    if instruction.code == HEDGE and task.started + 1 < policy.attempts:
        _set_timer(w, slot)
    _start_part(w, slot, 0, task.started)


@kernel
def _give_up_parts(w: Any, slot: int, left_alone: int) -> None:
    """The parts that still run are cancelled, the first started first, or nobody waits for them any more."""
    task = world.tasks(w)[slot]
    part = task.last_part
    task.first_part = task.last_part = NONE
    while part != NONE:
        before = world.tasks(w)[part].previous_part
        world.tasks(w)[part].parent = NONE
        if left_alone == 0:
            push(w, CANCEL, part)
        part = before


@kernel
def _forget_part(w: Any, parent: int, slot: int) -> None:
    task, above = world.tasks(w)[slot], world.tasks(w)[parent]
    if task.previous_part == NONE:
        above.first_part = task.next_part
    else:
        world.tasks(w)[task.previous_part].next_part = task.next_part
    if task.next_part == NONE:
        above.last_part = task.previous_part
    else:
        world.tasks(w)[task.next_part].previous_part = task.previous_part


@kernel
def backoff_s(w: Any, policy: Any, identity: int, draw_key: int, attempt: int) -> float:
    """How long to wait before a further attempt (1, 2, ...)."""
    base_s = policy.first_s
    for _ in range(attempt - 1):
        base_s *= policy.factor
    base_s = min(policy.most_s, base_s)
    if policy.jitter == 1:
        return float(draw(w.seed, identity, draw_key) * base_s)
    if policy.jitter == 2:
        return float(base_s / 2 + draw(w.seed, identity, draw_key) * (base_s / 2))
    return float(base_s)


@kernel
def _retry(w: Any, parent: int, instruction: Any, outcome: int) -> bool:
    """Whether a retry is allowed; if so, its back-off is scheduled."""
    above, record = world.tasks(w)[parent], world.slots(w)[parent]
    policy = world.policies(w)[instruction.option]
    handled = (policy.on >> outcome) & 1
    if handled == 0 or above.started >= policy.attempts or not may_retry(w, policy.budget):
        return False
    if record.request != NONE and w.rows_kept == 1:
        world.retries(w)[record.request] += 1
    identity = child_identity(child_identity(record.identity, instruction.draw_key), above.started)
    wait_s = backoff_s(w, policy, identity, instruction.draw_key, above.started)
    schedule(w, w.now_s + wait_s, parent)
    return True


@kernel
def _resume(w: Any, parent: int, instruction: int, outcome: int) -> None:
    """The parent's step is over: once what is on the stack is done it becomes ready, to go on there or to fail."""
    world.slots(w)[parent].instruction = instruction
    world.tasks(w)[parent].outcome = outcome
    push(w, RESUME, parent)


@kernel
def told(w: Any, slot: int, outcome: int) -> None:
    """A part has ended, and its parent hears of it."""
    parent = world.tasks(w)[slot].parent
    if parent == NONE:
        return
    _forget_part(w, parent, slot)
    above = world.tasks(w)[parent]
    at = world.slots(w)[parent].instruction
    instruction = world.instructions(w)[at]
    policy = world.policies(w)[instruction.option]
    left_alone = 0
    if outcome == COMPLETED:
        above.completed += 1
    else:
        above.failed += 1
    if instruction.code == FORK:
        decided = above.completed >= policy.needed or above.failed > instruction.count - policy.needed
        left_alone = policy.left_alone
        if not decided:
            return
    elif instruction.code == HEDGE:
        if outcome != COMPLETED and above.completed + above.failed < above.started:
            return
    elif instruction.code == BREAK:
        take_note(w, instruction.resource, above.generation, outcome)
    elif instruction.code == RETRY and outcome != COMPLETED:
        if _retry(w, parent, instruction, outcome):
            return
    elif instruction.code == ATTEMPT and outcome != COMPLETED and (policy.on >> outcome) & 1:
        _resume(w, parent, world.ways(w)[instruction.first + 1].target, COMPLETED)
        return
    unschedule(w, parent)
    _resume(w, parent, instruction.target, outcome)
    _give_up_parts(w, parent, left_alone)


@kernel
def cancel(w: Any, slot: int) -> None:
    """Cancel a task: its parts first, in the order of their starting, then itself."""
    push(w, REMOVE, slot)
    if world.tasks(w)[slot].where == PARTED:
        instruction = world.instructions(w)[world.slots(w)[slot].instruction]
        if instruction.code == BREAK:
            call_cancelled(w, instruction.resource, world.tasks(w)[slot].generation)
        _give_up_parts(w, slot, 0)
