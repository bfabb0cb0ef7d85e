"""A steady stream that is made in chunks."""

from __future__ import annotations

import numpy as np
import pytest

from sdlab import workload
from sdlab.catalog import load_design
from sdlab.workload import Requests


def joined(chunks: list[Requests], name: str) -> np.ndarray:
    return np.concatenate([getattr(chunk, name) for chunk in chunks])


@pytest.mark.parametrize("chunk", [997, 100_000])
def test_arrivals_operations_and_regions_are_those_of_the_stream_in_one_piece(chunk: int) -> None:
    design = load_design("url_shortener")
    whole = workload.steady(design, "poisson", 300.0, 30.0, 7)
    chunks = list(workload.steady_chunks(design, 300.0, 30.0, 7, chunk=chunk))
    assert sum(map(len, chunks)) == len(whole)
    assert max(map(len, chunks)) <= chunk
    for name in ("arrival_s", "operation", "region"):
        assert np.array_equal(joined(chunks, name), getattr(whole, name)), name


def test_keys_are_as_popular_as_they_should_be_and_differ_between_chunks() -> None:
    design = load_design("url_shortener", ["workload.popularity.keys=1000"])
    whole = workload.steady(design, "poisson", 1000.0, 100.0, 7)
    first, second, *rest = chunks = list(workload.steady_chunks(design, 1000.0, 100.0, 7, chunk=10_000))
    assert rest
    assert not np.array_equal(first.key, second.key)
    share = np.mean(joined(chunks, "key") == 0)
    expected = np.mean(whole.key == 0)
    assert abs(share - expected) < 5 * np.sqrt(2 * expected / len(whole))


def test_a_stream_can_end_after_so_many_requests() -> None:
    design = load_design("url_shortener")
    assert sum(map(len, workload.steady_chunks(design, 300.0, 1e6, 7, most=2_500, chunk=1_000))) == 2_500
