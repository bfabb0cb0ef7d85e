"""What a sweep varies: values of one or more numbers of a design, and every combination of them.

A range is written ``path=LOW:HIGH[:STEP]``, ``path=LOW:HIGH:log[:COUNT]`` or ``path=a,b,c``. HIGH is a value itself
if the steps meet it. Whole numbers of a design stay whole.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdlab import catalog
from sdlab.errors import InvalidInput
from sdlab.spec import Design

Value: TypeAlias = int | float | str

VALUES_MAX = 1000
STEPS_WITHOUT_STEP = 8
LOG_VALUES_A_DECADE = 3
EACH_WHOLE_NUMBER_UP_TO = 200


@dataclass(frozen=True)
class Axis:
    """One number of a design and the values it takes. ``logarithmic`` if they are spaced by a factor."""

    path: str
    values: tuple[Value, ...]
    logarithmic: bool = False

    @property
    def is_numeric(self) -> bool:
        """Whether the values can stand on a scale."""
        return not any(isinstance(value, str) for value in self.values)


@dataclass(frozen=True)
class Variant:
    """One combination: its values in the order of the axes, and the design that has them."""

    values: tuple[Value, ...]
    design: Design


def parse(design: Design, over: str) -> Axis:
    """Read one ``--over``. Raises `InvalidInput`, which names the text, for anything that is no range of a number."""
    path, equals, text = (part.strip() for part in over.partition("="))
    if not equals or not path or not text:
        raise InvalidInput("--over", over, "must look like topology.api.workers=1:8, x.y=1e3:1e6:log or x.y=a,b,c")
    now = value_at(design, path)
    if ":" not in text:
        return _listed(path, text, now)
    if isinstance(now, str):
        raise InvalidInput("--over", over, f"{path} is a word: list its values, as in {path}=a,b")
    low, high, *rest = text.split(":") if text.count(":") > 0 else (text, "")
    if rest[:1] == ["log"]:
        return _logarithmic(path, over, _bounds(over, low, high), rest[1:], whole=isinstance(now, int))
    return _linear(path, over, _bounds(over, low, high), rest, whole=isinstance(now, int))


def value_at(design: Design, path: str) -> Value:
    """The number or word of a design at a dotted path. Raises `InvalidInput` if there is none."""
    node: Any = design.model_dump(exclude={"sources"})
    for name in path.split("."):
        node = node.get(name) if isinstance(node, dict) else None
    if isinstance(node, bool) or not isinstance(node, int | float | str):
        raise InvalidInput("--over", path, "the design has no such number")
    # A count such as requests a day is a float to the design, and reads best as the whole number it is.
    return int(node) if isinstance(node, float) and node.is_integer() and abs(node) >= 1e3 else node


def variants(slug: str, overrides: Sequence[str], axes: Sequence[Axis]) -> list[Variant]:
    """Every combination of the axes' values, the last axis varying fastest, each as a validated design.

    Raises `InvalidInput` for a number that is varied twice, or set and varied, and for the first value that the
    design refuses: nothing is run before all are known to be good.
    """
    paths = [axis.path for axis in axes]
    for index, path in enumerate(paths):
        if path in paths[:index]:
            raise InvalidInput("--over", path, "is varied twice")
        if any(override.partition("=")[0].strip() == path for override in overrides):
            raise InvalidInput("--over", path, "is also fixed by --set: leave one of the two out")
    found = []
    for values in itertools.product(*(axis.values for axis in axes)):
        texts = [f"{path}={value}" for path, value in zip(paths, values, strict=True)]
        found.append(Variant(values, catalog.load_design(slug, [*overrides, *texts])))
    return found


def _listed(path: str, text: str, now: Value) -> Axis:
    words = [word.strip() for word in text.split(",")]
    values: list[Value] = list(words) if isinstance(now, str) else [_number(path, word, now) for word in words]
    if not all(words) or len(set(values)) != len(values):
        raise InvalidInput("--over", f"{path}={text}", "must list different values")
    return Axis(path, tuple(values))


def _number(path: str, word: str, now: Value) -> Value:
    try:
        value = float(word)
    except ValueError:
        raise InvalidInput("--over", f"{path}={word}", "must be a number") from None
    if not math.isfinite(value):
        raise InvalidInput("--over", f"{path}={word}", "must be a finite number")
    return int(value) if isinstance(now, int) and value.is_integer() else value


def _bounds(over: str, low: str, high: str) -> tuple[float, float]:
    try:
        bounds = float(low), float(high)
    except ValueError:
        raise InvalidInput("--over", over, "LOW and HIGH must be numbers") from None
    if not (math.isfinite(bounds[0]) and math.isfinite(bounds[1]) and bounds[0] < bounds[1]):
        raise InvalidInput("--over", over, "needs a LOW below HIGH, both finite")
    return bounds


def _linear(path: str, over: str, bounds: tuple[float, float], rest: list[str], *, whole: bool) -> Axis:
    low, high = bounds
    if len(rest) > 1:
        raise InvalidInput("--over", over, "must look like LOW:HIGH, LOW:HIGH:STEP or LOW:HIGH:log:COUNT")
    if rest:
        step = _positive(over, rest[0])
    elif whole and high - low < EACH_WHOLE_NUMBER_UP_TO and low.is_integer():
        step = 1.0
    else:
        step = (high - low) / STEPS_WITHOUT_STEP
    steps = (high - low) / step
    if steps >= VALUES_MAX:
        raise InvalidInput("--over", over, f"would be more than {VALUES_MAX} values")
    # HIGH belongs to the range although (0.3 - 0.1) / 0.1 is a little less than 2.
    return Axis(path, _as_values(low + step * np.arange(math.floor(steps + 1e-9) + 1, dtype=np.float64), whole))


def _logarithmic(path: str, over: str, bounds: tuple[float, float], rest: list[str], *, whole: bool) -> Axis:
    low, high = bounds
    if low <= 0:
        raise InvalidInput("--over", over, "needs a LOW above 0 for log")
    if len(rest) > 1:
        raise InvalidInput("--over", over, "must look like LOW:HIGH:log or LOW:HIGH:log:COUNT")
    count = _positive(over, rest[0]) if rest else round(LOG_VALUES_A_DECADE * math.log10(high / low)) + 1.0
    if not count.is_integer() or not (rest == [] or 2 <= count <= VALUES_MAX):
        raise InvalidInput("--over", over, f"needs a whole COUNT from 2 to {VALUES_MAX}")
    return Axis(path, _as_values(np.geomspace(low, high, max(2, int(count))), whole), logarithmic=True)


def _positive(over: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise InvalidInput("--over", over, f"{text!r} must be a number above 0")
    return value


def _as_values(numbers: NDArray[np.floating[Any]], whole: bool) -> tuple[Value, ...]:
    if whole:
        return tuple(np.unique(np.rint(numbers).astype(np.int64)).tolist())
    # Steps add up to values such as 0.30000000000000004; nobody means the last digits.
    return tuple(float(f"{number:.12g}") for number in numbers)


def shown(value: Value) -> str:
    """A swept value, short."""
    if isinstance(value, str):
        return value
    for size, prefix in ((1e9, "G"), (1e6, "M")):
        if abs(value) >= size:
            return f"{value / size:.4g} {prefix}"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"
