"""How a request can end. Alone in a module: a load generator starts before each window, and needs nothing else of
`sdlab.summary`.
"""

OUTCOMES = ("completed", "rejected", "timed_out", "failed", "dropped")
"""Only a load generator drops requests."""
