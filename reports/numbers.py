"""Numbers as people read them: three significant digits, a unit beside each, British spelling. Pure."""

from __future__ import annotations

import math

MISSING = "–"
_MINUS = "−"
_SI = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def significant(value: float, digits: int = 3) -> str:
    """``1234.5 -> "1,230"``, ``0.01234 -> "0.0123"``, ``5.6e-8 -> "5.6e-8"``; `MISSING` for NaN."""
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else f"{_MINUS}∞"
    if value == 0:
        return "0"
    if abs(value) < 1e-4:
        return f"{value:.1e}".replace("e-0", "e-").replace("-", _MINUS, 1 if value < 0 else 0)
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, decimals)
    # 9.996 rounds to 10.0, which needs one decimal fewer to stay at three digits.
    decimals = digits - 1 - math.floor(math.log10(abs(rounded)))
    return f"{rounded:,.{max(0, decimals)}f}".replace("-", _MINUS)


def duration(value_s: float) -> str:
    """Seconds in the unit that reads best: µs below 0.1 ms, ms below 10 s, s above; nobody needs less than 0.1 µs."""
    if math.isnan(value_s) or math.isinf(value_s):
        return significant(value_s)
    if value_s == 0:
        return "0 ms"
    if abs(value_s) < 1e-7:
        return "< 0.1 µs"
    if abs(value_s) < 1e-4:
        return f"{significant(value_s * 1e6)} µs"
    if abs(value_s) < 10:
        return milliseconds(value_s)
    return f"{significant(value_s)} s"


def milliseconds(value_s: float) -> str:
    """Seconds as "12.3 ms"."""
    return f"{significant(value_s * 1e3)} ms" if math.isfinite(value_s) else significant(value_s)


def percent(share: float) -> str:
    """``0.1234 -> "12.3 %"``; shares close to 1 keep the digits in which they differ from it (99.95 %)."""
    if not math.isfinite(share):
        return significant(share)
    if 0.99 < share < 1:
        decimals = 1 - math.floor(math.log10(100 * (1 - share)))
        whole, _, digits = f"{share * 100:.{min(decimals, 6)}f}".partition(".")
        return f"{whole}.{digits[0]}{digits[1:].rstrip('0')} %"
    return f"{significant(share * 100)} %"


def signed_percent(share: float) -> str:
    """``-0.0512 -> "−5.1 %"``: an error, to a tenth of a per cent below 10 %, else to a whole one."""
    if not math.isfinite(share):
        return MISSING
    size = absolute_percent(share)
    if not size.strip("0. %"):
        return size
    return f"{'+' if share > 0 else _MINUS}{size}"


def absolute_percent(share: float) -> str:
    """The size of an error, with as many digits as `signed_percent` shows."""
    return f"{abs(share) * 100:,.{1 if abs(share) < 0.0995 else 0}f} %" if math.isfinite(share) else MISSING


def rate(value_rps: float) -> str:
    return f"{significant(value_rps)} requests/s"


def count(value: float) -> str:
    """``1e7 -> "10 M"``, ``1234 -> "1,234"``: whole below 10,000, else three significant digits with k, M, G, T."""
    if not math.isfinite(value):
        return significant(value)
    if abs(value) < 10_000:
        return f"{value:,.0f}" if float(value).is_integer() else significant(value)
    unit, letter = next((unit, letter) for unit, letter in _SI if abs(value) >= unit)
    text = significant(value / unit)
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} {letter}"


def usd(value: float) -> str:
    """Money to the dollar above 100, else to the cent."""
    return f"${value:,.0f}" if abs(value) >= 100 else f"${value:,.2f}"


def times(ratio: float) -> str:
    """A multiple: ``4.26 -> "4.3×"``."""
    if not math.isfinite(ratio):
        return MISSING
    return f"{ratio:.1f}×" if ratio < 10 else f"{significant(ratio, 2)}×"


def plain(value: object) -> str:
    """A value of a design as it stands there, large ones with thousands separated."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:.12g}"


def words(items: list[str]) -> str:
    """``["a", "b", "c"] -> "a, b and c"``."""
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))
