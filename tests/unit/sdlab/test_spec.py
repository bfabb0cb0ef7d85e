"""A design is validated once, at the boundary; each mistake gets one line that names field, value and bound."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdlab.catalog import design_folder, load_design
from sdlab.errors import InvalidInput
from sdlab.spec import Design

TOML = (design_folder("url_shortener") / "design.toml").read_text()


def with_change(tmp_path: Path, old: str, new: str) -> Path:
    assert TOML.count(old) == 1, f"{old!r} must stand once in the design"
    file = tmp_path / "design.toml"
    file.write_text(TOML.replace(old, new))
    return file


def test_the_target_is_ten_million_requests_a_day_with_a_peak_of_three_times_the_mean(design: Design) -> None:
    assert design.workload.requests_per_day == 10_000_000
    assert design.workload.peak_rate_rps == pytest.approx(3 * 10_000_000 / 86_400)


def test_every_number_has_a_source(design: Design) -> None:
    def numbers(node: object, path: str = "") -> list[str]:
        if isinstance(node, dict):
            return [p for key, value in node.items() for p in numbers(value, f"{path}.{key}" if path else str(key))]
        return [path] if isinstance(node, (int, float)) else []

    values = design.model_dump(exclude={"sources"})
    assert numbers(values) != []
    assert set(numbers(values)) == set(design.sources)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "value = 10_000_000,",
            "value = -5,",
            "workload.requests_per_day = -5: input should be greater than 0",
        ),
        (
            'summary = "',
            'sumary = "',
            (
                "sumary = '10 million requests a day: short codes redirect to long URLs, and every click is counted.': "
                "unknown key"
            ),
        ),
        (
            '[workload.popularity]\nkeys = { value = 50_000_000, derived = "',
            '[workload.popularity]\nkys = { value = 50_000_000, derived = "',
            "workload.popularity.kys = 50000000: unknown key",
        ),
        (
            "[workload.operations.create]\nshare = { value = 0.010,",
            "[workload.operations.create]\nshare = { value = 0.020,",
            "workload.operations.*.share = 1.01: must add to 1",
        ),
        (
            'title = "URL shortener"\n',
            "",
            "title = None: is missing",
        ),
        (
            "[slo.create]",
            "[slo.creat]",
            "slo.creat = 'creat': no such operation; the workload has redirect, create, statistics, list",
        ),
        (
            'GET = "redirect"',
            'GET = "fetch"',
            "trace_methods.GET = 'fetch': no such operation; the workload has redirect, create, statistics, list",
        ),
        (
            "[demands.list]",
            "[demands.lists]",
            "demands.list = None: each operation of the workload needs its demands",
        ),
        (
            'eviction = "lru"',
            'eviction = "random"',
            (
                "topology.cache.eviction = 'random': "
                "input should be 'lru', 'fifo', 'clock', 'sieve', 's3fifo' or 'wtinylfu'"
            ),
        ),
        (
            'eviction = "lru"\n',
            "",
            "topology.cache.eviction = None: capacity_entries and eviction go together",
        ),
        (
            "[reference_deployment]\nworkers = { value = 1, assumed",
            "[reference_deployment]\nworkers = { value = 1, hearsay",
            (
                "reference_deployment.workers = ['hearsay']: a number needs exactly one source of "
                "given, published, derived, assumed"
            ),
        ),
        (
            (
                'entry_ttl_s = { value = 3600, assumed = "an hour bounds how long a lost invalidation can serve a '
                'deleted link" }'
            ),
            "entry_ttl_s = 3600",
            'topology.cache.entry_ttl_s = 3600: a number needs its source: { value = 3600, assumed = "why" }',
        ),
    ],
)
def test_a_bad_design_gets_one_line_that_names_field_value_and_bound(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_design("url_shortener", file=with_change(tmp_path, old, new))
    assert str(caught.value) == message


def test_a_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    file = tmp_path / "design.toml"
    file.write_text("[workload\n")
    with pytest.raises(InvalidInput, match="is not valid TOML"):
        load_design("url_shortener", file=file)


def test_an_unknown_design_is_answered_with_those_there_are() -> None:
    with pytest.raises(InvalidInput, match=r"no such design; there are .*url_shortener"):
        load_design("no_such")


def test_a_number_can_be_set_and_its_source_says_so(design: Design) -> None:
    changed = load_design("url_shortener", ["workload.requests_per_day=1e9", "topology.api.workers=1e1"])
    assert changed.workload.requests_per_day == 1e9
    assert changed.topology["api"].workers == 10
    assert changed.sources["topology.api.workers"].kind == "set"
    assert design.sources["topology.api.workers"].kind == "derived"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("workload.requests_per_dy=1", "the design has no such value; here it has day_curve"),
        ("workload", "must look like workload.requests_per_day=1e9"),
        ("workload.operations=1", "the design has no such value"),
        ("topology.api.workers=two", "workers = 'two': input should be a valid integer"),
        ("topology.api.workers=0", "workers = 0: input should be greater than or equal to 1"),
        ("workload.day_curve.peak_to_mean_ratio=nan", "peak_to_mean_ratio = nan"),
    ],
)
def test_a_bad_override_is_refused(override: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_design("url_shortener", [override])
    assert message in str(caught.value)
