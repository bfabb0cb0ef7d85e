"""Integrals over time of numbers that change now and then, as a whole and in bins."""

from __future__ import annotations

from collections import defaultdict


def pieces(start_s: float, end_s: float, start_bin: int, bin_s: float | None) -> list[tuple[int, float]]:
    """An interval cut at the bins' edges: (bin, length) of each piece; one piece if there are no bins."""
    if bin_s is None:
        return [(0, end_s - start_s)]
    cut = []
    while end_s >= (edge_s := (start_bin + 1) * bin_s):
        cut.append((start_bin, edge_s - start_s))
        start_bin, start_s = start_bin + 1, edge_s
    return [*cut, (start_bin, end_s - start_s)]


class Integrals:
    """Levels, their integrals up to ``changed_s``, and the same by bin; ``bin`` is the one that time falls in."""

    def __init__(self, levels: list[int], bin_s: float | None) -> None:
        self.levels = levels
        self.bin_s = bin_s
        self.bin = 0
        self.changed_s = 0.0
        self.totals = [0.0] * len(levels)
        self.in_bin: list[defaultdict[int, float]] = [defaultdict(float) for _ in levels]

    def until(self, now_s: float) -> None:
        """Bring the integrals up to now; to be done before a level is changed."""
        for which, length_s in pieces(self.changed_s, now_s, self.bin, self.bin_s):
            for index, level in enumerate(self.levels):
                area = level * length_s
                self.totals[index] += area
                self.in_bin[index][which] += area
            self.bin = which
        self.changed_s = now_s
