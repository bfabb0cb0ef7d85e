"""The compiled engine: the flat program of a model in a numba event loop."""

from simulations.engines.compiled.driver import run

__all__ = ["run"]
