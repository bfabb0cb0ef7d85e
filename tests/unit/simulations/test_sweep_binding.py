"""What binds in a sweep, in words: by rows whose verdicts and busiest stations are given."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from simulations.grid import Axis
from simulations.sweep_binding import binding, stations
from simulations.sweep_results import Rows

WORKERS = Axis("topology.api.workers", (1, 2, 3, 4))
LOAD = Axis("workload.requests_per_day", (1e6, 1e7, 1e8, 1e9), logarithmic=True)


def rows(axes: tuple[Axis, ...], busiest: list[str], verdicts: str) -> Rows:
    """One a variant; of the verdicts, ``+`` met, ``-`` missed, ``?`` unsure."""
    words = {"+": "met", "-": "missed", "?": "unsure"}
    return [
        {"values": dict(zip((axis.path for axis in axes), values, strict=True)), "busiest": name, "slos": words[mark]}
        for values, name, mark in zip(
            itertools.product(*(axis.values for axis in axes)), busiest, verdicts, strict=True
        )
    ]


def of_a_grid(*lines: tuple[str, str]) -> str:
    """Workers down, load across. Of each line its verdicts and its busiest, ``a`` a worker and ``d`` the database."""
    names: dict[str, Any] = {"a": "api-eu-2", "d": "database-eu"}
    axes = (WORKERS, LOAD)
    return binding(axes, rows(axes, [names[one] for _, line in lines for one in line], "".join(v for v, _ in lines)))


def test_along_one_number_it_says_from_which_value_on_which_station_is_the_busiest() -> None:
    found = rows((WORKERS,), ["api-eu-1", "api-eu-2", "database-eu", "database-eu"], "+++-")
    assert binding((WORKERS,), found) == "busiest: api-eu up to topology.api.workers = 2, database-eu from 3"
    assert stations(found) == {"api-eu": 2, "database-eu": 2}


def test_one_station_or_many_turns_are_counted() -> None:
    assert binding((WORKERS,), rows((WORKERS,), ["api-eu-1"] * 4, "++++")) == "busiest: api-eu in all 4 variants"
    many = Axis("x", tuple(range(6)))
    turns = rows((many,), ["a", "b", "a", "b", "a", "a"], "++++++")
    assert binding((many,), turns) == "busiest: a in 4 of 6 variants, b in 2"


def test_of_two_numbers_it_says_from_where_more_of_one_no_longer_helps_and_what_is_the_busiest_at_the_border() -> None:
    said = of_a_grid(("+---", "aaaa"), ("++--", "aaaa"), ("+++-", "aaaa"), ("+++-", "aadd"))
    assert said == (
        "more than topology.api.workers = 3 meets no more SLOs: "
        "with 4, database-eu is the busiest where they are first missed"
    )


def test_a_number_of_which_more_never_helps_is_told_so_from_its_first_value() -> None:
    said = of_a_grid(*[("++--", "aada")] * 4)
    assert said.startswith("more than topology.api.workers = 1 meets no more SLOs: ")
    assert said.endswith("with 4, database-eu is the busiest where they are first missed")


@pytest.mark.parametrize("last", ["++++", "+---"])
def test_it_is_not_said_of_a_number_whose_last_value_still_helps_or_of_which_more_meets_fewer(last: str) -> None:
    said = of_a_grid(("+---", "aaaa"), ("+---", "aaaa"), ("++--", "aaad"), (last, "aadd"))
    assert said == "busiest: api-eu in 13 of 16 variants, database-eu in 3"


def test_an_unsure_variant_is_not_met() -> None:
    said = of_a_grid(("+---", "aaaa"), ("+---", "aaaa"), ("++--", "aadd"), ("++?-", "aadd"))
    assert said.startswith("more than topology.api.workers = 3 meets no more SLOs")
