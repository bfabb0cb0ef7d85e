"""Distributions as flat arrays, which is how compiled code reads them.

Row d has the kind ``kind[d]``, and ``size[d]`` parameters from ``first[d]`` on in ``parameters``; what they are stands
in `_row`. The parts of mixtures are rows after those of the distributions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdlab.errors import InvalidInput
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

KINDS = 11
(
    CONSTANT, EXPONENTIAL, EMPIRICAL, UNIFORM, LOGNORMAL, WEIBULL, PARETO, HYPEREXPONENTIAL, ERLANG, GAMMA, MIXTURE,
) = range(KINDS)  # fmt: skip

# Up to here a product of uniforms is cheaper than a gamma's normal and its acceptance (benchmarks/draws.py).
_ERLANG_BY_PRODUCT = 4


class DistributionTable(NamedTuple):
    """Distributions laid out flat, as the module says."""

    kind: NDArray[np.int64]
    first: NDArray[np.int64]
    size: NDArray[np.int64]
    parameters: NDArray[np.float64]


def tabulate(distributions: Sequence[Distribution]) -> DistributionTable:
    """Lay distributions out flat, in their order; then the parts of mixtures."""
    rows: list[tuple[int, list[float]]] = []
    parts: list[Distribution] = []
    for distribution in distributions:
        if isinstance(distribution, Mixture):
            flat = list(distribution.flat())
            numbers = range(len(distributions) + len(parts), len(distributions) + len(parts) + len(flat))
            rows.append((MIXTURE, [*_cumulative([p for p, _ in flat]), *map(float, numbers)]))
            parts += [part for _, part in flat]
        else:
            rows.append(_row(distribution))
    rows += [_row(part) for part in parts]
    counts = np.array([len(parameters) for _, parameters in rows], dtype=np.int64)
    return DistributionTable(
        np.array([kind for kind, _ in rows], dtype=np.int64),
        np.cumsum(counts) - counts,
        counts,
        np.array([value for _, parameters in rows for value in parameters], dtype=np.float64),
    )


def _cumulative(probabilities: Sequence[float]) -> list[float]:
    """Cumulative probabilities; from the last that can occur on they are 1, whatever rounding left."""
    cumulative = np.cumsum(probabilities)
    cumulative[np.flatnonzero(probabilities)[-1] :] = 1.0
    return [float(value) for value in cumulative]


def _row(distribution: Distribution) -> tuple[int, list[float]]:  # noqa: PLR0911 - one line for each kind
    match distribution:
        case Constant(value_s):
            return CONSTANT, [value_s]
        case Uniform(low_s, high_s):
            return UNIFORM, [high_s, high_s - low_s]
        case Exponential(mean_s):
            return EXPONENTIAL, [mean_s]
        case Erlang(mean_s, stages) if stages <= _ERLANG_BY_PRODUCT:
            return ERLANG, [stages, mean_s / stages]
        case Erlang(mean_s, shape) | Gamma(mean_s, shape):
            return GAMMA, _gamma_parameters(mean_s, shape)
        case LogNormal():
            return LOGNORMAL, [distribution.mu, distribution.sigma]
        case Weibull():
            return WEIBULL, [distribution.scale_s, 1 / distribution.shape]
        case Pareto():
            return PARETO, [distribution.minimum_s, 1 / distribution.alpha]
        case Hyperexponential(probabilities, means_s):
            return HYPEREXPONENTIAL, [*_cumulative(probabilities), *means_s]
        case Empirical(quantiles_s) if len(set(quantiles_s)) == 1:
            return CONSTANT, [quantiles_s[0]]  # exactly what interpolation would give
        case Empirical(quantiles_s):
            return EMPIRICAL, list(quantiles_s)
    raise InvalidInput("distribution", distribution, "must be one of simulations.distributions")


def _gamma_parameters(mean_s: float, shape: float) -> list[float]:
    """Marsaglia & Tsang's d and c, the mean over the shape, and the power of the boost (0 for none)."""
    d = (shape if shape >= 1 else shape + 1) - 1 / 3
    return [d, 1 / float(np.sqrt(9 * d)), mean_s / shape, 0.0 if shape >= 1 else 1 / shape]
