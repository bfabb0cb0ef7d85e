"""The record of each request, in memory that the generator's processes and the lab share.

Each generator process writes the rows of its own part of the schedule; the lab reads all of them while the load runs,
for its progress bar, and afterwards, for the run folder. Whatever happens to a generator - Ctrl-C, an error, kill -9 -
what it had recorded is there.
"""

from __future__ import annotations

import mmap
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from loadtests import server_timing
from sdlab.outcomes import OUTCOMES

COMPLETED, REJECTED, TIMED_OUT, FAILED, DROPPED = range(len(OUTCOMES))
PENDING = -1

# What went wrong, when something did. ``status``: an answer other than the expected one. ``connect``: no connection.
# ``connection_lost``: closed or reset before the answer was whole. ``protocol``: not HTTP. ``task``: the locustfile.
ERRORS = ("none", "status", "connect", "connection_lost", "timeout", "protocol", "task")
NO_ERROR, STATUS, CONNECT, CONNECTION_LOST, TIMEOUT, PROTOCOL, TASK = range(len(ERRORS))

SPAN_SLOTS = 20
MOMENT = "at"  # the one span that is a moment: kept in seconds since the run's start, as all times are
_CACHE = {"cache;desc=hit": 1, "cache;desc=miss": 0}
MAX_GENERATORS = 64
_HEADER_FIELDS = 1 + 2 * MAX_GENERATORS  # float64: the start, then for each generator: ready, dispatched
_COLUMNS: dict[str, np.dtype[Any]] = {
    "started_s": np.dtype(np.float64),
    "sent_s": np.dtype(np.float64),
    "completed_s": np.dtype(np.float64),
    **{f"span_{slot}": np.dtype(np.float64) for slot in range(SPAN_SLOTS)},
    "status": np.dtype(np.int16),
    "outcome": np.dtype(np.int8),
    "error": np.dtype(np.int8),
    "cache_hit": np.dtype(np.int8),
}
_INITIAL = {"status": 0, "outcome": PENDING, "error": NO_ERROR, "cache_hit": -1}
_ROW_BYTES = sum(dtype.itemsize for dtype in _COLUMNS.values())


def empty_columns(rows: int) -> dict[str, NDArray[Any]]:
    """The table's columns in ordinary memory, with nothing recorded yet."""
    return {name: np.full(rows, _INITIAL.get(name, np.nan), dtype) for name, dtype in _COLUMNS.items()}


class SharedRecords:
    """The table: one row a request, one array a column. Times are seconds since the run's start.

    Made by `create` in the lab, opened by `attach` in a generator, which gets the file descriptor ``fd`` by
    inheritance. The file has no name, so nothing is left of it when its last process ends.
    """

    def __init__(self, fd: int, rows: int) -> None:
        self.fd = fd
        self.rows = rows
        self.memory = mmap.mmap(fd, _HEADER_FIELDS * 8 + rows * _ROW_BYTES)
        self._header = np.frombuffer(self.memory, np.float64, _HEADER_FIELDS)
        self.columns: dict[str, NDArray[Any]] = {}
        offset = _HEADER_FIELDS * 8
        for name, dtype in _COLUMNS.items():
            self.columns[name] = np.frombuffer(self.memory, dtype, rows, offset)
            offset += rows * dtype.itemsize

    @classmethod
    def create(cls, rows: int) -> SharedRecords:
        folder = "/dev/shm" if Path("/dev/shm").is_dir() else None
        with tempfile.TemporaryFile(dir=folder) as file:
            file.truncate(_HEADER_FIELDS * 8 + rows * _ROW_BYTES)
            table = cls(os.dup(file.fileno()), rows)
        for name, column in table.columns.items():
            column[:] = _INITIAL.get(name, np.nan)  # touches each page: no page fault under load
        return table

    @classmethod
    def attach(cls, fd: int, rows: int) -> SharedRecords:
        return cls(fd, rows)

    def close(self) -> None:
        """Give the descriptor back; the arrays handed out stay readable."""
        os.close(self.fd)

    @property
    def start_monotonic_s(self) -> float:
        """When second 0 of the run is, on CLOCK_MONOTONIC; 0 until all generators are ready."""
        return float(self._header[0])

    @start_monotonic_s.setter
    def start_monotonic_s(self, value: float) -> None:
        self._header[0] = value

    def is_ready(self, generator: int) -> bool:
        return bool(self._header[1 + 2 * generator])

    def set_ready(self, generator: int) -> None:
        self._header[1 + 2 * generator] = 1

    def dispatched(self, generator: int) -> int:
        """How many of its arrivals a generator has dealt with, in the order of its schedule."""
        return int(self._header[2 + 2 * generator])

    def set_dispatched(self, generator: int, count: int) -> None:
        self._header[2 + 2 * generator] = count


