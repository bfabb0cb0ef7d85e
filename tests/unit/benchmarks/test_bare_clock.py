"""What the bare clock says of the machine."""

from __future__ import annotations

import pytest

from benchmarks.load.bare_clock import lateness_s


@pytest.mark.parametrize(
    ("gaps_s", "late_s"),
    [
        ([], 0.0),
        ([0.01], 0.0),  # half a percent of the time: 99.5 % are on time
        ([0.05], 0.03),  # 20 ms of it, a hundredth of the time, are over when 30 ms are left
        ([0.03, 0.001, 0.03], 0.02),  # of both the first 10 ms
    ],
)
def test_the_p99_is_what_is_left_of_the_gaps_for_those_due_in_the_last_hundredth(
    gaps_s: list[float], late_s: float
) -> None:
    assert lateness_s(gaps_s, 2.0, 0.99) == pytest.approx(late_s)


def test_the_lateness_is_that_of_requests_that_are_sent_when_each_gap_ends() -> None:
    gaps_s = [0.02, 0.05, 0.007, 0.011]
    due_s = [gap_s - number * 1e-5 for gap_s in gaps_s for number in range(round(gap_s * 1e5))]
    late_s = sorted([*due_s, *[0.0] * (100_000 - len(due_s))])
    for quantile in (0.93, 0.97, 0.99):
        assert lateness_s(gaps_s, 1.0, quantile) == pytest.approx(late_s[int(quantile * 100_000)], abs=2e-5)
