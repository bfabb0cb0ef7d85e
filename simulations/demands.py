"""What one request asks of each part: measured where a calibration is given, assumed by the design otherwise.

A calibration also says how the API's CPU time falls into segments, and what a request costs more after an idle gap.
Without it the segments are equal, and idling costs nothing.

The parts of an operation's demands, each a time for one request:

========================= ===========================================================================================
``api``                   CPU of a busy API process, all segments together
``cache``, ``database``   busy time of that server for the request
``stream``                busy time of the cache node for what the request appends to a stream
``<server>_wait``         what the API awaits beyond that: the network, the kernel, the server's own pauses (measured)
``client``                between the service's socket and the client's record of the response (measured)
========================= ===========================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass

from sdlab.calibration import Calibration
from sdlab.spec import Design
from simulations.distributions import Constant, Distribution, Empirical, Exponential
from simulations.resources.stations import StartUp


@dataclass(frozen=True)
class Demands:
    """Looks a demand up. Assumed ones have only a mean and are taken as exponential, which errs on the safe side.

    ``pace``: how many times as long as while it was calibrated the API's work takes, for the speed of its core.
    """

    design: Design
    calibration: Calibration | None = None
    pace: float = 1.0

    def time(self, operation: str, part: str, fraction: float = 1.0) -> Distribution | None:
        """The time of a part, in seconds, or a ``fraction`` of it; None if the operation asks nothing of it."""
        if self.calibration is not None:
            demand = self.calibration.demands.get(operation, {}).get(part)
            if demand is None:
                return None
            scale = fraction * (self.pace if part == "api" else 1.0)
            return Empirical(tuple(scale * quantile for quantile in demand.quantiles_s))
        mean_s = self.design.demands.get(operation, {}).get(f"{part}_s", 0.0)
        return Exponential(fraction * mean_s) if mean_s > 0 else None

    @property
    def operations(self) -> list[str]:
        """All that have demands: operations, those of a cache miss, and what happens in the background."""
        return list(self.calibration.demands if self.calibration is not None else self.design.demands)

    def segment(self, operation: str, names: tuple[str, ...], equal: float, part: float = 1.0) -> Distribution | None:
        """CPU time of named segments together, or a ``part`` of it. Without a calibration of segments, ``equal`` is
        their share of ``api``."""
        shares = self.calibration.segments.get(operation) if self.calibration is not None else None
        share = equal if shares is None else sum(shares[name] for name in names)
        return self.time(operation, "api", part * share) if share > 0 else None

    @property
    def turn_s(self) -> float:
        """What a turn of an API process's event loop takes by itself."""
        return self.pace * self.calibration.turn.extra_s if self.calibration is not None else 0.0

    def start_up(self) -> StartUp | None:
        """What an idle API process costs its first request more, by its idle time."""
        if self.calibration is None or not self.calibration.idle:
            return None
        return StartUp([(level.after_s, Constant(self.pace * level.extra_s)) for level in self.calibration.idle])

    @property
    def suffix(self) -> str:
        """What the names of flows end with at this pace."""
        return suffix(self.pace)


def suffix(pace: float) -> str:
    """What the names of flows end with at another pace than 1."""
    return "" if pace == 1 else f" x{pace:.2f}"
