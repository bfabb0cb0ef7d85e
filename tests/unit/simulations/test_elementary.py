"""The draws' own logarithm, exponential and normal quantile against more precise ones."""

from __future__ import annotations

import re

import numba
import numpy as np
import pytest
from scipy.special import ndtri

from simulations.elementary import exp, log, normal_quantile
from simulations.sampling import DistributionTable, sample, sample_into


@numba.njit
def logs(x: np.ndarray) -> np.ndarray:
    values = np.empty_like(x)
    for i in range(x.size):
        values[i] = log(x[i])
    return values


@numba.njit
def exps(x: np.ndarray) -> np.ndarray:
    values = np.empty_like(x)
    for i in range(x.size):
        values[i] = exp(x[i])
    return values


@numba.njit
def normal_quantiles(probabilities: np.ndarray) -> np.ndarray:
    values = np.empty_like(probabilities)
    for i in range(probabilities.size):
        values[i] = normal_quantile(probabilities[i])
    return values


U = np.random.default_rng(1).random(500_000) + 2.0**-53
longer_than_double = pytest.mark.skipif(
    np.finfo(np.longdouble).nmant < 63, reason="needs a longer float to compare with"
)


def units_in_the_last_place(value: np.ndarray, exact: np.ndarray) -> float:
    return float(np.max(np.abs(value - exact) / np.spacing(np.abs(exact.astype(np.float64)))))


@longer_than_double
@pytest.mark.parametrize(
    "x",
    [U, 1 - U * 1e-4, 1 + U * 1e-4, U * 1e-12, 1 - U * 2.0**-40, 2.0 ** (2000 * U - 1000), 0.5**0.5 + (U - 0.5) * 1e-3],
    ids=["0 to 1", "below 1", "above 1", "near 0", "just below 1", "all powers", "at the cut"],
)
def test_the_logarithm_is_within_one_unit_in_the_last_place(x: np.ndarray) -> None:
    assert units_in_the_last_place(logs(x), np.log(x.astype(np.longdouble))) < 1


@longer_than_double
@pytest.mark.parametrize("x", [U, -U, 40 * U, -40 * U, 1416 * U - 708], ids=["0-1", "-1-0", "0-40", "-40-0", "all"])
def test_the_exponential_is_within_one_unit_in_the_last_place(x: np.ndarray) -> None:
    assert units_in_the_last_place(exps(x), np.exp(x.astype(np.longdouble))) < 1


def test_the_functions_know_their_ends() -> None:
    assert logs(np.array([1.0, 2.0**-53, 2.0**-1022])).tolist() == [0.0, np.log(2.0**-53), np.log(2.0**-1022)]
    assert exps(np.array([0.0, -709.0, 710.0])).tolist() == [1.0, 0.0, np.inf]


def test_the_normal_quantile_is_scipys_to_the_last_digits() -> None:
    probabilities = np.concatenate([np.linspace(1e-6, 1 - 1e-6, 10_001), 10.0 ** -np.arange(1, 300)])
    exact = ndtri(probabilities)
    assert np.max(np.abs(normal_quantiles(probabilities) - exact) / np.maximum(1, np.abs(exact))) < 4e-15


def test_the_compiler_contracts_no_multiplication_and_addition_into_one_rounding() -> None:
    """Then the same source gives the same bits wherever it is inlined and on whatever machine."""

    @numba.njit(error_model="numpy")
    def both(table: DistributionTable, seed: int, rows: np.ndarray, out: np.ndarray) -> float:
        sample_into(table, 1, seed, rows, 1, out)
        return sample(table, 0, seed, 0, 1)

    table = DistributionTable(
        np.zeros(2, np.int64), np.zeros(2, np.int64), np.ones(2, np.int64), np.ones(1, dtype=np.float64)
    )
    both(table, 1, np.arange(4), np.empty(4))
    assembly = "".join(both.inspect_asm().values())
    assert "mul" in assembly
    assert not re.search(r"\bv?fn?m(add|sub)", assembly)
