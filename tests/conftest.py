"""For all tests: what is fast and finds the most comes first, Ctrl-C works, and what was found is shown after them.

Tests marked ``quiet`` come last, and while one runs no other does: not in another process of this session either.
"""

from __future__ import annotations

import fcntl
import pickle
import signal
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

_ORDER = ("unit", "architecture", "theory", "contract", "functional", "end_to_end")
_TESTS = Path(__file__).parent
_TOGETHER = {
    "tests/unit/reports/test_render.py",
    "tests/functional/test_executor.py",
    "tests/end_to_end/test_bench.py",
}

# No test fails for being slow, on a machine that is busy with others; what hangs meets pytest's own time-out.
settings.register_profile("lab", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lab")

_NOTED: list[object] = []


def pytest_configure() -> None:
    # Started in the background by a shell, this process would ignore SIGINT, which some tests send to it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> tuple[bool, int]:
        return _is_quiet(item), _ORDER.index(item.path.relative_to(_TESTS).parts[0])

    items.sort(key=place)


class _InOrder(LoadScopeScheduling):  # type: ignore[misc]
    """Each process that runs tests takes the next one, or all of the next file if its tests share what is expensive.

    The marks for groups that xdist 3.8 has would say so where it is: with pytest 9.2 they do nothing.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file in _TOGETHER else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _InOrder:
    return _InOrder(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let a test that judges timing wait until all others have ended, and the others while it runs."""
    with Path(__file__).open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX if _is_quiet(item) else fcntl.LOCK_SH)
        try:
            return (yield)
        finally:
            # By name: a process that the test has left shares the file, and closing ours would not be the end of it.
            fcntl.flock(turn, fcntl.LOCK_UN)


def _is_quiet(item: pytest.Item) -> bool:
    return item.get_closest_marker("quiet") is not None


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
