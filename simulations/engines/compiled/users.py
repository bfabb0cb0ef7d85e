"""Closed populations, compiled: users who think, send a request, wait for its end, and think again."""

from __future__ import annotations

from typing import Any

import numpy as np

from simulations.draws import child_identity, draw
from simulations.engines.compiled import world
from simulations.engines.compiled.agenda import schedule
from simulations.engines.compiled.queues import one_more
from simulations.engines.compiled.tasks import free_task
from simulations.jit import kernel
from simulations.layout import COMPLETED, NONE, RUNNING, WAITING
from simulations.sampling import sample


@kernel
def think(w: Any, slot: int) -> None:
    """A user thinks before his next request."""
    record, task = world.slots(w)[slot], world.tasks(w)[slot]
    population = world.populations(w)[task.population]
    record.identity = child_identity(task.user_identity, task.cycle)
    record.instruction = NONE
    task.outcome = COMPLETED
    task.where = WAITING
    think_s = sample(world.table(w), population.think, w.seed, record.identity, population.key)
    schedule(w, w.now_s + think_s, slot)


@kernel
def begin_request(w: Any, slot: int) -> bool:
    """Whether a user who has thought begins a request; after the last moment for it he stops."""
    record, task = world.slots(w)[slot], world.tasks(w)[slot]
    population = world.populations(w)[task.population]
    if w.now_s > population.until_s:
        free_task(w, slot)
        return False
    record.request = w.rows
    if w.rows_kept == 1:
        closed = w.rows - w.requests
        world.began_s(w)[closed] = w.now_s
        world.population_of_row(w)[closed] = task.population
        world.user_of_row(w)[closed] = task.user
        w.rows += 1
    record.key = NONE
    if population.keys > 0:
        uniform = draw(w.seed, record.identity, population.key_of_keys)
        record.key = world.population_keys(w)[population.first_key + np.int64(uniform * population.keys)]
    record.started_s = w.now_s
    record.spawned = NONE
    record.flow = population.flow
    record.operation = population.flow
    record.region = population.region
    record.instruction = world.first_instruction(w)[population.flow]
    task.place = population.region
    task.where = RUNNING
    one_more(w)
    return True
