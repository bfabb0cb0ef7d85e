"""One load window: sends requests to a service through the open-loop driver and writes the run folder.

Runs in an ordinary process; the driver (`loadtests.open_loop`), which Locust patches, is a child of it.
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from loadtests import lag, results, schedule
from loadtests.early_abort import Watch
from loadtests.recorder import COMPLETED, CONNECT, CONNECTION_LOST, DROPPED, PENDING, SharedRecords
from loadtests.resources import INTERVAL_S, Sampler, spin_probe_s
from loadtests.service import Service
from loadtests.speed_probe import SpeedProbe, probing
from loadtests.thresholds import Threshold
from sdlab import cores, processes
from sdlab.catalog import ROOT
from sdlab.errors import LabError
from sdlab.processes import Child
from sdlab.runs import Run
from sdlab.spec import Design
from sdlab.workload import Requests

MAX_IN_FLIGHT = 2000
_READY_TIMEOUT_S = 60.0
_LEAD_S = 0.2
_TICK_S = 0.1
_STOP_GRACE_S = 1.2
# A service that has refused every connection for so long is given up.
_REFUSED_S = 2.0
_REFUSED_ANSWERS = 20
# So is a generator this far behind its schedule with so much of it late that its p99 of lateness is lost: at a rate
# beyond what it can send it would go on for as long as that takes, to no end.
_BEHIND_S = 2.0
_BEHIND_SHARE = 0.01


@dataclass(frozen=True)
class Snapshot:
    """How far a window is; ``elapsed_s`` counts from the run's start and goes on through the drain."""

    elapsed_s: float
    duration_s: float
    requests: int
    dispatched: int
    completed: int
    errors: int
    dropped: int

    @property
    def in_flight(self) -> int:
        return self.dispatched - self.completed - self.errors - self.dropped


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a window. ``run`` is what was recorded until then, None if that was nothing."""

    def __init__(self, run: Run | None) -> None:
        super().__init__("interrupted")
        self.run = run


@dataclass(frozen=True)
class Window:
    """What a window is asked to do; see `run_window`."""

    design: Design
    requests: Requests
    service: Service
    seed: int
    generators: int
    max_in_flight: int
    request_timeout_s: float | None
    thresholds: Sequence[Threshold] = ()


def run_window(
    design: Design,
    requests: Requests,
    service: Service,
    *,
    seed: int,
    command: str,
    parameters: Mapping[str, Any] | None = None,
    overrides: Sequence[str] = (),
    study: str | None = None,
    runs: Path | None = None,
    locustfile: Path | None = None,
    generators: int = 1,
    max_in_flight: int = MAX_IN_FLIGHT,
    request_timeout_s: float | None = None,
    samples_min: int | None = None,
    thresholds: Sequence[Threshold] = (),
    progress: Callable[[Snapshot], None] = lambda _snapshot: None,
) -> Run:
    """Send ``requests`` at their times to ``service`` and write a run folder of kind load_test.

    ``command`` makes the run again; ``parameters`` go into its manifest beside what is known here. ``generators``
    processes share the schedule, each with at most ``max_in_flight`` requests at once. ``request_timeout_s`` defaults
    to the locustfile's, ``locustfile`` to the design's. ``samples_min``: see `validity.judge`. ``thresholds`` are
    evaluated at the end; one that aborts ends the load when it is lost (`early_abort`). ``progress`` is called ten
    times a second.

    Returns the run, valid or not; also that of a service that died midway. Raises `Interrupted` on Ctrl-C after what
    was recorded has been kept (a service of ours is then stopping already), `LabError` if the driver cannot start or
    nothing at all was recorded.
    """
    window = Window(design, requests, service, seed, generators, max_in_flight, request_timeout_s, thresholds)
    locustfile = locustfile or ROOT / "loadtests" / design.slug / "locustfile.py"
    load = _Load(window, progress)
    interrupted = False
    try:
        load.run(locustfile)
    except KeyboardInterrupt:
        interrupted = True
        load.incidents.append("interrupted")
        service.ask_to_stop()
    recorded = load.recorded()
    if recorded is None:
        if interrupted:
            raise Interrupted(None)
        raise LabError(load.incidents[0] if load.incidents else "nothing was recorded")
    run = results.write(
        recorded,
        design=design,
        seed=seed,
        command=command,
        parameters={
            "mode": "open_loop",
            "host": service.url,
            "workers": service.workers,
            "links": service.links,
            "generators": generators,
            "cores": service.cores,
            "awake": service.is_awake,
            **({"thresholds": [threshold.text for threshold in thresholds]} if thresholds else {}),
            **(parameters or {}),
        },
        overrides=list(overrides),
        study=study,
        runs=runs,
        samples_min=samples_min,
        interrupted=interrupted,
        thresholds=thresholds,
        lost=load.lost,
    )
    if interrupted:
        raise Interrupted(run)
    return run


class _Load:
    """The driver's processes, the records they share with us, and what was seen while they ran."""

    def __init__(self, window: Window, progress: Callable[[Snapshot], None]) -> None:
        self.incidents: list[str] = []
        self.lost: results.Lost | None = None
        self._window = window
        self._progress = progress
        self._rows = schedule.split(len(window.requests), window.generators)
        self._table: SharedRecords | None = None
        self._sampler: Sampler | None = None
        self._probe_before: dict[str, float] | None = None
        self._probe_after: dict[str, float] | None = None
        self._speed: SpeedProbe | None = None
        self._lag_before: lag.Reading | None = None
        self._lag_after: lag.Reading | None = None
        self._reports: list[dict[str, Any]] = []
        self._refused_since_s: float | None = None

    def run(self, locustfile: Path) -> None:
        window = self._window
        self._table = table = SharedRecords.create(len(window.requests))
        children: list[Child] = []
        with tempfile.TemporaryDirectory(prefix="sdlab-load-") as name:
            folder = Path(name)
            try:
                schedule.write(folder / "schedule.npz", window.requests)
                for part in range(window.generators):  # one by one: what was started must be known to be stopped
                    children += [self._start(part, folder, locustfile)]
                self._wait_until_ready(children)
                self._probe_before = self._probe()
                with self._probing():
                    self._lag_before = self._lag()
                    table.start_monotonic_s = time.monotonic() + _LEAD_S
                    self._watch(children)
                    self._lag_after = self._lag()
                self._probe_after = self._probe()
            finally:
                processes.stop(children, grace_s=_STOP_GRACE_S)
                self._reports = [_read_report(folder / f"report-{part}.json") for part in range(len(children))]
                table.close()

    @contextmanager
    def _probing(self) -> Iterator[None]:
        """Probe the API's core all along, if it has one of its own; of several, the first."""
        placed = self._window.service.cores
        if placed is None:
            yield
            return
        with probing(placed["api"][0]) as self._speed:
            yield

    def _probe(self) -> dict[str, float]:
        """The speed of the API's core, if it has one of its own."""
        placed = self._window.service.cores
        with cores.kept_to(tuple(placed["api"][:1]) if placed else ()):
            return spin_probe_s()

    def _lag(self) -> lag.Reading | None:
        """Of a service of ours. Another's is sent what the schedule says and nothing else."""
        service = self._window.service
        return lag.read(service.url) if service.ready else None

    def recorded(self) -> results.Recorded | None:
        """What there is of the window; None if not one request was dealt with."""
        table = self._table
        if table is None:
            return None
        dealt_with = table.columns["outcome"] != PENDING
        for part, rows in enumerate(self._rows):
            dealt_with[rows[: table.dispatched(part)]] = True
        if not dealt_with.any():
            return None
        resources = self._sampler.result() if self._sampler else {"processes": {}, "machine": {}}
        if self._speed:
            resources["speed"] = self._speed.result(table.start_monotonic_s)
        if lagged := lag.between(self._lag_before, self._lag_after):
            resources["event_loop_lag"] = lagged
        resources["spin_probe"] = {"before": self._probe_before, "after": self._probe_after}
        return results.Recorded(
            self._window.requests, np.flatnonzero(dealt_with), table.columns, resources, self._reports, self.incidents
        )

    def _start(self, part: int, folder: Path, locustfile: Path) -> Child:
        window, table = self._window, self._table
        assert table is not None
        options: dict[str, object] = {
            "locustfile": locustfile,
            "host": window.service.url,
            "schedule": folder / "schedule.npz",
            "records-fd": table.fd,
            "rows": table.rows,
            "report": folder / f"report-{part}.json",
            "seed": window.seed,
            "part": part,
            "parts": window.generators,
            "max-in-flight": window.max_in_flight,
        }
        if window.request_timeout_s is not None:
            options["request-timeout"] = window.request_timeout_s
        arguments = [f"--{name}={value}" for name, value in options.items()]
        return processes.start(
            "the load generator",
            [sys.executable, "-m", "loadtests.open_loop", *arguments],
            log_path=folder / f"generator-{part}.log",
            folder=ROOT,
            stop_signals=(signal.SIGINT,),
            pass_fds=(table.fd,),
        )

    def _wait_until_ready(self, children: Sequence[Child]) -> None:
        assert self._table is not None
        deadline_s = time.monotonic() + _READY_TIMEOUT_S
        while not all(self._table.is_ready(part) for part in range(len(children))):
            for child in children:
                if not child.is_running:
                    raise LabError(f"{child.name} did not start: {child.last_lines(2)}")
            if time.monotonic() > deadline_s:
                raise LabError(f"the load generator was not ready after {_READY_TIMEOUT_S:g} s")
            time.sleep(0.02)

    def _watch(self, children: Sequence[Child]) -> None:
        """Follow the load to its end: progress, samples of the resources, and whether the service lives."""
        table, service = self._table, self._window.service
        assert table is not None
        names = ["generator"] if len(children) == 1 else [f"generator-{n}" for n in range(1, len(children) + 1)]
        pids = dict(service.pids) | dict(zip(names, (child.pid for child in children), strict=True))
        self._sampler = Sampler(pids)
        watch = Watch(self._window.thresholds, self._window.requests)
        start_s = table.start_monotonic_s
        arrivals = self._window.requests.arrival_s
        due = _sampling_times(start_s + float(arrivals[0]), start_s + float(arrivals[-1]))
        while any(child.is_running for child in children):
            now_s = time.monotonic()
            if due and now_s >= due[0]:
                self._sampler.sample()
                due = [at_s for at_s in due if at_s > now_s]
            snapshot = self._snapshot(now_s - start_s)
            self._progress(snapshot)
            if trouble := self._trouble(now_s - start_s):
                self.incidents.append(trouble)
                return
            if lost := watch.lost(table.columns):
                self.lost = results.Lost(lost, now_s - start_s, snapshot.duration_s)
                self._sampler.sample()
                return
            time.sleep(max(0.001, min(_TICK_S, due[0] - time.monotonic() if due else _TICK_S)))
        for child in children:
            if child.popen.returncode != 0:
                self.incidents.append(f"{child.name} ended early: {child.last_lines(2) or child.popen.returncode}")

    def _snapshot(self, elapsed_s: float) -> Snapshot:
        assert self._table is not None
        outcomes = np.bincount(self._table.columns["outcome"] + 1, minlength=7)
        dispatched = sum(self._table.dispatched(part) for part in range(len(self._rows)))
        completed, dropped = int(outcomes[COMPLETED + 1]), int(outcomes[DROPPED + 1])
        errors = int(outcomes[1:].sum()) - completed - dropped
        requests = self._window.requests
        return Snapshot(elapsed_s, requests.duration_s, len(requests), dispatched, completed, errors, dropped)

    def _trouble(self, elapsed_s: float) -> str | None:
        """Why the load should end now, if it should."""
        if dead := self._window.service.dead():
            return f"the service died {elapsed_s:.1f} s into the load ({', '.join(dead)} ended)"
        if behind := self._behind(elapsed_s):
            return behind
        if self._refuses():
            since_s = self._refused_since_s = self._refused_since_s or elapsed_s
            if elapsed_s - since_s > _REFUSED_S:
                return f"the service stopped answering {since_s:.1f} s into the load: connections fail"
        else:
            self._refused_since_s = None
        return None

    def _behind(self, elapsed_s: float) -> str | None:
        """What to say of a generator that cannot send as fast as it should, None of one that can."""
        assert self._table is not None
        arrival_s = self._window.requests.arrival_s
        due = dispatched = 0
        behind_s = 0.0
        for part, rows in enumerate(self._rows):
            sent = self._table.dispatched(part)
            due += int(np.searchsorted(arrival_s[rows], elapsed_s))
            dispatched += sent
            if sent < len(rows):
                behind_s = max(behind_s, elapsed_s - float(arrival_s[rows[sent]]))
        if behind_s < _BEHIND_S or due - dispatched <= _BEHIND_SHARE * len(arrival_s):
            return None
        sent_rps, due_rps = dispatched / elapsed_s, due / elapsed_s
        return (
            f"the generator cannot send that fast: {behind_s:.1f} s behind after {elapsed_s:.1f} s, with "
            f"{sent_rps:,.0f} of {due_rps:,.0f} requests/s sent (lower the rate, or raise --processes)"
        )

    def _refuses(self) -> bool:
        """Whether the last answers were all failed connections."""
        assert self._table is not None
        dispatched = self._table.dispatched(0)
        rows = self._rows[0][max(0, dispatched - 2 * _REFUSED_ANSWERS) : dispatched]
        answered = rows[self._table.columns["outcome"][rows] != PENDING][-_REFUSED_ANSWERS:]
        errors = self._table.columns["error"][answered]
        return bool(errors.size == _REFUSED_ANSWERS and np.isin(errors, (CONNECT, CONNECTION_LOST)).all())


def _sampling_times(first_s: float, last_s: float) -> list[float]:
    """From the first intended start to the last, once an interval; the drain is not load."""
    count = int(max(0.0, last_s - first_s) / INTERVAL_S)
    times = [first_s + step * INTERVAL_S for step in range(count + 1)]
    if last_s - times[-1] > INTERVAL_S / 4 or len(times) == 1:
        times.append(last_s)
    else:
        times[-1] = last_s
    return times


def _read_report(path: Path) -> dict[str, Any]:
    with suppress(OSError, json.JSONDecodeError):
        content: dict[str, Any] = json.loads(path.read_text())
        return content
    return {}
