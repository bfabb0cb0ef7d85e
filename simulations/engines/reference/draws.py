"""What the reference engine draws: pure functions of the seed, an identity and a key."""

from __future__ import annotations

from simulations.distributions import Distribution
from simulations.draw_keys import Drawn
from simulations.draws import draw_pair
from simulations.jit import entry_point, source_digest
from simulations.program import Program
from simulations.sampling import child_identity_of, draw_one, sample_one


def _pair_entry_point(sources: str):  # type: ignore[no-untyped-def]
    @entry_point
    def draw_two(seed, identity, key):  # type: ignore[no-untyped-def]
        sources  # noqa: B018  the cache's key holds the sources
        return draw_pair(seed, identity, key, 0)

    return draw_two


draw_two = _pair_entry_point(source_digest())


def child(identity: int, key: int) -> int:
    """The identity of what one starts."""
    return int(child_identity_of(identity, key))


class Draws:
    """Random values of one run."""

    def __init__(self, program: Program, seed: int) -> None:
        self.program = program
        self.seed = seed

    def step_s(self, identity: int, drawn: Drawn) -> float:
        """The time of a step."""
        return self._time_s(drawn.distribution, identity, drawn.draw_key)

    def per_item_s(self, identity: int, drawn: Drawn) -> float:
        """The time per item of a step in a batch."""
        return self._time_s(drawn.second, identity, drawn.second_key)

    def time_s(self, distribution: Distribution, identity: int, key: int) -> float:
        """A time from one of the model's distributions."""
        return self._time_s(self.program.rows[distribution], identity, key)

    def _time_s(self, row: int, identity: int, key: int) -> float:
        return float(sample_one(self.program.distributions, row, self.seed, identity, key))

    def uniform(self, identity: int, key: int) -> float:
        """One number in (0, 1)."""
        return float(draw_one(self.seed, identity, key))

    def uniforms(self, identity: int, key: int) -> tuple[float, float]:
        """Two independent numbers in (0, 1), of which the first is `uniform`."""
        first, second = draw_two(self.seed, identity, key)
        return float(first), float(second)
