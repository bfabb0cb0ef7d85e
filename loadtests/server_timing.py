"""The `Server-Timing` header (W3C), as a service of this lab writes it: durations in milliseconds, hit or miss."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Entry(NamedTuple):
    """One metric of the header; ``duration_s`` is None where the metric carries no readable ``dur``."""

    name: str
    duration_s: float | None
    description: str


def parse(header: str) -> Iterator[Entry]:
    """Read ``app;dur=1.234, cache;desc=hit;dur=0.31``; what cannot be read is left out, never guessed."""
    for metric in header.split(","):
        name, *parameters = metric.split(";")
        duration_s: float | None = None
        description = ""
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            match key.strip():
                case "dur":
                    try:
                        duration_s = float(value) / 1000
                    except ValueError:
                        duration_s = None
                case "desc":
                    description = value.strip().strip('"')
        if name := name.strip():
            yield Entry(name, duration_s, description)
