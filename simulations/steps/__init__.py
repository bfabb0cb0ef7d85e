"""The steps of a flow: what one request does, in order.

Steps are frozen and may be shared between flows. By what they are about: `basic` (time and resources), `choice` (which
way), `concurrency` (other work), `protection` (what protects a service); `flow` puts them together.
"""

from simulations.steps.basic import Delay, Fail, Failure, Hold, Release, Serve, Travel
from simulations.steps.choice import Attribute, Balance, Branch, Invalidate, Lookup, Store, Switch
from simulations.steps.concurrency import Enqueue, Fork, Rest, Spawn
from simulations.steps.flow import STARTS_PARTS, Flow, Place, Step, describe, place_text, walk_steps, ways_of
from simulations.steps.protection import FAILURES, Attempt, Backoff, Break, Hedge, Limit, Retry, Timeout

__all__ = [
    "FAILURES",
    "STARTS_PARTS",
    "Attempt",
    "Attribute",
    "Backoff",
    "Balance",
    "Branch",
    "Break",
    "Delay",
    "Enqueue",
    "Fail",
    "Failure",
    "Flow",
    "Fork",
    "Hedge",
    "Hold",
    "Invalidate",
    "Limit",
    "Lookup",
    "Place",
    "Release",
    "Rest",
    "Retry",
    "Serve",
    "Spawn",
    "Step",
    "Store",
    "Switch",
    "Timeout",
    "Travel",
    "describe",
    "place_text",
    "walk_steps",
    "ways_of",
]
