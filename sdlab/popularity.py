"""Which key a request asks for: Zipf's law over any number of keys."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdlab.arrivals import FloatArray, stream
from sdlab.errors import InvalidInput

_TABLE_KEYS = 4096
_CELLS = 1 << 16


def zipf_ranks(count: int, keys: int, exponent: float, seed: int, purpose: str = "keys") -> NDArray[np.int64]:
    """Draw ``count`` popularity ranks in ``[0, keys)``; rank r has probability proportional to ``(r+1)**-exponent``.

    The first ranks, which most requests ask for, come from a table of exact probabilities. The tail comes from
    rejection-inversion (Hörmann and Derflinger 1996), which is exact too, so memory does not grow with ``keys``.
    """
    if keys < 1 or exponent < 0:
        raise InvalidInput("popularity", (keys, exponent), "needs at least one key and an exponent of 0 or more")
    generator = stream(seed, purpose)
    head = min(keys, _TABLE_KEYS)
    head_weights = np.arange(1, head + 1, dtype=np.float64) ** -exponent
    head_total = float(head_weights.sum())
    tail_total = _tail_weight(head, keys, exponent)
    cumulative = np.cumsum(head_weights) / (head_total + tail_total)
    ranks = _ranked(cumulative, generator.random(count))
    in_tail = np.flatnonzero(ranks >= head)
    if keys == head:
        ranks[in_tail] = head - 1  # the last cumulative weight can round to just below 1
    elif in_tail.size:
        ranks[in_tail] = _tail_ranks(in_tail.size, head, keys, exponent, generator)
    return ranks


def _ranked(cumulative: FloatArray, uniform: FloatArray) -> NDArray[np.int64]:
    """``searchsorted(cumulative, uniform, side="right")`` by a guide table (Chen and Asau 1974).

    The interval is cut into cells; most hold no bound, and there the cell alone gives the rank. Only numbers in the
    others are searched for.
    """
    bounds = np.searchsorted(cumulative, np.arange(_CELLS + 1) / _CELLS, side="right")
    guide = np.where(bounds[:-1] == bounds[1:], bounds[:-1], -1)
    ranks: NDArray[np.int64] = guide[(uniform * _CELLS).astype(np.int32)]  # exact: the cells are a power of two
    searched = np.flatnonzero(ranks < 0)
    ranks[searched] = np.searchsorted(cumulative, uniform[searched], side="right")
    return ranks


def _tail_weight(head: int, keys: int, exponent: float) -> float:
    """The sum of ``k ** -exponent`` for k in (head, keys], by the Euler-Maclaurin formula to the third derivative.

    With k above 4096 the first term left out is below 1e-18 of the sum.
    """
    if keys <= head:
        return 0.0
    low, high = float(head + 1), float(keys)
    integral = float(_integral(np.array([high]), exponent)[0] - _integral(np.array([low]), exponent)[0])
    ends = (low**-exponent + high**-exponent) / 2
    slopes = exponent * (low ** (-exponent - 1) - high ** (-exponent - 1)) / 12
    return float(integral + ends + slopes)


def _integral(x: FloatArray, exponent: float) -> FloatArray:
    """An antiderivative of ``x ** -exponent``, stable where the exponent is near 1."""
    log_x = np.log(x)
    slope = (1 - exponent) * log_x
    return np.where(np.abs(slope) > 1e-12, np.expm1(slope) / np.where(slope == 0, 1, slope), 1.0) * log_x


def _inverse_integral(y: FloatArray, exponent: float) -> FloatArray:
    slope = (1 - exponent) * y
    log_x = np.where(np.abs(slope) > 1e-12, np.log1p(slope) / np.where(slope == 0, 1, slope), 1.0) * y
    return np.asarray(np.exp(log_x), dtype=np.float64)


def _tail_ranks(count: int, head: int, keys: int, exponent: float, generator: np.random.Generator) -> NDArray[np.int64]:
    """Ranks in ``[head, keys)``: invert the integral over (k - 1/2, k + 1/2), accept k with its share of it."""
    ends = _integral(np.array([head + 0.5, keys + 0.5]), exponent)
    accepted = np.empty(count, dtype=np.int64)
    filled = 0
    while filled < count:
        y = ends[0] + (ends[1] - ends[0]) * generator.random(count - filled)
        k = np.clip(np.rint(_inverse_integral(y, exponent)), head + 1, keys)
        # The weight of k never exceeds its integral, because the density is convex.
        good = y >= _integral(k + 0.5, exponent) - k**-exponent
        chosen = k[good].astype(np.int64) - 1
        accepted[filled : filled + chosen.size] = chosen
        filled += chosen.size
    return accepted
