"""Caches with real state: which keys are there follows from popularity, size and policy.

`Cache` describes one. `kernels` executes it compiled, `reference` in plain Python; the two share nothing but the
description and agree on every hit. Importing the package imports no compiled code.
"""

from simulations.caches.cache import POLICIES, Cache

__all__ = ["POLICIES", "Cache"]
