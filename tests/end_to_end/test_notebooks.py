"""Every notebook runs from top to bottom, in a fresh kernel, without an error or a stored output."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sdlab.catalog import ROOT
from simulations import model as words

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

SHORTER = {
    "url_shortener_day": ("load_design(SLUG)", 'load_design(SLUG, ["workload.requests_per_day=1e6"])'),
}
"""What is put in the place of what: a day of a million requests follows the code of one of ten million."""

NOT_PARTS = {"NETWORK", "Distribution", "Model", "Step"}
"""Words of a model that are neither a step, a resource nor a distribution."""


def read(name: str) -> Any:
    # Each process that runs tests collects all of them; this takes two seconds, and only those that need it.
    import nbformat  # noqa: PLC0415

    return nbformat.read(ROOT / "notebooks" / name, as_version=4)  # type: ignore[no-untyped-call]


def source_of(notebook: Any, kind: str) -> str:
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == kind)


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_runs_and_draws(file: Path) -> None:
    from nbclient import NotebookClient  # noqa: PLC0415  as in `read`

    notebook = read(file.name)
    stored = [cell for cell in notebook.cells if cell.get("outputs")]
    assert stored == [], "notebooks are committed without outputs"
    if file.stem in SHORTER:
        long, short = SHORTER[file.stem]
        assert source_of(notebook, "code").count(long) == 1
        for cell in notebook.cells:
            cell.source = cell.source.replace(long, short)
    # In its own folder, as JupyterLab runs it. What a notebook claims it asserts itself, so a false claim is an error.
    where = {"metadata": {"path": file.parent}}
    ran = NotebookClient(notebook, timeout=240, kernel_name="python3", resources=where).execute()
    outputs = [output for cell in ran.cells for output in cell.get("outputs", ())]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == [], "it warns of nothing"
    assert [kind for output in outputs for kind in output.get("data", {})].count("image/png") >= 1


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_the_links_of_a_notebook_lead_somewhere(file: Path) -> None:
    text = source_of(read(file.name), "markdown")
    anchors = set(re.findall(r'<a id="([^"]+)">', text))
    for link in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = link.partition("#")
        assert (file.parent / path).exists() if path else anchor in anchors, link


@pytest.mark.parametrize("word", sorted(set(words.__all__) - NOT_PARTS))
def test_the_cookbook_has_a_recipe_with_each_part_of_the_vocabulary(word: str) -> None:
    assert re.search(rf"\b{word}[(.]", source_of(read("cookbook.ipynb"), "code")), f"no recipe uses {word}"


@pytest.mark.parametrize("name", ["three_tiers.ipynb", "cookbook.ipynb"])
def test_a_notebook_about_models_checks_what_it_says(name: str) -> None:
    assert source_of(read(name), "code").count("assert ") >= 10


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS
