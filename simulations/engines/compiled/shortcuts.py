"""What the compiled loop need not decide again for each request, found once from the program.

Jumps that lead to jumps lead to the end of the chain. A flow that begins by asking for the region begins, for each
region, where that leads. And the caches that a flow may look up are known, so their memory can be asked for ahead.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulations.distribution_table import CONSTANT
from simulations.layout import BRANCH, CACHES_AHEAD, DELAY, END, JUMP, LOOKUP, NONE, SWITCH_KEY, SWITCH_REGION
from simulations.program import Program


class Shortcuts(NamedTuple):
    """``lanes`` counts the delays of constant length, whose ``first`` is theirs.

    ``entry`` is where a flow begins for each region, ``caches_ahead`` which caches it may look up, NONE for none.

    Both have a row for each flow; regions are counted from 1, as 0 is none of the model's.
    """

    instructions: NDArray[np.void]
    ways: NDArray[np.void]
    lanes: int
    entry: NDArray[np.int64]
    caches_ahead: NDArray[np.int64]


def find_shortcuts(program: Program) -> Shortcuts:
    """The program's instructions without chains of jumps, and what is known of its flows."""
    instructions, ways = program.instructions.copy(), program.ways.copy()
    ends = np.array([_end_of_jumps(program.instructions, at) for at in range(len(instructions))], dtype=np.int64)
    aims = instructions["target"] != NONE
    instructions["target"][aims] = ends[instructions["target"][aims]]
    if len(ways):
        ways["target"] = ends[ways["target"]]
    to_end = (instructions["code"] == JUMP) & (instructions["code"][instructions["target"]] == END)
    instructions["code"][to_end] = END
    lanes = np.zeros(0, dtype=np.int64) if program.full else _constant_delays(program)
    instructions["first"][lanes] = np.arange(len(lanes))
    regions = len(program.model.regions) + 1
    entry = np.array(
        [
            [_after_regions(instructions, ways, int(ends[first]), region - 1) for region in range(regions)]
            for first in program.first_instruction
        ],
        dtype=np.int64,
    ).reshape(-1, regions)
    ahead = [_caches(instructions, ways, int(first)) for first in entry.reshape(-1)]
    return Shortcuts(instructions, ways, len(lanes), entry, np.array(ahead, dtype=np.int64).reshape(-1, CACHES_AHEAD))


def _constant_delays(program: Program) -> NDArray[np.int64]:
    delays = np.flatnonzero(program.instructions["code"] == DELAY)
    kinds = program.distributions.kind[program.instructions["distribution"][delays]]
    constant: NDArray[np.int64] = delays[kinds == CONSTANT]
    return constant


def _end_of_jumps(instructions: NDArray[np.void], at: int) -> int:
    while instructions["code"][at] == JUMP:
        at = int(instructions["target"][at])
    return at


def _after_regions(instructions: NDArray[np.void], ways: NDArray[np.void], at: int, region: int) -> int:
    """Where a task goes that comes here from a region, past all switches by the region."""
    while instructions["code"][at] == SWITCH_REGION:
        first, count = int(instructions["first"][at]), int(instructions["count"][at])
        values = ways["value"][first : first + count - 1]
        found = np.flatnonzero(values == region)
        at = int(ways["target"][first + (int(found[0]) if found.size else count - 1)])
    return at


def _caches(instructions: NDArray[np.void], ways: NDArray[np.void], first: int) -> list[int]:
    """The caches that may be looked up from here on, if they are few."""
    found: set[int] = set()
    seen: set[int] = set()
    left = [first]
    while left:
        at = left.pop()
        if at in seen:
            continue
        seen.add(at)
        instruction: Any = instructions[at]
        code = int(instruction["code"])
        if code == LOOKUP:
            found.add(int(instruction["resource"]))
        if code not in (END, JUMP, BRANCH) and not SWITCH_REGION <= code <= SWITCH_KEY:
            left.append(at + 1)
        if instruction["target"] != NONE:
            left.append(int(instruction["target"]))
        if instruction["first"] != NONE and code != DELAY:
            left += _ways_of(ways, instruction)
    if len(found) > CACHES_AHEAD:
        found.clear()
    return [*sorted(found), *[NONE] * (CACHES_AHEAD - len(found))]


def _ways_of(ways: NDArray[np.void], instruction: Any) -> list[int]:
    """Where an instruction's ways begin."""
    first, count = int(instruction["first"]), int(instruction["count"])
    beginnings: list[int] = ways["target"][first : first + count].tolist()
    return beginnings
