"""What one request asks of each part: measured where a calibration is given, assumed by the design otherwise.

The parts of an operation's demands, each a time for one request:

========================= ===========================================================================================
``api``                   CPU of the API process, all segments together
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
from simulations.distributions import Distribution, Empirical, Exponential


@dataclass(frozen=True)
class Demands:
    """Looks a demand up. Assumed ones have only a mean and are taken as exponential, which errs on the safe side."""

    design: Design
    calibration: Calibration | None = None

    def time(self, operation: str, part: str, fraction: float = 1.0) -> Distribution | None:
        """The time of a part, in seconds, or a ``fraction`` of it; None if the operation asks nothing of it."""
        if self.calibration is not None:
            demand = self.calibration.demands.get(operation, {}).get(part)
            if demand is None or demand.mean_s == 0:
                return None
            return Empirical(tuple(fraction * quantile for quantile in demand.quantiles_s))
        mean_s = self.design.demands.get(operation, {}).get(f"{part}_s", 0.0)
        return Exponential(fraction * mean_s) if mean_s > 0 else None
