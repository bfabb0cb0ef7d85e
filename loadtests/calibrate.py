"""Calibration: load a service at rates of at most 40 % of saturation; estimate what each operation asks of each part.

The cache is warm before the first window. The mix of the design comes again and again at the highest rate allowed, for
there a process is awake most of the time, as it will be at the rates to predict: one by one and in bunches by turns,
for the more requests are under way, the more of them share a turn of the event loop and a waking up. It comes once at a
third of that rate, for what long idle times cost. Each rare operation is the focus of one window, in which it is half
of all requests, so that the CPU of a process can be told apart by operation; how much colder it is in the mix, all
other windows tell (`loadtests.coldness`). One more asks for keys that were never asked for, so that the cache misses.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from loadtests import client_floor, estimate
from loadtests.estimate import Busy, Estimate, Window
from loadtests.resources import Sampler
from loadtests.service import Service
from loadtests.session import Session
from loadtests.warm_up import warm_up
from sdlab import arrivals, runs, spoilt, workload
from sdlab.arrivals import FloatArray
from sdlab.calibration import Calibration
from sdlab.errors import LabError
from sdlab.runs import Machine, Run
from sdlab.spec import Design
from sdlab.speed import Speeds
from sdlab.workload import Requests

PILOT_SHARE_OF_PEAK = 0.35
PILOT_S = 2.0
WARM_UP_S = 10.0  # at the design's peak rate
PILOT_SEED = 100
PILOTS = 3  # a busier process needs less for a request, and its cache is warmer: one guess would be far too slow
UTILISATION_MAX = 0.4
SHARE_OF_SATURATION = 0.4
# At so much of a known saturation a process may still be busier than that, for each request costs it more.
UTILISATION_MAX_KNOWN = 0.6
UTILISATION_AIM = 0.33
SLOW_SHARE = 1 / 3
TRIES = 3
SLOWER = 0.75  # what a window's rate is multiplied with if it was busier than allowed
FOCUS = 0.5
MIX, COLD, BUNCHES = "mix", "cold keys", "mix, in bunches by turns"
BUNCH = 5  # so many at once
BUNCHES_S = 0.5  # for so long, and then one by one for as long: the machine's speed meets both alike
IDLE_S = 3.0
SAMPLES_MIN = 100  # percentiles of these windows are not reported; only their means and demands are used


@dataclass(frozen=True)
class Settings:
    """How to measure: ``window_s`` is the length of each window in seconds, ``warm_up_s`` that of the load that fills
    the cache first, at the design's peak rate. Without ``saturation_rps`` the rate is looked for. Windows that other
    programs disturbed are measured again, at most twice, if ``repeat_disturbed``; else they count.
    """

    window_s: float
    saturation_rps: float | None = None
    warm_up_s: float = WARM_UP_S
    repeat_disturbed: bool = True

    @property
    def utilisation_max(self) -> float:
        """How busy the API process may be."""
        return UTILISATION_MAX if self.saturation_rps is None else UTILISATION_MAX_KNOWN


@dataclass(frozen=True)
class Calibrated:
    """What a calibration found, its evidence, and its windows. The first ``keys`` are in the service's cache."""

    calibration: Calibration
    estimate: Estimate
    keys: int
    windows: tuple[Window, ...]


def calibrate(
    session: Session, settings: Settings, told: Callable[[str], None], earlier: Calibrated | None = None
) -> Calibrated:
    """Run the windows and estimate the demands. Raises `LabError` if the service was busier than it may be.

    ``told`` hears what is being done. The windows of an ``earlier`` calibration, of another run of the service, count
    as well: each knows the demands to 3 to 5 %, all together know them better.
    """
    design = session.design
    told("measuring the idle service")
    idle = _idle(session.service)
    keys = warm_up(session, settings.warm_up_s, told)
    rate_rps = _rate_rps(session, keys, settings.saturation_rps, told)
    plan = _plan(design, rate_rps)
    measured: list[Run] = []
    for number, (focus, at_rps) in enumerate(plan, 1):
        told(f"calibrating at {at_rps:.0f} requests/s ({number} of {len(plan)})")
        measured.append(_within_bounds(session, settings, focus, keys, at_rps, number))
    windows = (*(earlier.windows if earlier else ()), *(_measured(run) for run in measured))
    found = estimate.estimate(windows, idle)
    utilisation = max(_api_utilisation(run) for run in measured)
    told(f"measuring the client's floor: a null endpoint at {rate_rps:.0f} requests/s")
    floor = client_floor.measure(session, windows[-1].table, keys, rate_rps, settings.window_s)
    calibration = Calibration(
        design=design.slug,
        run_ids=[*(earlier.calibration.run_ids if earlier else ()), *(run.manifest.run_id for run in measured)],
        commit=runs.commit(),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=Machine.this(),
        rate_rps=rate_rps,
        utilisation=utilisation,
        demands=found.demands,
        segments=found.segments,
        turn=found.turn,
        idle=found.idle,
        cpu=found.cpu,
        pool_wait=found.pool_wait,
        pace=found.pace,
        client_floor=floor,
    )
    return Calibrated(calibration, found, keys, windows)


