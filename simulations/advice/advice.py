"""One piece of advice, and how its numbers are written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Advice:
    """``where`` in the model, and what is doubtful there. With ``warning`` False it only says what to expect."""

    where: str
    text: str
    warning: bool = True

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


def time_text(time_s: float) -> str:
    """Seconds with the unit that a person would choose: "6.6 ms"."""
    for unit_s, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if time_s >= unit_s:
            return f"{time_s / unit_s:.3g} {unit}" if time_s < 1000 else f"{time_s:,.0f} s"
    return "0 s" if time_s == 0 else f"{time_s / 1e-9:.3g} ns"


def rate_text(rate_rps: float) -> str:
    """Requests a second: "400/s"."""
    return f"{rate_rps:,.0f}/s" if rate_rps >= 1000 else f"{rate_rps:.3g}/s"


def many(count: float, word: str) -> str:
    """A count with its word: "1 server", "2 servers"."""
    return f"{count:.4g} {word}" if count == 1 else f"{count:.4g} {word}s"
