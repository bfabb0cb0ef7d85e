"""One class or function as Markdown: its signature, what its docstring says, its fields with units, what it refuses."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

UNITS = {
    "_s": "seconds",
    "_rps": "requests a second",
    "_bytes": "bytes",
    "_utilisation": "share, 0 to 1",
    "_ratio": "share, 0 to 1",
    "_entries": "entries",
    "priority": "0 goes first",
    "servers": "servers",
    "slots": "slots",
    "users": "users",
    "workers": "workers",
    "batch": "items",
    "limit": "items",
    "attempts": "attempts",
    "burst": "tokens",
    "ratio": "share, 0 to 1",
    "time": "seconds, drawn",
    "after": "seconds, drawn",
    "per_item": "seconds, drawn",
    "think": "seconds, drawn",
    "up": "seconds, drawn",
    "down": "seconds, drawn",
}
"""The unit of a field by its whole name, or by what its name ends in."""


def entry(subject: Any, links: Mapping[str, str]) -> str:
    """A section about a class or function. ``links`` are the pages on which other names stand."""
    prose, example = separate(inspect.getdoc(subject) or "")
    parts = [f"## {subject.__name__}", f"```python\n{signature(subject)}\n```", in_markdown(prose, links)]
    if rows := list(_field_rows(subject)):
        parts.append("\n".join(["| parameter | type | default | unit |", "|---|---|---|---|", *rows]))
    if refused := list(_refusals(subject)):
        parts.append("Raises `InvalidInput`, which names the field, the value and the bound:")
        parts.append("\n".join(f"- {line}" for line in refused))
    if example:
        parts.append(f"```python\n{example}\n```")
    return "\n\n".join(parts)


def separate(text: str) -> tuple[str, str]:
    """The words of a docstring, and its example (doctest) without indentation."""
    before, found, after = text.partition(">>>")
    if not found:
        return text.strip(), ""
    words, _, margin = before.rpartition("\n")
    return re.sub(r"\n*Example:\s*$", "", words).strip(), textwrap.dedent(f"{margin}>>>{after}").strip()


def in_markdown(text: str, links: Mapping[str, str]) -> str:
    """A docstring's words in Markdown: ``code``, and `names` that link to where they stand."""

    def name(found: re.Match[str]) -> str:
        target = links.get(found.group(1))
        return f"[`{found.group(1)}`]({target})" if target else f"`{found.group(1)}`"

    pieces = re.split(r"(``[^`]+``)", text)
    return "".join(p[1:-1] if p.startswith("``") else re.sub(r"`([^`]+)`", name, p) for p in pieces)


def signature(subject: Any) -> str:
    """How it is called; over several lines if it is long."""
    parameters = [str(p) for p in inspect.signature(subject).parameters.values()]
    parameters = [
        re.sub(r"['\"](?=.*:)|<factory>", "", p) if "<factory>" in p else p.replace("'", "") for p in parameters
    ]
    if is_dataclass(subject):
        parameters = [_with_star(p, subject, n) for n, p in enumerate(parameters)]
    line = f"{subject.__name__}({', '.join(parameters)})"
    if len(line) <= 100:
        return line
    return "\n".join([f"{subject.__name__}(", *(f"    {parameter}," for parameter in parameters), ")"])


def _with_star(parameter: str, subject: Any, number: int) -> str:
    own = [field for field in fields(subject) if field.init]
    first_keyword = next((i for i, field in enumerate(own) if field.kw_only), None)
    return f"*, {parameter}" if number == first_keyword else parameter


def _field_rows(subject: Any) -> Iterator[str]:
    if is_dataclass(subject):
        for field in fields(subject):
            if field.init:
                yield f"| `{field.name}` | `{_escaped(str(field.type))}` | {_default(field)} | {_unit(field.name)} |"
        return
    for parameter in inspect.signature(subject).parameters.values():
        default = "" if parameter.default is parameter.empty else f"`{parameter.default}`"
        yield f"| `{parameter.name}` | `{_escaped(str(parameter.annotation))}` | {default} | {_unit(parameter.name)} |"


