"""What only the whole vocabulary needs of the event loop: the rarer steps, events and ends.

Each function here stands at one place of the loop, so that what is inlined is inlined once.
"""

from __future__ import annotations

from typing import Any

from simulations.draws import child_identity
from simulations.engines.compiled import world
from simulations.engines.compiled.agenda import schedule
from simulations.engines.compiled.batches import come_to_queue, enqueue, full, leave_item, look
from simulations.engines.compiled.changes import outage_event, scaler_event
from simulations.engines.compiled.flights import join_flight, land, lead_flight
from simulations.engines.compiled.guards import arrive_at_target, call, leave_target, pick, take_token
from simulations.engines.compiled.lookups import put
from simulations.engines.compiled.parts import push, start_parts, timer_event
from simulations.engines.compiled.queues import (
    begin_service,
    charge,
    come,
    count_until,
    end_service,
    join,
    take,
    unlink,
)
from simulations.engines.compiled.sharing import complete_shared, share
from simulations.engines.compiled.start_ups import start_up_s
from simulations.engines.compiled.tasks import new_task
from simulations.engines.compiled.turns import ask_for_turn, end_turn
from simulations.engines.compiled.users import begin_request, think
from simulations.jit import kernel
from simulations.layout import (
    BALANCE,
    BREAK,
    COMPLETED,
    ENDING,
    ENQUEUE,
    FAIL,
    FAILED,
    FAILING,
    FIRST_CONTROL,
    LAND,
    LEAVE,
    LIMIT,
    NONE,
    OUTAGE,
    PARTED,
    REJECTED,
    RUNNING,
    SCALER,
    SERVED,
    SHARING,
    TRAVEL,
    TURN,
    TURNING,
    USER,
    WAITING,
)
from simulations.sampling import sample

DONE, WAITS, FAILS = 0, 8, 9
"""As in `kernel`, which imports this module."""


@kernel
def wait(w: Any, slot: int, resource: int, time_s: float) -> None:
    """The task waits for the end of a delay or a travel, which is booked."""
    task = world.tasks(w)[slot]
    task.where = WAITING
    task.resource = resource
    task.began_s = w.now_s
    world.slots(w)[slot].service_s = time_s


@kernel
def count_to_the_end(w: Any) -> None:
    """Bring every integral up to the end of the run."""
    for resource in range(w.lined):
        count_until(w, world.queues(w)[resource], resource, w.now_s)


@kernel
def room(w: Any, resource: int) -> bool:
    """Whether one more may wait."""
    queue = world.queues(w)[resource]
    return bool(queue.limit == NONE or queue.waiting < queue.limit)


@kernel
def turned_away(w: Any, slot: int, resource: int) -> int:
    """The task is rejected by a line that is full."""
    world.queues(w)[resource].rejected += 1
    world.tasks(w)[slot].outcome = REJECTED
    return FAILS


@kernel
def serve(w: Any, slot: int, instruction: Any) -> int:
    """A task comes to a station; its time without what the items add is drawn."""
    resource = instruction.resource
    record, station, queue = world.slots(w)[slot], world.stations(w)[resource], world.queues(w)[resource]
    if instruction.second != NONE:
        per_item_s = sample(world.table(w), instruction.second, w.seed, record.identity, instruction.second_key)
        record.service_s += world.tasks(w)[slot].items * per_item_s
    if instruction.code == TURN:
        ask_for_turn(w, slot, instruction, 0.0)
        return WAITS
    refused = queue.capacity == 0 and station.refusing > 0
    if station.shares != NONE and not refused:
        share(w, slot, resource)
        return WAITS
    come(w, resource)
    if refused:
        queue.rejected += 1
        world.tasks(w)[slot].outcome = FAILED
        return FAILS
    if take(w, resource):
        record.service_s += start_up_s(w, record, resource, instruction.draw_key)
        begin_service(w, slot, resource, 0.0)
        return WAITS
    if not room(w, resource):
        return turned_away(w, slot, resource)
    join(w, resource, slot, instruction.option)
    return WAITS


@kernel
def joins_flight(w: Any, slot: int, cache: int) -> bool:
    """Whether another fetches the key already; if not, the task does from now on."""
    if join_flight(w, slot, cache):
        return True
    lead_flight(w, slot, cache)
    return False


