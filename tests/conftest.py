"""For all tests: what is fast and finds the most comes first, Ctrl-C works, and what was found is shown after them."""

from __future__ import annotations

import pickle
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_ORDER = ("unit", "architecture", "theory", "contract", "functional", "end_to_end")
_TESTS = Path(__file__).parent

# They judge how punctual a load was or how soon a program stopped: nothing heavy may run beside them.
_QUIET = ("functional/loadtests", "functional/test_serve.py", "end_to_end/test_run.py", "end_to_end/test_swarm.py")

_NOTED: list[object] = []


def pytest_configure() -> None:
    # Started in the background by a shell, this process would ignore SIGINT, which some tests send to it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> str:
        return item.path.relative_to(_TESTS).as_posix()

    items.sort(key=lambda item: _ORDER.index(place(item).partition("/")[0]))
    for item in items:
        if place(item).startswith(_QUIET):
            item.add_marker(pytest.mark.quiet)


@pytest.fixture
def note() -> Callable[[object], None]:
    """Keep a finding, a comparison or a tally for the tables after the tests."""
    return _NOTED.append


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):  # one of several processes that run tests
        session.config.workeroutput["noted"] = pickle.dumps(_NOTED)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What another process found; one that was killed says nothing."""
    _NOTED.extend(pickle.loads(getattr(node, "workeroutput", {}).get("noted", pickle.dumps([]))))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _NOTED:
        return
    from rich.console import Console  # noqa: PLC0415  only where there is something to show

    from simulations.proof import tables  # noqa: PLC0415
    from simulations.proof.ciw_cases import Comparison  # noqa: PLC0415
    from simulations.proof.equality import Tally  # noqa: PLC0415
    from simulations.proof.evidence import Finding  # noqa: PLC0415

    console = Console(highlight=False, width=120)
    if tallies := [one for one in _NOTED if isinstance(one, Tally)]:
        terminalreporter.section("both engines on generated models")
        tables.show_equality(console, Tally.of(tallies))
    if findings := [one for one in _NOTED if isinstance(one, Finding)]:
        terminalreporter.section("theory")
        tables.show_theory(console, findings)
    if comparisons := [one for one in _NOTED if isinstance(one, Comparison)]:
        terminalreporter.section("other people's programs")
        tables.show_peers(console, comparisons)
