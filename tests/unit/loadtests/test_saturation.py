"""The search for saturation, on services made of a formula: it knows nothing else of what it probes."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from loadtests.confirmation import Confirmation, settle
from loadtests.probes import Probe, Tally
from loadtests.saturation import REPEATS_MAX, VOIDS_MAX, Settings, by_rate, estimate, given_up, search
from sdlab.errors import InvalidInput

PROBE_S = 10.0


def mm1_share_over(rate_rps: float, service_rps: float, limit_s: float) -> float:
    """P(R > limit) of M/M/1: exp(-(mu - lambda) limit); 1 beyond saturation."""
    return math.exp(-max(0.0, service_rps - rate_rps) * limit_s)


def mm1(service_rps: float, limit_s: float, seed: int | None = None) -> Callable[[float], Probe]:
    """An M/M/1 service; with a seed what is counted is drawn, without it is expected."""
    random = np.random.default_rng(seed)

    def probe(rate_rps: float) -> Probe:
        count = round(rate_rps * PROBE_S)
        share = mm1_share_over(rate_rps, service_rps, limit_s)
        broken = round(count * share) if seed is None else int(random.binomial(count, share))
        faults = ("achieved too little",) if rate_rps > 1.02 * service_rps else ()
        return Probe(rate_rps, (Tally("read over 50 ms", broken, count, 0.01),), faults)

    return probe


def saturation_of_mm1(service_rps: float, limit_s: float) -> float:
    return service_rps + math.log(0.01) / limit_s


def step(
    at_rps: float, *, faults: tuple[str, ...] = (), generator_faults: tuple[str, ...] = ()
) -> Callable[[float], Probe]:
    """A service that keeps every promise up to a rate, and has these faults beyond it."""

    def probe(rate_rps: float) -> Probe:
        tallies = (Tally("read over 50 ms", 0, 5000, 0.01),)
        return Probe(rate_rps, tallies, faults, generator_faults) if rate_rps > at_rps else Probe(rate_rps, tallies)

    return probe


@pytest.mark.parametrize("start_rps", [10.0, 347.0, 5000.0])
def test_the_rate_of_a_queue_that_theory_knows_is_found_from_below_and_from_above(start_rps: float) -> None:
    found = estimate(search(mm1(600.0, 0.05), Settings(start_rps)))
    truth_rps = saturation_of_mm1(600.0, 0.05)
    assert found.rate_rps == pytest.approx(truth_rps, rel=0.01)
    assert found.low_rps <= truth_rps <= found.high_rps
    assert found.binding == "read over 50 ms"


def test_noisy_counts_do_not_lead_astray() -> None:
    """Twenty searches on drawn counts: within the promised precision, and the interval holds the truth."""
    truth_rps = saturation_of_mm1(600.0, 0.05)
    found = [estimate(search(mm1(600.0, 0.05, seed), Settings(300.0))) for seed in range(20)]
    assert all(one.rate_rps == pytest.approx(truth_rps, rel=0.04) for one in found)
    assert sum(one.low_rps <= truth_rps <= one.high_rps for one in found) >= 19


def test_a_window_that_a_stall_spoilt_is_probed_again() -> None:
    good = step(1000.0, faults=("achieved too little",))
    stalled: list[float] = []

    def probe(rate_rps: float) -> Probe:
        if rate_rps == 800.0 and not stalled:
            stalled.append(rate_rps)
            return Probe(rate_rps, (Tally("read over 50 ms", 90, 5000, 0.01),))
        return good(rate_rps)

    probes = search(probe, Settings(100.0))
    assert stalled
    assert len(by_rate(probes)[800.0]) >= 2
    assert estimate(probes).rate_rps == pytest.approx(1000.0, rel=0.04)


def test_what_cannot_be_told_is_asked_three_times_at_most() -> None:
    def undecided(rate_rps: float) -> Probe:
        return Probe(rate_rps, (Tally("read over 50 ms", 50 if rate_rps > 200 else 0, 5000, 0.01),))

    probes = search(undecided, Settings(200.0, max_rps=400.0))
    assert [probe.rate_rps for probe in probes] == [200.0, *[400.0] * REPEATS_MAX]


def spoilt(rate_rps: float) -> Probe:
    return Probe(rate_rps, (), generator_faults=("other processes used 9% of the machine",))


def test_void_probes_take_no_repeat_from_a_rate() -> None:
    """At 400/s two windows are spoilt and three cannot tell: all three that count are had, in whatever order."""
    at_400 = iter([False, True, True, False, False])

    def probe(rate_rps: float) -> Probe:
        if rate_rps == 400.0 and next(at_400):
            return spoilt(rate_rps)
        return Probe(rate_rps, (Tally("read over 50 ms", 50 if rate_rps == 400.0 else 0, 5000, 0.01),))

    probes = search(probe, Settings(200.0, max_rps=400.0))
    assert [str(said.verdict) for said in by_rate(probes)[400.0]] == [
        "inconclusive", "void", "void", "inconclusive", "inconclusive"
    ]  # fmt: skip
    assert given_up(probes) is None


def test_the_end_of_the_bracket_is_asked_again_although_a_void_probe_went_before() -> None:
    """One probe alone must not stand for it, whether or not another was spoilt first."""
    good = step(700.0, faults=("achieved too little",))
    met: set[float] = set()

    def probe(rate_rps: float) -> Probe:
        first = rate_rps not in met
        met.add(rate_rps)
        return spoilt(rate_rps) if first else good(rate_rps)

    rates = by_rate(search(probe, Settings(100.0)))
    found = estimate([one for said in rates.values() for one in said])
    for end in (found.low_rps, found.high_rps):
        assert [str(one.verdict) for one in rates[end]].count("void") == 1
        assert len(rates[end]) == 3


def test_a_rate_that_is_spoilt_again_and_again_is_given_up_and_named() -> None:
    probes = search(
        lambda rate_rps: spoilt(rate_rps) if rate_rps == 400.0 else step(350.0, faults=("fell behind",))(rate_rps),
        Settings(200.0),
    )
    assert len(by_rate(probes)[400.0]) == VOIDS_MAX
    assert given_up(probes) == "given up after 3 void probes, which do not count as repeats: 400.0/s (none counted)"


def test_a_generator_at_its_end_is_no_verdict_on_the_service() -> None:
    probes = search(step(700.0, generator_faults=("the generator used 90% of a core",)), Settings(200.0))
    assert {str(probe.verdict) for probe in probes} == {"pass", "void"}
    found = estimate(probes)
    assert found.generator_bound
    assert found.rate_rps == found.low_rps == pytest.approx(700.0, rel=0.04)
    assert math.isinf(found.high_rps)


def test_a_service_that_falls_behind_without_breaking_a_counted_promise_is_found_too() -> None:
    found = estimate(search(step(700.0, faults=("achieved 90 % of the offered rate",)), Settings(100.0)))
    assert found.rate_rps == pytest.approx(700.0, rel=0.04)
    assert found.binding == "keeps up"


def test_the_search_ends_at_the_highest_rate_it_may_probe() -> None:
    found = estimate(search(step(math.inf), Settings(100.0, max_rps=700.0)))
    assert (found.rate_rps, found.high_rps, found.binding) == (700.0, math.inf, None)


def test_a_service_that_never_passes_carries_nothing() -> None:
    probes = search(step(0.0, faults=("all failed",)), Settings(100.0))
    assert estimate(probes).rate_rps == 0
    assert len(probes) < 15


def test_the_estimate_never_falls_where_a_noisy_share_does() -> None:
    """Pooling adjacent violators: 3 % at 500 and 1 % at 520 are both about 2 %."""
    counts = {400.0: 5, 500.0: 150, 520.0: 50, 600.0: 900}
    probes = [Probe(rate, (Tally("read over 50 ms", broken, 5000, 0.01),)) for rate, broken in counts.items()]
    found = estimate(probes)
    (curve,) = found.curves
    assert curve.fitted == pytest.approx((0.001, 0.02, 0.02, 0.18))
    assert found.rate_rps == pytest.approx(400 + 100 * math.log(10) / math.log(20))


def windows(rate_rps: float, *broken: int | None) -> tuple[Probe, ...]:
    """Windows of 5,000 requests of which so many broke their promise; None: a void one."""
    return tuple(
        spoilt(rate_rps) if count is None else Probe(rate_rps, (Tally("read", count, 5000, 0.01),)) for count in broken
    )


@pytest.mark.parametrize(
    ("at", "above", "agreed", "contradicted"),
    [
        ((0, 0), (500, 500), True, False),
        ((0, 500), (0, 500, 500), True, False),
        ((500, 500), (500, 500), False, True),
        ((0, 0), (0, 500, 0), False, True),
        ((None, None, None), (500, 500), False, False),
        ((0, 0), (None, None, None), False, False),
    ],
)
def test_fresh_servers_confirm_only_what_they_do_not_contradict(
    at: tuple[int | None, ...], above: tuple[int | None, ...], agreed: bool, contradicted: bool
) -> None:
    said = Confirmation(windows(100.0, *at), windows(105.0, *above))
    assert (said.agreed, said.contradicted) == (agreed, contradicted)


def test_what_fresh_servers_said_is_told_plainly() -> None:
    fails = Confirmation(windows(100.0, 500, 500), windows(105.0, 500, 500))
    assert fails.words() == "NOT confirmed: fresh servers fail at 100.0/s and fail at 105.0/s"
    unheard = Confirmation(windows(100.0, 0, 0), windows(105.0, None, None, None))
    assert unheard.words() == "NOT confirmed: fresh servers pass at 100.0/s and had void windows only at 105.0/s"


@pytest.mark.parametrize(
    ("coming", "taken"),
    [
        ((0, 0), 2),
        ((0, 500, 500), 3),
        ((None, 0, None, 0), 4),
        ((None, 0, 500, None, 500), 5),
        ((None, None, None), VOIDS_MAX),
        ((None, None, 0, None), 4),
    ],
)
def test_a_confirmation_takes_two_windows_that_count_and_a_third_where_they_differ(
    coming: tuple[int | None, ...], taken: int
) -> None:
    ahead = iter(windows(100.0, *coming, 0, 0, 0))
    assert len(settle(lambda: next(ahead), lambda _probe: None)) == taken


@pytest.mark.parametrize(
    ("field", "settings"),
    [
        ("--start", {"start_rps": 0.0}),
        ("--start", {"start_rps": math.nan}),
        ("--precision", {"start_rps": 1.0, "precision": 0.001}),
        ("--max-rate", {"start_rps": 10.0, "max_rps": 5.0}),
    ],
)
def test_a_setting_out_of_range_is_named(field: str, settings: dict[str, float]) -> None:
    with pytest.raises(InvalidInput) as error:
        Settings(**settings)
    assert error.value.field == field
