"""A model as the Python that makes it again: what a failing test prints, and ``lab prove`` saves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

import numpy as np

WIDTH = 100


def python_of(value: object, indent: str = "") -> str:
    """An expression that evaluates to the value, given the names of `simulations.model`.

    Of a dataclass it names the fields that are not at their defaults; of an array it makes a list.
    """
    inner = indent + "    "
    if isinstance(value, np.ndarray):
        return repr(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    if isinstance(value, Mapping):
        return _wrapped("{", [f"{key!r}: {python_of(item, inner)}" for key, item in value.items()], "}", indent)
    if isinstance(value, tuple | list):
        return _wrapped("[", [python_of(item, inner) for item in value], "]", indent)
    if not is_dataclass(value):
        return repr(value)
    parts = [
        f"{field.name}={python_of(getattr(value, field.name), inner)}"
        for field in fields(value)
        if field.init and not _is_default(field, getattr(value, field.name))
    ]
    return _wrapped(f"{type(value).__name__}(", parts, ")", indent)


def _is_default(field: Field[Any], value: object) -> bool:
    default = field.default if field.default_factory is MISSING else field.default_factory()
    if isinstance(value, np.ndarray):
        return default is not MISSING and value.size == 0
    return default is not MISSING and bool(value == default)


def _wrapped(opening: str, parts: list[str], closing: str, indent: str) -> str:
    line = f"{opening}{', '.join(parts)}{closing}"
    if len(line) + len(indent) <= WIDTH and "\n" not in line:
        return line
    return opening + "".join(f"\n{indent}    {part}," for part in parts) + f"\n{indent}{closing}"
