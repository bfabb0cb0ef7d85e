"""Quantiles of the distributions that intervals are made of, as `scipy.stats` has them: to import that takes longer
than most commands of the lab run.
"""

from __future__ import annotations

import math

from scipy import special


def student_t(probability: float, freedom: float) -> float:
    """Of Student's t distribution with so many degrees of freedom."""
    return float(special.stdtrit(freedom, probability))


def beta(probability: float, a: float, b: float) -> float:
    """Of the beta distribution with parameters ``a`` and ``b``."""
    return float(special.betaincinv(a, b, probability))


def binomial(probability: float, trials: int, share: float) -> int:
    """Of the number of successes in so many trials: the smallest that is not exceeded with at least the probability."""
    found: int = math.ceil(special.bdtrik(probability, trials, share))
    # The inverse is found numerically: it may lie a little above a whole number.
    below = max(found - 1, 0)
    return below if special.bdtr(below, trials, share) >= probability else found
