"""Closed forms of queueing theory and caching. Pure; rates in requests/s, times in seconds.

Every function raises `InvalidInput` for a value outside its domain, above all for a station whose offered load its
servers cannot carry. Sources: Kleinrock 1975 (Queueing Systems 1), Denning & Buzen 1978, and those named.
"""

from simulations.theory.caches import fifo_hit_ratio, lru_hit_ratio, zipf_classes, zipf_popularity
from simulations.theory.disciplines import (
    mg1_priorities,
    mg1_processor_sharing,
    mg1_set_up,
    mg1_turns,
    mm1_breakdowns,
    mm1_turns,
    mmc_processor_sharing,
)
from simulations.theory.fork_join import ForkJoin, fork_join, harmonic, kth_fastest_s
from simulations.theory.networks import (
    AsymptoticBounds,
    Centre,
    ClosedNetwork,
    asymptotic_bounds,
    closed_network,
    little_in_system,
    machine_repair,
    mean_value_analysis,
)
from simulations.theory.stations import (
    LossQueue,
    Queue,
    birth_death,
    erlang_b,
    erlang_c,
    md1,
    mg1,
    mm1,
    mm1_response_time_quantile_s,
    mmc,
    mmc_impatient,
    mmc_response_time_quantile_s,
    mmc_wait_quantile_s,
    mmck,
)

__all__ = [
    "AsymptoticBounds",
    "Centre",
    "ClosedNetwork",
    "ForkJoin",
    "LossQueue",
    "Queue",
    "asymptotic_bounds",
    "birth_death",
    "closed_network",
    "erlang_b",
    "erlang_c",
    "fifo_hit_ratio",
    "fork_join",
    "harmonic",
    "kth_fastest_s",
    "little_in_system",
    "lru_hit_ratio",
    "machine_repair",
    "md1",
    "mean_value_analysis",
    "mg1",
    "mg1_priorities",
    "mg1_processor_sharing",
    "mg1_set_up",
    "mg1_turns",
    "mm1",
    "mm1_breakdowns",
    "mm1_response_time_quantile_s",
    "mm1_turns",
    "mmc",
    "mmc_impatient",
    "mmc_processor_sharing",
    "mmc_response_time_quantile_s",
    "mmc_wait_quantile_s",
    "mmck",
    "zipf_classes",
    "zipf_popularity",
]
