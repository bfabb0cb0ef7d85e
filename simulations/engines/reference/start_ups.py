"""What a service costs more at a server that has idled."""

from __future__ import annotations

from simulations.engines.reference.draws import Draws, child
from simulations.engines.reference.tasks import Task
from simulations.resources import Station


def start_up_s(draws: Draws, station: Station, task: Task, draw_key: int, idle_s: float) -> float:
    """The extra time of a task's service, drawn if the last level that has passed has one."""
    if station.start_up is None:
        return 0.0
    passed = [extra for after_s, extra in station.start_up.levels if idle_s >= after_s]
    if not passed:
        return 0.0
    return draws.time_s(passed[-1], child(task.identity, draw_key), draws.program.keys["start_up", station.name])
