"""What the steps of a model refer to by name: stations, pools, queues, and what protects and feeds them."""

from simulations.resources.protection import Breaker, RetryBudget, TokenBucket
from simulations.resources.stations import Autoscaler, Breakdowns, Outage, Pool, Queue, StartUp, Station
from simulations.resources.traffic import BALANCING, Balancer, Population

__all__ = [
    "BALANCING",
    "Autoscaler",
    "Balancer",
    "Breakdowns",
    "Breaker",
    "Outage",
    "Pool",
    "Population",
    "Queue",
    "RetryBudget",
    "StartUp",
    "Station",
    "TokenBucket",
]
