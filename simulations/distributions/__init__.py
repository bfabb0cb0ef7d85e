"""Distributions of service times and delays, in seconds.

Each is frozen, validates itself, and knows its mean and its squared coefficient of variation (scv = variance / mean²),
which is what queueing formulas ask for. A parameter out of bounds raises `sdlab.errors.InvalidInput`, which names it.
How values are drawn is in `simulations.sampling`.

| scv | to choose from |
|---|---|
| 0 | `Constant` |
| below 1 | `Erlang`, `Gamma`, `Uniform`, `Weibull` of shape above 1 |
| 1 | `Exponential` |
| above 1 | `LogNormal`, `Hyperexponential`, `Gamma` and `Weibull` of shape below 1, `Pareto` |
| as measured | `Empirical`, and `Mixture` of any |
"""

from __future__ import annotations

from simulations.distributions.measured import Empirical
from simulations.distributions.mixed import Hyperexponential, Mixture
from simulations.distributions.simple import Constant, Erlang, Exponential, Gamma, LogNormal, Uniform
from simulations.distributions.tails import Pareto, Weibull

Distribution = (
    Constant
    | Uniform
    | Exponential
    | Erlang
    | Gamma
    | LogNormal
    | Weibull
    | Pareto
    | Hyperexponential
    | Mixture
    | Empirical
)

__all__ = [
    "Constant",
    "Distribution",
    "Empirical",
    "Erlang",
    "Exponential",
    "Gamma",
    "Hyperexponential",
    "LogNormal",
    "Mixture",
    "Pareto",
    "Uniform",
    "Weibull",
]
