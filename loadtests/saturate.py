"""Runs a saturation search on a real service: warms it up, probes it, and confirms the answer on fresh ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from loadtests import bottleneck, saturation
from loadtests.bottleneck import Bottleneck
from loadtests.confirmation import CONFIRM_ABOVE, CONFIRMATIONS_MAX, Confirmation, settle
from loadtests.observe import observe
from loadtests.probes import Probe, Verdict, heard, pooled, standing
from loadtests.saturation import Saturation, Settings
from loadtests.service import Service
from loadtests.session import Session
from loadtests.warm_up import ask_once
from sdlab import workload
from sdlab.errors import LabError
from sdlab.spec import Design
from sdlab.workload import Requests

PROBE, CONFIRM = "saturation", "confirmation"
# A probe is at least long enough for so many requests of the operation asked for most: 369 are needed for certainty.
BUSIEST_REQUESTS_MIN = 500
PROBE_S_MAX = 60.0
# Fresh servers are warmed up faster, once it is known what they carry: misses ask for about twice the CPU of hits.
WARM_UP_SHARE = 0.4
_SEED_STEP = 1000  # other arrivals, operations and keys than those of the calibration and the held-out loads

OpenService = Callable[[], AbstractContextManager[Service]]


@dataclass(frozen=True)
class Job:
    """What a search is asked: ``open_service`` starts a fresh service each time; times are seconds."""

    design: Design
    settings: Settings
    probe_s: float
    warm_up_s: float
    seed: int
    command: str
    study: str | None
    runs_folder: Path | None
    confirm: bool = True


@dataclass
class Found:
    """A search's probes, its answer, what fresh servers said to it (oldest first), and the resource that saturated."""

    probes: list[Probe]
    saturation: Saturation
    confirmations: tuple[Confirmation, ...]
    bottleneck: Bottleneck
    compared: tuple[Probe, Probe] | None = None
    keys: int = 0

    @property
    def confirmed(self) -> bool | None:
        """Whether fresh servers agreed in the end; None if none was asked."""
        return self.confirmations[-1].agreed if self.confirmations else None

    def confirmation_words(self) -> str:
        if not self.confirmations:
            return "not held against fresh servers"
        *earlier, last = (confirmation.words() for confirmation in self.confirmations)
        return "; then ".join([*(f"{words}, so the search went on" for words in earlier), last])


def saturate(
    job: Job,
    open_service: OpenService,
    told: Callable[[str], None] = lambda _text: None,
    done: Callable[[Probe], None] = lambda _probe: None,
) -> Found:
    """Search, confirm on two fresh services at the estimate and 5 % above it, estimate again by all probes.

    Where those contradict the estimate, the search goes on from what they said, on one more fresh service, and its new
    estimate is held against two more. If that is contradicted too, it is not confirmed. ``told`` hears what is being
    done, ``done`` each probe. Raises `LabError` if the service died.
    """
    loader = _Loader(job, told)
    with open_service() as service:
        loader.begin(service)
        probes = saturation.search(loader.probe, job.settings, done)
    confirmations = tuple(_confirmations(job, loader, open_service, probes, told, done)) if job.confirm else ()
    low, failing = _to_compare(probes)
    evidence = ({**probe.evidence, "rate_rps": probe.rate_rps} for probe in (low, failing))
    named = bottleneck.name_bottleneck(*evidence)
    return Found(probes, saturation.estimate(probes), confirmations, named, (low, failing), loader.keys)


def document(found: Found) -> dict[str, Any]:
    """What ``saturation.json`` holds."""
    answer = found.saturation
    low, failing = found.compared or (None, None)
    return {
        "rate_rps": answer.rate_rps,
        "low_rps": answer.low_rps,
        "high_rps": answer.high_rps,
        "interval": "from the highest rate that certainly passed to the lowest that certainly failed",
        "binding": answer.binding,
        "confirmed": found.confirmed,
        "confirmation": found.confirmation_words(),
        "confirmations": [confirmation.as_dict() for confirmation in found.confirmations],
        "given_up": saturation.given_up(found.probes),
        "generator_bound": answer.generator_bound,
        "keys": found.keys,
        "resource": {
            "name": found.bottleneck.resource,
            "utilisation": found.bottleneck.utilisation,
            "at_limit": found.bottleneck.at_limit,
            "also": found.bottleneck.also,
            "words": found.bottleneck.words,
            "low_rate_rps": low.rate_rps if low else None,
            "failing_rate_rps": failing.rate_rps if failing else None,
        },
        "curves": [asdict(curve) for curve in answer.curves],
        "promises": [
            tally.as_dict()
            for tally in pooled([probe for probe in heard(found.probes) if probe.rate_rps <= answer.rate_rps])
        ],
        "probes": [probe.as_dict() for probe in found.probes],
    }


