"""The tables of theory and of other people's programs, printed after the tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rich.console import Console

from simulations.proof.ciw_cases import Comparison
from simulations.proof.evidence import Finding
from simulations.proof.tables import show_peers, show_theory

FINDINGS: list[Finding] = []
COMPARISONS: list[Comparison] = []


@pytest.fixture
def note() -> Callable[[Finding | Comparison], None]:
    """Keep a row for the table."""

    def keep(row: Finding | Comparison) -> None:
        if isinstance(row, Finding):
            FINDINGS.append(row)
        else:
            COMPARISONS.append(row)

    return keep


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    console = Console(highlight=False, width=120)
    if FINDINGS:
        terminalreporter.section("theory")
        show_theory(console, FINDINGS)
    if COMPARISONS:
        terminalreporter.section("other people's programs")
        show_peers(console, COMPARISONS)
