"""The verdict on one probe: exact bounds on counts, and three ways to end."""

import pytest
from scipy import stats

from loadtests.probes import Probe, Tally, Verdict, binomial_interval, enough, median_shares, pooled, standing

OVER = "read over 50 ms"


def test_the_binomial_interval_is_that_of_clopper_and_pearson() -> None:
    """By its definition: at each end, counts as extreme as the one seen have a probability of 2.5 %."""
    low, high = binomial_interval(7, 500)
    assert stats.binom.sf(6, 500, low) == pytest.approx(0.025)
    assert stats.binom.cdf(7, 500, high) == pytest.approx(0.025)


def test_the_interval_of_none_and_of_all_ends_at_the_edge() -> None:
    assert binomial_interval(0, 100) == pytest.approx((0.0, 1 - 0.025 ** (1 / 100)))
    assert binomial_interval(100, 100) == pytest.approx((0.025 ** (1 / 100), 1.0))
    assert binomial_interval(0, 0) == (0.0, 1.0)


def test_a_p99_needs_367_requests_before_it_can_be_vouched_for() -> None:
    needed = enough(0.01)
    assert binomial_interval(0, needed)[1] <= 0.01 < binomial_interval(0, needed - 1)[1]


@pytest.mark.parametrize(
    ("broken", "count", "verdict"),
    [(0, 5000, "pass"), (35, 5000, "pass"), (50, 5000, "inconclusive"), (90, 5000, "fail"), (0, 0, "pass")],
)
def test_a_promise_is_kept_broken_or_neither_for_certain(broken: int, count: int, verdict: str) -> None:
    assert Tally(OVER, broken, count, 0.01).verdict == verdict


def test_few_requests_can_object_and_not_vouch() -> None:
    assert Tally(OVER, 0, 50, 0.01).few
    assert Tally(OVER, 1, 50, 0.01).verdict is Verdict.PASS
    assert Tally(OVER, 5, 50, 0.01).verdict is Verdict.FAIL


def test_an_availability_passes_on_what_was_counted_and_is_doubted_when_short() -> None:
    verdicts = [Tally("read not answered", broken, 5000, 0.0005, strict=False).verdict for broken in (0, 2, 3, 20)]
    assert verdicts == ["pass", "pass", "inconclusive", "fail"]


def test_a_fault_of_the_service_fails_a_probe_whose_answers_were_quick() -> None:
    probe = Probe(100.0, (Tally(OVER, 0, 5000, 0.01),), faults=("3 arrivals were dropped",))
    assert probe.verdict is Verdict.FAIL
    assert probe.reasons() == ["3 arrivals were dropped"]


def test_a_late_generator_voids_what_it_alone_can_explain_and_nothing_else() -> None:
    tallies = (Tally(OVER, 500, 5000, 0.01),)
    late = ("the generator was late",)
    assert Probe(100.0, tallies, generator_faults=late, blameless=True).verdict is Verdict.VOID
    assert Probe(100.0, tallies, generator_faults=late, blameless=False).verdict is Verdict.FAIL


def test_probes_of_one_rate_are_counted_together() -> None:
    undecided = Probe(100.0, (Tally(OVER, 40, 5000, 0.01),))
    assert undecided.verdict is Verdict.INCONCLUSIVE
    assert pooled([undecided, undecided]) == (Tally(OVER, 80, 10_000, 0.01),)
    assert standing([undecided] * 2) is Verdict.PASS


def test_one_bad_window_of_two_decides_nothing_and_of_three_is_outvoted() -> None:
    good = Probe(100.0, (Tally(OVER, 0, 5000, 0.01),))
    bad = Probe(100.0, (Tally(OVER, 500, 5000, 0.01),))
    faulty = Probe(100.0, good.tallies, faults=("fell behind",))
    void = Probe(100.0, good.tallies, generator_faults=("late",))
    assert standing([good, faulty]) is standing([good, bad]) is Verdict.INCONCLUSIVE
    assert standing([good, faulty, good]) is standing([good, bad, good]) is Verdict.PASS
    assert standing([faulty, good, bad]) is Verdict.FAIL
    assert standing([void, good]) is Verdict.PASS
    assert standing([void]) is Verdict.VOID
    assert median_shares([good, bad, good, void])[OVER] == (0.0, Tally(OVER, 500, 15_000, 0.01))
