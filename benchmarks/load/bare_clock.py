"""What the machine does to a process that does nothing but look at the clock:

    python -m benchmarks.load.bare_clock --core 1 --seconds 2

While that does not run, no generator in its place could have sent anything. Prints a JSON document: the lateness of
one that would be late for this reason only, the longest stretch without a look, what part of the time they add up to,
and what part of them is of those in which the kernel had another process run. In the rest the core stood still: taken
by the host, or busy with interrupts.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Sequence

from benchmarks.load.process import on_core

# A look takes a tenth of a microsecond: this is no part of it.
GAP_S = 20e-6


def lateness_s(gaps_s: Sequence[float], seconds: float, quantile: float) -> float:
    """Of requests due at any moment of ``seconds``, each sent as soon as no gap keeps it, this quantile.

    Of gaps of ``g`` seconds, sum(max(g - x, 0)) is the time in which what falls due is late by more than x.
    """
    spared_s = (1 - quantile) * seconds
    found_s = total_s = 0.0
    for count, gap_s in enumerate(sorted(gaps_s, reverse=True), 1):
        total_s += gap_s
        found_s = max(found_s, (total_s - spared_s) / count)
    return found_s


def watch(seconds: float) -> tuple[list[float], list[bool]]:
    """The gaps of so many seconds, and whether another process ran in them."""
    gaps_s: list[float] = []
    switched: list[bool] = []
    switches = resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
    now = time.monotonic
    last_s = now()
    end_s = last_s + seconds
    while last_s < end_s:
        at_s = now()
        if at_s - last_s > GAP_S:
            gaps_s.append(at_s - last_s)
            before, switches = switches, resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
            switched.append(switches != before)
            at_s = now()
        last_s = at_s
    return gaps_s, switched


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load.bare_clock", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--core", type=int, help="Run on this core only")
    options = parser.parse_args()
    on_core(options.core)
    gaps_s, switched = watch(options.seconds)
    total_s = sum(gaps_s)
    document = {
        **{f"lateness_s_p{p}": lateness_s(gaps_s, options.seconds, p / 100) for p in (50, 90, 99)},
        "gap_s_max": max(gaps_s, default=0.0),
        "gap_share": total_s / options.seconds,
        "switched_share": sum(gap_s for gap_s, was in zip(gaps_s, switched, strict=True) if was) / total_s
        if gaps_s
        else 0.0,
    }
    print(json.dumps(document))


if __name__ == "__main__":
    main()
