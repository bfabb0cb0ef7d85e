"""Everything that a short example needs: the words of a model, requests at given times, a run, and how it ended.

>>> from simulations.examples import *
>>> model = Model("one server", [Flow("get", [Serve("server", Constant(1.0))])], [Station("server")])
>>> simulate(model, arrivals_at([0.0, 0.5]), seed=1).completed_s.tolist()
[1.0, 2.0]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sdlab.workload import Requests
from simulations import model as _model
from simulations.engines import simulate
from simulations.model import *  # noqa: F403  the words of a model, whatever they are
from simulations.sample_path import OUTCOMES, SamplePath

__all__ = [*_model.__all__, "arrivals_at", "outcomes", "simulate"]  # noqa: PLE0604  the words of a model are strings


def arrivals_at(
    arrival_s: Sequence[float] | NDArray[np.float64],
    *,
    operation: str | Sequence[str] = "get",
    key: int | Sequence[int] | NDArray[np.int64] = 0,
    region: str | Sequence[str] = "eu",
) -> Requests:
    """Requests at these times (seconds, rising); a single operation, key or region is that of all of them."""
    count = len(arrival_s)
    operations, operation_codes = _coded(operation, count)
    regions, region_codes = _coded(region, count)
    keys = np.full(count, key, dtype=np.int64) if isinstance(key, int) else np.array(key, dtype=np.int64)
    return Requests(np.array(arrival_s, dtype=np.float64), operation_codes, keys, region_codes, operations, regions)


def _coded(names: str | Sequence[str], count: int) -> tuple[tuple[str, ...], NDArray[np.int16]]:
    """The different names in the order in which they first occur, and each row's index into them."""
    if isinstance(names, str):
        return (names,) if count else (), np.zeros(count, dtype=np.int16)
    code = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return tuple(code), np.array([code[name] for name in names], dtype=np.int16)


def outcomes(path: SamplePath) -> list[str]:
    """How each request ended, in words."""
    return [OUTCOMES[outcome] for outcome in path.outcome]
