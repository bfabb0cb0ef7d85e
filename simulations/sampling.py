"""How a value of each distribution is drawn; compiled, and called by both engines.

A sampler is a pure function of seed, identity and step key, and exact: it transforms uniforms of 52 bits without
approximating the distribution. Where one uniform is enough (all but Erlang, gamma and mixtures) it is taken as the
probability of exceeding the time, so variants that share the numbers move together: the smaller the number, the
longer each one's time. A larger mean of the same shape gives a longer time from the same numbers everywhere.

| distribution | way |
|---|---|
| exponential, uniform, Weibull, Pareto, lognormal, empirical | inversion (lognormal: AS 241) |
| hyperexponential | one uniform picks the branch, the other is inverted |
| Erlang, few stages | minus the logarithm of a product of uniforms, the product cut before it underflows |
| gamma; Erlang, many stages | Marsaglia & Tsang 2000; below shape 1, one of shape + 1 times U^(1/shape) |
| mixture | one uniform of its own picks the part; the part is drawn as if it stood alone |
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulations.distribution_table import (
    CONSTANT,
    EMPIRICAL,
    ERLANG,
    EXPONENTIAL,
    GAMMA,
    HYPEREXPONENTIAL,
    LOGNORMAL,
    MIXTURE,
    PARETO,
    UNIFORM,
    WEIBULL,
    DistributionTable,
    tabulate,
)
from simulations.draws import child_identity, draw, draw_pair
from simulations.elementary import CENTRE, exp, log, normal_quantile, normal_quantile_centre
from simulations.jit import entry_point, kernel, routine, source_digest

__all__ = [
    "DistributionTable",
    "child_identity_of",
    "draw_one",
    "sample",
    "sample_into",
    "sample_many",
    "sample_one",
    "tabulate",
]

# Parts of the draw that no sampler reaches by counting.
_BOOST_PART = 0xFFFFFFFE
_PICK_PART = 0xFFFFFFFF


@kernel
def sample(table: DistributionTable, distribution: int, seed: int, request: int, step: int) -> float:
    """The time, in seconds, that a step of a request takes: a pure function of its arguments."""
    kind = table.kind[distribution]
    first = table.first[distribution]
    if kind == CONSTANT:
        return float(table.parameters[first])
    if kind == EXPONENTIAL:
        return _exponential(draw(seed, request, step), table.parameters[first])
    if kind == EMPIRICAL:
        return _empirical(draw(seed, request, step), table.parameters, first, table.size[distribution] - 1)
    if kind == MIXTURE:
        parts = table.size[distribution] // 2
        picked = _pick(table.parameters, first, draw_pair(seed, request, step, _PICK_PART)[0])
        distribution = int(table.parameters[first + parts + picked])
        kind = table.kind[distribution]
        first = table.first[distribution]
    return _less_common(table.parameters, kind, first, table.size[distribution], seed, request, step)


@kernel
def sample_into(  # noqa: PLR0912 - a loop for each common kind
    table: DistributionTable,
    distribution: int,
    seed: int,
    requests: NDArray[np.int64],
    step: int,
    out: NDArray[np.float64],
) -> None:
    """The times of one step of each of ``requests``: bit by bit what `sample` gives for each.

    The common kinds have loops without a branch, which become SIMD instructions; what needs one (the tails of the
    normal quantile) or reads a table is left to a second loop.
    """
    kind = table.kind[distribution]
    first = table.first[distribution]
    if kind == CONSTANT:
        out[:] = table.parameters[first]
    elif kind == EXPONENTIAL:
        mean_s = table.parameters[first]
        for i in range(out.size):
            out[i] = _exponential(draw(seed, requests[i], step), mean_s)
    elif kind == EMPIRICAL:
        last = table.size[distribution] - 1
        for i in range(out.size):
            out[i] = (1.0 - draw(seed, requests[i], step)) * last
        for i in range(out.size):
            out[i] = _interpolated(out[i], table.parameters, first, last)
    elif kind == WEIBULL:
        scale_s, power = table.parameters[first], table.parameters[first + 1]
        for i in range(out.size):
            out[i] = _weibull(draw(seed, requests[i], step), scale_s, power)
    elif kind == PARETO:
        minimum_s, power = table.parameters[first], table.parameters[first + 1]
        for i in range(out.size):
            out[i] = _pareto(draw(seed, requests[i], step), minimum_s, power)
    elif kind == UNIFORM:
        high_s, width_s = table.parameters[first], table.parameters[first + 1]
        for i in range(out.size):
            out[i] = high_s - draw(seed, requests[i], step) * width_s
    elif kind == LOGNORMAL:
        mu, sigma = table.parameters[first], table.parameters[first + 1]
        for i in range(out.size):
            offset = draw(seed, requests[i], step) - 0.5
            central = exp(mu - sigma * normal_quantile_centre(offset))
            out[i] = central if abs(offset) <= CENTRE else -1.0
        for i in range(out.size):
            if out[i] < 0.0:
                out[i] = _lognormal(draw(seed, requests[i], step), mu, sigma)
    else:
        for i in range(out.size):
            out[i] = sample(table, distribution, seed, requests[i], step)


@routine
def _less_common(  # noqa: PLR0911 - one for each kind
    parameters: NDArray[np.float64], kind: int, first: int, size: int, seed: int, request: int, step: int
) -> float:
    """What need not be inlined into the event loop: for them a call is a small part of the time."""
    if kind == ERLANG:
        return float(_erlang(parameters[first], seed, request, step) * parameters[first + 1])
    if kind == GAMMA:
        return _gamma(parameters, first, seed, request, step)
    u, v = draw_pair(seed, request, step, 0)
    if kind == LOGNORMAL:
        return _lognormal(u, parameters[first], parameters[first + 1])
    if kind == HYPEREXPONENTIAL:
        return _exponential(v, parameters[first + size // 2 + _pick(parameters, first, u)])
    if kind == WEIBULL:
        return _weibull(u, parameters[first], parameters[first + 1])
    if kind == PARETO:
        return _pareto(u, parameters[first], parameters[first + 1])
    if kind == UNIFORM:
        return float(parameters[first] - u * parameters[first + 1])
    if kind == EXPONENTIAL:
        return _exponential(u, parameters[first])
    if kind == EMPIRICAL:
        return _empirical(u, parameters, first, size - 1)
    return float(parameters[first])


@kernel
def _pick(parameters: NDArray[np.float64], first: int, u: float) -> int:
    """The first branch whose cumulative probability is above u."""
    branch = 0
    while u >= parameters[first + branch]:
        branch += 1
    return branch


@kernel
def _exponential(u: float, mean_s: float) -> float:
    return -log(u) * mean_s


@kernel
def _lognormal(u: float, mu: float, sigma: float) -> float:
    return exp(mu - sigma * normal_quantile(u))


@kernel
def _weibull(u: float, scale_s: float, power: float) -> float:
    return exp(log(-log(u)) * power) * scale_s


@kernel
def _pareto(u: float, minimum_s: float, power: float) -> float:
    return exp(-log(u) * power) * minimum_s


@kernel
def _empirical(u: float, quantiles_s: NDArray[np.float64], first: int, last: int) -> float:
    return _interpolated((1.0 - u) * last, quantiles_s, first, last)  # 1 - u is exact: 53 bits behind the point


@kernel
def _interpolated(position: float, quantiles_s: NDArray[np.float64], first: int, last: int) -> float:
    cell = min(int(position), last - 1)
    low = quantiles_s[first + cell]
    return float(low + (position - cell) * (quantiles_s[first + cell + 1] - low))


@kernel
def _erlang(stages: float, seed: int, request: int, step: int) -> float:
    """The sum of so many exponential times of mean 1: a uniform is at least 2^-53, so few uniforms do not underflow."""
    product = 1.0
    for part in range((np.int64(stages) + 1) // 2):
        u, v = draw_pair(seed, request, step, part)
        product *= u
        if 2 * part + 1 < stages:
            product *= v
    return -log(product)


@kernel
def _gamma(parameters: NDArray[np.float64], first: int, seed: int, request: int, step: int) -> float:
    """Rejection from the cube of a normal; each attempt is a part of the draw of its own, at least 95 % succeed."""
    d, c = parameters[first], parameters[first + 1]
    part = 0
    while True:
        u, v = draw_pair(seed, request, step, part)
        part += 1
        x = -normal_quantile(u)
        root = 1.0 + c * x
        if root <= 0.0:
            continue
        cube = root * root * root
        square = x * x
        if v < 1.0 - 0.0331 * square * square or log(v) < 0.5 * square + d * (1.0 - cube + log(cube)):
            break
    value = d * cube * parameters[first + 2]
    power = parameters[first + 3]
    if power == 0.0:
        return float(value)
    return float(value * exp(log(draw_pair(seed, request, step, _BOOST_PART)[0]) * power))


def _entry_points(sources: str):  # type: ignore[no-untyped-def]
    @entry_point
    def sample_one(table, distribution, seed, request, step):  # type: ignore[no-untyped-def]
        sources  # noqa: B018  the cache's key holds the sources
        return sample(table, distribution, seed, request, step)

    @entry_point
    def sample_many(table, distribution, seed, requests, step, out):  # type: ignore[no-untyped-def]
        sources  # noqa: B018
        sample_into(table, distribution, seed, requests, step, out)

    @entry_point
    def draw_one(seed, request, step):  # type: ignore[no-untyped-def]
        sources  # noqa: B018
        return draw(seed, request, step)

    @entry_point
    def child_identity_of(identity, step):  # type: ignore[no-untyped-def]
        sources  # noqa: B018
        return child_identity(identity, step)

    return sample_one, sample_many, draw_one, child_identity_of


sample_one, sample_many, draw_one, child_identity_of = _entry_points(source_digest())
