"""A request's mean time by part, measured and modelled, under the same names. Pure.

Measured are the spans of the service's ``Server-Timing``: each runs from a call to the resumption, so on a busy event
loop it holds the wait until the loop came back. The model counts that wait at the API's process, to which it belongs.
So a part may differ between the two while the sum agrees.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from sdlab.runs import SPAN_PREFIX

API, CLIENT = "API process, with its event loop", "client and network"
_MEASURED = {
    "cache": "cache and stream",
    "stream": "cache and stream",
    "wait": "another request's fill",
    "pool": "pool slot",
    "db": "database",
}
_MODELLED = {
    "api": API,
    "cache": "cache and stream",
    "stream": "cache and stream",
    "pool": "pool slot",
    "database": "database",
    "client": CLIENT,
}
_IN_APP, _ALL_IN_APP = tuple(_MEASURED), "app"


def measured(table: pd.DataFrame) -> dict[str, float]:
    """Mean seconds of a completed request by part; empty if the service said nothing about itself."""
    done = table[table["outcome"] == "completed"]
    app = _column(_ALL_IN_APP)
    if app not in done or not done[app].notna().any():
        return {}
    told = done[done[app].notna()]
    found: dict[str, float] = {}
    for name in _IN_APP:
        if _column(name) in told:
            _add(found, _MEASURED[name], float(told[_column(name)].fillna(0).mean()))
    app_s = float(told[app].mean())
    whole_s = float((told["completed_s"] - told["sent_s"]).mean())
    return {API: app_s - sum(found.values()), **found, CLIENT: whole_s - app_s}


def modelled(table: pd.DataFrame) -> dict[str, float]:
    """The same of a replay, waiting and service together; what has no name here keeps the model's."""
    done = table[table["outcome"] == "completed"]
    found: dict[str, float] = {}
    for column in done.columns:
        if not column.startswith(SPAN_PREFIX):
            continue
        resource = column.removeprefix(SPAN_PREFIX).removesuffix("_s")
        first = resource.split("-")[0].split()[0]
        _add(found, _MODELLED.get(first, resource), float(done[column].fillna(0).mean()))
    return found


def _add(found: dict[str, float], name: str, value_s: float) -> None:
    found[name] = found.get(name, 0.0) + value_s


def _column(name: str) -> str:
    return f"{SPAN_PREFIX}{name}_s"


def names(*sides: Mapping[str, float]) -> list[str]:
    """The parts of both sides, each once, in the order in which they first appear."""
    return list(dict.fromkeys(name for side in sides for name, value in side.items() if value))