def _default(field: Field[Any]) -> str:
    if field.default is not MISSING:
        return f"`{field.default!r}`"
    return "" if field.default_factory is MISSING else f"`{field.default_factory()!r}`"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _unit(name: str) -> str:
    return UNITS.get(name) or next((unit for end, unit in UNITS.items() if end[0] == "_" and name.endswith(end)), "")


def _refusals(subject: Any) -> Iterator[str]:
    """What its construction (or the function) checks, read from its source: field, and the bound in words."""
    checked = getattr(subject, "__post_init__", None) if inspect.isclass(subject) else subject
    if checked is None:
        return
    tree = ast.parse(textwrap.dedent(inspect.getsource(checked)))
    texts = {
        node.targets[0].id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    helpers = getattr(checked, "__globals__", {})
    seen: set[str] = set()
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    for node in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        line = _refusal(node, helpers, texts)
        if line and line not in seen:
            seen.add(line)
            yield line


_BOUNDS = {
    "count": "must be an integer of at least {least}",
    "seconds": "must be a number of seconds {zero}",
    "above_zero": "must be a number above 0",
    "positive": "must be a number above 0",
    "at_least_zero": "must be a number of at least 0",
    "not_negative": "must be a number of at least 0",
    "share": "must be above 0 and at most 1",
    "one_of": "must be one of {third}",
    "between": "must be from {third}",
}
"""What the helpers of checks say, by their names."""


def _refusal(node: ast.Call, helpers: Mapping[str, Any], texts: Mapping[str, ast.expr]) -> str | None:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if len(node.args) < 2 or (name != "InvalidInput" and not _checks(helpers.get(name))):
        return None
    if isinstance(node.args[0], ast.Name):
        return None
    field = re.sub(r"^[a-z ]* , ", "", _said(node.args[0], helpers))
    if name == "InvalidInput":
        last = node.args[-1]
        bound = texts.get(last.id, last) if isinstance(last, ast.Name) else last
        return f"{field}: {_said(bound, helpers)}" if len(node.args) == 3 else None
    options = {word.arg or "": ast.unparse(word.value).removeprefix("self.") for word in node.keywords}
    options["zero"] = "above 0" if options.get("zero") == "False" else "of at least 0"
    if len(node.args) > 2:
        joint = " to " if name == "between" else ", "
        options["third"] = joint.join(str(_value(argument, helpers, joint)) for argument in node.args[2:])
    known = _BOUNDS.get(name.lstrip("_"))
    try:
        said = known.format(**options) if known else (inspect.getdoc(helpers[name]) or name).partition("\n")[0]
    except KeyError:
        said = known or name
    return f"{field}: {said.rstrip('.')}"


def _checks(helper: Any) -> bool:
    """Whether a function's first parameter is the field that an error would name."""
    return inspect.isfunction(helper) and next(iter(inspect.signature(helper).parameters), "") == "field"


def _said(node: ast.expr, helpers: Mapping[str, Any]) -> str:
    """A text of the source; what is put into it stands as code, the name of the thing itself not at all."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values):
            parts = [part.value if isinstance(part, ast.Constant) else _named(part, helpers) for part in values]
            return "".join(str(part) for part in parts).strip(" ,")
    return f"`{ast.unparse(node).removeprefix('self.')}`"


def _named(part: ast.expr, helpers: Mapping[str, Any]) -> str:
    inner = part.value if isinstance(part, ast.FormattedValue) else part
    if ast.unparse(inner) in ("where", "self.name"):
        return ""
    return _value(inner, helpers, ", ")


def _value(node: ast.expr, helpers: Mapping[str, Any], joint: str) -> str:
    """A constant of the module by its value, also several joined; anything else as code."""
    match node:
        case (
            ast.Call(func=ast.Attribute(attr="join"), args=[ast.Name(name)])
            | ast.Name(name)
            | ast.Starred(ast.Name(name))
        ):
            value = helpers.get(name)
            if isinstance(value, tuple | list):
                return joint.join(str(one) for one in value)
            if isinstance(value, int | float | str):
                return str(value)
    return f"`{ast.unparse(node).removeprefix('self.')}`"
