"""Arrivals at changing rates against the integrals and the closed forms of their laws."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sdlab import varying
from sdlab.arrivals import FloatArray, poisson
from sdlab.errors import InvalidInput
from sdlab.varying import Profile

DURATION_S = 2000.0
PROFILES = {
    "ramp up": varying.ramp(10, 200, DURATION_S),
    "ramp down to nothing": varying.ramp(150, 0, DURATION_S, start_s=200, end_s=1500),
    "step": varying.step(20, 120, 700, DURATION_S),
    "step from nothing": varying.step(0, 60, 1234.5, DURATION_S),
    "flash crowd": varying.flash_crowd(30, 300, at_s=500, rise_s=20, hold_s=300, decay_s=600, duration_s=DURATION_S),
    "flash crowd at once": varying.flash_crowd(30, 300, 500, rise_s=0, hold_s=0, decay_s=600, duration_s=DURATION_S),
    "pause": Profile.of((0, 500, 500, 900, 900), (50, 50, 0, 0, 50), DURATION_S),
}


def integral(profile: Profile, edges: FloatArray) -> FloatArray:
    """Arrivals expected between the edges, by a sum over a fine grid of the rate."""
    fine = np.linspace(0, profile.duration_s, 400_001)
    middle = (fine[:-1] + fine[1:]) / 2
    piece = np.searchsorted(profile.times_s, middle, side="right") - 1
    start, length = profile.times_s[piece], np.diff(profile.times_s)[piece]
    share = (middle - start) / length
    rate = profile.rates_rps[piece] * (1 - share) + profile.rates_rps[piece + 1] * share
    total = np.concatenate([[0.0], np.cumsum(rate * np.diff(fine))])
    return np.diff(np.interp(edges, fine, total))


@pytest.mark.parametrize("name", PROFILES)
def test_arrivals_come_at_the_rate_of_each_bin(name: str) -> None:
    profile = PROFILES[name]
    edges = np.linspace(0, DURATION_S, 81)
    expected = integral(profile, edges)
    counted = np.histogram(profile.arrivals(seed=2), edges)[0]
    assert np.all(counted[expected == 0] == 0)
    busy = expected > 20
    assert stats.chisquare(counted[busy], expected[busy] * counted[busy].sum() / expected[busy].sum()).pvalue > 0.01
    assert abs(counted.sum() - expected.sum()) < 3 * np.sqrt(expected.sum())


@pytest.mark.parametrize("name", PROFILES)
def test_evenly_spaced_arrivals_are_never_one_away_from_what_is_expected(name: str) -> None:
    profile = PROFILES[name]
    edges = np.linspace(0, DURATION_S, 201)
    counted = np.cumsum(np.histogram(profile.arrivals(0, "constant"), edges)[0])
    assert np.max(np.abs(counted - np.cumsum(integral(profile, edges)))) < 1


@pytest.mark.parametrize("name", PROFILES)
def test_after_the_change_of_time_gaps_are_exponential_and_independent(name: str) -> None:
    """What makes it a Poisson process: the integral of the rate up to each arrival has unit exponential gaps."""
    profile = PROFILES[name]
    fine = np.linspace(0, DURATION_S, 400_001)
    passed = np.concatenate([[0.0], np.cumsum(integral(profile, fine))])
    gaps = np.diff(np.interp(profile.arrivals(seed=4), fine, passed))
    assert stats.kstest(gaps, "expon").pvalue > 0.01
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 3 / np.sqrt(gaps.size)


def test_a_profile_of_one_rate_is_the_poisson_process_itself() -> None:
    assert np.allclose(Profile.of((0,), (50,), 100).arrivals(seed=3), poisson(50, 100, seed=3), rtol=1e-12)


def test_a_higher_rate_gives_each_arrival_an_earlier_time() -> None:
    low, high = (varying.flash_crowd(30, peak, 50, 10, 30, 60, 200).arrivals(seed=1) for peak in (200, 300))
    assert high.size > low.size
    assert np.all(high[: low.size] <= low)


times = st.floats(0, 50)
rates = st.floats(0, 100)


@settings(max_examples=300)
@given(st.lists(st.tuples(times, rates), min_size=1, max_size=8), st.floats(0.1, 60), st.integers(0, 2**31))
def test_any_profile_gives_sorted_times_inside_the_run(
    points: list[tuple[float, float]], duration_s: float, seed: int
) -> None:
    points.sort(key=lambda point: point[0])
    at, rate = [point[0] for point in points], [point[1] for point in points]
    if max(rate) == 0:
        return
    profile = Profile.of(at, rate, duration_s)
    drawn = profile.arrivals(seed)
    assert np.all(np.diff(drawn) >= 0)
    assert np.all((drawn >= 0) & (drawn < duration_s))
    assert np.array_equal(drawn, profile.arrivals(seed))
    total = float(profile.expected()[-1])
    assert abs(drawn.size - total) <= 6.5 * np.sqrt(total) + 8


def dispersion(rates_rps: tuple[float, float], sojourns_s: tuple[float, float], window_s: float) -> float:
    """Variance over mean of the arrivals in a window of a two-state MMPP (Fischer & Meier-Hellstern 1993)."""
    (fast, slow), (leave_fast, leave_slow) = rates_rps, (1 / sojourns_s[0], 1 / sojourns_s[1])
    both = leave_fast + leave_slow
    burst = 2 * leave_fast * leave_slow * (fast - slow) ** 2 / (both**2 * (fast * leave_slow + slow * leave_fast))
    return 1 + burst * (1 - (1 - float(np.exp(-both * window_s))) / (both * window_s))


@pytest.mark.parametrize(
    ("rates_rps", "sojourns_s"), [((40.0, 5.0), (2.0, 6.0)), ((100.0, 0.0), (0.5, 1.0)), ((20.0, 20.0), (1.0, 1.0))]
)
def test_the_dispersion_of_an_mmpp_is_the_closed_form(
    rates_rps: tuple[float, float], sojourns_s: tuple[float, float]
) -> None:
    duration_s = 200_000.0
    drawn = varying.mmpp(rates_rps, sojourns_s, duration_s, seed=7).arrivals(seed=7)
    for window_s in (0.5, 5.0, 100.0):
        counted = np.bincount((drawn / window_s).astype(np.int64), minlength=round(duration_s / window_s))
        groups = counted.reshape(20, -1)  # long ones, so their variances are independent and give the error
        measured = groups.var(axis=1, ddof=1) / counted.mean()
        error = measured.std(ddof=1) / np.sqrt(20)
        exact = dispersion(rates_rps, sojourns_s, window_s)
        assert abs(measured.mean() - exact) < 4 * error
        assert error < 0.06 * exact


def test_an_mmpp_of_three_states_spends_its_time_by_their_sojourns() -> None:
    profile = varying.mmpp((1.0, 2.0, 3.0), (1.0, 2.0, 5.0), 200_000.0, seed=5)
    lengths = np.diff(profile.times_s)
    shares = [lengths[profile.rates_rps[:-1] == rate].sum() / 200_000 for rate in (1.0, 2.0, 3.0)]
    assert shares == pytest.approx([1 / 8, 2 / 8, 5 / 8], abs=0.01)
    assert profile.expected()[-1] / 200_000 == pytest.approx(1 / 8 + 4 / 8 + 15 / 8, rel=0.01)


def test_an_mmpp_begins_in_equilibrium() -> None:
    first = [varying.mmpp((1.0, 2.0), (1.0, 3.0), 1.0, seed).rates_rps[0] for seed in range(2000)]
    assert abs(first.count(1.0) / 2000 - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 2000)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Profile.of((), (), 1), "times_s"),
        (lambda: Profile.of((1, 0), (1, 1), 1), "times_s"),
        (lambda: Profile.of((-1,), (1,), 1), "times_s"),
        (lambda: Profile.of((0,), (0,), 1), "rates_rps"),
        (lambda: Profile.of((0,), (float("nan"),), 1), "rates_rps"),
        (lambda: Profile.of((0,), (1,), 0), "duration"),
        (lambda: Profile.of((0,), (1,), 1).arrivals(1, "even"), "spacing"),
        (lambda: varying.ramp(1, -1, 10), "to_rps"),
        (lambda: varying.ramp(1, 2, 10, start_s=5, end_s=5), "end_s"),
        (lambda: varying.step(1, 2, -1, 10), "at_s"),
        (lambda: varying.flash_crowd(10, 5, 1, 1, 1, 1, 10), "peak_rps"),
        (lambda: varying.flash_crowd(10, 50, 1, -1, 1, 1, 10), "rise_s"),
        (lambda: varying.mmpp((1.0,), (1.0,), 10), "sojourns_s"),
        (lambda: varying.mmpp((1.0, 2.0), (1.0, 0.0), 10), "sojourns_s"),
        (lambda: varying.mmpp((1.0, 2.0), (1e-9, 1e-9), 10), "sojourns_s"),
        (lambda: varying.mmpp((-1.0, 2.0), (1.0, 1.0), 10), "rates_rps"),
    ],
)
def test_an_argument_out_of_bounds_is_refused_by_name(make: Callable[[], object], field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        make()
    assert error.value.field == field