@kernel
def _travel(w: Any, slot: int, instruction: Any) -> bool:
    """Whether the task has to wait until it is there."""
    task, record = world.tasks(w)[slot], world.slots(w)[slot]
    there = record.region if instruction.option == NONE else instruction.option
    if there == task.place:
        return False
    time_s = world.one_way_s(w)[task.place, there]
    task.place = there
    charge(w, slot, instruction.resource, 0.0, time_s)
    schedule(w, w.now_s + time_s, slot)
    wait(w, slot, instruction.resource, time_s)
    return True


@kernel
def step(w: Any, slot: int) -> int:  # noqa: PLR0911, PLR0912  one case a step
    """Take one of the rarer steps: DONE if the task goes on at its instruction, or how it came to its end."""
    record, task = world.slots(w)[slot], world.tasks(w)[slot]
    instruction = world.instructions(w)[record.instruction]
    kind, resource = instruction.code, instruction.resource
    if kind == TRAVEL:
        if _travel(w, slot, instruction):
            return WAITS
    elif kind == FAIL:
        task.outcome = instruction.option
        return FAILS
    elif kind == BALANCE:
        target = pick(w, resource, record, instruction.draw_key)
        arrive_at_target(w, resource, slot, target)
        way = instruction.first
        while world.ways(w)[way].value != target:
            way += 1
        record.instruction = world.ways(w)[way].target
        return DONE
    elif kind == LEAVE:
        leave_target(w, resource, slot)
    elif kind == LAND:
        put(w, resource, record.key)
        land(w, slot, resource)
    elif kind == LIMIT:
        if not take_token(w, resource):
            task.outcome = REJECTED
            return FAILS
    elif kind == ENQUEUE:
        come_to_queue(w, resource)
        if full(w, resource):
            return turned_away(w, slot, world.batchers(w)[resource].resource)
        item = slot
        if instruction.option == 0:
            item = leave_item(w, slot, resource, instruction.draw_key)
        enqueue(w, item, resource)
        if instruction.option == 1:
            return WAITS
    else:
        if kind == BREAK and not call(w, resource):
            task.outcome = REJECTED
            return FAILS
        start_parts(w, slot)
        return WAITS
    record.instruction += 1
    return DONE


@kernel
def fails(w: Any, slot: int) -> bool:
    """Whether a task that runs on does so to fail."""
    return bool(world.tasks(w)[slot].outcome != COMPLETED)


@kernel
def ends(w: Any, slot: int, failing: bool) -> None:
    """The task that ran has failed, or has completed its steps."""
    push(w, FAILING if failing else ENDING, slot)


@kernel
def event(w: Any, slot: int) -> int:
    """A slot's event happens: the task that runs on, or NONE."""
    record, task = world.slots(w)[slot], world.tasks(w)[slot]
    if task.kind >= FIRST_CONTROL:
        if task.kind == SHARING:
            done = complete_shared(w, task.resource)
            world.slots(w)[done].instruction += 1
            world.tasks(w)[done].where = RUNNING
            return done
        if task.kind == TURNING:
            return end_turn(w, task.resource)
        if task.kind == OUTAGE:
            outage_event(w, task.resource, slot)
        elif task.kind == SCALER:
            scaler_event(w, task.resource, slot)
        else:
            look(w, task.resource)
        return NONE
    if record.instruction == NONE:
        return slot if begin_request(w, slot) else NONE
    if task.where == PARTED:
        timer_event(w, slot)
        return NONE
    if task.where == SERVED:
        serving = world.stations(w)[task.resource].serving
        if serving != NONE:
            unlink(w, world.lines(w)[serving], slot)
        end_service(w, task.resource)
    record.instruction += 1
    task.where = RUNNING
    return slot


@kernel
def begin(w: Any) -> None:
    """Schedule what is there from the start: users' thinking, outages, autoscalers' first looks."""
    for which in range(w.population_count):
        population = world.populations(w)[which]
        for user in range(population.users):
            slot = new_task(w, USER)
            task = world.tasks(w)[slot]
            task.population = which
            task.user = user
            task.cycle = 0
            task.user_identity = child_identity(user, population.key)
            think(w, slot)
    for control in range(w.controls):
        kind, which = world.tasks(w)[control].kind, world.tasks(w)[control].resource
        if kind == OUTAGE:
            outage = world.outages(w)[which]
            start_s = outage.start_s
            if outage.up != NONE:
                start_s = sample(world.table(w), outage.up, w.seed, 0, outage.up_key)
            schedule(w, start_s, control)
        elif kind == SCALER:
            schedule(w, world.scalers(w)[which].interval_s, control)
