"""All that a compiled run works on, behind one pointer.

A run's arrays (their layout is in `simulations.layout`) are found through one record, `World.record`, that has the
address of each, and the loop's own numbers. Compiled functions are handed that record, ``w``, and get an array by
asking for it: ``world.slots(w)[slot]``. Handing dozens of arrays from function to function instead costs numba minutes
of compilation. Arrays of two dimensions know their columns by a field of the record.

The record's type says whether the program needs the whole vocabulary (`is_full`); numba leaves out of the compiled
loop what asks for it otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array
from numba.np.numpy_support import from_dtype
from numpy.typing import NDArray

from simulations import layout
from simulations.caches import layout as cache_layout
from simulations.jit import kernel
from simulations.sampling import DistributionTable

FLOAT, INT, BYTE, WORD, SHORT = (np.dtype(kind) for kind in ("f8", "i8", "i1", "i4", "i2"))

ARRAYS: Mapping[str, np.dtype[Any]] = {
    # what is executed; never written to
    "instructions": layout.INSTRUCTION,
    "ways": layout.WAY,
    "policies": layout.POLICY,
    "first_instruction": INT,
    "entry": INT,  # and those below: of `shortcuts.Shortcuts`, all in one row
    "caches_ahead": INT,
    "kind": INT,  # of the distributions, as in `simulations.sampling.DistributionTable`
    "first": INT,
    "size": INT,
    "parameters": FLOAT,
    "ring_hash": INT,
    "ring_target": INT,
    "start_ups": layout.START_UP,
    "populations": layout.POPULATION,
    "population_keys": INT,
    "entry_kind": INT,  # the sizes of the caches' entries, a distribution each
    "entry_first": INT,
    "entry_size": INT,
    "entry_parameters": FLOAT,
    # what arrives; ``flow`` and ``region`` translate the table's indices into the model's
    "arrival_s": FLOAT,
    "operation": SHORT,
    "key": INT,
    "region": SHORT,
    "flow_of_operation": INT,
    "region_of_region": INT,
    # what changes
    "heap": layout.EVENT,
    "lanes": layout.LINE,
    "slots": layout.SLOT,
    "queues": layout.QUEUE,
    "lines": layout.LINE,
    "completed_s": FLOAT,
    "outcome": BYTE,
    "cache_hit": BYTE,
    "retries": WORD,
    "total_s": FLOAT,  # of response times by flow, in place of records
    "background": layout.BACKGROUND,
    "spawned_flow": INT,
    "spawned_s": FLOAT,
    "spawned_completed_s": FLOAT,
    "spawned_outcome": BYTE,
    "bin_in_flight_s": FLOAT,
    "caches": cache_layout.CACHE,
    "cache_buckets": cache_layout.BUCKET,
    "cache_details": cache_layout.DETAIL,
    "cache_rings": cache_layout.RING,
    "cache_keys": INT,
    "cache_words": np.dtype("u8"),
    # what changes only in programs that need the whole vocabulary
    "tasks": layout.TASK,
    "stations": layout.STATION,
    "outages": layout.OUTAGES,
    "scalers": layout.SCALERS,
    "batchers": layout.BATCHER,
    "tokens": layout.TOKENS,
    "breakers": layout.BREAKER,
    "window": BYTE,
    "budgets": layout.TOKENS,
    "balancers": layout.BALANCER,
    "in_flight_at": INT,  # each target of each balancer
    "sent": INT,
    "flights": layout.FLIGHT,
    "chains": INT,
    "work": layout.WORK,
    "population_of_row": INT,
    "user_of_row": INT,
    "began_s": FLOAT,  # of the rows of populations
}

TABLES: Mapping[str, tuple[np.dtype[Any], str]] = {
    "one_way_s": (FLOAT, "regions"),  # [regions, regions]
    "held_since_s": (FLOAT, "pools"),  # [slots, pools], below 0 if not held
    "wait_s": (FLOAT, "resources"),  # [flows, resources]
    "service_s": (FLOAT, "resources"),
    "visits": (INT, "resources"),
    "histogram": (INT, "buckets"),  # [flows, buckets], in place of records
    "ended": (INT, "outcomes"),  # [flows, outcomes]
    "spans": (FLOAT, "resources"),  # [requests, resources]
    "bin_arrivals": (INT, "lined"),  # [bins, queues]
    "bin_busy_s": (FLOAT, "lined"),
    "bin_queue_s": (FLOAT, "lined"),
    "bin_capacity_s": (FLOAT, "lined"),
    "bin_lookups": (INT, "caches_asked"),  # [bins, caches]
    "bin_hits": (INT, "caches_asked"),
    "idle_since_s": (FLOAT, "most_servers"),  # [stations, servers], the free servers of those with start-up
    "jobs_target_s": (FLOAT, "slots_made"),  # [shared stations, slots], heaps
    "jobs_order": (INT, "slots_made"),
    "jobs_slot": (INT, "slots_made"),
    "target_of": (INT, "balancers_asked"),  # [slots, balancers], NONE if the task is at none
    "leads": (INT, "flown"),  # [slots, caches], the flight that the task leads, or NONE
}

NUMBERS = (
    ("seed", INT),
    ("bin_s", FLOAT),
    ("requests", INT),  # how many arrive
    ("before", INT),  # how many have arrived in earlier pieces
    ("arrivals_left", INT),  # 1: more arrive after those in the arrays
    ("rows_kept", INT),  # 1: each request has a record; 0: they are counted in histograms
    ("buckets", INT),
    ("outcomes", INT),
    ("station_count", INT),  # resources below it are stations; pools follow
    ("pools", INT),
    ("lined", INT),  # stations, pools and queues
    ("resources", INT),
    ("regions", INT),
    ("caches_asked", INT),
    ("most_servers", INT),
    ("balancers_asked", INT),
    ("flown", INT),
    ("slots_made", INT),
    ("spans_kept", INT),
    ("spawned_made", INT),  # room for the records of spawned flows; 0: they are not kept
    ("bins_made", INT),  # room for bins; 0: there are none
    ("closed_made", INT),  # room for requests of populations
    ("population_count", INT),
    ("places", INT),  # regions, and one for none
    ("controls", INT),  # slots that are events of stations and queues
    *((name, layout.LOOP[name]) for name in layout.LOOP.names or ()),
)


def _dtype(full: bool) -> np.dtype[Any]:
    # The first field tells the types apart: one that begins like the other would pass for it.
    names = ("whole" if full else "lean", *ARRAYS, *TABLES)
    fields = [*((name, INT) for name in names), *NUMBERS]
    return np.dtype(fields, align=True)


LEAN, WHOLE = _dtype(full=False), _dtype(full=True)


class World:
    """A run's arrays by name, kept alive, and the record through which compiled code finds them."""

    def __init__(self, full: bool) -> None:
        self.full = full
        self.record: NDArray[np.void] = np.zeros(1, dtype=WHOLE if full else LEAN)
        self.arrays: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> Any:
        return self.arrays[name]

    def __setitem__(self, name: str, array: NDArray[Any]) -> None:
        kind = ARRAYS[name] if name in ARRAYS else TABLES[name][0]
        if array.dtype != kind or not array.flags.c_contiguous:
            raise TypeError(f"{name}: {array.dtype} where a contiguous array of {kind} is needed")
        self.arrays[name] = array
        self.record[name] = array.ctypes.data

    def number(self, name: str) -> Any:
        """One of the loop's numbers."""
        return self.record[name][0]


