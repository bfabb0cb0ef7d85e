"""A saturation search as its run folder tells it, and its figure."""

from __future__ import annotations

import math
import statistics

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter
from pydantic import BaseModel, ConfigDict, Field

from reports import files, style
from reports import numbers as n
from reports.collect import Study
from reports.files import Number
from reports.style import AMBER, BLUE, GREEN, GREY, INK, MUTED, ORANGE, PAPER, PURPLE, Figure

VERDICTS = {
    "pass": ("passes", GREEN, "o"),
    "fail": ("fails", ORANGE, "X"),
    "inconclusive": ("cannot tell", AMBER, "D"),
    "void": ("void", GREY, "s"),
}
CONFIRMATION = "confirmation"
_RESOURCES = 5


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Tally(_Part):
    """How many requests broke one promise in one window, with the exact 95 % interval of their share."""

    name: str
    broken: int
    count: int
    share: Number
    share_low: float
    share_high: float
    allowed: float


class EventLoopLag(_Part):
    """How late the service's event loop was at random instants; NaN for a percentile of too few of them."""

    count: int
    mean_s: float
    p90_s: Number = float("nan")
    p99_s: Number = float("nan")


class SaturationProbe(_Part):
    """One window of the search."""

    rate_rps: float
    verdict: str = Field(pattern="^(pass|fail|inconclusive|void)$")
    reasons: list[str] = Field(default_factory=list)
    role: str = "search"
    run_id: str | None = None
    tallies: list[Tally] = Field(default_factory=list)
    response_time_s_p99: dict[str, Number] = Field(default_factory=dict)
    utilisation: dict[str, Number] = Field(default_factory=dict)
    event_loop_lag: EventLoopLag | None = None

    def tally(self, name: str | None) -> Tally | None:
        return next((one for one in self.tallies if one.name == name and one.count), None)


class SaturationCurve(_Part):
    """A promise over all rates, fitted so that it never falls."""

    name: str
    allowed: float
    rate_rps: list[float]
    weight: list[float]
    fitted: list[float]


class Resource(_Part):
    """The resource that saturated; ``name`` is None if none was near its limit."""

    name: str | None = None
    utilisation: Number = float("nan")
    words: str = ""
    low_rate_rps: Number = float("nan")
    failing_rate_rps: Number = float("nan")


class Saturation(_Part):
    """saturation.json; ``high_rps`` is NaN if no rate certainly failed.

    ``confirmation`` is what fresh servers said, ``given_up`` the rates that void probes left undecided: in words.
    """

    rate_rps: float
    low_rps: float
    high_rps: Number = float("nan")
    binding: str | None = None
    confirmed: bool | None = None
    confirmation: str = "not held against fresh servers"
    given_up: str | None = None
    generator_bound: bool = False
    resource: Resource
    curves: list[SaturationCurve] = Field(default_factory=list)
    probes: list[SaturationProbe] = Field(min_length=1)

    @property
    def drawn(self) -> str | None:
        """The promise to draw: that which is broken first, else the first there is."""
        names = [tally.name for probe in self.probes for tally in probe.tallies]
        return self.binding if self.binding in names else next(iter(names), None)


def searches(study: Study) -> list[Saturation]:
    """The study's searches, oldest first. Raises `InvalidInput` for a broken file."""
    return [found for run in study.searches() if (found := files.read(run, "saturation", Saturation))]


def figure(found: Saturation, model_rps: float | None) -> Figure:
    """Each probe's share of requests over the limit, with its interval, above what each resource was used."""

    def paint(canvas: Canvas, narrow: bool) -> None:
        upper, lower = canvas.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        _shares(upper, found)
        _utilisation(lower, found, narrow)
        for axes in (upper, lower):
            if math.isfinite(found.high_rps):
                axes.axvspan(found.low_rps, found.high_rps, color=BLUE, alpha=0.13, linewidth=0)
            axes.axvline(found.rate_rps, color=BLUE, linewidth=1.3)
            if model_rps:
                axes.axvline(model_rps, color=INK, linewidth=1.2, linestyle=(0, (1, 2)))
        lower.set_xlabel("arrival rate (requests/s)")
        canvas.legend(
            handles=_handles(found, model_rps), loc="outside lower center", ncols=2 if narrow else 4, frameon=False,
            fontsize=8.5,
        )  # fmt: skip

    return style.draw(
        "saturation",
        alt=_alt(found, model_rps),
        caption=f"Above: share of {found.drawn}, each window with its exact 95 % binomial interval (a share of 0 is "
        "drawn at half a request); the dashed line is the share allowed; hollow marks are fresh servers. Band: from "
        "the highest rate that certainly passed to the lowest that certainly failed. Below: each resource's use, of "
        "its own limit.",
        paint=paint,
        heights=(5.0, 5.6),
    )