def _rate_rps(session: Session, keys: int, saturation_rps: float | None, told: Callable[[str], None]) -> float:
    """The rate for the design's mix: the allowed share of saturation; or, if that is not known, of a busy process."""
    if saturation_rps is not None:
        return SHARE_OF_SATURATION * saturation_rps
    told("looking for the rate to calibrate at")
    rate_rps = PILOT_SHARE_OF_PEAK * session.design.workload.peak_rate_rps
    for number in range(PILOTS):
        pilot = _window(session, MIX, keys, rate_rps, PILOT_S, PILOT_SEED + number, role="pilot")
        rate_rps *= UTILISATION_AIM / _api_utilisation(pilot)
    return rate_rps


def _plan(design: Design, rate_rps: float) -> list[tuple[str, float]]:
    """Windows, focus and rate: the mix again and again, so that what drifts in the machine is not taken for a part of
    an operation."""
    rare = [name for name, operation in design.workload.operations.items() if operation.share < FOCUS]
    windows = [(BUNCHES, rate_rps)]
    for number, focus in enumerate([*rare, COLD], 1):
        windows.append((focus, rate_rps / 2))
        if number % 2 == 0:
            windows.append((BUNCHES, rate_rps))
    return [*windows, (MIX, SLOW_SHARE * rate_rps)]


def _within_bounds(session: Session, settings: Settings, focus: str, keys: int, rate_rps: float, number: int) -> Run:
    """A window that left the API process idle enough and that no other program disturbed, in a few tries.

    Slower ones are tried if it was too busy; the last try counts if it was only disturbed, and so does the first
    if none is to be repeated.
    """
    most = settings.utilisation_max
    for attempt in range(TRIES):
        run = _window(session, focus, keys, rate_rps, settings.window_s, TRIES * number + attempt)
        is_last = attempt == TRIES - 1
        if _api_utilisation(run) > most:
            rate_rps *= SLOWER
        elif is_last or not settings.repeat_disturbed or spoilt.by_others(run.json("resources")) is None:
            return run
    raise LabError(
        f"the API process was {_api_utilisation(run):.0%} busy while calibrating, at most {most:.0%} is "
        "allowed: its demands would hold the queueing that the model is to predict"
    )


def _window(
    session: Session, focus: str, keys: int, rate_rps: float, window_s: float, number: int, role: str = "calibration"
) -> Run:
    seed = session.seed + number
    requests = focused(session.design, focus, keys, rate_rps, window_s, seed)
    return session.window(
        requests,
        seed=seed,
        samples_min=SAMPLES_MIN,
        role=role,
        focus=focus,
        rate_rps=rate_rps,
        duration_s=window_s,
    )


def focused(design: Design, focus: str, keys: int, rate_rps: float, duration_s: float, seed: int) -> Requests:
    """The design's mix over the first ``keys``, with half of the requests turned into one operation; or as it is; or
    asking evenly for all other keys; or in bunches by turns."""
    at_s = arrivals.poisson(rate_rps, duration_s, seed)
    if focus == BUNCHES:
        at_s = _in_bunches_by_turns(at_s)
    requests = workload.with_mix(design, at_s, seed, keys)
    if focus in (MIX, BUNCHES):
        return requests
    if focus == COLD:
        return replace(
            requests, key=arrivals.stream(seed, "even keys").integers(keys, design.test_data.links, len(requests))
        )
    turned = arrivals.stream(seed, "focus").random(len(requests)) < FOCUS
    code = np.int16(design.operations.index(focus))
    return replace(requests, operation=np.where(turned, code, requests.operation))


def _in_bunches_by_turns(at_s: FloatArray) -> FloatArray:
    """The same arrivals, but that in every other `BUNCHES_S` each waits for those that make up a bunch with it."""
    by_turns = (at_s // BUNCHES_S % 2).astype(np.bool_)
    waiting = at_s[by_turns]
    last_of_bunch = np.minimum(np.arange(waiting.size) // BUNCH * BUNCH + BUNCH - 1, waiting.size - 1)
    bunched_s = at_s.copy()
    bunched_s[by_turns] = waiting[last_of_bunch]
    return np.sort(bunched_s)


def _idle(service: Service) -> Busy:
    """What the processes do when nobody asks anything of them."""
    sampler = Sampler(service.pids)
    sampler.sample()
    time.sleep(IDLE_S)
    sampler.sample()
    return _busy(sampler.result())


def _measured(run: Run) -> Window:
    resources = run.json("resources")
    return Window(run.requests(), _busy(resources), Speeds.of(resources))


def _busy(resources: Mapping[str, Any]) -> Busy:
    cpu_s = {name: process["cpu_s"] for name, process in resources["processes"].items()}
    return Busy(cpu_s, resources["duration_s"])


def _api_utilisation(run: Run) -> float:
    processes = run.json("resources")["processes"]
    return max(float(process["utilisation"]) for name, process in processes.items() if name.startswith("api-"))
