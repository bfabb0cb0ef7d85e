"""Requests: when each one arrives, what it does, which key it asks for and where it comes from.

The simulator replays such a table request by request; the load generator sends it to a running service.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sdlab import arrival_choice, arrivals
from sdlab.arrivals import FloatArray
from sdlab.errors import InvalidInput
from sdlab.popularity import zipf_ranks
from sdlab.spec import SECONDS_PER_DAY, Design

NO_KEY = -1


@dataclass(frozen=True)
class Requests:
    """One row a request, sorted by arrival.

    ``arrival_s``: float64, seconds since the run's start. ``operation``: int16, index into ``operations``.
    ``key``: int64, popularity rank of the key asked for (0 is the most popular), `NO_KEY` for none.
    ``region``: int16, index into ``regions``.
    """

    arrival_s: FloatArray
    operation: NDArray[np.int16]
    key: NDArray[np.int64]
    region: NDArray[np.int16]
    operations: tuple[str, ...]
    regions: tuple[str, ...]

    def __len__(self) -> int:
        return int(self.arrival_s.size)

    def take(self, rows: NDArray[np.intp] | slice) -> Self:
        """The requests of some rows, in the order given."""
        return type(self)(
            self.arrival_s[rows],
            self.operation[rows],
            self.key[rows],
            self.region[rows],
            self.operations,
            self.regions,
        )

    @property
    def duration_s(self) -> float:
        """From the run's start to the last arrival."""
        return float(self.arrival_s[-1]) if len(self) else 0.0


def with_mix(design: Design, arrival_s: FloatArray, seed: int, keys: int | None = None) -> Requests:
    """Give each arrival an operation by share, a key by popularity and a region by share.

    ``keys`` overrides how many keys there are (a load test has fewer links than the design). Operation, key and
    region each have a stream of their own, so changing one never changes the others.
    """
    popularity = design.workload.popularity
    count = arrival_s.size
    return Requests(
        arrival_s,
        by_share([o.share for o in design.workload.operations.values()], count, seed, "operations"),
        zipf_ranks(count, keys or popularity.keys, popularity.zipf_exponent, seed),
        by_share([r.share for r in design.regions.values()], count, seed, "regions"),
        design.operations,
        tuple(design.regions),
    )


def one_day(design: Design, seed: int, day_s: float = SECONDS_PER_DAY) -> Requests:
    """The design's whole day: arrivals along its day curve, in a day that lasts ``day_s`` (see `arrivals.day`)."""
    workload = design.workload
    return with_mix(design, arrivals.day(workload.mean_rate_rps, workload.day_curve, seed, day_s), seed)


def steady(
    design: Design, process: str, rate_rps: float, duration_s: float, seed: int, keys: int | None = None
) -> Requests:
    """The design's mix at one rate, or along what ``process`` makes of it (see `sdlab.arrival_choice`).

    Raises `InvalidInput` for a rate or duration of 0 or less, or too few arrivals.
    """
    times = arrival_choice.times_of(process, rate_rps, duration_s, seed)
    if not times.size:
        raise InvalidInput("duration", duration_s, f"too short for one arrival at {rate_rps:g} requests/s")
    return with_mix(design, times, seed, keys)


def steady_chunks(
    design: Design,
    rate_rps: float,
    duration_s: float,
    seed: int,
    keys: int | None = None,
    *,
    most: int | None = None,
    chunk: int = 1_000_000,
) -> Iterator[Requests]:
    """The design's mix in a Poisson stream, ``chunk`` requests at a time and at most ``most``, in constant memory.

    Arrivals, operations and regions are those that `steady` gives; the keys of each chunk have a stream of their own,
    so they are others.
    """
    popularity = design.workload.popularity
    shares = [o.share for o in design.workload.operations.values()], [r.share for r in design.regions.values()]
    streams = arrivals.stream(seed, "operations"), arrivals.stream(seed, "regions")
    forever = 1 << 62
    for number, times_s in enumerate(arrivals.poisson_chunks(rate_rps, seed, most or forever, chunk)):
        arrival_s = times_s[: np.searchsorted(times_s, duration_s)]
        if arrival_s.size:
            yield Requests(
                arrival_s,
                _drawn(shares[0], arrival_s.size, streams[0]),
                zipf_ranks(arrival_s.size, keys or popularity.keys, popularity.zipf_exponent, seed, f"keys {number}"),
                _drawn(shares[1], arrival_s.size, streams[1]),
                design.operations,
                tuple(design.regions),
            )
        if arrival_s.size < times_s.size:
            return


def by_share(shares: list[float], count: int, seed: int, purpose: str) -> NDArray[np.int16]:
    """Draw ``count`` indices into ``shares`` (which add to 1) in proportion to them, from the purpose's own stream."""
    return _drawn(shares, count, arrivals.stream(seed, purpose))


def _drawn(shares: list[float], count: int, generator: np.random.Generator) -> NDArray[np.int16]:
    cumulative = np.cumsum(np.asarray(shares))
    cumulative[-1] = 1.0
    uniform = generator.random(count)
    indices = np.zeros(count, dtype=np.int16)
    for bound in cumulative[:-1]:  # few: comparing with each is quicker than searching
        indices += uniform >= bound
    return indices