def _shares(axes: Axes, found: Saturation) -> None:
    axes.set_yscale("log")
    for probe in found.probes:
        tally = probe.tally(found.drawn)
        if tally is None:
            continue
        _, colour, marker = VERDICTS[probe.verdict]
        floor = 50 / tally.count
        share, low, high = (100 * value for value in (tally.share, tally.share_low, tally.share_high))
        share = max(share, floor)
        axes.errorbar(probe.rate_rps, share, yerr=[[share - max(low, floor / 2)], [high - share]], fmt=marker,
                      color=colour, markersize=6, markeredgewidth=1, elinewidth=1.2, capsize=2.5, zorder=3,
                      markerfacecolor=PAPER if probe.role == CONFIRMATION else colour)  # fmt: skip
    for curve in (one for one in found.curves if one.name == found.drawn):
        fitted = [100 * max(y, 0.5 / weight) for y, weight in zip(curve.fitted, curve.weight, strict=True)]
        axes.plot(curve.rate_rps, fitted, color=GREY, linewidth=1, zorder=1)
        axes.axhline(100 * curve.allowed, color=PURPLE, linewidth=1.2, linestyle=(0, (5, 3)), zorder=1)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_title(f"Share of {found.drawn} (%, log scale)")


def _utilisation(axes: Axes, found: Saturation, narrow: bool) -> None:
    probes = sorted(found.probes, key=lambda probe: probe.rate_rps)
    peaks = {name: max(p.utilisation.get(name, 0.0) for p in probes) for p in probes for name in p.utilisation}
    shown = sorted(peaks, key=lambda name: -peaks[name])[:_RESOURCES]
    ends = []
    for name, colour in zip(shown, (ORANGE, GREEN, PURPLE, AMBER, GREY), strict=False):
        used: dict[float, list[float]] = {}
        for probe in (one for one in probes if name in one.utilisation):
            used.setdefault(probe.rate_rps, []).append(100 * probe.utilisation[name])
            axes.plot(probe.rate_rps, used[probe.rate_rps][-1], color=colour, marker="o", markersize=3)
        medians = [statistics.median(values) for values in used.values()]
        axes.plot(list(used), medians, color=colour, linewidth=1.3)
        ends.append((medians[-1], name, colour))
    axes.set_ylim(0, max(105.0, axes.get_ylim()[1]))
    axes.set_title("Utilisation (% of its limit)")
    style.label_ends(axes, ends, room=0.13 if narrow else 0.11)


def _handles(found: Saturation, model_rps: float | None) -> list[Line2D]:
    seen = {probe.verdict for probe in found.probes}
    handles = [
        Line2D([], [], marker=marker, linestyle="none", color=colour, markersize=6, label=words)
        for verdict, (words, colour, marker) in VERDICTS.items() if verdict in seen
    ]  # fmt: skip
    handles += [
        Line2D([], [], color=GREY, linewidth=1, label="isotonic regression"),
        Line2D([], [], color=BLUE, linewidth=1.3, label=f"measured {n.significant(found.rate_rps, 4)}/s"),
    ]
    if model_rps:
        words = f"model {n.significant(model_rps, 4)}/s"
        handles.append(Line2D([], [], color=INK, linewidth=1.2, linestyle=(0, (1, 2)), label=words))
    return handles or [Line2D([], [], color=MUTED)]


def _alt(found: Saturation, model_rps: float | None) -> str:
    parts = [f"The highest rate within the SLOs was measured as {n.rate(found.rate_rps)}, {interval(found)}."]
    for probe in sorted(found.probes, key=lambda one: one.rate_rps):
        tally = probe.tally(found.drawn)
        share = f", {n.percent(tally.share)} of {tally.name}" if tally else ""
        parts.append(f"{n.significant(probe.rate_rps, 4)}/s {VERDICTS[probe.verdict][0]}{share}.")
    return " ".join([*parts, f"The model's answer is {n.rate(model_rps)}." if model_rps else ""]).strip()


def interval(found: Saturation) -> str:
    """ "between 1,520 and 1,650", as far as it is known."""
    if math.isfinite(found.high_rps):
        return f"between {n.significant(found.low_rps, 4)} and {n.significant(found.high_rps, 4)}"
    return f"at least {n.significant(found.low_rps, 4)}; no higher rate certainly failed"
