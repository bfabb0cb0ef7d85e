"""Every policy twice, compiled and in plain Python: equal on every hit and in every count."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.caches import POLICIES, Cache
from simulations.caches.allocation import COUNTS, allocate, hits_of, play
from simulations.caches.kernels import GET, INVALIDATE, LOOKUP, STORE
from simulations.caches.reference import ReferenceCache, reference_cache
from simulations.caches.sizes import entry_size_of, entry_sizes
from simulations.distributions import Constant, Empirical, Exponential, LogNormal

Step = tuple[int, int, float]  # what is done, to which key, and how long after the step before


def in_python(cache: Cache, steps: list[Step]) -> tuple[list[bool], ReferenceCache]:
    reference, now_s, hits = reference_cache(cache), 0.0, []
    for action, key, later_s in steps:
        now_s += later_s
        hit = action in (GET, LOOKUP) and reference.lookup(key, now_s)
        if action == STORE or (action == GET and not hit):
            reference.store(key, now_s, entry_size_of(cache, key))
        elif action == INVALIDATE:
            reference.invalidate(key)
        hits.append(hit)
    return hits, reference


def assert_equal(cache: Cache, steps: list[Step]) -> None:
    actions = np.array([action for action, _, _ in steps], dtype=np.int64)
    keys = np.array([key for _, key, _ in steps], dtype=np.int64)
    now_s = np.cumsum([later_s for _, _, later_s in steps])
    records, memory = allocate((Cache("other", 2), cache), len(steps))
    compiled = play(records, memory, 1, actions, keys, now_s, entry_sizes(cache, keys))
    expected, reference = in_python(cache, steps)
    assert compiled.tolist() == expected
    assert {name: int(records[1][name]) for name in COUNTS} == {name: getattr(reference, name) for name in COUNTS}
    assert records[1]["used"] == reference.used <= cache.capacity
    held = set(memory.buckets["key"][records[1]["first_bucket"] :].tolist()) - {-1}
    assert held >= set(reference.entries)


def zipf_steps(seed: int, count: int, keys: int, actions: tuple[int, ...] = (GET,)) -> list[Step]:
    draws = np.random.default_rng(seed)
    asked = np.minimum(draws.zipf(1.2, count) - 1, draws.integers(0, keys, count))
    done = draws.choice(actions, count)
    return list(zip(done.tolist(), asked.tolist(), draws.choice([0.0, 0.25, 1.0], count).tolist(), strict=True))


STEPS = st.lists(
    st.tuples(
        st.sampled_from([GET, GET, GET, LOOKUP, STORE, INVALIDATE]),
        st.integers(0, 14),
        st.sampled_from([0.0, 0.0, 0.5, 1.0]),
    ),
    min_size=1,
    max_size=150,
)
BYTES = st.sampled_from([Constant(3.0), Exponential(4.0), LogNormal(5.0, 1.0), Empirical((0.0, 1.0, 12.0))])


@pytest.mark.parametrize("policy", POLICIES)
@settings(max_examples=150, deadline=None, derandomize=True)
@given(steps=STEPS, capacity=st.integers(0, 13), expiry_s=st.sampled_from([None, None, 0.5, 3.0]))
def test_both_agree_by_entries(policy: str, steps: list[Step], capacity: int, expiry_s: float | None) -> None:
    warm = list(range(20, 20 + min(capacity, 4)))
    assert_equal(Cache("c", capacity, policy, warm, expiry_s=expiry_s), steps)


@pytest.mark.parametrize("policy", POLICIES)
@settings(max_examples=150, deadline=None, derandomize=True)
@given(steps=STEPS, capacity=st.integers(0, 40), expiry_s=st.sampled_from([None, None, 0.5, 3.0]), sizes=BYTES)
def test_both_agree_by_bytes(
    policy: str, steps: list[Step], capacity: int, expiry_s: float | None, sizes: Constant
) -> None:
    cache = Cache("c", None, policy, [5, 3, 9], capacity_bytes=capacity, entry_bytes=sizes, expiry_s=expiry_s)
    assert_equal(cache, steps)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("seed", range(3))
def test_both_agree_after_long_runs(policy: str, seed: int) -> None:
    """Long enough for rings to be tidied and sketches to be halved many times."""
    assert_equal(Cache("c", [7, 60, 300][seed], policy), zipf_steps(seed, 20_000, 2_000))


@pytest.mark.parametrize("policy", POLICIES)
def test_both_agree_after_long_runs_with_everything(policy: str) -> None:
    actions = (GET, GET, GET, GET, LOOKUP, STORE, INVALIDATE)
    cache = Cache(
        "c", None, policy, range(50), capacity_bytes=3_000, entry_bytes=LogNormal(30.0, 1.5), expiry_s=2_000.0
    )
    assert_equal(cache, zipf_steps(11, 20_000, 2_000, actions))


@pytest.mark.parametrize("policy", POLICIES)
def test_a_cache_with_room_for_all_keys_misses_each_once(policy: str) -> None:
    keys = np.random.default_rng(2).integers(0, 200, 5_000)
    hits = hits_of(Cache("c", 10**12, policy), keys)
    assert (~hits).sum() == np.unique(keys).size


@pytest.mark.parametrize("policy", POLICIES)
def test_a_huge_cache_gets_only_the_memory_it_can_use(policy: str) -> None:
    _, memory = allocate((Cache("c", 10**12, policy),), 1_000)
    assert sum(array.nbytes for array in memory) < 1_000 * 200


@pytest.mark.parametrize("policy", POLICIES)
def test_an_entry_is_served_until_the_instant_it_expires_and_storing_renews_it(policy: str) -> None:
    cache = Cache("c", 100, policy, expiry_s=10.0)
    steps = [(STORE, 1, 0.0), (LOOKUP, 1, 9.5), (STORE, 1, 0.0), (LOOKUP, 1, 9.5), (LOOKUP, 1, 0.5), (LOOKUP, 1, 0.0)]
    hits, reference = in_python(cache, [(action, key, later_s) for action, key, later_s in steps])
    assert hits == [False, True, False, True, False, False]
    assert (reference.expirations, reference.stores) == (1, 1)
    assert_equal(cache, steps)


@pytest.mark.parametrize("policy", POLICIES)
def test_an_entry_larger_than_the_cache_is_never_stored(policy: str) -> None:
    cache = Cache("c", None, policy, capacity_bytes=9, entry_bytes=Constant(9.5))
    hits, reference = in_python(cache, [(GET, 1, 0.0), (GET, 1, 0.0)])
    assert hits == [False, False]
    assert reference.stores == reference.evictions == 0
    assert_equal(cache, [(GET, 1, 0.0), (GET, 1, 0.0)])


def test_sizes_depend_on_the_key_and_the_caches_name_only_and_are_whole_bytes() -> None:
    keys = np.arange(20_000)
    first = Cache("first", None, capacity_bytes=10, entry_bytes=Exponential(1000.0))
    second = Cache("second", None, "sieve", capacity_bytes=99, entry_bytes=Exponential(1000.0))
    sizes = entry_sizes(first, keys)
    assert sizes[:50].tolist() == [entry_size_of(first, key) for key in range(50)]
    assert (sizes[::-1] == entry_sizes(first, keys[::-1].copy())).all()
    assert not (sizes == entry_sizes(second, keys)).all()
    assert sizes.min() >= 1
    assert sizes.mean() == pytest.approx(1000.5, rel=0.03)  # four standard errors
    assert set(entry_sizes(Cache("c", None, capacity_bytes=1, entry_bytes=Constant(0.0)), keys).tolist()) == {1}


# What each policy evicts, from the papers' own descriptions, by hand.
BY_HAND = {
    "lru": ([1, 2, 3, 1, 4], {1, 3, 4}),
    "fifo": ([1, 2, 3, 1, 4], {2, 3, 4}),
    "clock": ([1, 2, 3, 1, 4, 5, 6], {4, 5, 6}),  # 1 is spared once, as the youngest then; 2, 3 and it go in turn
    "sieve": ([1, 2, 3, 1, 4, 5, 6], {1, 5, 6}),  # 1 stays where it is; the hand goes on over 2, 3 and 4
}


@pytest.mark.parametrize("policy", BY_HAND)
def test_who_is_evicted_is_as_by_hand(policy: str) -> None:
    asked, left = BY_HAND[policy]
    _, reference = in_python(Cache("c", 3, policy), [(GET, key, 0.0) for key in asked])
    assert set(reference.entries) == left
    assert_equal(Cache("c", 3, policy), [(GET, key, 0.0) for key in asked])


def test_s3fifo_takes_a_key_it_remembers_into_the_main_queue_and_lets_keys_asked_for_once_pass() -> None:
    fill = [(GET, key, 0.0) for key in range(20)]
    popular = [(GET, key, 0.0) for key in (100, 100, 100)]
    scan = [(GET, key, 0.0) for key in range(200, 240)]
    remembered = [(GET, 239 - 5, 0.0)]  # evicted from the small queue not long ago
    cache = Cache("c", 20, "s3fifo")
    _, reference = in_python(cache, fill + popular + scan + remembered)
    assert 100 in reference.entries
    assert len(set(range(20)) & set(reference.entries)) >= 15
    assert_equal(cache, fill + popular + scan + remembered)


def test_wtinylfu_keeps_what_is_popular_when_a_scan_passes() -> None:
    popular = [(GET, key, 0.0) for _ in range(5) for key in range(100)]
    scan = [(GET, key, 0.0) for key in range(1_000, 2_000)]
    cache = Cache("c", 100, "wtinylfu")
    _, reference = in_python(cache, popular + scan)
    assert len(set(range(100)) & set(reference.entries)) >= 95
    assert_equal(cache, popular + scan)
