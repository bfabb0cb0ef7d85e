"""Which page has what, and the pages' text. What is added to the modules shows up by itself."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from sdlab import catalog
from simulations.handbook import describe
from simulations.handbook.metrics import METRICS, Metric

FOLDER = catalog.ROOT / "docs" / "reference"

_WRITTEN = "<!-- Written by `./lab reference` from the docstrings; edit those. -->"

PAGES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "steps": (
        "Steps",
        "What a flow does, in order. The order of things is in [what happens when](../what-happens-when.md).",
        (
            "simulations.steps.basic",
            "simulations.steps.choice",
            "simulations.steps.concurrency",
            "simulations.steps.protection",
            "simulations.steps.flow",
        ),
    ),
    "resources": (
        "Resources",
        "What steps refer to by name: what requests compete for, what protects it, and who sends requests.",
        (
            "simulations.resources.stations",
            "simulations.caches.cache",
            "simulations.resources.protection",
            "simulations.resources.traffic",
            "simulations.model",
        ),
    ),
    "distributions": (
        "Distributions",
        "Times of services and delays, in seconds. `scv` is the squared coefficient of variation: variance / mean².",
        ("simulations.distributions",),
    ),
    "arrivals": (
        "Arrival processes",
        "When requests come: absolute times in seconds, the same for the simulator and the load generator.",
        ("sdlab.arrivals", "sdlab.varying", "sdlab.trace"),
    ),
}
_LENGTHS = {"duration_s", "day_s", "speed"}
_GIVES_ARRIVALS = ("FloatArray", "Profile", "Trace")


def write() -> list[str]:
    """Write every page; gives the names of those that changed."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    changed = []
    for name, text in texts().items():
        path = FOLDER / f"{name}.md"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(path.name)
    return changed


def texts() -> dict[str, str]:
    """The text of every page by its name."""
    links = {subject.__name__: f"{page}.md#{subject.__name__.lower()}" for page in PAGES for subject in subjects(page)}
    pages = {}
    for name, (title, intro, _) in PAGES.items():
        own = subjects(name)
        index = ", ".join(f"[{subject.__name__}](#{subject.__name__.lower()})" for subject in own)
        sections = [describe.entry(subject, links) for subject in own]
        pages[name] = "\n\n".join([f"# {title}", _WRITTEN, intro, index, *sections]) + "\n"
    pages["metrics"] = _metrics(METRICS)
    return pages


def subjects(page: str) -> list[Any]:
    """The classes (or functions) of a page, in the order of the source."""
    found: list[Any] = []
    for name in PAGES[page][2]:
        if importlib.util.find_spec(name) is None:
            continue
        module = importlib.import_module(name)
        own = [value for value in vars(module).values() if _belongs(value, module, page)]
        found += sorted(own, key=lambda value: (value.__module__, inspect.getsourcelines(value)[1]))
    return found


def _belongs(value: Any, module: ModuleType, page: str) -> bool:
    if getattr(value, "__name__", "_").startswith("_"):
        return False
    home = getattr(value, "__module__", "")
    if page == "arrivals":
        return inspect.isfunction(value) and home == module.__name__ and _gives_arrivals(value)
    if page == "distributions":
        return inspect.isclass(value) and home.startswith(module.__name__) and hasattr(value, "scv")
    return inspect.isclass(value) and home == module.__name__


def _gives_arrivals(function: Any) -> bool:
    """A process is told by what it gives and by how long it runs."""
    gives = str(function.__annotations__.get("return", "")).rpartition(".")[2]
    return gives in _GIVES_ARRIVALS and not _LENGTHS.isdisjoint(inspect.signature(function).parameters)


def _metrics(metrics: Sequence[Metric]) -> str:
    parts = [
        "# Metrics",
        _WRITTEN,
        "Every number that a run reports, defined once. T is the end of the run in seconds; sums go over all visits.",
    ]
    for where in dict.fromkeys(metric.where for metric in metrics):
        rows = ["| metric | unit | definition | formula | source |", "|---|---|---|---|---|"]
        for m in metrics:
            if m.where == where:
                formula = m.formula or "counted"
                rows.append(
                    f"| `{m.name}` | {m.unit} | {m.definition} | {formula} | {m.source} |".replace("|  |", "| |")
                )
        parts += [f"## {where}", "\n".join(rows)]
    return "\n\n".join(parts) + "\n"
