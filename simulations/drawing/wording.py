"""Short words for labels: times, distributions, counts, and names of several alike."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence

from simulations.distributions import Constant, Distribution, Empirical, Erlang


def seconds(value_s: float) -> str:
    """Three digits with the unit that suits: 1.5 ms, 20 µs, 30 s, 5 min, 2 h."""
    if value_s == 0:
        return "0 s"
    if math.isinf(value_s):
        return "∞"
    units = ((3600.0, "h", 7200.0), (60.0, "min", 120.0), (1.0, "s", 1.0), (1e-3, "ms", 1e-3), (1e-6, "µs", 0.0))
    unit_s, name = next((unit_s, name) for unit_s, name, least_s in units if value_s >= least_s)
    return f"{value_s / unit_s:.3g} {name}"


def number(value: float) -> str:
    """Three digits: 950, 1.2 k, 50 M."""
    for size, name in ((1e9, " G"), (1e6, " M"), (1e4, " k")):
        if value >= size:
            return f"{value / (1e3 if name == ' k' else size):.3g}{name}"
    return f"{value:,.4g}"


def percent(share: float) -> str:
    """0.724 as "72 %"; two digits."""
    return f"{100 * share:.2g} %" if 0 < share < 0.0995 else f"{100 * share:.0f} %"


SHORT = {"Exponential": "exp", "Hyperexponential": "hyperexp", "LogNormal": "lognormal", "Empirical": "measured"}


def time(distribution: Distribution) -> str:
    """A distribution in two words: "exp 3 ms", with its mean."""
    mean = seconds(distribution.mean_s)
    match distribution:
        case Constant():
            return mean
        case Erlang():
            return f"Erlang-{distribution.stages} {mean}"
        case Empirical():
            return f"measured {mean}"
    name = type(distribution).__name__
    return f"{SHORT.get(name, name.lower())} {mean}"


def times(distributions: Sequence[Distribution]) -> str:
    """One text for times that stand for each other: "49 ms to 78 ms" if they differ."""
    ordered = sorted({time(d): d.mean_s for d in distributions}.items(), key=lambda item: item[1])
    return ordered[0][0] if len(ordered) == 1 else f"{ordered[0][0]} to {ordered[-1][0]}"


def alike(names: Iterable[str]) -> str:
    """One name for several that differ in one part: "database-*" for database-us and database-ap."""
    unique = list(dict.fromkeys(names))
    if len(unique) == 1:
        return unique[0]
    parts = [re.split(r"([-_ .])", name) for name in unique]
    if len({len(part) for part in parts}) == 1:
        merged = ["*" if len(set(at)) > 1 else at[0] for at in zip(*parts, strict=True)]
        if merged.count("*") < (len(merged) + 1) / 2:
            return "".join(merged)
    return ", ".join(unique) if len(unique) <= 2 else f"{unique[0]} … {unique[-1]}"


def grouped(names: Sequence[str]) -> str:
    """The name of several identical ones: "api × 20"."""
    if len(names) == 1:
        return names[0]
    stem = "".join(_common(names)).rstrip("-_ .0123456789")
    return f"{stem or f'{names[0]} …'} × {len(names)}"


def _common(names: Sequence[str]) -> Iterator[str]:
    """The characters with which all begin."""
    for characters in zip(*names, strict=False):
        if len(set(characters)) > 1:
            return
        yield characters[0]
