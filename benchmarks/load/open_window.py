"""One window of the open-loop driver, as `lab swarm` runs it, redirects only:

    python -m benchmarks.load.open_window --host URL --rate 800 --arrival constant --seconds 4

Prints a JSON document: the requests answered within the load, its length, those that failed, the driver's CPU time in
it, and its lateness after a warm-up in which its connections are made, of all and of each tenth of a second. (Of a
schedule that asks for too much, what is answered after its end does not count.) With --times FILE writes each request's
times (intended, sent, completed), in seconds, as numpy's .npy.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.load.process import on_core, on_other_cores
from loadtests.service import Service
from loadtests.validity import lateness_s
from loadtests.window import run_window
from sdlab import workload
from sdlab.catalog import load_design

# As the closed loops have theirs, in which nothing is counted.
WARM_UP_S = 0.5
# A pause of the machine spoils the slice that it falls into, and not the others.
SLICE_S = 0.1


def main() -> None:
    options = _parser().parse_args()
    on_core(options.core)
    moves = iter([on_other_cores] if options.core is not None else [])
    design = load_design("url_shortener")
    requests = workload.steady(
        design, options.arrival, options.rate, options.seconds, seed=options.seed, keys=design.test_data.links
    )
    redirect = design.operations.index("redirect")
    key = np.zeros_like(requests.key) if options.one_key else requests.key
    requests = replace(requests, operation=np.full_like(requests.operation, redirect), key=key)
    with tempfile.TemporaryDirectory() as folder:
        run = run_window(
            design,
            requests,
            Service(options.host),
            seed=options.seed,
            command="",
            runs=Path(folder),
            progress=lambda _now: next(moves, lambda: None)(),  # the driver runs: its core is its own
        )
        table, validity = run.requests(), run.manifest.validity
        cpu_s = run.json("resources")["processes"]["generator"]["cpu_s"]
    completed = table[table["outcome"] == "completed"]
    counted = table[table["intended_s"] >= WARM_UP_S]
    late_s = lateness_s(counted)
    slices = [lateness_s(part) for _, part in counted.groupby((counted["intended_s"] / SLICE_S).astype(int))]
    if options.times:
        np.save(options.times, completed[["intended_s", "sent_s", "completed_s"]].to_numpy(dtype=np.float64))
    document = {
        "sent": int((completed["completed_s"] <= float(table["intended_s"].max())).sum()),
        "failed": len(table) - len(completed),
        "cpu_s": cpu_s,
        "wall_s": float(table["intended_s"].max() - table["intended_s"].min()),
        **{f"lateness_s_p{p}": float(np.quantile(late_s, p / 100)) for p in (50, 90, 99)},
        "lateness_s_max": float(late_s.max()),
        "lateness_s_p99_of_slices": [float(np.quantile(part, 0.99)) for part in slices if part.size],
        "invalid": list(validity.reasons) if validity else [],
    }
    print(json.dumps(document))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load.open_window", description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--arrival", default="constant")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--one-key", action="store_true", help="All requests ask for the most popular key")
    parser.add_argument("--core", type=int, help="Run on this core only")
    parser.add_argument("--times", help="File for the times of each request")
    return parser


if __name__ == "__main__":
    main()
