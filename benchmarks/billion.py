"""A billion requests in constant memory: how long it takes, and the most memory the process ever had.

    .venv/bin/python -m benchmarks.billion [--requests 1000000000] [--rho 0.8]

An M/M/1 queue, streamed in pieces; its mean and percentiles stand beside the closed form, so that one sees that the
run is what it says. Seconds belong to the machine.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator

import numpy as np

from sdlab import arrivals
from sdlab.progress import progress_bar
from sdlab.workload import Requests
from simulations import theory
from simulations.engines import simulate_stream
from simulations.model import Exponential, Flow, Model, Serve, Station

PIECE = 1_000_000


def pieces(count: int, rate_rps: float) -> Iterator[Requests]:
    """So many Poisson arrivals, a million at a time."""
    for times_s in arrivals.poisson_chunks(rate_rps, 1, count, PIECE):
        nothing = np.zeros(times_s.size, dtype=np.int16)
        yield Requests(times_s, nothing, np.zeros(times_s.size, dtype=np.int64), nothing, ("get",), ("",))


def main() -> None:
    """Run it and print the answer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1_000_000_000)
    parser.add_argument("--rho", type=float, default=0.8)
    arguments = parser.parse_args()
    model = Model("M/M/1", [Flow("get", [Serve("s", Exponential(1.0))])], [Station("s")])
    simulate_stream(model, pieces(1000, arguments.rho), 1)
    began_s = time.process_time()
    with progress_bar("simulating", arguments.requests, quiet=False) as advance:
        path = simulate_stream(model, pieces(arguments.requests, arguments.rho), 1, lambda done, _: advance(done))
    took_s = time.process_time() - began_s
    found = path.histograms
    assert found is not None
    memory_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{arguments.requests:,} requests in {took_s:.1f} CPU s, {arguments.requests / took_s / 1e6:.1f} M/s")
    print(f"peak memory {memory_mib:.0f} MiB")
    print(f"mean {found.mean_s(0):.4f} s (theory {theory.mm1(arguments.rho, 1.0).response_time_s:.4f})")
    for percent in (50.0, 95.0, 99.0):
        expected_s = theory.mmc_response_time_quantile_s(arguments.rho, 1.0, 1, percent / 100)
        print(f"p{percent:g} {found.percentile_s(0, percent):.4f} s (theory {expected_s:.4f})")


if __name__ == "__main__":
    main()
