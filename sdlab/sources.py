"""Every number of a design says where it comes from: { value = 3.0, given = "peak three times the mean" }."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdlab.errors import InvalidInput

KINDS = ("given", "published", "derived", "assumed")
OVERRIDDEN = "set"


@dataclass(frozen=True)
class Source:
    """Where a number comes from: one of `KINDS` (or ``set``: by the user, for this run) and the words that say it."""

    kind: str
    text: str


def separate(tree: Mapping[str, Any], path: str = "") -> tuple[dict[str, Any], dict[str, Source]]:
    """Split a parsed design.toml into plain nested values and the source of each number by dotted path.

    Raises `InvalidInput` for a number without a source, and for a source that is not one of `KINDS`.
    """
    values: dict[str, Any] = {}
    sources: dict[str, Source] = {}
    for key, node in tree.items():
        place = f"{path}.{key}" if path else key
        if isinstance(node, Mapping) and "value" in node:
            values[key], sources[place] = node["value"], _source(place, node)
        elif isinstance(node, Mapping):
            values[key], below = separate(node, place)
            sources.update(below)
        elif isinstance(node, (int, float)) and not isinstance(node, bool):
            raise InvalidInput(place, node, f'a number needs its source: {{ value = {node}, assumed = "why" }}')
        else:
            values[key] = node
    return values, sources


def _source(place: str, node: Mapping[str, Any]) -> Source:
    kinds = [kind for kind in node if kind != "value"]
    if len(kinds) != 1 or kinds[0] not in KINDS:
        raise InvalidInput(place, kinds, f"a number needs exactly one source of {', '.join(KINDS)}")
    text = node[kinds[0]]
    if not isinstance(text, str) or not text.strip():
        raise InvalidInput(f"{place}.{kinds[0]}", text, "the source must be said in words")
    return Source(kinds[0], text.strip())