class _Loader:
    """Loads one service after another; each window has a seed of its own."""

    def __init__(self, job: Job, told: Callable[[str], None]) -> None:
        self._job = job
        self._told = told
        self._windows = 0
        self._session: Session | None = None
        self.warm_up_rps = min(job.settings.start_rps, job.design.workload.peak_rate_rps)
        warmed = int(job.warm_up_s * self.warm_up_rps)
        self.keys = min(warmed, job.design.test_data.links) or job.design.test_data.links

    def begin(self, service: Service) -> None:
        """Take a fresh service, and ask once for each key that will be asked for: the model's cache is warm too."""
        job = self._job
        self._session = Session(job.design, service, job.seed, job.command, job.study, job.runs_folder)
        if job.warm_up_s > 0:
            ask_once(self._session, self.keys, self.warm_up_rps, self._told)
            self._check_service(self.warm_up_rps)

    def probe(self, rate_rps: float, role: str = PROBE) -> Probe:
        job = self._job
        duration_s = self._duration_s(rate_rps)
        self._told(f"probe {self._windows + 1}: {rate_rps:.0f} requests/s for {duration_s:.0f} s")
        seed = job.seed + _SEED_STEP * (self._windows + 1)
        requests = workload.steady(job.design, "poisson", rate_rps, duration_s, seed, self.keys)
        return self._load(requests, rate_rps, duration_s, role)

    def _load(self, requests: Requests, rate_rps: float, duration_s: float, role: str) -> Probe:
        assert self._session is not None
        self._windows += 1
        run = self._session.window(
            requests,
            seed=self._job.seed + _SEED_STEP * self._windows,
            role=PROBE,
            purpose=role,
            arrival="poisson",
            rate_rps=rate_rps,
            duration_s=duration_s,
        )
        self._check_service(rate_rps)
        slots = self._job.design.reference_deployment.pool_slots * (self._session.service.workers or 1)
        return observe(
            self._job.design, run.requests(), run.json("resources"),
            rate_rps=rate_rps, duration_s=duration_s, slots=slots, role=role, run_id=run.manifest.run_id,
        )  # fmt: skip

    def _check_service(self, rate_rps: float) -> None:
        assert self._session is not None
        if dead := self._session.service.dead():
            raise LabError(
                f"the service died at {rate_rps:.0f} requests/s ({', '.join(dead)} ended): no search goes on"
            )

    def _duration_s(self, rate_rps: float) -> float:
        operations = self._job.design.workload.operations
        busiest = max(operations[name].share for name in self._job.design.slo)
        needed_s = BUSIEST_REQUESTS_MIN / (busiest * rate_rps)
        return max(self._job.probe_s, min(PROBE_S_MAX, needed_s))


def _confirmations(
    job: Job,
    loader: _Loader,
    open_service: OpenService,
    probes: list[Probe],
    told: Callable[[str], None],
    done: Callable[[Probe], None],
) -> Iterator[Confirmation]:
    """Each time that the answer is held against fresh servers; what they measure is appended to ``probes``."""
    for left in reversed(range(CONFIRMATIONS_MAX)):
        answer = saturation.estimate(probes)
        if not (answer.rate_rps > 0 and np.isfinite(answer.high_rps)):
            return
        loader.warm_up_rps = max(loader.warm_up_rps, WARM_UP_SHARE * answer.rate_rps)
        at, above = (_confirm(loader, open_service, answer.rate_rps * by, done) for by in (1.0, CONFIRM_ABOVE))
        confirmation = Confirmation(at, above)
        probes += [*at, *above]
        yield confirmation
        if not confirmation.contradicted:
            return
        if left:
            told(f"{confirmation.words()}; the search goes on")
            with open_service() as service:
                loader.begin(service)
                probes += saturation.search(loader.probe, job.settings, done, known=[*at, *above])


def _confirm(
    loader: _Loader, open_service: OpenService, rate_rps: float, done: Callable[[Probe], None]
) -> tuple[Probe, ...]:
    with open_service() as service:
        loader.begin(service)
        return settle(lambda: loader.probe(rate_rps, CONFIRM), done)


def _to_compare(probes: list[Probe]) -> tuple[Probe, Probe]:
    """The lowest probe and the lowest that fails (or the highest): near saturation, not far beyond it."""
    rates = saturation.by_rate(probes)
    failing = [rate for rate, said in rates.items() if standing(said) is Verdict.FAIL]
    at = min(failing, default=max(rates))
    wanted = [probe for probe in rates[at] if probe.verdict is Verdict.FAIL] or rates[at]
    return rates[min(rates)][0], wanted[-1]
