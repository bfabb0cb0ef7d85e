"""What the formulas are defined for: each function here raises `InvalidInput` for a value outside."""

from __future__ import annotations

import math

from sdlab.errors import InvalidInput


def load(arrival_rate_rps: float, service_s: float, servers: int) -> float:
    """The offered load in Erlang, of a rate of at least 0 and a service time above 0."""
    at_least("arrival_rate_rps", arrival_rate_rps, 0)
    above_zero("service_s", service_s)
    at_least_one_server(servers)
    return arrival_rate_rps * service_s


def stable(arrival_rate_rps: float, service_s: float, servers: int) -> float:
    """The utilisation, below 1."""
    utilisation = load(arrival_rate_rps, service_s, servers) / servers
    if utilisation >= 1:
        limit = servers / service_s
        raise InvalidInput("arrival_rate_rps", arrival_rate_rps, f"must be below {limit:g}, what the servers can carry")
    return utilisation


def at_least_one_server(servers: int) -> None:
    """An integer of at least 1."""
    if not isinstance(servers, int) or servers < 1:
        raise InvalidInput("servers", servers, "must be an integer of at least 1")


def probability_below_one(probability: float) -> None:
    """From 0 to below 1."""
    if not 0 <= probability < 1:
        raise InvalidInput("probability", probability, "must be from 0 to below 1")


def at_least(field: str, value: float, bound: float) -> None:
    """A finite number of at least ``bound``."""
    if not (math.isfinite(value) and value >= bound):
        raise InvalidInput(field, value, f"must be a number of at least {bound}")


def above_zero(field: str, value: float) -> None:
    """A finite number above 0."""
    if not (math.isfinite(value) and value > 0):
        raise InvalidInput(field, value, "must be a number above 0")


def count(field: str, value: int, least: int) -> None:
    """An integer of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InvalidInput(field, value, f"must be an integer of at least {least}")
