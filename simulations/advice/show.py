"""Advice on a terminal: on stderr, so that what a command prints stays what it was."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from sdlab.errors import InvalidInput
from simulations.advice.advice import Advice


def heed(advice: Sequence[Advice], *, strict: bool = False, notes: bool = False) -> None:
    """Print the warnings (and ``notes``); if ``strict``, raise `InvalidInput` when there are any."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    warnings = [one for one in advice if one.warning]
    for one in advice:
        if one.warning or notes:
            word, style = ("warning: ", "yellow") if one.warning else ("", "dim")
            console.print(f"{word}{one}", style=style, markup=False)
    if strict and warnings:
        raise InvalidInput("--strict", len(warnings), "the model must get no warning; it got those above")