class Exchange:
    """What became of one arrival, filled in as it happens. Times are CLOCK_MONOTONIC, NaN for what did not happen.

    Between ``started_s``, when its task began, and ``sent_s`` lies the wait for a connection: the former tells how late
    the generator was, the latter what the service took in. A task may make several requests: the exchange is sent with
    the first and completed with the last, and the first thing that goes wrong is what it is remembered for.
    """

    __slots__ = (
        "completed_s",
        "error",
        "intended_s",
        "key",
        "outcome",
        "row",
        "sent_s",
        "server_timing",
        "started_s",
        "status",
    )

    def __init__(self, row: int, key: int, intended_s: float) -> None:
        self.row = row
        self.key = key
        self.intended_s = intended_s
        self.started_s = float("nan")
        self.sent_s = float("nan")
        self.completed_s = float("nan")
        self.status = 0
        self.outcome = PENDING
        self.error = NO_ERROR
        self.server_timing = ""

    def fail(self, outcome: int, error: int) -> None:
        if self.outcome in (PENDING, COMPLETED):
            self.outcome, self.error = outcome, error


class Recorder:
    """Writes exchanges into one generator's rows. ``spans`` names the Server-Timing metrics that are kept.

    A table that has only the rows of one part, which are ``part``, ``part + parts``, ...: see `schedule.split`.
    """

    def __init__(self, table: SharedRecords, spans: tuple[str, ...], part: int = 0, parts: int = 1) -> None:
        if len(spans) > SPAN_SLOTS:
            raise ValueError(f"{len(spans)} spans, and there are {SPAN_SLOTS} slots")
        # Memory views: several times cheaper than numpy for single values.
        views: dict[str, Any] = {name: memoryview(cast(Any, column)) for name, column in table.columns.items()}
        self._started, self._sent, self._completed = views["started_s"], views["sent_s"], views["completed_s"]
        self._status, self._outcome, self._error = views["status"], views["outcome"], views["error"]
        self._cache_hit = views["cache_hit"]
        self._spans = {name: views[f"span_{slot}"] for slot, name in enumerate(spans)}
        self._durations = {name: view for name, view in self._spans.items() if name != MOMENT}
        self._part, self._parts = part, parts
        self.start_s = 0.0

    def write(self, exchange: Exchange) -> None:
        row = (exchange.row - self._part) // self._parts
        start_s = self.start_s
        self._started[row] = exchange.started_s - start_s
        self._sent[row] = exchange.sent_s - start_s
        self._completed[row] = exchange.completed_s - start_s
        self._status[row] = exchange.status
        self._error[row] = exchange.error
        if exchange.server_timing:
            durations = self._durations
            for metric in exchange.server_timing.split(", "):
                name, _, value = metric.partition(";dur=")
                # What nearly every metric is; the rest is read with care.
                if name in durations:
                    try:
                        durations[name][row] = float(value) / 1000
                    except ValueError:
                        self._read(metric, row)
                elif name in _CACHE and "cache" in durations:
                    try:
                        durations["cache"][row] = float(value) / 1000
                        self._cache_hit[row] = _CACHE[name]
                    except ValueError:
                        self._read(metric, row)
                else:
                    self._read(metric, row)
        self._outcome[row] = exchange.outcome  # last: a row with an outcome is whole

    def _read(self, metrics: str, row: int) -> None:
        for name, duration_s, description in server_timing.parse(metrics):
            if name in self._spans and duration_s is not None:
                self._spans[name][row] = duration_s - self.start_s if name == MOMENT else duration_s
            if name == "cache" and description in ("hit", "miss"):
                self._cache_hit[row] = description == "hit"

    def drop(self, row: int) -> None:
        self._outcome[(row - self._part) // self._parts] = DROPPED


if sys.platform == "win32":  # pragma: no cover
    raise ImportError("the load generator needs Linux or macOS; on Windows use WSL")
