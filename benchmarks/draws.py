"""What a draw costs: nanoseconds each, alone and in a batch, as ratios from one run.

    .venv/bin/python benchmarks/draws.py [--draws 400000] [--repeats 7] [--json FILE]

CPU time of this process, the least of the repeats, which are taken in turns; compilation is left out. "alone" is
`sample` inside a loop of compiled code, as an event loop has it; "batch" is `sample_many`. The first rows are what
there is to compare with: an exponential time from the same uniform by the C library's logarithm, numpy's ziggurat
(which has a state, so its numbers depend on the order of asking), and numba's own.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np
from numpy.typing import NDArray

from simulations.distributions import (
    Constant,
    Distribution,
    Empirical,
    Erlang,
    Exponential,
    Gamma,
    Hyperexponential,
    LogNormal,
    Mixture,
    Pareto,
    Uniform,
    Weibull,
)
from simulations.draws import draw
from simulations.sampling import DistributionTable, sample, sample_many, tabulate

BATCH = 4096
SEED, STEP = 1, 3
BASE = "exponential, C library's log"

DISTRIBUTIONS: dict[str, Distribution] = {
    "constant": Constant(1.0),
    "exponential": Exponential(1.0),
    "uniform": Uniform(0.5, 1.5),
    "Weibull": Weibull(1.0, 0.5),
    "Pareto": Pareto(1.0, 2.5),
    "lognormal": LogNormal(1.0, 1.0),
    "empirical, 201 quantiles": Empirical(tuple(np.linspace(0.0, 2.0, 201).tolist())),
    "hyperexponential, 2": Hyperexponential((0.9, 0.1), (0.5, 5.5)),
    "mixture, 2": Mixture((0.9, 0.1), (Exponential(0.5), Constant(5.5))),
    "Erlang, 2 stages": Erlang(1.0, 2),
    "Erlang, 4 stages": Erlang(1.0, 4),
    "Erlang, 20 stages": Erlang(1.0, 20),
    "gamma, shape 3.5": Gamma(1.0, 3.5),
    "gamma, shape 0.5": Gamma(1.0, 0.5),
}

compiled = numba.njit(error_model="numpy")
Fill = Callable[[int, NDArray[np.float64]], object]


@compiled
def one_by_one(table: DistributionTable, row: int, first: int, out: NDArray[np.float64]) -> None:
    for i in range(out.size):
        out[i] = sample(table, row, SEED, first + i, STEP)


@compiled
def by_library(first: int, out: NDArray[np.float64]) -> None:
    for i in range(out.size):
        out[i] = -np.log(draw(SEED, first + i, STEP))


@compiled
def by_numba(_first: int, out: NDArray[np.float64]) -> None:
    for i in range(out.size):
        out[i] = np.random.exponential(1.0)


def ways() -> dict[str, Fill]:
    """Every way to fill an array with the times of so many requests from a first one on."""
    generator = np.random.default_rng(SEED)
    filled: dict[str, Fill] = {
        f"{BASE}": by_library,
        "exponential, numpy's ziggurat": lambda _first, out: generator.standard_exponential(out=out),
        "exponential, numba's own": by_numba,
    }
    table = tabulate(list(DISTRIBUTIONS.values()))

    def alone(row: int) -> Fill:
        return lambda first, out: one_by_one(table, row, first, out)

    def batch(row: int) -> Fill:
        return lambda first, out: sample_many(table, row, SEED, np.arange(first, first + out.size), STEP, out)

    for row, name in enumerate(DISTRIBUTIONS):
        filled[f"{name}: alone"] = alone(row)
        filled[f"{name}: batch"] = batch(row)
    return filled


def measure(draws: int, repeats: int) -> dict[str, float]:
    """CPU nanoseconds of a draw in each way."""
    out = np.empty(BATCH)
    filled = ways()
    least = dict.fromkeys(filled, np.inf)
    batches = max(1, draws // BATCH)
    for fill in filled.values():
        fill(0, out)
    for _ in range(repeats):
        for name, fill in filled.items():
            began = time.process_time()
            for number in range(batches):
                fill(number * BATCH, out)
            least[name] = min(least[name], (time.process_time() - began) / (batches * BATCH) * 1e9)
    return least


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=400_000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cost_ns = measure(options.draws, options.repeats)
    base_ns = cost_ns[BASE]
    print(f"{'':34}{'ns a draw':>10}{'of the first':>14}")
    for name, ns in cost_ns.items():
        print(f"{name:34}{ns:10.2f}{ns / base_ns:14.2f}")
    if options.json:
        rows = [{"way": name, "cpu_ns": ns, "ratio_to_library_log": ns / base_ns} for name, ns in cost_ns.items()]
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
