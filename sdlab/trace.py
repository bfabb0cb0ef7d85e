"""Access logs as workloads: the arrival times and the popularity of paths of real requests.

Reads the combined log format of Apache and nginx, plain or gzipped. A log's times have a grain of one second; the
requests of one second are spread over it evenly at random (seeded), which keeps their order within the file's second
arbitrary but their number exact.
"""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from sdlab.arrivals import stream
from sdlab.errors import InvalidInput
from sdlab.spec import Design
from sdlab.workload import Requests, by_share

_COMBINED = re.compile(
    r'^\S+ \S+ .*?\[(?P<time>[^\]]+)\] "(?P<method>[A-Z]+) (?P<path>\S+)(?: [^"]*)?" \d{3} (?:\d+|-)(?: .*)?$'
)
_TIME = "%d/%b/%Y:%H:%M:%S %z"
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class Trace:
    """A log turned into requests, and an account of its lines: each is a request or is counted in ``skipped``.

    ``paths[k]`` is the path behind key k (0 is the most popular). ``log_s`` is how long the log lasted.
    """

    requests: Requests
    lines: int
    skipped: dict[str, int]
    paths: tuple[str, ...]
    log_s: float

    def describe(self) -> str:
        """The account in one line, for the terminal and the manifest."""
        parts = [f"{count:,} {reason}" for reason, count in self.skipped.items()]
        return (
            f"{self.lines:,} lines over {self.log_s:,.0f} s: {len(self.requests):,} requests to {len(self.paths):,} "
            f"paths; skipped: {', '.join(parts) or 'none'}"
        )


def read(file: Path, design: Design, *, speed: float, seed: int, keys: int | None = None) -> Trace:
    """Read a log as requests of the design: times divided by ``speed``, the k-th most popular path as key k.

    The operation follows from the method by the design's ``trace_methods``; regions are drawn by share. A line that
    cannot be parsed, or whose method stands for no operation, is counted. With ``keys``, paths beyond that many are
    an error. Raises `InvalidInput` for a file that cannot be read or holds no request, and for a speed of 0 or less.
    """
    if not (np.isfinite(speed) and speed > 0):
        raise InvalidInput("--speed", speed, "must be a finite number above 0")
    skipped: Counter[str] = Counter()
    times: list[float] = []
    methods: list[str] = []
    paths: list[str] = []
    lines = 0
    for line in _lines(file):
        lines += 1
        entry = _parse(line)
        if entry is None:
            skipped["lines that are not in the combined format"] += 1
        elif entry[1] not in design.trace_methods:
            skipped[f"{entry[1]} requests, which stand for no operation"] += 1
        else:
            times.append(entry[0])
            methods.append(entry[1])
            paths.append(entry[2])
    if not times:
        raise InvalidInput("--trace", str(file), f"none of its {lines} lines is a request in the combined format")
    popular = tuple(path for path, _ in Counter(paths).most_common())
    if keys is not None and len(popular) > keys:
        raise InvalidInput("--trace", str(file), f"asks for {len(popular)} paths, the test data has {keys} keys")
    requests = _requests(design, times, methods, paths, popular, seed)
    scaled = replace(requests, arrival_s=requests.arrival_s / speed)
    return Trace(scaled, lines, dict(skipped), popular, max(times) - min(times) + 1)


def _requests(
    design: Design, times: list[float], methods: list[str], paths: list[str], popular: tuple[str, ...], seed: int
) -> Requests:
    """The requests in the log's own time, from the start of its first second."""
    second = np.asarray(times, dtype=np.float64)
    arrival_s = second - second.min() + stream(seed, "within the second").random(second.size)
    rank = {path: k for k, path in enumerate(popular)}
    operation_of = {method: design.operations.index(name) for method, name in design.trace_methods.items()}
    requests = Requests(
        arrival_s,
        np.asarray([operation_of[method] for method in methods], dtype=np.int16),
        np.asarray([rank[path] for path in paths], dtype=np.int64),
        by_share([region.share for region in design.regions.values()], second.size, seed, "regions"),
        design.operations,
        tuple(design.regions),
    )
    return requests.take(np.argsort(arrival_s, kind="stable"))


def _lines(file: Path) -> Iterator[str]:
    try:
        with file.open("rb") as start:
            zipped = start.read(2) == _GZIP_MAGIC
        opener = gzip.open if zipped else open
        with opener(file, "rt", encoding="utf-8", errors="replace") as lines:
            yield from lines
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidInput("--trace", str(file), f"cannot be read: {reason}") from None


def _parse(line: str) -> tuple[float, str, str] | None:
    match = _COMBINED.match(line.rstrip("\n"))
    if match is None:
        return None
    try:
        time = datetime.strptime(match["time"], _TIME)  # noqa: DTZ007 - the format holds the offset
    except ValueError:
        return None
    return time.timestamp(), match["method"], match["path"]
