"""Random times for generated models: whole seconds, and with them ties, more often than not."""

from __future__ import annotations

from random import Random

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


def time(r: Random) -> Distribution:
    """Any service time or delay, 0 included."""
    return Constant(float(r.randint(0, 3))) if r.random() < 0.6 else _continuous(r, 0.01)


def time_above_zero(r: Random) -> Distribution:
    """A time that keeps what repeats itself (a user's thinking, a breakdown) from doing so at one instant."""
    return Constant(float(r.randint(1, 5))) if r.random() < 0.6 else _continuous(r, 1.0)


def continuous_time(r: Random) -> Distribution:
    """A service time that makes no ties, but for the whole seconds inside some mixtures."""
    return _continuous(r, 0.01)


def seconds(r: Random, low: int, high: int) -> float:
    """A number of seconds, a whole one more often than not."""
    return float(r.randint(low, high)) if r.random() < 0.6 else r.uniform(low, high)


def _continuous(r: Random, least_mean_s: float) -> Distribution:  # noqa: PLR0911  one a kind
    mean_s = r.uniform(least_mean_s, least_mean_s + 3)
    p = r.random()
    match r.randrange(14):
        case 0:
            return Erlang(mean_s, r.randint(1, 6))
        case 1:
            return LogNormal(mean_s, r.uniform(0, 2))
        case 2:
            return Hyperexponential((p, 1 - p), (mean_s / 3, mean_s))
        case 3:
            return Empirical(tuple(sorted(r.uniform(0, 2 * mean_s) for _ in range(r.randint(2, 6)))))
        case 4:
            return Uniform(mean_s * p, mean_s * (2 - p))
        case 5:
            return Gamma(mean_s, r.uniform(0.3, 4))
        case 6:
            return Weibull(mean_s, r.uniform(0.5, 3))
        case 7:
            return Pareto(mean_s, r.uniform(1.5, 4))
        case 8:
            return Mixture((p, 1 - p), (Constant(float(r.randint(0, 2))), Exponential(mean_s)))
    return Exponential(mean_s)
