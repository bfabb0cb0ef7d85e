"""How the lab's numeric code is compiled: numba, without fastmath, cached on disk.

Numba's cache on disk looks at the file of the cached function alone, not at the files of what it calls. So only a
few thin entry points are cached, and each closes over `source_digest()`, which numba makes part of the cache's key:
when any file of compiled code changes, the entry points are compiled again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

F = TypeVar("F", bound=Callable[..., object])

COMPILED_SOURCES = (
    "jit.py",
    "draws.py",
    "elementary.py",
    "distribution_table.py",
    "sampling.py",
    "layout.py",
    "histograms.py",
    "caches/*.py",
    "engines/compiled/*.py",
    "engines/reference/draws.py",
)
"""Files whose code ends up in a cached entry point, as patterns."""


def kernel(function: F) -> F:
    """Compile a function that only other compiled functions call; it is cached as part of them.

    It is inlined, so that the tuples of arrays it is handed cost nothing, and compiled without reference counting:
    it may read and write arrays but not make them. (Counting took nine tenths of the event loop's time.)
    """
    return _compile(function, forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def routine(function: F) -> F:
    """As `kernel`, but not inlined by force: for what is rare. One that calls `outlined` first never is."""
    return _compile(function, forceinline=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)


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


@intrinsic
def _prefetch(_typing_context: Any, array: Any, index: Any) -> Any:
    """Ask for the memory of ``array[index]``, one-dimensional, without waiting for it; for compiled code."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        view = context.make_array(array)(context, builder, arguments[0])
        place = context.cast(builder, arguments[1], index, types.intp)
        pointer = cgutils.get_item_pointer(context, builder, array, view, [place], wraparound=False)
        i8 = ir.IntType(8).as_pointer()
        i32 = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [i8, i32, i32, i32])
        hint = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        write, keep, data = i32(1), i32(3), i32(1)
        builder.call(hint, [builder.bitcast(pointer, i8), write, keep, data])
        return context.get_dummy_value()

    return types.void(array, index), generate


@intrinsic
def _outlined(_typing_context: Any) -> Any:
    """Keep the routine that calls this from being inlined, so that its callers stay small and quick to compile."""

    def generate(context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), generate


# Numba's stubs show the intrinsics with the arguments of their typing; these are what compiled code calls.
prefetch = cast(Callable[[Any, int], None], _prefetch)
outlined = cast(Callable[[], None], _outlined)
