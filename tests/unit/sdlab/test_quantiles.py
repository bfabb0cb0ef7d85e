"""The quantiles of intervals are those of `scipy.stats`."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sdlab import quantiles
from sdlab.catalog import ROOT

PROBABILITIES = st.sampled_from([0.005, 0.025, 0.05, 0.95, 0.975, 0.995])


@given(PROBABILITIES, st.integers(1, 10_000))
def test_students_t_is_scipys(probability: float, freedom: int) -> None:
    assert quantiles.student_t(probability, freedom) == stats.t.ppf(probability, freedom)


@given(PROBABILITIES, st.integers(1, 10_000), st.integers(1, 10_000))
def test_the_beta_distribution_is_scipys(probability: float, a: int, b: int) -> None:
    assert quantiles.beta(probability, a, b) == stats.beta.ppf(probability, a, b)


@given(PROBABILITIES, st.integers(1, 1_000_000), st.sampled_from([0.5, 0.95, 0.99, 0.999]))
def test_the_binomial_distribution_is_scipys(probability: float, trials: int, share: float) -> None:
    assert quantiles.binomial(probability, trials, share) == stats.binom.ppf(probability, trials, share)


@pytest.mark.parametrize("module", ["sdlab.runs", "simulations.commands", "loadtests.commands", "loadtests.open_loop"])
def test_what_is_slow_to_import_is_imported_only_where_it_is_needed(module: str) -> None:
    slow = "scipy.stats", "scipy.optimize", *(["pandas"] if module == "loadtests.open_loop" else [])
    program = f"import sys, {module}; sys.exit(' '.join(sys.modules.keys() & {set(slow)!r}) or None)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
