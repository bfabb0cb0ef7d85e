"""The reference pages say what the code says, of everything that there is, and their examples are true."""

from __future__ import annotations

import ast
import doctest
import inspect
from dataclasses import fields
from functools import partial
from typing import Any

import pytest

from sdlab.summary import OperationSummary
from simulations import examples, results, sample_path
from simulations.engines import ENGINES, simulate
from simulations.handbook import describe, pages
from simulations.handbook.metrics import METRICS
from simulations.steps import Step

WITH_EXAMPLES = {subject.__name__: subject for page in ("steps", "resources") for subject in pages.subjects(page)}
LATER = {"Cache", "Model"}  # described in their own documents


@pytest.mark.parametrize("name", pages.texts())
def test_a_page_is_what_the_code_says_today(name: str) -> None:
    written = (pages.FOLDER / f"{name}.md").read_text(encoding="utf-8")
    assert written == pages.texts()[name], "run ./lab reference"


def test_every_step_has_its_section() -> None:
    titles = {subject.__name__ for subject in pages.subjects("steps")}
    assert {kind.__name__ for kind in Step.__args__} <= titles


@pytest.mark.parametrize("name", sorted(WITH_EXAMPLES.keys() - LATER))
def test_every_step_and_resource_has_a_short_example(name: str) -> None:
    _, example = describe.separate(inspect.getdoc(WITH_EXAMPLES[name]) or "")
    assert 2 <= len(example.splitlines()) <= 12, name


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", sorted(WITH_EXAMPLES.keys() - LATER))
def test_an_example_is_true_on_both_engines(name: str, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "simulate", partial(simulate, engine=engine))
    text = inspect.getdoc(WITH_EXAMPLES[name]) or ""
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    said: list[str] = []
    done = doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    assert done.attempted > 1
    assert not done.failed, "".join(said)


def test_every_metric_of_a_run_is_defined_once() -> None:
    names = [(metric.where, metric.name) for metric in METRICS]
    assert len(names) == len(set(names))
    defined = {metric.name for metric in METRICS}
    reported = {field.name for field in fields(OperationSummary)}
    for table in ("Accounts", "Queues", "Caches", "Background", "Spawned", "Closed", "Guards", "Bins"):
        reported |= {field.name for field in fields(getattr(sample_path, table))}
    for function in (results.stations, results.caches):
        reported |= _keys(function)
    assert reported - defined == set()


def _keys(function: Any) -> set[str]:
    tree = ast.parse(inspect.getsource(function))
    keys = [key for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys]
    return {str(key.value) for key in keys if isinstance(key, ast.Constant)}


def test_a_docstring_becomes_words_and_an_example() -> None:
    words, example = describe.separate("What it is.\n\nExample:\n    >>> 1 + 1\n    2")
    assert words == "What it is."
    assert example == ">>> 1 + 1\n2"


def test_names_link_to_where_they_stand_and_code_stays_code() -> None:
    links = {"Pool": "resources.md#pool"}
    said = describe.in_markdown("``slots`` of a `Pool`, not of a `Thing`; ``[a]`` too", links)
    assert said == "`slots` of a [`Pool`](resources.md#pool), not of a `Thing`; `[a]` too"


def test_what_a_class_refuses_is_read_from_its_source() -> None:
    (subject,) = (one for one in pages.subjects("resources") if one.__name__ == "TokenBucket")
    text = describe.entry(subject, {})
    assert "- rate_rps: must be a number above 0\n- burst: must be at least 1" in text
