"""Random numbers as a pure function: ``draw(seed, request, step)``.

There is no generator with a state that is advanced, so the order in which an engine asks does not matter, and adding
a station or changing one flow leaves every other request's numbers as they were: variants of a model share common
random numbers by themselves.

The function is Philox4x32 with 7 rounds, the fewest that pass TestU01's BigCrush with a margin (Salmon, Moraes, Dror
& Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", table 2). The key is the seed; the counter is the
request's identity (64 bits), the step's key (32 bits) and a sub-counter (32 bits) for steps that need more than one
block of random bits.
"""

from __future__ import annotations

import numpy as np

from simulations.jit import kernel

ROUNDS = 7

_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)
_LOW_32 = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_12 = np.uint64(12)
_EXPONENT_OF_ONE = np.uint64(1023 << 52)

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_30, _27, _31 = np.uint64(30), np.uint64(27), np.uint64(31)
_LOW_63 = np.uint64(0x7FFFFFFFFFFFFFFF)

Word = np.uint64


@kernel
def philox4x32(
    c0: Word, c1: Word, c2: Word, c3: Word, k0: Word, k1: Word, rounds: int
) -> tuple[Word, Word, Word, Word]:
    """One block: four 32-bit words from a counter of four and a key of two, all held in uint64."""
    for _ in range(rounds):
        p0 = _MULTIPLIER_0 * c0
        p1 = _MULTIPLIER_1 * c2
        c0, c1, c2, c3 = (p1 >> _32) ^ c1 ^ k0, p1 & _LOW_32, (p0 >> _32) ^ c3 ^ k1, p0 & _LOW_32
        k0 = (k0 + _WEYL_0) & _LOW_32
        k1 = (k1 + _WEYL_1) & _LOW_32
    return c0, c1, c2, c3


@kernel
def _unit(high: Word, low: Word) -> float:
    """52 random bits at the middle of their cell, so neither 0 nor 1 is ever returned.

    As the mantissa of a number from 1 to 2, from which the subtraction is exact: a vector unit can do all of it.
    """
    return np.uint64(((high << _32) | low) >> _12 | _EXPONENT_OF_ONE).view(np.float64) - (1.0 - 2.0**-53)


@kernel
def draw_pair(seed: int, request: int, step: int, part: int) -> tuple[float, float]:
    """Two independent uniforms in (0, 1) for one step of one request; ``part`` counts further pairs."""
    key, identity = np.uint64(seed), np.uint64(request)
    w0, w1, w2, w3 = philox4x32(
        identity & _LOW_32,
        identity >> _32,
        np.uint64(step) & _LOW_32,
        np.uint64(part) & _LOW_32,
        key & _LOW_32,
        key >> _32,
        ROUNDS,
    )
    return _unit(w0, w1), _unit(w2, w3)


@kernel
def draw(seed: int, request: int, step: int) -> float:
    """One uniform in (0, 1) for one step of one request."""
    return draw_pair(seed, request, step, 0)[0]


@kernel
def child_identity(identity: int, step: int) -> int:
    """The identity of what a request starts at a spawning step: a 63-bit hash of both.

    The finaliser is SplitMix64's (Steele, Lea & Flood 2014). It depends on the parent and the step only, never on the
    order of events.
    """
    z = np.uint64(identity) * _GOLDEN + np.uint64(step) + _GOLDEN
    z = (z ^ (z >> _30)) * _MIX_1
    z = (z ^ (z >> _27)) * _MIX_2
    return int(np.int64((z ^ (z >> _31)) & _LOW_63))
