"""How the lab's numeric code is compiled: numba, without fastmath, cached on disk.

Numba's cache on disk looks at the file of the cached function alone, not at the files of what it calls. So only a
few thin entry points are cached, and each closes over `source_digest()`, which numba makes part of the cache's key:
when any file of compiled code changes, the entry points are compiled again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numba

F = TypeVar("F", bound=Callable[..., object])

COMPILED_SOURCES = ("jit.py", "draws.py", "sampling.py", "layout.py", "caches/*.py", "engines/compiled/*.py")
"""Files whose code ends up in a cached entry point, as patterns."""


def kernel(function: F) -> F:
    """Compile a function that only other compiled functions call; it is cached as part of them.

    It is inlined, so that the tuples of arrays it is handed cost nothing, and compiled without reference counting:
    it may read and write arrays but not make them. (Counting took nine tenths of the event loop's time.)
    """
    return _compile(function, forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def entry_point(function: F) -> F:
    """Compile and cache on disk a function that Python calls; it must close over `source_digest()`."""
    return _compile(function, cache=True)


def _compile(function: F, **options: bool) -> F:
    njit: Callable[..., Callable[[F], F]] = numba.njit  # its stubs do not know every option
    return njit(error_model="numpy", _nrt=False, **options)(function)


def source_digest() -> str:
    """One hash over every file whose code ends up in a cached entry point."""
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(path for pattern in COMPILED_SOURCES for path in root.glob(pattern)):
        digest.update(path.read_bytes())
    return digest.hexdigest()
