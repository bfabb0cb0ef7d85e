"""A model in a file is the same model when it is read back; a file that cannot be right says where."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdlab import catalog
from sdlab.errors import InvalidInput
from simulations import scenario
from simulations.files import FORMAT, VERSION, from_text, load, save, to_text
from simulations.key_runs import keys_from_json, keys_to_json
from simulations.model import Cache, Constant, Flow, Lookup, Model, Serve, Station
from simulations.program import Program, compile_model
from simulations.resources import Population
from tests.unit.simulations.vocabulary import AnyModel


def bytes_of(program: Program) -> list[Any]:
    """All that the engines read of a program, as bytes where it is an array."""
    arrays = [program.instructions, program.ways, program.policies, program.first_instruction, *program.distributions]
    model = program.model
    parts: list[Any] = [*model.caches, *model.populations]
    apart = [{field.name: getattr(part, field.name) for field in dataclasses.fields(part)} for part in parts]
    keys = [part.pop(name).tobytes() for part in apart for name in ("keys", "initial_keys") if name in part]
    rest = [model.stations, model.pools, model.queues, model.balancers, model.buckets, model.breakers, model.budgets]
    names = [program.flows, program.resources, program.drawn, program.keys, program.rows, model.round_trip_s]
    return [*(array.tobytes() for array in arrays), *keys, apart, rest, names, model.regions, model.flows]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), depth=st.integers(0, 4))
def test_a_model_that_was_saved_and_loaded_compiles_to_the_same_program_to_the_last_byte(seed: int, depth: int) -> None:
    model = AnyModel(seed).model(depth)
    again = from_text(to_text(model))
    assert bytes_of(compile_model(again)) == bytes_of(compile_model(model))
    assert to_text(again) == to_text(model)


@pytest.mark.parametrize("slug", catalog.slugs())
def test_every_model_of_the_catalogue_survives_its_file(slug: str, tmp_path: Path) -> None:
    keys = np.arange(1000, dtype=np.int64)[::-1]
    model = scenario.build_model(catalog.load_design(slug), None, "design", keys)
    save(model, tmp_path / "model.json")
    assert bytes_of(compile_model(load(tmp_path / "model.json"))) == bytes_of(compile_model(model))


def test_a_file_is_readable_and_leaves_out_what_is_at_its_default() -> None:
    cache = Cache("c", 9, "lru", [8, 7, 6, 5, 1, 3])
    flow = Flow("get", [Serve("db", Constant(0.003)), Lookup("c", miss=[Serve("db", Constant(0.1), priority=2)])])
    text = to_text(Model("small", [flow], [Station("db", 2)], caches=[cache]))
    assert (
        text
        == """{
  "format": "system-design-lab model",
  "version": 1,
  "name": "small",
  "flows": [
    {
      "name": "get",
      "steps": [
        {"step": "serve", "station": "db", "time": {"distribution": "constant", "value_s": 0.003}},
        {
          "step": "lookup",
          "cache": "c",
          "miss": [
            {
              "step": "serve",
              "station": "db",
              "time": {"distribution": "constant", "value_s": 0.1},
              "priority": 2
            }
          ]
        }
      ]
    }
  ],
  "stations": [{"name": "db", "servers": 2}],
  "caches": [{"name": "c", "capacity_entries": 9, "initial_keys": ["8..5", 1, 3]}]
}
"""
    )


@given(st.lists(st.one_of(st.integers(0, 5), st.integers(0, 2**62 - 1)), max_size=30))
def test_keys_are_read_back_in_their_order(keys: list[int]) -> None:
    assert keys_from_json(json.loads(json.dumps(keys_to_json(keys))), "keys").tolist() == keys


def test_a_million_keys_in_a_row_are_one_word() -> None:
    assert keys_to_json(np.arange(1_000_000)[::-1]) == ["999999..0"]
    assert keys_to_json([5, 1, 2, 3, 9, 8, 8]) == [5, "1..3", 9, 8, 8]


def document(**changes: Any) -> str:
    flows = [
        {"name": "get", "steps": [{"step": "delay", "name": "d", "time": {"distribution": "constant", "value_s": 1}}]}
    ]
    return json.dumps({"format": FORMAT, "version": VERSION, "name": "m", "flows": flows, **changes})


def one_step(**step: Any) -> str:
    return document(flows=[{"name": "get", "steps": [step]}])


TIME = {"distribution": "exponential", "mean_s": 1}


@pytest.mark.parametrize(
    ("text", "field", "why"),
    [
        ("{", "f: ", "is not JSON"),
        ("[" * 100_000, "f: ", "is not JSON"),
        ("[]", "f: format", 'must be "system-design-lab model"'),
        (document(version=2), "f: version", "must be 1"),
        (document(flows=None), "f: flows", "must be a list"),
        (document(colour=1), "f: colour", "is no field of a model; there are: name, flows, stations"),
        (document(stations=[{"servers": 1}]), "f: stations[0].name", "is missing: a station needs it"),
        (document(stations=[{"name": "s", "servers": 1.5}]), "f: stations[0].servers", "must be an integer"),
        (document(stations=[{"name": "s", "servers": 0}]), "f: stations[0].station s, servers", "at least 1"),
        (document(stations=[3]), "f: stations[0]", "must be an object with the fields of a station"),
        (one_step(step="jump"), "f: flows[0].steps[0].step", "must be one of delay, travel, serve"),
        (one_step(station="s"), "f: flows[0].steps[0].step", "must be one of"),
        (one_step(step="delay", name="d", time=3), "f: flows[0].steps[0].time", 'object with a "distribution"'),
        (
            one_step(step="delay", name="d", time={**TIME, "mean_s": -1}),
            "f: flows[0].steps[0].time.mean_s",
            "must be a number above 0",
        ),
        (
            one_step(step="delay", name="d", time={**TIME, "mean_s": "1"}),
            "f: flows[0].steps[0].time.mean_s",
            "must be a number",
        ),
        (one_step(step="serve", station="s", time=TIME), "f: flow get, step 1 (serve s)", "is no station of the model"),
        (one_step(step="fail", outcome="late"), "f: flows[0].steps[0].outcome", "one of rejected, timed_out, failed"),
        (one_step(step="branch", ways=[[1]]), "f: flows[0].steps[0].ways[0]", "must be a list of 2"),
        (one_step(step="switch", on="key", cases=[[1.5, []]]), "f: flows[0].steps[0].cases[1.5]", "one of str, int"),
        (one_step(step="switch", on="key", cases=[[1, []], [1, []]]), "f: flows[0].steps[0].cases", "is there twice"),
        (
            document(caches=[{"name": "c", "capacity_entries": 1, "initial_keys": ["a"]}]),
            "f: caches[0].initial_keys[0]",
            'must be an integer, or a run such as "0..99"',
        ),
        (document(round_trip_s=[[["eu"], 1]]), "f: round_trip_s[['eu']]", "must be a list of 2"),
        (document(name=None), "f: name", "must be a text"),
        ('{"format": NaN}', "f: ", "NaN is no number"),
    ],
)
def test_a_file_that_cannot_be_right_says_where(text: str, field: str, why: str) -> None:
    with pytest.raises(InvalidInput) as error:
        from_text(text, "f")
    assert error.value.field == field.rstrip(": ")
    assert why in error.value.bound


@settings(max_examples=150, deadline=None, derandomize=True)
@given(seed=st.integers(0, 50), data=st.data())
def test_whatever_is_changed_in_a_file_is_either_a_model_or_a_clear_error(seed: int, data: st.DataObject) -> None:
    content = json.loads(to_text(AnyModel(seed).model(2)))
    place: Any = content
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        if isinstance(place[key], dict | list) and data.draw(st.integers(0, 3)):
            place = place[key]
            continue
        junk: list[Any] = [None, True, -1, 0, 3, 1.5, "", "x", "9..1", [], {}, [[]], [{"step": "delay"}], 10**30]
        place[key] = data.draw(st.sampled_from(junk))
        break
    with contextlib.suppress(InvalidInput):
        from_text(json.dumps(content))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"nothing\.json.*cannot be read"):
        load(tmp_path / "nothing.json")


def test_what_a_population_asks_for_survives_too() -> None:
    model = Model("m", [Flow("get", [Serve("s", Constant(1.0))])], [Station("s")])
    users = Population("users", "get", 2, Constant(1.0), keys=[1, 2, 3, 3])
    again = from_text(to_text(dataclasses.replace(model, populations=[users])))
    assert again.populations[0].keys.tolist() == [1, 2, 3, 3]  # type: ignore[union-attr]
