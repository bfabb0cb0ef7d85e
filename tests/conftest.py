"""For all tests: what is fast and finds the most comes first, Ctrl-C works, and what was found is shown after them.

Where several processes run the tests, those that compute, wait and start programs are mixed, so that all cores have
work all the time. While a test marked ``quiet`` runs no other does: not in another process of this session either. They
come last, but those that need quiet only at first (``but_only_at_first``) come before the long tests.
"""

from __future__ import annotations

import fcntl
import pickle
import signal
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

_ORDER = ("unit", "architecture", "theory", "contract", "functional", "end_to_end")
_MIXED_FROM = _ORDER.index("theory")
_LONG_UNTIL = 0.9
"""Share of the mixed tests after which those that take long have all begun: else the other processes wait for one."""
_TESTS = Path(__file__).parent
_TOGETHER = {
    "tests/unit/reports/test_held_out.py",
    "tests/unit/reports/test_render.py",
    "tests/unit/simulations/test_distributions.py",  # compiles
    "tests/unit/simulations/test_elementary.py",  # compiles
    "tests/unit/url_shortener/test_domain.py",  # tabulates all characters there are, for Hypothesis
    "tests/functional/test_executor.py",
    "tests/end_to_end/test_bench.py",
}

# No test fails for being slow, on a machine that is busy with others; what hangs meets pytest's own time-out.
settings.register_profile("lab", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lab")

_NOTED: list[object] = []
_TURN = pytest.StashKey[TextIO]()


def pytest_configure() -> None:
    # Started in the background by a shell, this process would ignore SIGINT, which some tests send to it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    def kind(item: pytest.Item) -> int:
        return _ORDER.index(item.path.relative_to(_TESTS).parts[0])

    def place(item: pytest.Item) -> tuple[bool, float, float]:
        mark = item.get_closest_marker("quiet")
        if mark is not None:
            return not mark.kwargs.get("but_only_at_first"), _MIXED_FROM, -1.0
        if among_others and kind(item) >= _MIXED_FROM:
            alike = units[kind(item)]
            spread = _LONG_UNTIL if kind(item) == _ORDER.index("end_to_end") else 1.0
            return False, _MIXED_FROM, spread * alike[_unit(item.nodeid)] / len(alike)
        return False, kind(item), 0.0

    among_others = hasattr(config, "workerinput")
    units: dict[int, dict[str, int]] = {}
    for item in items:
        alike = units.setdefault(kind(item), {})
        alike.setdefault(_unit(item.nodeid), len(alike))
    items.sort(key=place)


def _unit(nodeid: str) -> str:
    """What one process takes at a time: a test, or all of a file if its tests share what is expensive."""
    file = nodeid.partition("::")[0]
    return file if file in _TOGETHER else nodeid


class _InOrder(LoadScopeScheduling):  # type: ignore[misc]
    """Each process that runs tests takes the next unit.

    The marks for groups that xdist 3.8 has would say so where it is: with pytest 9.2 they do nothing.
    """

    def _split_scope(self, nodeid: str) -> str:
        return _unit(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _InOrder:
    return _InOrder(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let a test that judges timing wait until those that run have ended, and all others until it has."""
    how = fcntl.LOCK_SH if item.get_closest_marker("quiet") is None else fcntl.LOCK_EX
    with Path(__file__).open() as turn, Path(__file__).with_name("__init__.py").open() as door:
        fcntl.flock(door, how)  # while such a test waits, no other begins
        fcntl.flock(turn, how)
        fcntl.flock(door, fcntl.LOCK_UN)
        item.stash[_TURN] = turn
        try:
            return (yield)
        finally:
            # By name: a process that the test has left shares the file, and closing ours would not be the end of it.
            fcntl.flock(turn, fcntl.LOCK_UN)


@pytest.fixture
def quiet_no_longer(request: pytest.FixtureRequest) -> Callable[[], None]:
    """Let other tests run beside the rest of this one."""
    return partial(fcntl.flock, request.node.stash[_TURN], fcntl.LOCK_SH)


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
