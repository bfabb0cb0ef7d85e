"""The probe of a core's speed, as a program of its own."""

from __future__ import annotations

import sys
import time

import pytest

from loadtests.speed_probe import INTERVAL_S, probing
from sdlab import cores
from sdlab.errors import LabError

ONE_CORE = cores.usable()[0] if cores.usable() else 0
DURATION_S = 0.5


def test_it_has_begun_when_the_block_does() -> None:
    """What it costs to start a program on the core that is measured is no part of what is measured."""
    with probing(ONE_CORE) as probe:
        began_s = time.monotonic()
        time.sleep(DURATION_S)
    found = probe.result(began_s)
    assert found["at_s"][0] <= 0.0
    assert sum(at_s >= 0 for at_s in found["at_s"]) > 0.2 * DURATION_S / INTERVAL_S
    assert all(spin_s > 0 for spin_s in found["spin_s"])


def test_one_that_does_not_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(LabError, match="the speed probe did not start"), probing(ONE_CORE):
        pass
