"""How a value of each distribution is drawn; compiled, and called by both engines.

Every sampler inverts the distribution function where it can (one uniform, so that a larger uniform gives a larger
time and variants with other means stay positively correlated). Erlang and hyperexponential need more uniforms and
take them from further parts of the step's draw.

`DistributionTable` holds distributions as arrays: ``kind[d]``, and ``size[d]`` parameters from ``first[d]`` on in
``parameters``. By kind they are: constant: value; exponential: mean; Erlang: stages, mean of a stage; lognormal: mu,
sigma; hyperexponential: m cumulative probabilities, then m means; empirical: the quantiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulations.distributions import (
    Constant,
    Distribution,
    Empirical,
    Erlang,
    Exponential,
    Hyperexponential,
    LogNormal,
)
from simulations.draws import child_identity, draw, draw_pair
from simulations.jit import entry_point, kernel, source_digest

CONSTANT, EXPONENTIAL, ERLANG, LOGNORMAL, HYPEREXPONENTIAL, EMPIRICAL = range(6)


class DistributionTable(NamedTuple):
    """Distributions laid out flat, as the module's docstring says."""

    kind: NDArray[np.int64]
    first: NDArray[np.int64]
    size: NDArray[np.int64]
    parameters: NDArray[np.float64]


def tabulate(distributions: Sequence[Distribution]) -> DistributionTable:
    """Lay distributions out flat, in their order."""
    rows = [_row(distribution) for distribution in distributions]
    counts = np.array([len(parameters) for _, parameters in rows], dtype=np.int64)
    return DistributionTable(
        np.array([kind for kind, _ in rows], dtype=np.int64),
        np.cumsum(counts) - counts,
        counts,
        np.array([value for _, parameters in rows for value in parameters], dtype=np.float64),
    )


def _row(distribution: Distribution) -> tuple[int, list[float]]:
    match distribution:
        case Constant(value_s):
            return CONSTANT, [value_s]
        case Exponential(mean_s):
            return EXPONENTIAL, [mean_s]
        case Erlang(mean_s, stages):
            return ERLANG, [stages, mean_s / stages]
        case LogNormal():
            return LOGNORMAL, [distribution.mu, distribution.sigma]
        case Hyperexponential(probabilities, means_s):
            cumulative = np.cumsum(probabilities)
            cumulative[-1] = 1.0
            return HYPEREXPONENTIAL, [*cumulative.tolist(), *means_s]
        case Empirical(quantiles_s):
            return EMPIRICAL, list(quantiles_s)


@kernel
def sample(table: DistributionTable, distribution: int, seed: int, request: int, step: int) -> float:
    """The time, in seconds, that a step of a request takes: a pure function of its arguments."""
    kind = table.kind[distribution]
    first = table.first[distribution]
    if kind == CONSTANT:
        return float(table.parameters[first])
    u, v = draw_pair(seed, request, step, 0)
    if kind == EXPONENTIAL:
        return float(-np.log(u) * table.parameters[first])
    if kind == LOGNORMAL:
        return float(np.exp(table.parameters[first] + table.parameters[first + 1] * normal_quantile(u)))
    if kind == EMPIRICAL:
        last = table.size[distribution] - 1
        position = u * last
        cell = min(np.int64(position), last - 1)
        low = table.parameters[first + cell]
        return float(low + (position - cell) * (table.parameters[first + cell + 1] - low))
    if kind == HYPEREXPONENTIAL:
        branches = table.size[distribution] // 2
        branch = 0
        while u >= table.parameters[first + branch]:
            branch += 1
        return float(-np.log(v) * table.parameters[first + branches + branch])
    total = -np.log(u)
    for stage in range(1, np.int64(table.parameters[first])):
        if stage % 2 == 0:
            u, v = draw_pair(seed, request, step, stage // 2)
            total -= np.log(u)
        else:
            total -= np.log(v)
    return float(total * table.parameters[first + 1])


@kernel
def _ratio(x: float, numerator: tuple[float, ...], denominator: tuple[float, ...]) -> float:
    """A ratio of two polynomials in x, coefficients from the highest power down (Horner)."""
    above = 0.0
    for coefficient in numerator:
        above = above * x + coefficient
    below = 0.0
    for coefficient in denominator:
        below = below * x + coefficient
    return above / below


# Coefficients of PPND16, highest power first.
_CENTRE_ABOVE = (
    2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
    1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0,
)  # fmt: skip
_CENTRE_BELOW = (
    5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
    5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0,
)  # fmt: skip
_MIDDLE_ABOVE = (
    7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
    3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0,
)  # fmt: skip
_MIDDLE_BELOW = (
    1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
    6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0,
)  # fmt: skip
_TAIL_ABOVE = (
    2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
    2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0,
)  # fmt: skip
_TAIL_BELOW = (
    2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
    1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0,
)  # fmt: skip


@kernel
def normal_quantile(probability: float) -> float:
    """The standard normal quantile, to about 1e-16 (Wichura 1988, algorithm AS 241, PPND16)."""
    offset = probability - 0.5
    if abs(offset) <= 0.425:
        return offset * _ratio(0.180625 - offset * offset, _CENTRE_ABOVE, _CENTRE_BELOW)
    radius = np.sqrt(-np.log(min(probability, 1.0 - probability)))
    if radius <= 5.0:
        value = _ratio(radius - 1.6, _MIDDLE_ABOVE, _MIDDLE_BELOW)
    else:
        value = _ratio(radius - 5.0, _TAIL_ABOVE, _TAIL_BELOW)
    return -value if offset < 0.0 else value


def _entry_points(sources: str):  # type: ignore[no-untyped-def]
    @entry_point
    def sample_one(table, distribution, seed, request, step):  # type: ignore[no-untyped-def]
        sources  # noqa: B018  the cache's key holds the sources
        return sample(table, distribution, seed, request, step)

    @entry_point
    def draw_one(seed, request, step):  # type: ignore[no-untyped-def]
        sources  # noqa: B018
        return draw(seed, request, step)

    @entry_point
    def child_identity_of(identity, step):  # type: ignore[no-untyped-def]
        sources  # noqa: B018
        return child_identity(identity, step)

    return sample_one, draw_one, child_identity_of


sample_one, draw_one, child_identity_of = _entry_points(source_digest())
