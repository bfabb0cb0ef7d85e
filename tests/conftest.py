"""For all tests: what is fast and finds the most comes first, and Ctrl-C works."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

_ORDER = ("unit", "architecture", "theory", "contract", "functional", "end_to_end")
_TESTS = Path(__file__).parent


def pytest_configure() -> None:
    # Started in the background by a shell, this process would ignore SIGINT, which some tests send to it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def folder(item: pytest.Item) -> int:
        return _ORDER.index(item.path.relative_to(_TESTS).parts[0])

    items.sort(key=folder)
