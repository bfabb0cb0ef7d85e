"""The table of what generated models came to, printed after the tests."""

from __future__ import annotations

import pytest
from rich.console import Console

from simulations.proof.equality import Tally
from simulations.proof.tables import show_equality

TALLY = Tally()


@pytest.fixture
def equality_tally() -> Tally:
    """What the generated models of this session came to so far."""
    return TALLY


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if TALLY.models:
        terminalreporter.section("both engines on generated models")
        show_equality(Console(highlight=False, width=120), TALLY)
