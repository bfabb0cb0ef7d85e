"""What parameters of distributions must obey, and what makes a class a distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sdlab.errors import InvalidInput


class Law:
    """What every distribution is: it has ``mean_s`` and ``scv``, as fields or properties."""


def positive(field: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise InvalidInput(field, value, "must be a number above 0")


def at_least_zero(field: str, value: float) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise InvalidInput(field, value, "must be a number of at least 0")


def between(field: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise InvalidInput(field, value, f"must be from {least:g} to {most:g}")


def probabilities(values: Sequence[float], others: str, count: int) -> tuple[float, ...]:
    """As a tuple of floats: one for each of the ``count`` ``others``, each from 0 to 1, together 1."""
    checked = tuple(float(value) for value in values)
    if not checked or len(checked) != count:
        raise InvalidInput("probabilities", checked, f"must be as many as {others}, at least one")
    for value in checked:
        if not 0 <= value <= 1:
            raise InvalidInput("probabilities", value, "must be from 0 to 1")
    if abs(math.fsum(checked) - 1) > 1e-9:
        raise InvalidInput("probabilities", checked, "must add up to 1")
    return checked
