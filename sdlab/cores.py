"""Which CPU cores a measured service and all that is beside it run on, and that they do not sleep.

Where programs share cores, the kernel puts whoever wakes beside or in front of whoever runs: on a small machine the
load generator, the cache and the database preempt the API process, now and then and by no rule that a model could know.
A service that is measured gets cores *apart*: one for each API process, the others for everything else.

And a core with nothing to do halts. On a virtual machine it is thereby given back to the host, and who wakes up there
waits until the host has given it again: for nothing, or for milliseconds if the host is busy with others.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any

LATENCY = "/dev/cpu_dma_latency"


@dataclass(frozen=True)
class Cores:
    """Numbers of cores: ``api`` one for each API process, ``others`` for all other processes together."""

    api: tuple[int, ...]
    others: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def usable() -> tuple[int, ...]:
    """The cores this thread may run on; empty where the system does not say (macOS)."""
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()


def stay_on(cores: tuple[int, ...]) -> None:
    """Keep this thread, and what it starts from now on, on some cores; nothing where there are none to choose."""
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)


@contextmanager
def kept_to(cores: tuple[int, ...]) -> Iterator[None]:
    """Keep this thread, and what it starts, on some cores during the block."""
    before = usable()
    stay_on(cores)
    try:
        yield
    finally:
        stay_on(before)


def apart(workers: int) -> Cores | None:
    """A core for each of ``workers`` API processes, the rest for others; None if that leaves no core for those."""
    available = usable()
    if len(available) <= workers:
        return None
    return Cores(available[:workers], available[workers:])


@contextmanager
def kept_awake(device: str = LATENCY) -> Iterator[bool]:
    """Ask the kernel that no core sleeps during the block, idle ones poll instead; whether there is one that listens.

    Linux takes that through a device that is held open (its power management quality of service interface, which is
    what tuned's profile "latency-performance" uses); root may. It asks for a latency of 0 microseconds, as 32 bits.
    """
    handle, is_heard = -1, False
    with suppress(OSError):
        handle = os.open(device, os.O_WRONLY)
        is_heard = os.write(handle, struct.pack("=i", 0)) > 0
    try:
        yield is_heard
    finally:
        if handle >= 0:
            os.close(handle)
