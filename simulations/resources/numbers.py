"""What the numbers of a resource must be; every error names the field, the value and the bound."""

from __future__ import annotations

import math

import numpy as np

from sdlab.errors import InvalidInput


def count(field: str, value: int, *, least: int) -> None:
    """An integer of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InvalidInput(field, value, f"must be an integer of at least {least}")


def seconds(field: str, value: float, *, zero: bool = True) -> None:
    """A finite time, of at least 0 or (not ``zero``) above it."""
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
        raise InvalidInput(field, value, f"must be a number of seconds {'of at least' if zero else 'above'} 0")


def above_zero(field: str, value: float) -> None:
    """A finite number above 0."""
    if not math.isfinite(value) or value <= 0:
        raise InvalidInput(field, value, "must be a number above 0")


def share(field: str, value: float) -> None:
    """A number above 0 and up to 1."""
    if not 0 < value <= 1:
        raise InvalidInput(field, value, "must be above 0 and at most 1")


def one_of(field: str, value: str, choices: tuple[str, ...]) -> None:
    """One of some words."""
    if value not in choices:
        raise InvalidInput(field, value, f"must be one of {', '.join(choices)}")
