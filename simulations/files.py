"""A model as a readable file: JSON, and back.

The file has what the model was built from, field by field, under the names that the classes have; what is left out is
at its default. Where several kinds are possible, "step", "distribution" or "kind" says which. Mappings whose keys are
no texts and pairs are lists of lists, and a run of consecutive keys is "first..last". Numbers are written so that they
are read back to the last bit: a model that was saved and loaded compiles to the same program.

Kinds and fields come from the classes themselves, so a new step or distribution can be saved without a change here.
"""

from __future__ import annotations

import json
import math
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from sdlab.errors import InvalidInput
from simulations.distributions import Distribution
from simulations.key_runs import keys_from_json, keys_to_json
from simulations.model import Model
from simulations.steps import Step

FORMAT, VERSION = "system-design-lab model", 1

WIDTH = 110
"""A value that fits on a line of so many characters is written on one."""

_STEPS, _DISTRIBUTIONS = frozenset(get_args(Step)), frozenset(get_args(Distribution))
_KEYS = ("keys", "initial_keys")


def save(model: Model, path: Path) -> None:
    """Write a model to a file."""
    path.write_text(to_text(model), encoding="utf-8")


def load(path: Path) -> Model:
    """Read a model. Raises `InvalidInput` naming the file and the place in it for anything that cannot be right."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput("model", str(path), f"cannot be read: {error}") from None
    return from_text(text, path.name)


def to_text(model: Model) -> str:
    """The text of a model's file."""
    content = {"format": FORMAT, "version": VERSION, **_plain(model, tagged=False)}
    return _laid_out(content, "") + "\n"


def from_text(text: str, source: str = "model") -> Model:
    """The model that a file's text describes; ``source`` is what errors call it."""
    try:
        content = json.loads(text, parse_constant=_no_such_number)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(source, text[:40], f"is not JSON: {error}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        given = content.get("format") if isinstance(content, dict) else type(content).__name__
        raise InvalidInput(f"{source}: format", given, f'must be "{FORMAT}"')
    if content.get("version") != VERSION:
        raise InvalidInput(f"{source}: version", content.get("version"), f"must be {VERSION}")
    del content["format"], content["version"]
    model: Model = _built(Model, content, f"{source}: ", tag=None)
    return model


def _no_such_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


# Writing


def _plain(value: Any, *, tagged: bool = True) -> Any:
    """A value as what JSON knows."""
    if is_dataclass(value) and not isinstance(value, type):
        tag = _tag_of(type(value))
        content: dict[str, Any] = {tag: _kind(type(value))} if tagged and tag else {}
        for one in fields(value):
            given = getattr(value, one.name)
            if not _is_default(one, given):
                content[one.name] = keys_to_json(given) if one.name in _KEYS else _plain(given)
        return content
    if isinstance(value, Mapping):
        if all(isinstance(key, str) for key in value):
            return {key: _plain(inner) for key, inner in value.items()}
        return [[_plain(key), _plain(inner)] for key, inner in value.items()]
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value.item() if isinstance(value, np.generic) else value


def _is_default(one: Field[Any], given: Any) -> bool:
    if one.name in _KEYS:
        return not len(given)
    default = one.default_factory() if one.default_factory is not MISSING else one.default
    return default is not MISSING and type(default) is type(given) and bool(default == given)


def _laid_out(value: Any, indent: str) -> str:
    """JSON on one line if it fits, else one entry a line; lists of plain values fill their lines."""
    short = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if len(indent) + len(short) <= WIDTH or not isinstance(value, dict | list):
        return short
    deeper = indent + "  "
    if isinstance(value, dict):
        entries = [f"{deeper}{json.dumps(key)}: {_laid_out(inner, deeper)}" for key, inner in value.items()]
        return "{\n" + ",\n".join(entries) + f"\n{indent}}}"
    if any(isinstance(inner, dict | list) for inner in value):
        return "[\n" + ",\n".join(deeper + _laid_out(inner, deeper) for inner in value) + f"\n{indent}]"
    lines: list[str] = []
    line = deeper
    for inner in value:
        word = json.dumps(inner, ensure_ascii=False)
        if len(line) + len(word) + 2 > WIDTH and line != deeper:
            lines.append(line.rstrip())
            line = deeper
        line += f"{word}, "
    return "[\n" + "\n".join([*lines, line.rstrip(", ")]) + f"\n{indent}]"


# Reading


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, None, {"Step": Step})


def _kind(of: type) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in of.__name__).lstrip("_")


def _tag_of(of: type) -> str:
    """Where it says what kind of thing something is; nothing where its place says so already."""
    if of in _STEPS:
        return "step"
    if of in _DISTRIBUTIONS:
        return "distribution"
    return "kind" if of.__name__ in ("Outage", "Breakdowns") else ""


