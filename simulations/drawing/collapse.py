"""What is the same in a model: ways that differ only in the names of what they use, and the resources behind them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import fields
from typing import Any

from simulations.drawing import wording
from simulations.model import Model
from simulations.steps import Balance, Branch, Fork, Step, ways_of

KINDS = {
    "station": "stations",
    "pool": "pools",
    "cache": "caches",
    "queue": "queues",
    "balancer": "balancers",
    "bucket": "buckets",
    "breaker": "breakers",
    "budget": "budgets",
}
"""A step's field that names a resource, and where the model keeps those."""

Key = tuple[str, str]
"""Kind and name of a resource."""

_INSIDE = {"steps", "ways", "cases", "otherwise", "hit", "miss", "parts"}
_OWN = {"name", "initial_keys", "keys", "targets"}


class Collapsed:
    """Finds groups of identical resources of a model, and gives every resource its group and its shown name."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.resources: dict[Key, object] = {
            (kind, resource.name): resource for kind, where in KINDS.items() for resource in getattr(model, where)
        }
        self._groups = self._find()

    def group(self, kind: str, name: str) -> tuple[str, ...]:
        """The names of all that are like this one, itself included."""
        return self._groups[kind, name]

    def shown(self, kind: str, name: str) -> str:
        """The name of its group: "api × 20"."""
        return wording.grouped(self.group(kind, name))

    def form(self, steps: Sequence[Step], *, loose: bool = False) -> tuple[Hashable, list[Key]]:
        """What steps do with resources numbered instead of named, and those resources in order.

        ``loose`` leaves times out, so that the same way in two regions has one form.
        """
        seen: dict[Key, int] = {}
        return self._form(steps, seen, loose), list(seen)

    def same(self, step: Step, *, loose: bool = False) -> list[list[int]]:
        """The ways of a step, by index, those of one form together in the order of their first."""
        found: dict[Hashable, list[int]] = defaultdict(list)
        for index, (_, steps) in enumerate(ways_of(step)):
            chance = step.ways[index][0] if isinstance(step, Branch) else None
            found[chance, self.form(steps, loose=loose)[0]].append(index)
        return list(found.values())

    def _form(self, steps: Sequence[Step], seen: dict[Key, int], loose: bool) -> Hashable:
        return tuple(self._step(step, seen, loose) for step in steps)

    def _step(self, step: Step, seen: dict[Key, int], loose: bool) -> Hashable:
        parts: list[Hashable] = [type(step).__name__]
        for field in fields(step):
            value = getattr(step, field.name)
            if field.name in KINDS and value is not None:
                key = (field.name, value)
                parts.append((seen.setdefault(key, len(seen)), self._definition(key)))
            elif field.name not in _INSIDE and not (loose and hasattr(value, "mean_s")):
                parts.append(value)
        for index, (way, inner) in enumerate(ways_of(step)):
            chance = step.ways[index][0] if isinstance(step, Branch) else None
            label = None if isinstance(step, Balance) else way
            parts.append((label, chance, self._form(inner, seen, loose)))
        return tuple(parts)

    def _definition(self, key: Key) -> Hashable:
        resource = self.resources.get(key)
        if resource is None:
            return key
        own = fields(resource)  # type: ignore[arg-type]
        return tuple((field.name, repr(getattr(resource, field.name))) for field in own if field.name not in _OWN)

    def _find(self) -> dict[Key, tuple[str, ...]]:
        groups: dict[Key, list[Key]] = {key: [key] for key in self.resources}
        for _, step in self.model.walk():
            if not isinstance(step, Branch | Balance | Fork):
                continue
            ways = ways_of(step)
            for members in self.same(step):
                orders = [self.form(ways[index][1])[1] for index in members]
                for twins in zip(*orders, strict=True):
                    for twin in twins[1:]:
                        _join(groups, twins[0], twin)
        uses = self._uses()
        found: dict[Key, tuple[str, ...]] = {}
        for key, group in groups.items():
            alike = all(uses[member] == uses[group[0]] for member in group)
            order = [other for other in self.resources if other in group]
            found[key] = tuple(name for _, name in order) if alike else (key[1],)
        return found

    def _uses(self) -> dict[Key, Counter[Hashable]]:
        """How each resource is used: a twin that is also used elsewhere must be shown on its own."""
        uses: dict[Key, Counter[Hashable]] = {key: Counter() for key in self.resources}
        for place, step in self.model.walk():
            for kind in KINDS:
                name: Any = getattr(step, kind, None)
                if (kind, name) in uses:
                    uses[kind, name][place[0], self._step(step, {}, loose=False)] += 1
        return uses


def _join(groups: dict[Key, list[Key]], one: Key, other: Key) -> None:
    if groups[one] is groups[other]:
        return
    groups[one].extend(groups[other])
    for key in groups[other]:
        groups[key] = groups[one]
