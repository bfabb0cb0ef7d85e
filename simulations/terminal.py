"""How numbers look on a terminal: plain tables, milliseconds, a series as a line of blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from rich.table import Table

BLOCKS = "▁▂▃▄▅▆▇█"


def plain_table(first: str, title: str) -> Table:
    """A plain table whose first column names its rows and is never cut."""
    table = Table(title=title or None, title_justify="left", box=None)
    table.add_column(first, no_wrap=True)
    return table


def ms(time_s: float, digits: int = 3) -> str:
    """Milliseconds to so many significant digits, without an exponent."""
    value = 1e3 * time_s
    if not np.isfinite(value):
        return "-"
    return f"{value:,.0f}" if value >= 10**digits else f"{value:.{digits}g}"


def plus_minus(time_s: float, half_width_s: float) -> str:
    """A time with its half-width in milliseconds; the time alone if the half-width is not known."""
    return f"{ms(time_s)} ± {ms(half_width_s, 2)}" if np.isfinite(half_width_s) else ms(time_s)


def sparkline(values: ArrayLike, width: int) -> str:
    """A series as blocks from 0 to its highest value, neighbours averaged where it is longer than ``width``.

    A blank is where there is no value.
    """
    array = np.asarray(values, dtype=np.float64)
    parts = np.array_split(array, min(width, array.size))
    known = [part[np.isfinite(part)] for part in parts]
    means = np.array([part.mean() if part.size else np.nan for part in known])
    highest = np.nanmax(means, initial=0.0)
    shares = means / highest if highest > 0 else means * 0.0
    return "".join(" " if np.isnan(share) else BLOCKS[round(share * (len(BLOCKS) - 1))] for share in shares)
