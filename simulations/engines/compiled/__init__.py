"""The compiled engine: the flat program of a model in a numba event loop."""

from simulations.engines.compiled.driver import run, stream

__all__ = ["run", "stream"]
