"""Everything that a short example needs: the words of a model, requests at given times, a run, and how it ended.

>>> from simulations.examples import *
>>> model = Model("one server", [Flow("get", [Serve("server", Constant(1.0))])], [Station("server")])
>>> simulate(model, arrivals_at([0.0, 0.5]), seed=1).completed_s.tolist()
[1.0, 2.0]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sdlab.workload import Requests
from simulations import model as _model
from simulations.engines import simulate
from simulations.model import *  # noqa: F403  the words of a model, whatever they are
from simulations.sample_path import OUTCOMES, SamplePath

__all__ = [*_model.__all__, "arrivals_at", "outcomes", "simulate"]  # noqa: PLE0604  the words of a model are strings


def arrivals_at(
    arrival_s: Sequence[float],
    *,
    operation: str | Sequence[str] = "get",
    key: int | Sequence[int] = 0,
    region: str | Sequence[str] = "eu",
) -> Requests:
    """Requests at these times (seconds, rising); a single operation, key or region is that of all of them."""
    count = len(arrival_s)
    operations = [operation] * count if isinstance(operation, str) else list(operation)
    regions = [region] * count if isinstance(region, str) else list(region)
    names, places = tuple(dict.fromkeys(operations)), tuple(dict.fromkeys(regions))
    return Requests(
        np.array(arrival_s, dtype=np.float64),
        np.array([names.index(name) for name in operations], dtype=np.int16),
        np.array([key] * count if isinstance(key, int) else key, dtype=np.int64),
        np.array([places.index(name) for name in regions], dtype=np.int16),
        names,
        places,
    )


def outcomes(path: SamplePath) -> list[str]:
    """How each request ended, in words."""
    return [OUTCOMES[outcome] for outcome in path.outcome]
