"""Finds designs and their parts by folder name. There is no registry to edit: a folder is an entry."""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from sdlab.errors import InvalidInput
from sdlab.sources import OVERRIDDEN, Source, separate
from sdlab.spec import Design, build_design

ROOT = Path(__file__).resolve().parent.parent
STAGES = ("simulations", "reference_impls", "loadtests")


def slugs() -> list[str]:
    """The designs there are, sorted."""
    return sorted(path.parent.name for path in (ROOT / "designs").glob("*/design.toml"))


def design_folder(slug: str) -> Path:
    """The folder of a design's data and prose. Raises `InvalidInput` if there is none of that name."""
    if slug not in slugs():
        raise InvalidInput("design", slug, f"no such design; there are {', '.join(slugs()) or 'none'}")
    return ROOT / "designs" / slug


def parts(slug: str) -> dict[str, bool]:
    """Which stages have a folder for the design."""
    return {stage: (ROOT / stage / slug).is_dir() for stage in STAGES}


def load_design(slug: str, overrides: Iterable[str] = (), file: Path | None = None) -> Design:
    """Read a design and validate it.

    ``overrides`` are texts ``dotted.path=value`` (the value in TOML's notation, ``1e9`` too); a path must exist.
    ``file`` reads another file than ``designs/<slug>/design.toml``. Raises `InvalidInput`.
    """
    path = file or design_folder(slug) / "design.toml"
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput("design", str(path), f"cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput("design", str(path), f"is not valid TOML: {error}") from None
    values, sources = separate(tree)
    for override in overrides:
        place = _apply(values, override)
        sources[place] = Source(OVERRIDDEN, f"--set {override}")
    return build_design(slug, values, sources)


def _apply(values: dict[str, Any], override: str) -> str:
    place, equals, text = override.partition("=")
    if not equals or not place.strip():
        raise InvalidInput("--set", override, "must look like workload.requests_per_day=1e9")
    place = place.strip()
    *parents, leaf = place.split(".")
    node: Any = values
    for name in parents:
        node = node.get(name) if isinstance(node, dict) else None
    if not isinstance(node, dict) or leaf not in node or isinstance(node[leaf], dict):
        known = ", ".join(sorted(node)) if isinstance(node, dict) else ", ".join(sorted(values))
        raise InvalidInput("--set", place, f"the design has no such value; here it has {known}")
    node[leaf] = _parse(text.strip(), like=node[leaf])
    return place


def _parse(text: str, like: object) -> object:
    if isinstance(like, str):
        return text
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    # 1e6 is a float in TOML, but a person who writes it for a count means the integer.
    if isinstance(like, int) and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def load_part(stage: str, slug: str, module: str) -> ModuleType:
    """Import ``<stage>.<slug>.<module>`` and make sure it is ours.

    An installed distribution can shadow a generic top-level name such as ``reports``. Raises `InvalidInput` if the
    design has no such part, `ImportError` if what was found lies outside the repository.
    """
    design_folder(slug)
    if not (ROOT / stage / slug / f"{module}.py").is_file():
        raise InvalidInput("design", slug, f"has no {stage}/{slug}/{module}.py")
    return load_own(f"{stage}.{slug}.{module}")


def load_own(name: str) -> ModuleType:
    """Import a module of the repository by its dotted name; `ImportError` if another distribution shadows it."""
    loaded = importlib.import_module(name)
    if loaded.__file__ is None or not Path(loaded.__file__).resolve().is_relative_to(ROOT):
        raise ImportError(f"{name} was found at {loaded.__file__}, outside of the repository")
    return loaded
