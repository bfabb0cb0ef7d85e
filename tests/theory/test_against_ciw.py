"""Our means and Ciw's lie within each other's 99 % intervals on networks that both can express."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simulations.proof.ciw_cases import PeerCase, cases


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_our_interval_and_that_of_ciw_overlap(case: PeerCase, note: Callable[[object], None]) -> None:
    comparison = case.compare()
    note(comparison)
    assert comparison.overlap, comparison
    assert comparison.theirs.half_width < 0.15 * comparison.theirs.mean
    assert comparison.ours.half_width < 0.02 * comparison.ours.mean
