"""What ``lab serve`` needs to know about a service: each service folder states it in ``service.py`` as ``SERVICE``."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdlab.spec import Design, TestData


@dataclass(frozen=True)
class Service:
    """One service: how its processes start and what its database needs.

    ``app_factory`` is ``module:function``, called without arguments in each API process (it reads the environment).
    ``workers`` are background programs, name to module run with ``python -m``; each is restarted if it dies.
    ``load_test_data(database_url, test_data)`` makes the rows that are missing and returns how many it made.
    ``example(url)`` is one command to try on the running service. ``settings(design)`` are environment variables for
    its processes, so that what runs is what the design says.
    """

    app_factory: str
    migrations: Path
    load_test_data: Callable[[str, TestData], Coroutine[Any, Any, int]]
    example: Callable[[str], str]
    settings: Callable[[Design], dict[str, str]]
    workers: dict[str, str] = field(default_factory=dict)
