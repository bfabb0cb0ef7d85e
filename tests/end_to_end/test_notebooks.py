"""Every notebook runs from top to bottom, in a fresh kernel, without an error or a stored output."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from sdlab.catalog import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_runs_and_draws(file: Path) -> None:
    notebook: Any = nbformat.read(file, as_version=4)  # type: ignore[no-untyped-call]
    stored = [cell for cell in notebook.cells if cell.get("outputs")]
    assert stored == [], "notebooks are committed without outputs"
    ran = NotebookClient(notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": ROOT}}).execute()
    kinds = [kind for cell in ran.cells for output in cell.get("outputs", ()) for kind in output.get("data", {})]
    assert kinds.count("image/png") >= 1


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS
