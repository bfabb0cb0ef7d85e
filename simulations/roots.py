"""Where a function crosses zero.

`scipy.optimize` is imported when that is looked for: it takes as long as most commands of the lab, and few look for it.
"""

from __future__ import annotations

from collections.abc import Callable


def root(function: Callable[[float], float], low: float, high: float, **tolerances: float) -> float:
    """The zero of a function between two places where its signs differ (Brent 1973).

    ``tolerances`` are those of `scipy.optimize.brentq`: ``xtol`` absolute, ``rtol`` relative.
    """
    from scipy.optimize import brentq  # noqa: PLC0415  see above

    return float(brentq(function, low, high, **tolerances))
