"""Access logs: each line becomes a request or is counted; times, order and popularity are kept."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from sdlab import trace
from sdlab.catalog import ROOT
from sdlab.errors import InvalidInput
from sdlab.spec import Design

SMALL_LOG = ROOT / "tests" / "data" / "access.log"
REAL_LOG = ROOT.parent / "shared" / "data" / "apache_access.log.gz"


def test_every_line_is_a_request_or_is_counted(design: Design) -> None:
    read = trace.read(SMALL_LOG, design, speed=1, seed=1)
    lines = SMALL_LOG.read_text().splitlines()
    assert read.lines == len(lines)
    assert len(read.requests) + sum(read.skipped.values()) == read.lines
    assert read.skipped == {
        "lines that are not in the combined format": 3,
        "PROPFIND requests, which stand for no operation": 1,
    }


def test_the_most_popular_path_is_key_zero(design: Design) -> None:
    read = trace.read(SMALL_LOG, design, speed=1, seed=1)
    counts = np.bincount(read.requests.key)
    assert read.paths[0] == "/a"
    assert list(counts) == sorted(counts, reverse=True)
    assert counts.sum() == len(read.requests)


def test_speed_divides_the_times(design: Design) -> None:
    once = trace.read(SMALL_LOG, design, speed=1, seed=1).requests
    fast = trace.read(SMALL_LOG, design, speed=60, seed=1).requests
    assert np.array_equal(fast.arrival_s, once.arrival_s / 60)
    assert np.array_equal(fast.key, once.key)


def test_each_request_stays_within_its_second_and_operations_follow_methods(design: Design) -> None:
    read = trace.read(SMALL_LOG, design, speed=1, seed=1)
    assert list(np.floor(read.requests.arrival_s).astype(int)) == [0, 0, 0, 1, 1, 2, 5, 5, 7, 9, 61, 61]
    names = [read.requests.operations[code] for code in read.requests.operation]
    assert names.count("create") == 1
    assert names.count("redirect") == 11


def test_gzipped_reads_the_same_as_plain(design: Design, tmp_path: Path) -> None:
    zipped = tmp_path / "access.log.gz"
    zipped.write_bytes(gzip.compress(SMALL_LOG.read_bytes()))
    plain = trace.read(SMALL_LOG, design, speed=1, seed=1)
    again = trace.read(zipped, design, speed=1, seed=1)
    assert np.array_equal(plain.requests.arrival_s, again.requests.arrival_s)
    assert plain.paths == again.paths


def test_a_truncated_gzip_a_missing_file_and_a_log_without_requests_are_refused(design: Design, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(SMALL_LOG.read_bytes())[:-20])
    with pytest.raises(InvalidInput, match="cannot be read"):
        trace.read(cut, design, speed=1, seed=1)
    with pytest.raises(InvalidInput, match="cannot be read: No such file"):
        trace.read(tmp_path / "none.log", design, speed=1, seed=1)
    prose = tmp_path / "prose.log"
    prose.write_text("hello\nworld\n")
    with pytest.raises(InvalidInput, match="none of its 2 lines is a request"):
        trace.read(prose, design, speed=1, seed=1)


@pytest.mark.parametrize("speed", [0, -1, float("inf"), float("nan")])
def test_a_speed_out_of_bounds_is_refused(design: Design, speed: float) -> None:
    with pytest.raises(InvalidInput, match="--speed"):
        trace.read(SMALL_LOG, design, speed=speed, seed=1)


def test_more_paths_than_keys_are_refused(design: Design) -> None:
    with pytest.raises(InvalidInput, match="the test data has 2 keys"):
        trace.read(SMALL_LOG, design, speed=1, seed=1, keys=2)


@pytest.mark.skipif(not REAL_LOG.exists(), reason="the real log is not part of the project")
def test_a_real_log_is_read_to_the_last_line(design: Design) -> None:
    read = trace.read(REAL_LOG, design, speed=60, seed=1)
    assert read.lines == 10_000
    assert len(read.requests) == 9_999
    assert read.skipped == {"OPTIONS requests, which stand for no operation": 1}
