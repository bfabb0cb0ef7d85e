"""Calibration: load a service at low rates, in several mixes, and estimate what each operation asks of each part.

Each operation is the focus of one window, in which it is half of all requests; so the CPU of a process can be told
apart by operation. One more window asks for keys evenly, so that the cache misses.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from loadtests import estimate
from loadtests.estimate import Busy, Estimate, Window
from loadtests.resources import Sampler
from loadtests.service import Service
from loadtests.session import Session
from sdlab import arrivals, runs, workload
from sdlab.calibration import Calibration
from sdlab.errors import LabError
from sdlab.runs import Machine, Run
from sdlab.spec import Design
from sdlab.workload import Requests

RATE_SHARE_OF_PEAK = 0.35
UTILISATION_MAX = 0.4
FOCUS = 0.5
IDLE_S = 3.0
SAMPLES_MIN = 100  # percentiles of these windows are not reported; only their means and demands are used


def calibrate(session: Session, window_s: float, told: Callable[[str], None]) -> tuple[Calibration, Estimate]:
    """Run the windows and estimate the demands. Raises `LabError` if the service was busier than it may be.

    ``window_s`` is the length of each window in seconds; ``told`` hears what is being done.
    """
    design = session.design
    rate_rps = RATE_SHARE_OF_PEAK * design.workload.peak_rate_rps
    told("measuring the idle service")
    idle = _idle(session.service)
    measured: list[Run] = []
    focuses = [*design.operations, None]
    for number, focus in enumerate(focuses):
        told(f"calibrating at {rate_rps:.0f} requests/s ({number + 1} of {len(focuses)})")
        seed = session.seed + number
        requests = focused(design, focus, rate_rps, window_s, seed)
        run = session.window(
            requests,
            seed=seed,
            samples_min=SAMPLES_MIN,
            role="calibration",
            focus=focus or "cold keys",
            rate_rps=rate_rps,
            duration_s=window_s,
        )
        measured.append(run)
    found = estimate.estimate([Window(run.requests(), _busy(run.json("resources"))) for run in measured], idle)
    utilisation = max(_api_utilisation(run) for run in measured)
    if utilisation > UTILISATION_MAX:
        raise LabError(
            f"the API process was {utilisation:.0%} busy while calibrating, at most {UTILISATION_MAX:.0%} is allowed: "
            "its demands would hold the queueing that the model is to predict"
        )
    calibration = Calibration(
        design=design.slug,
        run_ids=[run.manifest.run_id for run in measured],
        commit=runs.commit(),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=Machine.this(),
        rate_rps=rate_rps,
        utilisation=utilisation,
        demands=found.demands,
    )
    return calibration, found


def focused(design: Design, focus: str | None, rate_rps: float, duration_s: float, seed: int) -> Requests:
    """The design's mix with half of the requests turned into one operation; None: with all keys asked for evenly."""
    links = design.test_data.links
    requests = workload.with_mix(design, arrivals.poisson(rate_rps, duration_s, seed), seed, links)
    if focus is None:
        return replace(requests, key=arrivals.stream(seed, "even keys").integers(0, links, len(requests)))
    turned = arrivals.stream(seed, "focus").random(len(requests)) < FOCUS
    code = np.int16(design.operations.index(focus))
    return replace(requests, operation=np.where(turned, code, requests.operation))


def _idle(service: Service) -> Busy:
    """What the processes do when nobody asks anything of them."""
    sampler = Sampler(service.pids)
    sampler.sample()
    time.sleep(IDLE_S)
    sampler.sample()
    return _busy(sampler.result())


def _busy(resources: Mapping[str, Any]) -> Busy:
    cpu_s = {name: process["cpu_s"] for name, process in resources["processes"].items()}
    return Busy(cpu_s, resources["duration_s"])


def _api_utilisation(run: Run) -> float:
    processes = run.json("resources")["processes"]
    return max(float(process["utilisation"]) for name, process in processes.items() if name.startswith("api-"))
