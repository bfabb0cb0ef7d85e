"""Run folders with made-up numbers from simple formulas: test data, never to be taken for a measurement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sdlab.arrivals import FloatArray
from sdlab.calibration import Calibration, ClientFloor, Demand
from sdlab.runs import Machine, RunWriter, Validity, new_run, records
from sdlab.summary import summarise
from sdlab.workload import Requests

SLUG = "paste_bin"
STUDY = "synthetic-study"
DESIGN = """
title = "Paste bin <test> & co"
summary = "Made up for tests: 8.64 M requests a day, so 100 a second in the mean and 300 at the peak."
[workload]
requests_per_day = { value = 8_640_000, given = "a round 100 requests/s | in the mean" }
operations.read.share = { value = 0.9, assumed = "mostly <b>read</b>" }
operations.write.share = { value = 0.1, assumed = "the *rest*" }
day_curve.peak_to_mean_ratio = { value = 3.0, given = "three times" }
day_curve.peak_hour_utc = { value = 19.0, assumed = "evening" }
popularity.keys = { value = 1_000_000, derived = "a round million" }
popularity.zipf_exponent = { value = 0.8, published = "see https://example.org/zipf" }
[regions.eu]
share = { value = 0.5, assumed = "half" }
rtt_to_primary_s = { value = 0.0, derived = "the primary is here" }
[regions.us]
share = { value = 0.5, assumed = "half" }
rtt_to_primary_s = { value = 0.1, derived = "far" }
[slo.read]
response_time_s_p99 = { value = 0.050, assumed = "feels instant" }
availability = { value = 0.999, assumed = "three nines" }
[slo.write]
response_time_s_p99 = { value = 0.400, assumed = "waited for once" }
availability = { value = 0.99, assumed = "can be tried again" }
[topology.api]
workers = { value = 2, derived = "one can fail" }
[topology.cache]
workers = { value = 1, derived = "one thread" }
capacity_entries = { value = 10_000, assumed = "1 %" }
eviction = "lru"
[topology.database]
workers = { value = 4, assumed = "four virtual CPUs" }
[topology.janitor]
workers = { value = 1, assumed = "has no price" }
[demands.read]
api_s = { value = 0.002, assumed = "a guess" }
[demands.write]
api_s = { value = 0.004, assumed = "a guess" }
[sizes]
row_bytes = { value = 500, assumed = "half a kilobyte" }
[cost]
api_worker_usd_per_hour = { value = 0.04, assumed = "a price" }
cache_node_usd_per_hour = { value = 0.07, assumed = "a price" }
database_node_usd_per_hour = { value = 0.35, assumed = "a price" }
[reference_deployment]
workers = { value = 1, assumed = "one machine" }
pool_slots = { value = 10, assumed = "ten" }
[test_data]
links = { value = 1000, assumed = "few" }
code_format = "p{rank}"
[trace_methods]
GET = "read"
"""
_OPERATIONS, _REGIONS = ("read", "write"), ("eu", "us")
_MACHINE = Machine(cpu="Test CPU", cores=2, memory_bytes=8 * 2**30, system="TestOS 1", python="3.11.0")


def exponential_times(mean_s: float, count: int = 2000) -> FloatArray:
    """Exactly exponential quantiles in a shuffled order: percentile p is about -mean x ln(1 - p)."""
    quantiles = -mean_s * np.log(1 - (np.arange(count) + 0.5) / count)
    return np.random.default_rng(1).permutation(quantiles)


class SyntheticStudy:
    """Writes run folders under ``runs`` one by one, each a minute after the other."""

    def __init__(self, runs: Path, slug: str = SLUG, design: str | None = DESIGN, study: str | None = STUDY) -> None:
        self.runs, self.slug, self.design, self.study = runs, slug, design, study
        self.made = 0
        self.overrides: list[str] = []

    def run(self, kind: Any, parameters: dict[str, Any], command: str = "./lab run") -> Any:
        self.made += 1
        context = new_run(
            kind,
            self.slug,
            seed=7,
            command=command,
            study=self.study,
            parameters=parameters,
            overrides=self.overrides,
            runs=self.runs,
            run_id=self.name(self.made, kind, parameters),
        )
        return _Prepared(context, self.made, self.design)

    def name(self, number: int, kind: str, parameters: dict[str, Any]) -> str:
        words = [self.study or "loose", f"{number:02d}", kind, str(parameters.get("mode", ""))]
        return "-".join(word for word in words if word)

    def load_test(
        self,
        rate_rps: float,
        times_s: FloatArray,
        *,
        reasons: tuple[str, ...] = (),
        utilisation: float = 0.5,
        role: str | None = "held_out",
        lateness_s: float = 0.0,
        interrupted: bool = False,
        probe_ratio: float = 1.0,
        **parameters: Any,
    ) -> str:
        """A measured window whose i-th request takes ``times_s[i]`` from send to completion.

        ``probe_ratio``: how many times as long as while calibrating the spin probe took.
        """
        duration_s = len(times_s) / rate_rps
        said = {"mode": "open_loop", "rate_rps": rate_rps, "duration_s": duration_s, "workers": 1,
                "calibrated_probe_s": 0.001, **parameters}  # fmt: skip
        with self.run("load_test", said | ({"role": role} if role else {})) as run:
            told = {"app": 0.75 * times_s, "cache": 0.25 * times_s, "cpu": 0.5 * times_s}
            table = _table(rate_rps, times_s, lateness_s, told)
            run.write_requests(table)
            run.write_json("summary", [one.as_dict() for one in summarise(table, duration_s)])
            processes = {"api-1": {"cpu_s": utilisation * duration_s, "utilisation": utilisation, "series": []}}
            processes["postgres"] = {"cpu_s": 1.0, "utilisation": 0.1, "series": []}
            machine = {"cores": 2, "utilisation": (utilisation + 0.1) / 2, "steal_share": 0.001}
            probe = {"median_s": 0.002, "min_s": 0.001 * probe_ratio}
            run.write_json("resources", {"duration_s": duration_s, "processes": processes, "machine": machine,
                                         "spin_probe": {"before": probe, "after": probe}})  # fmt: skip
            run.write_json("generator", {"lateness_s_p50": lateness_s, "lateness_s_p99": lateness_s})
            run.update(validity=Validity(valid=not reasons, reasons=list(reasons)), interrupted=interrupted)
        return str(run.manifest.run_id)

    def replay(
        self,
        run_id: str,
        rate_rps: float,
        times_s: FloatArray,
        utilisation: float = 0.5,
        naive: bool = False,
        judged_s: float | None = None,
    ) -> None:
        """What the model made of a window; ``naive``: with baselines of 10 and, without a steady state, no ms;
        ``judged_s``: the mean over replays of which ``times_s`` are one."""
        said = {"mode": "replay", "replay_of": run_id, "rate_rps": rate_rps, "role": "held_out", "calibration": "abc"}
        with self.run("simulation", said) as run:
            told = {"api-1": 0.5 * times_s, "cache": 0.125 * times_s, "cache wait": 0.125 * times_s,
                    "client": 0.25 * times_s}  # fmt: skip
            run.write_requests(_table(rate_rps, times_s, 0.0, told))
            run.write_json("stations", [_station("api-1", "api", utilisation), _station("database", "database", 0.1)])
            if naive or judged_s is not None:
                cell = {"mm1_s": 0.010, "mg1_s": None} if naive else {"predicted_s": judged_s}
                run.write_json("comparison", dict.fromkeys(("mean", "p50", "p90", "p95", "p99"), cell))

    def block(
        self,
        number: int,
        shares: dict[float, tuple[float, float]],
        *,
        probe_ratio: float = 1.0,
        saturation: float = 500,
    ) -> None:
        """A block's held-out windows: by share of saturation, what each request takes measured and predicted."""
        for share, (measured_s, predicted_s) in shares.items():
            rate_rps = share * saturation
            run_id = self.load_test(rate_rps, np.full(400, measured_s), share=share, block=number, digest="abc",
                                    probe_ratio=probe_ratio)  # fmt: skip
            self.replay(run_id, rate_rps, np.full(400, predicted_s), naive=True)

    def pair(
        self, rate_rps: float, measured_s: float, predicted_s: float, *, reasons: tuple[str, ...] = (), count: int = 400
    ) -> None:
        """A window in which every request takes ``measured_s``, and its replay in which each takes ``predicted_s``."""
        run_id = self.load_test(rate_rps, np.full(count, measured_s), reasons=reasons, utilisation=0.5)
        self.replay(run_id, rate_rps, np.full(count, predicted_s), utilisation=0.4)

    def day(
        self,
        read_p99_s: float = 0.020,
        write_p99_s: float = 0.200,
        availability: float = 1.0,
        requests: int = 8_640_000,
    ) -> None:
        """A day whose worst hour is 19, with the given p99 there and less in the other hours."""
        hours = np.arange(24)
        shape = 0.5 + 0.5 * np.exp(-(((hours - 19) / 4.0) ** 2))
        p99 = {"read": (read_p99_s * shape).tolist(), "write": (write_p99_s * shape).tolist()}
        halves = {name: [value / 2 for value in values] for name, values in p99.items()}
        said = {"mode": "day", "deployment": "design", "requests": requests, "calibration": "abc"}
        busy = {"api": 0.3, "cache": 0.02, "database": 0.1}
        cache = {"name": "cache-eu", "capacity_entries": 10_000, "policy": "lru", "lookups": 1000, "hits": 700}
        breakdown = {
            "operations": list(_OPERATIONS),
            "resources": ["api", "cache", "pool", "database", "network"],
            "wait_s": [[0.0008, 0, 0, 0.0001, 0], [0.0009, 0, 0.0002, 0.0001, 0]],
            "service_s": [[0.0020, 0.0001, 0, 0.0002, 0], [0.004, 0, 0, 0.003, 0.05]],
        }
        rows = [_summary(name, p99.get(name, p99["read"]), availability) for name in ("all", *_OPERATIONS)]
        with self.run("simulation", said, f"./lab simulate {self.slug}") as run:
            run.write_json("summary", rows)
            run.write_json("stations", [_station(f"{t}-{r}", t, u, r) for r in _REGIONS for t, u in busy.items()])
            run.write_json("caches", [{**cache, "hit_ratio": 0.7}])
            run.write_json("breakdown", breakdown)
            run.write_json("hours", {
                "hour": hours.tolist(), "arrival_rate_rps": (300 * shape).tolist(),
                "response_time_s_p50": halves, "response_time_s_p95": halves, "response_time_s_p99": p99,
                "utilisation": {"api": (0.4 * shape).tolist(), "cache": (0.02 * shape).tolist(),
                                "database": (0.1 * shape).tolist()},
                "queue_length_mean": {"api": shape.tolist()}, "hit_ratio": [*[0.7] * 23, None],
            })  # fmt: skip
            run.write_json("checks", [{"law": "Little's law", "station": "api-eu", "left": 2.0, "right": 2.0,
                                       "relative_difference": 0.0, "ok": True}])  # fmt: skip

    def capacity(self, rate_rps: float, deployment: str = "design", search: str | None = None) -> None:
        """The model's highest rate; ``search``: asked as that one of the running service was."""
        probes = [
            {"rate_rps": share * rate_rps, "meets_slos": share <= 1,
             "response_time_s_p99": {"read": 0.04 * share, "write": 0.3 * share}, "utilisation": {"api": 0.9 * share}}
            for share in (0.5, 1.0, 1.05)
        ]  # fmt: skip
        content = {"scope": deployment, "rate_rps": rate_rps, "probes": probes, "saturation_rate_rps": 1.1 * rate_rps,
                   "bottleneck": {"station": "api-eu", "tier": "api", "utilisation": 0.9}}  # fmt: skip
        content |= {"as_searched": {"search": search} if search else None}
        said = {"mode": "capacity", "deployment": deployment, "search": search}
        with self.run("simulation", said, f"./lab capacity {self.slug}") as run:
            run.write_json("capacity", content)

    def curve(self, saturation_rps: float = 600.0, search: str | None = None) -> None:
        """M/M/1 percentiles with a service time of 1 / saturation: -ln(1 - p) S / (1 - utilisation)."""
        rate = np.linspace(0.05, 0.97, 20) * saturation_rps
        mean = 1 / saturation_rps / (1 - rate / saturation_rps)
        content = {"rate_rps": rate, "utilisation": rate / saturation_rps}
        content |= {f"response_time_s_p{p}": -np.log(1 - p / 100) * mean for p in (50, 95, 99)}
        said = {"mode": "latency_curve", "deployment": "reference", "search": search}
        with self.run("simulation", said) as run:
            run.write_json("curve", content)

    def sweep(self) -> None:
        sizes = [100, 1000, 10_000, 100_000, 1_000_000]
        ratio = [0.1, 0.3, 0.55, 0.8, 0.95]
        content = {"capacity_entries": sizes, "policy": "lru", "hit_ratio": ratio, "operation": "read",
                   "response_time_s_p99": [0.03 - 0.02 * hit for hit in ratio],
                   "response_time_s_mean": [0.012 - 0.01 * hit for hit in ratio]}  # fmt: skip
        with self.run("simulation", {"mode": "cache_sweep"}) as run:
            run.write_json("sweep", content)

    def calibration(self, run_ids: list[str] | None = None, *, floor_invalid: tuple[str, ...] = (),
                    **parameters: Any) -> Calibration:  # fmt: skip
        demands = {
            "read": {
                "api": Demand(mean_s=0.0017, quantiles_s=(0.001, 0.0016, 0.004), samples=900),
                "client": Demand(mean_s=0.00024, quantiles_s=(0.0002, 0.00023, 0.0003), samples=900),
            }
        }
        floor = ClientFloor(run_id="y", rate_rps=60, samples=300, mean_s=0.00021, half_width_s=0.00001, p50_s=0.00019,
                            p95_s=0.0004, server_cpu_s=0.00003, lateness_p50_s=0.00006, lateness_p95_s=0.00012,
                            invalid=floor_invalid)  # fmt: skip
        content = Calibration(design=self.slug, run_ids=run_ids or ["x"], commit="c",
                              created_at="2026-01-01T00:00:00+00:00", machine=_MACHINE, rate_rps=60, utilisation=0.1,
                              demands=demands, client_floor=floor)  # fmt: skip
        with self.run("calibration", {"rate_rps": 60, **parameters}, f"./lab calibrate {self.slug}") as run:
            content.save(run.folder / "calibration.toml")
        return content

    def whole(self) -> None:
        """Every part of a study: three held-out loads, the lowest twice, and one INVALID window."""
        self.calibration()
        for rate, invalid in ((150.0, False), (150.0, False), (300.0, False), (450.0, False), (510.0, True)):
            mean_s = 1 / 600 / (1 - rate / 600)
            late = ("the generator was 12 ms late at p99, more than 5 ms",) if invalid else ()
            slower = 1.1 + 0.02 * self.made
            run_id = self.load_test(rate, exponential_times(mean_s * slower), reasons=late, utilisation=rate / 600,
                                    lateness_s=0.0004, share=rate / 600, block=self.made % 2, digest="abc")  # fmt: skip
            self.replay(run_id, rate, exponential_times(mean_s), utilisation=rate / 610, naive=True)
        self.day()
        self.capacity(1260.0)
        self.capacity(520.0, "reference")
        self.curve()
        self.sweep()


class _Prepared:
    """A new run made a known minute of 2026 on a known machine, with the design it was made from."""

    def __init__(self, context: Any, minute: int, design: str | None) -> None:
        self.context, self.minute, self.design = context, minute, design

    def __enter__(self) -> RunWriter:
        writer: RunWriter = self.context.__enter__()
        writer.update(
            created_at=f"2026-01-01T00:{self.minute:02d}:00+00:00", machine=_MACHINE, commit="0123456789abcdef"
        )
        if self.design:
            (writer.folder / "design.toml").write_text(self.design)
        return writer

    def __exit__(self, *error: Any) -> Any:
        return self.context.__exit__(*error)


def _table(
    rate_rps: float, times_s: FloatArray, lateness_s: float, spans: dict[str, FloatArray] | None = None
) -> pd.DataFrame:
    count = len(times_s)
    intended_s = (np.arange(count) + 1) / rate_rps
    operation = (np.arange(count) % 10 == 0).astype(np.int16)  # every tenth is a write
    requests = Requests(
        intended_s, operation, np.zeros(count, np.int64), np.zeros(count, np.int16), _OPERATIONS, _REGIONS
    )
    sent_s = intended_s + lateness_s
    return records(requests, sent_s=sent_s, completed_s=sent_s + times_s, outcome=np.zeros(count, np.int8), spans=spans)


def _station(name: str, tier: str, utilisation: float, region: str = "eu") -> dict[str, Any]:
    return {"name": name, "tier": tier, "region": region, "servers": 1, "utilisation": utilisation,
            "queue_length_mean": utilisation / 2, "queue_length_max": 9, "arrivals": 12345, "wait_s_mean": 0.001,
            "service_s_mean": 0.002}  # fmt: skip


def _summary(name: str, p99_s: list[float], availability: float) -> dict[str, Any]:
    top = max(p99_s)
    return {"operation": name, "requests": 1000, "completed": int(1000 * availability), "rate_rps": 100.0,
            "availability": availability, "response_time_s_mean": top / 4, "response_time_s_p50": top / 5,
            "response_time_s_p95": top / 2, "response_time_s_p99": top, "response_time_s_p99_low": top,
            "response_time_s_p99_high": top, "response_time_s_max": 2 * top}  # fmt: skip