def _built(of: type, content: Any, place: str, tag: str | None) -> Any:
    """An instance of a class from its fields."""
    if not isinstance(content, dict):
        raise InvalidInput(place.rstrip(". "), content, f"must be an object with the fields of a {_kind(of)}")
    known = {one.name: one for one in fields(of) if one.init}
    given = {}
    for name, value in content.items():
        if name == tag:
            continue
        if name not in known:
            bound = f"is no field of a {_kind(of)}; there are: {', '.join(known)}"
            raise InvalidInput(f"{place}{name}", value, bound)
        if name in _KEYS:
            given[name] = keys_from_json(value, f"{place}{name}")
        else:
            given[name] = _read(_hints(of)[name], value, f"{place}{name}")
    for name, one in known.items():
        if name not in given and one.default is MISSING and one.default_factory is MISSING:
            raise InvalidInput(f"{place}{name}", None, f"is missing: a {_kind(of)} needs it")
    try:
        return of(**given)
    except InvalidInput as error:
        raise InvalidInput(f"{place}{error.field}", error.value, error.bound) from None
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        raise InvalidInput(place.rstrip(". "), content, f"is no {_kind(of)}: {error}") from None


def _read(wanted: Any, value: Any, place: str) -> Any:  # noqa: PLR0911  one a kind of type
    """A value of a type, as the field of a class is annotated."""
    origin, inner = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        return _one_of(inner, value, place)
    if origin is Literal:
        if value not in inner:
            raise InvalidInput(place, value, f"must be one of {', '.join(map(str, inner))}")
        return value
    if origin is tuple and (len(inner) != 2 or inner[1] is not Ellipsis):
        return _fixed(inner, value, place)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(inner, value, place)
    if origin is not None and issubclass(origin, Sequence):
        if not isinstance(value, list):
            raise InvalidInput(place, value, "must be a list")
        return tuple(_read(inner[0], one, f"{place}[{number}]") for number, one in enumerate(value))
    if is_dataclass(wanted):
        assert isinstance(wanted, type)
        return _built(wanted, value, f"{place}.", tag=_tag_of(wanted))
    return _scalar(wanted, value, place)


def _one_of(kinds: Sequence[Any], value: Any, place: str) -> Any:
    """A value of one of several types: the one that it says it is, or the one that it fits."""
    if value is None and type(None) in kinds:
        return None
    rest = [kind for kind in kinds if kind is not type(None)]
    classes: dict[str, type] = {_kind(kind): kind for kind in rest if isinstance(kind, type) and is_dataclass(kind)}
    if len(rest) == 1:
        return _read(rest[0], value, place)
    if classes:
        tag = _tag_of(next(iter(classes.values())))
        if not isinstance(value, dict):
            raise InvalidInput(place, value, f'must be an object with a "{tag}"')
        named = value.get(tag)
        if not isinstance(named, str) or named not in classes:
            raise InvalidInput(f"{place}.{tag}", named, f"must be one of {', '.join(classes)}")
        return _built(classes[named], value, f"{place}.", tag)
    for kind in rest:
        if isinstance(value, bool) is (kind is bool) and isinstance(value, kind):
            return value
    raise InvalidInput(place, value, f"must be one of {', '.join(kind.__name__ for kind in rest)}")


def _fixed(inner: Sequence[Any], value: Any, place: str) -> tuple[Any, ...]:
    if not isinstance(value, list) or len(value) != len(inner):
        raise InvalidInput(place, value, f"must be a list of {len(inner)}")
    return tuple(
        _read(kind, one, f"{place}[{number}]") for number, (kind, one) in enumerate(zip(inner, value, strict=True))
    )


def _mapping(inner: Sequence[Any], value: Any, place: str) -> dict[Any, Any]:
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in value):
        pairs = [(pair[0], pair[1]) for pair in value]
    else:
        raise InvalidInput(place, value, "must be an object, or a list of pairs")
    found: dict[Any, Any] = {}
    for key, one in pairs:
        read = _read(inner[0], key, f"{place}[{key!r}]")
        if read in found:
            raise InvalidInput(place, key, "is there twice")
        found[read] = _read(inner[1], one, f"{place}[{key!r}]")
    return found


def _scalar(wanted: Any, value: Any, place: str) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if wanted is float and number and math.isfinite(value):
        return value
    if wanted is int and number and isinstance(value, int):
        return value
    if wanted in (str, bool) and isinstance(value, wanted):
        return value
    words = {float: "a number", int: "an integer", str: "a text", bool: "true or false"}
    raise InvalidInput(place, value, f"must be {words.get(wanted, 'something else')}")
