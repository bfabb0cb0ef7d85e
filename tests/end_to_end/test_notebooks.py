"""Every notebook runs from top to bottom, in a fresh kernel, without an error or a stored output."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sdlab.catalog import ROOT
from simulations import model as words

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

SHORTER = {
    "url_shortener_day": ("load_design(SLUG)", 'load_design(SLUG, ["workload.requests_per_day=1e6"])'),
    "three_tiers": (
        "(at_s > 19) & (at_s < 22.5) | (at_s > 64) & (at_s < 66)",
        "(at_s > 19.5) & (at_s < 22.5) | (at_s > 64.5) & (at_s < 65)",
    ),
}
"""What is put in the place of what: a day of a million requests follows the code of one of ten million; SimPy, which
takes half of that notebook's time, meets the same outage from before its start to after its end, and the same crowd.
"""

NOT_PARTS = {"NETWORK", "Distribution", "Model", "Step"}
"""Words of a model that are neither a step, a resource nor a distribution."""


def source_of(name: str, kind: str) -> str:
    """All cells of a kind, read as the JSON they are: Jupyter's own reader takes seconds to load."""
    cells = json.loads((ROOT / "notebooks" / name).read_text())["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == kind)


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_runs_and_draws(file: Path) -> None:
    # Each process that runs tests collects all of them; these take seconds, and only those that need them.
    import nbformat  # noqa: PLC0415
    from nbclient import NotebookClient  # noqa: PLC0415

    notebook = nbformat.read(file, as_version=4)  # type: ignore[no-untyped-call]
    stored = [cell for cell in notebook.cells if cell.get("outputs")]
    assert stored == [], "notebooks are committed without outputs"
    if file.stem in SHORTER:
        long, short = SHORTER[file.stem]
        assert source_of(file.name, "code").count(long) == 1
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
    text = source_of(file.name, "markdown")
    anchors = set(re.findall(r'<a id="([^"]+)">', text))
    for link in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = link.partition("#")
        assert (file.parent / path).exists() if path else anchor in anchors, link


@pytest.mark.parametrize("word", sorted(set(words.__all__) - NOT_PARTS))
def test_the_cookbook_has_a_recipe_with_each_part_of_the_vocabulary(word: str) -> None:
    assert re.search(rf"\b{word}[(.]", source_of("cookbook.ipynb", "code")), f"no recipe uses {word}"


@pytest.mark.parametrize("name", ["three_tiers.ipynb", "cookbook.ipynb"])
def test_a_notebook_about_models_checks_what_it_says(name: str) -> None:
    assert source_of(name, "code").count("assert ") >= 10


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS
