"""The compilation cache must notice a change in any file of compiled code."""

from __future__ import annotations

import re
from pathlib import Path

import simulations
from simulations.jit import COMPILED_SOURCES

ROOT = Path(simulations.__file__).parent


def test_every_file_with_compiled_code_is_part_of_the_caches_key() -> None:
    compiled = {
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        if re.search(r"^\s*@(kernel|routine|entry_point|numba)\b", path.read_text(), re.MULTILINE)
    }
    assert compiled
    assert compiled <= in_the_key()


def test_what_compiled_code_is_laid_out_by_is_part_of_the_caches_key_too() -> None:
    assert {"layout.py", "caches/layout.py", "jit.py", "engines/compiled/world.py"} <= in_the_key()


def in_the_key() -> set[str]:
    found = {pattern: list(ROOT.glob(pattern)) for pattern in COMPILED_SOURCES}
    assert all(found.values()), "a pattern that no file fits"
    return {str(path.relative_to(ROOT)) for paths in found.values() for path in paths}