def _accessor(name: str, dtype: np.dtype[Any], columns: str | None) -> Any:
    element = from_dtype(dtype)
    dimensions = 1 if columns is None else 2

    def get(_typing: Any, w: Any) -> Any:
        array_type = types.Array(element, dimensions, "C" if columns is None else "A")  # "A": indexed by strides

        def field(builder: Any, record: Any, which: str) -> Any:
            place = cgutils.get_record_member(builder, record, w.offset(which), ir.IntType(64))
            value = builder.load(place)
            # Python changes addresses and columns only between two chunks: one read of each serves until the next.
            value.set_metadata("invariant.load", builder.module.add_metadata([]))
            return value

        def codegen(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            array = make_array(array_type)(context, builder)
            data_type = context.get_data_type(element).as_pointer()
            # Where all lengths are 0, what numba does about indices below 0 comes to nothing, and LLVM leaves it out.
            length = context.get_constant(types.intp, 0)
            item = context.get_constant(types.intp, dtype.itemsize)
            strides = [item]
            if columns is not None:
                strides = [builder.mul(field(builder, arguments[0], columns), item), item]
            populate_array(
                array,
                data=builder.inttoptr(field(builder, arguments[0], name), data_type),
                shape=cgutils.pack_array(builder, [length] * dimensions),
                strides=cgutils.pack_array(builder, strides),
                itemsize=item,
                meminfo=None,
            )
            return array._getvalue()

        return array_type(w), codegen

    get.__name__ = get.__qualname__ = name
    return intrinsic(get)


globals().update({name: _accessor(name, dtype, None) for name, dtype in ARRAYS.items()})
globals().update({name: _accessor(name, dtype, columns) for name, (dtype, columns) in TABLES.items()})


@kernel
def table(w: Any) -> DistributionTable:
    """The distributions."""
    return DistributionTable(kind(w), first(w), size(w), parameters(w))  # type: ignore[name-defined]  # noqa: F821


def _is_full(_typing: Any, w: Any) -> Any:
    def codegen(context: Any, _builder: Any, _signature: Any, _arguments: Any) -> Any:
        return context.get_constant(types.boolean, "whole" in w.fields)

    return types.boolean(w), codegen


is_full = cast("Callable[[Any], bool]", intrinsic(_is_full))
"""Whether the program needs the whole vocabulary: a constant when the loop is compiled."""


def __getattr__(name: str) -> Any:
    """For the type checker, which does not see the accessors that are made above."""
    raise AttributeError(name)
