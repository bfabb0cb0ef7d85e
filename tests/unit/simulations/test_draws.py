"""The random numbers: Philox's published answers, and what a pure function of (seed, request, step) must look like."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from scipy import stats

from simulations.draws import child_identity, draw_pair, philox4x32
from simulations.sampling import draw_one


@numba.njit
def block(words: np.ndarray, rounds: int) -> list[np.uint64]:
    w = philox4x32(words[0], words[1], words[2], words[3], words[4], words[5], rounds)
    return [w[0], w[1], w[2], w[3]]


@numba.njit
def uniforms(seeds: np.ndarray, requests: np.ndarray, steps: np.ndarray, parts: np.ndarray) -> np.ndarray:
    drawn = np.empty((seeds.size, 2))
    for i in range(seeds.size):
        drawn[i, 0], drawn[i, 1] = draw_pair(seeds[i], requests[i], steps[i], parts[i])
    return drawn


@numba.njit
def children(identities: np.ndarray, steps: np.ndarray) -> np.ndarray:
    made = np.empty(identities.size, np.int64)
    for i in range(identities.size):
        made[i] = child_identity(identities[i], steps[i])
    return made


COUNT = 200_000
STILL = np.zeros(COUNT, dtype=np.int64)
RUNNING = np.arange(COUNT, dtype=np.int64)


@pytest.mark.parametrize(
    ("rounds", "given", "expected"),
    [  # kat_vectors of Random123: counter and key in, four words out
        (7, "00000000 " * 6, "5f6fb709 0d893f64 4f121f81 4f730a48"),
        (7, "ffffffff " * 6, "5207ddc2 45165e59 4d8ee751 8c52f662"),
        (7, "243f6a88 85a308d3 13198a2e 03707344 a4093822 299f31d0", "4dfccaba 190a87f0 c47362ba b6b5242a"),
        (10, "00000000 " * 6, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        (10, "ffffffff " * 6, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (10, "243f6a88 85a308d3 13198a2e 03707344 a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_philox_gives_its_authors_known_answers(rounds: int, given: str, expected: str) -> None:
    words = np.array([int(word, 16) for word in given.split()], dtype=np.uint64)
    assert [f"{int(word):08x}" for word in block(words, rounds)] == expected.split()


@pytest.mark.parametrize("varied", ["seed", "request", "step", "part"])
def test_numbers_are_uniform_and_neighbours_independent_along_every_argument(varied: str) -> None:
    arguments = [RUNNING if name == varied else STILL + 12345 for name in ("seed", "request", "step", "part")]
    drawn = uniforms(*arguments)
    u = drawn[:, 0]
    assert stats.kstest(u, "uniform").pvalue > 1e-4
    assert stats.kstest(drawn[:, 1], "uniform").pvalue > 1e-4
    for other in (drawn[:, 1], np.roll(u, 1), np.roll(u, 2)):
        assert abs(np.corrcoef(u, other)[0, 1]) < 4 / np.sqrt(COUNT)
    cells = np.histogram2d(u[:-1], u[1:], bins=16)[0].ravel()
    assert stats.chisquare(cells).pvalue > 1e-4


def test_requests_next_to_each_other_have_steps_that_are_independent() -> None:
    one = uniforms(STILL, RUNNING, STILL + 1, STILL)[:, 0]
    two = uniforms(STILL, RUNNING, STILL + 2, STILL)[:, 0]
    assert abs(np.corrcoef(one, two)[0, 1]) < 4 / np.sqrt(COUNT)
    assert not np.intersect1d(one, two).size


def test_a_number_is_the_same_however_often_and_in_whatever_order_it_is_asked_for() -> None:
    forward = [draw_one(7, request, 3) for request in range(50)]
    backward = [draw_one(7, request, 3) for request in reversed(range(50))]
    assert forward == backward[::-1]
    assert len(set(forward)) == 50


def test_neither_zero_nor_one_is_ever_drawn() -> None:
    """The extremes of the 52 bits used are half a cell inside."""
    assert 0.5 * 2.0**-52 > 0.0
    assert (2.0**52 - 1 + 0.5) * 2.0**-52 < 1.0
    drawn = uniforms(STILL, RUNNING, STILL, STILL)
    assert 0 < drawn.min() < drawn.max() < 1


def test_large_seeds_and_identities_use_all_their_bits() -> None:
    assert draw_one(1, 5, 3) != draw_one(1 + 2**40, 5, 3)
    assert draw_one(1, 5, 3) != draw_one(1, 5 + 2**40, 3)
    assert draw_one(1, 5, 3) != draw_one(1, 5, 4)


def test_what_requests_spawn_has_identities_of_its_own() -> None:
    one, two = children(RUNNING, STILL + 1), children(RUNNING, STILL + 2)
    identities = np.concatenate([RUNNING, one, two, children(one, STILL + 1)])
    assert np.unique(identities).size == identities.size
    assert identities.min() >= 0
