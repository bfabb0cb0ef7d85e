"""The command that writes the reference pages."""

from __future__ import annotations

import typer
from rich.console import Console

from sdlab.invocation import shown_path
from simulations.handbook import pages

app = typer.Typer(add_completion=False)


@app.command()
def reference() -> None:
    """Write docs/reference from the docstrings: steps, resources, distributions, arrivals and metrics."""
    changed = pages.write()
    said = f"written: {', '.join(changed)}" if changed else "nothing to change"
    Console(highlight=False).print(f"{shown_path(pages.FOLDER)}: {said}", soft_wrap=True)
