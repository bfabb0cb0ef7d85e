"""The load generator against stock Locust, as ratios from one run, and how late it is at shares of its own maximum.

All load the same null endpoint, in turns, each in a process of its own that keeps to the machine's last core, the
endpoint to its first (on a machine with one core they share it). The first second of a closed loop, and the first half
of one of an open loop's lateness, are left out: connections are made in them. "Flat out" is a closed loop of 10 users
without pauses, or for the open-loop driver a schedule that asks for more than it can send. Below the maximum a core
idles between requests and is woken for each of them, which costs every client much the same: so they are compared at
fixed rates too.

Ratios are those of requests per CPU second, which is what one core carries: on the clock a machine that is shared gives
less than a second of it, and not to all the same.

What is late because the machine was elsewhere is told apart by a control in each round: a process that only looks at
the clock, in the place of the generator, with another one in the place of the endpoint. Of everything, the figure is
the median of the rounds; no round is left out.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.load.metadata import metadata
from benchmarks.load.process import worker
from loadtests import null_endpoint
from sdlab.cores import usable

OURS_CLOSED, OURS_OPEN = "ours, closed loop", "ours, open loop"
STOCK, STOCK_REQUESTS = "stock FastHttpUser", "stock HttpUser"
CLIENTS = {STOCK_REQUESTS: "HttpUser", STOCK: "FastHttpUser", OURS_CLOSED: "ours"}
# The schedule of an open-loop run flat out: of what the closed loop reached, which is cheaper by the recording.
OVERLOAD = 1.1
SHARES = (0.25, 0.5, 0.75)
HALF = 0.5
ARRIVALS = ("constant", "poisson")
RATES_RPS = (200.0, 1000.0)
# What the issue asks of it.
RATIO_MIN, LATENESS_S_P99_MAX = 3.0, 0.001

Advance = Callable[[int | None], None]
Measured = dict[str, Any]


class Plan:
    """Which measurements are made: ``rounds`` of all of them, each of ``seconds``."""

    def __init__(self, *, rounds: int, seconds: float, quick: bool = False) -> None:
        self.rounds, self.seconds = (1, 1.0) if quick else (rounds, seconds)
        self.shares = (HALF,) if quick else SHARES
        self.rates_rps = (RATES_RPS[0],) if quick else RATES_RPS
        self.quick = quick

    @property
    def measurements(self) -> int:
        """How many processes it takes."""
        a_round = len(CLIENTS) + 1 + len(ARRIVALS) * len(self.shares) + 2 * len(self.rates_rps) + 1
        return self.rounds * a_round

    def run(self, advance: Advance) -> dict[str, Any]:
        """Measure all of it; the document says which machine and commit it was, and holds every single measurement."""
        cores = usable() or (0,)
        self._core, self._advance = cores[-1], advance
        places = {"generator": cores[-1], "endpoint": cores[0]}
        bare: dict[str, list[Measured]] = {place: [] for place in places}
        flat_out: dict[str, list[Measured]] = {name: [] for name in (*CLIENTS, OURS_OPEN)}
        lateness: dict[tuple[str, float], list[Measured]] = {(a, s): [] for a in ARRIVALS for s in self.shares}
        paced: dict[tuple[str, float], list[Measured]] = {
            (n, r): [] for r in self.rates_rps for n in (STOCK, OURS_OPEN)
        }
        with null_endpoint.running(core=min(usable(), default=None)) as endpoint:
            self._url = endpoint.url
            for _ in range(self.rounds):
                for name, client in CLIENTS.items():
                    flat_out[name].append(self._closed(client))
                overload_rps = OVERLOAD * rate_rps(flat_out[OURS_CLOSED][-1:])
                flat_out[OURS_OPEN].append(self._open("constant", overload_rps))
                for (arrival, share), found in lateness.items():
                    found.append(self._open(arrival, share * rate_rps(flat_out[OURS_OPEN])))
                for place, one in self._bare(places).items():
                    bare[place].append(one)
                for (name, paced_rps), found in paced.items():
                    is_ours = name == OURS_OPEN
                    found.append(
                        self._open("constant", paced_rps) if is_ours else self._closed(CLIENTS[name], paced_rps)
                    )
        return {
            "metadata": metadata(
                f"generator and endpoint each kept to a core; {self.rounds} rounds of {self.seconds:g} s each; medians",
                cores=places,
                rounds=self.rounds,
                seconds=self.seconds,
                quick=self.quick,
            ),
            "flat_out": [_flat_out(name, found) for name, found in flat_out.items()],
            "lateness": [_lateness(arrival, share, found) for (arrival, share), found in lateness.items()],
            "bare": [_bare(place, found) for place, found in bare.items()],
            "paced": [_paced(name, rate, found) for (name, rate), found in paced.items()],
            "ratios": _ratios(flat_out, paced, lateness),
        }

    def _closed(self, client: str, rate_rps: float | None = None) -> Measured:
        rate = [] if rate_rps is None else ["--rate", rate_rps]
        options = ["--client", client, "--host", self._url, "--seconds", self.seconds, "--core", self._core, *rate]
        self._advance(None)
        return worker("benchmarks.load.closed_users", *options)

    def _open(self, arrival: str, rate_rps: float) -> Measured:
        options = ["--host", self._url, "--seconds", self.seconds, "--core", self._core]
        self._advance(None)
        return worker("benchmarks.load.open_window", *options, "--arrival", arrival, "--rate", f"{rate_rps:.0f}")

    def _bare(self, places: Mapping[str, int]) -> dict[str, Measured]:
        """The control, on all of the cores at once."""
        self._advance(None)
        with ThreadPoolExecutor(len(places)) as pool:
            asked = {
                place: pool.submit(worker, "benchmarks.load.bare_clock", "--seconds", self.seconds, "--core", core)
                for place, core in places.items()
            }
            return {place: found.result() for place, found in asked.items()}


def rate_rps(found: Sequence[Measured]) -> float:
    """Requests a second on the clock, median over the rounds."""
    return float(statistics.median(one["sent"] / one["wall_s"] for one in found))


def per_cpu_s(found: Sequence[Measured]) -> float:
    """Requests a second of the generator's CPU, median over the rounds."""
    return float(statistics.median(one["sent"] / one["cpu_s"] for one in found))


def _flat_out(name: str, found: Sequence[Measured]) -> dict[str, Any]:
    return {"name": name, "rate_rps": rate_rps(found), "requests_per_cpu_s": per_cpu_s(found), "rounds": list(found)}


def _lateness(arrival: str, share: float, found: Sequence[Measured]) -> dict[str, Any]:
    late = {f"lateness_s_p{p}": statistics.median(one[f"lateness_s_p{p}"] for one in found) for p in (50, 90, 99)}
    return {"arrival": arrival, "share": share, "rate_rps": rate_rps(found), **late, "rounds": list(found)}


def _bare(place: str, found: Sequence[Measured]) -> dict[str, Any]:
    return {
        "place": place,
        **{name: statistics.median(one[name] for one in found) for name in found[0]},
        "rounds": found,
    }


def _paced(name: str, rate_rps_: float, found: Sequence[Measured]) -> dict[str, Any]:
    return {"name": name, "rate_rps": rate_rps_, "requests_per_cpu_s": per_cpu_s(found), "rounds": list(found)}


def _ratios(
    flat_out: Mapping[str, Sequence[Measured]],
    paced: Mapping[tuple[str, float], Sequence[Measured]],
    lateness: Mapping[tuple[str, float], Sequence[Measured]],
) -> dict[str, Any]:
    """Each the median of the rounds' own ratios, so that a slow minute of the machine meets both sides."""

    def ratio(
        ours: Sequence[Measured], other: Sequence[Measured], value: Callable[[Sequence[Measured]], float]
    ) -> float:
        return statistics.median(value([a]) / value([b]) for a, b in zip(ours, other, strict=True))

    pairs = {
        "closed_to_stock": (OURS_CLOSED, STOCK),
        "open_to_stock": (OURS_OPEN, STOCK),
        "closed_to_http_user": (OURS_CLOSED, STOCK_REQUESTS),
    }
    return {
        **{name: ratio(flat_out[ours], flat_out[other], per_cpu_s) for name, (ours, other) in pairs.items()},
        "by_round": {
            name: [per_cpu_s([a]) / per_cpu_s([b]) for a, b in zip(flat_out[ours], flat_out[other], strict=True)]
            for name, (ours, other) in pairs.items()
        },
        "paced_to_stock": {
            f"{rate:g}": ratio(found, paced[(STOCK, rate)], per_cpu_s)
            for (name, rate), found in paced.items()
            if name == OURS_OPEN
        },
        "lateness_s_p99_at_half": {
            arrival: statistics.median(one["lateness_s_p99"] for one in lateness[(arrival, HALF)])
            for arrival in ARRIVALS
        },
        "slices_at_half": {arrival: _slices(lateness[(arrival, HALF)]) for arrival in ARRIVALS},
        "asked": {"rate_to_stock_min": RATIO_MIN, "lateness_s_p99_at_half_max": LATENESS_S_P99_MAX},
    }


def _slices(found: Sequence[Measured]) -> dict[str, float]:
    """Of all tenths of a second: how many there were, their median p99, and the share of them that met the bound."""
    late_s = [value for one in found for value in one["lateness_s_p99_of_slices"]]
    met = sum(value < LATENESS_S_P99_MAX for value in late_s)
    return {"count": len(late_s), "lateness_s_p99_median": statistics.median(late_s), "share_met": met / len(late_s)}


def show(console: Console, document: Mapping[str, Any]) -> None:
    """The document on a terminal."""
    ratios = document["ratios"]
    stock = next(row["requests_per_cpu_s"] for row in document["flat_out"] if row["name"] == STOCK)
    table = _table("flat out, on one core", "on the clock, /s", "per CPU s", f"× {STOCK}", "failed")
    for row in document["flat_out"]:
        failed = sum(one["failed"] for one in row["rounds"])
        cells = (
            f"{row['rate_rps']:,.0f}",
            f"{row['requests_per_cpu_s']:,.0f}",
            f"{row['requests_per_cpu_s'] / stock:.2f}",
        )
        table.add_row(row["name"], *cells, f"{failed:,}")
    console.print(table)
    table = _table("lateness, open loop", "of its maximum", "requests/s", "p50 ms", "p90 ms", "p99 ms")
    for row in document["lateness"]:
        late = [f"{row[f'lateness_s_p{p}'] * 1e3:.3f}" for p in (50, 90, 99)]
        table.add_row(row["arrival"], f"{row['share']:.0%}", f"{row['rate_rps']:,.0f}", *late)
    for row in document["bare"]:
        late = [f"{row[f'lateness_s_p{p}'] * 1e3:.3f}" for p in (50, 90, 99)]
        table.add_row(f"the clock only, in place of the {row['place']}", "", "", *late)
    console.print(table)
    table = _table("at a fixed rate", "requests/s", "per CPU s", f"× {STOCK}")
    for row in document["paced"]:
        ratio = ratios["paced_to_stock"][f"{row['rate_rps']:g}"] if row["name"] == OURS_OPEN else 1.0
        table.add_row(row["name"], f"{row['rate_rps']:,.0f}", f"{row['requests_per_cpu_s']:,.0f}", f"{ratio:.2f}")
    console.print(table)
    for sentence in verdicts(document):
        console.print(sentence, soft_wrap=True)


def verdicts(document: Mapping[str, Any]) -> list[str]:
    """What was asked, what was measured."""
    ratios = document["ratios"]
    closed, opened = ratios["closed_to_stock"], ratios["open_to_stock"]
    rate = (
        f"rate on one core to stock FastHttpUser's: {closed:.2f} in a closed loop, {opened:.2f} open-loop with every "
        f"request recorded; asked: at least {RATIO_MIN:g} ({_word(closed >= RATIO_MIN)}, {_word(opened >= RATIO_MIN)})"
    )
    late = [
        f"p99 lateness at half of its maximum, {arrival} arrivals: {late_s * 1e3:.3f} ms, median of the rounds; asked: "
        f"below {LATENESS_S_P99_MAX * 1e3:g} ms ({_word(late_s < LATENESS_S_P99_MAX)}); within a tenth of a second "
        f"{slices['lateness_s_p99_median'] * 1e3:.3f} ms at the median, below the bound in {slices['share_met']:.0%}"
        for arrival, late_s in ratios["lateness_s_p99_at_half"].items()
        for slices in [ratios["slices_at_half"][arrival]]
    ]
    return [rate, *late]


def _word(is_met: bool) -> str:
    return "met" if is_met else "missed"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    return table
