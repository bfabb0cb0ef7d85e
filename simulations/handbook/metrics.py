"""Every metric that a run reports, defined once: name, unit, what it means, how it is computed, whose formula it is."""

from __future__ import annotations

from typing import NamedTuple


class Metric(NamedTuple):
    """A metric; ``where`` is the table it stands in. An empty ``formula``: it is counted as events happen."""

    where: str
    name: str
    unit: str
    definition: str
    formula: str = ""
    source: str = ""


OPERATIONS = "Operations (`summary`)"
ENDS = "How requests ended (`outcomes`)"
REQUESTS = "Requests (`SamplePath`, `requests.parquet`)"
STATIONS = "Stations, pools and queues (`stations`)"
QUEUES = "Stations, pools and queues in memory (`SamplePath.queue`)"
ACCOUNTS = "Where the time goes (`SamplePath.accounts`, `breakdown`)"
CACHES = "Caches (`caches`, `SamplePath.cache`)"
BACKGROUND = "Spawned flows, items and batches (`SamplePath.background`, `SamplePath.spawned`)"
CLOSED = "Closed populations (`SamplePath.closed`)"
GUARDS = "Protection and balancing (`SamplePath.guards`)"
BINS = "Over time (`SamplePath.bins`, `hours`)"
SERIES = "A series at a step (`series`, series.parquet)"
CHECKS = "Self-checks (`checks`)"
EVIDENCE = "Evidence (`study`)"

ORDER_STATISTIC = "smallest value that at least a share p of the values do not exceed"
CONOVER = "Conover 1999, Practical Nonparametric Statistics, 3.2"
DENNING_BUZEN = "Denning & Buzen 1978, The operational analysis of queueing network models"

METRICS: tuple[Metric, ...] = (
    Metric(OPERATIONS, "operation", "", "the operation that a row is about; `all` is all of them together"),
    Metric(OPERATIONS, "requests", "requests", "requests that arrived"),
    Metric(OPERATIONS, "completed", "requests", "requests whose outcome is completed"),
    Metric(OPERATIONS, "rejected", "requests", "requests turned away: a full line, a token bucket, an open breaker"),
    Metric(OPERATIONS, "timed_out", "requests", "requests that gave up waiting"),
    Metric(OPERATIONS, "failed", "requests", "requests that ended in a failure"),
    Metric(OPERATIONS, "dropped", "requests", "requests that the load generator could not send; a model drops none"),
    Metric(OPERATIONS, "retried", "requests", "requests with at least one retry of a step, however they ended"),
    Metric(OPERATIONS, "retries", "retries", "retries of all of them"),
    Metric(
        OPERATIONS, "goodput_rps", "requests/s", "rate of what was answered as asked", "completed / length of the run"
    ),
    Metric(OPERATIONS, "rate_rps", "requests/s", "arrival rate", "requests / length of the run"),
    Metric(OPERATIONS, "availability", "share, 0 to 1", "requests that were answered as asked", "completed / requests"),
    Metric(
        OPERATIONS,
        "response_time_s_mean",
        "s",
        "mean response time of completed requests, from the intended start",
        "Σ (completed_s − intended_s) / completed",
    ),
    *(
        Metric(
            OPERATIONS, f"response_time_s_p{p}", "s", f"{p} % of completed requests took at most this", ORDER_STATISTIC
        )
        for p in (50, 95, 99)
    ),
    Metric(
        OPERATIONS,
        "response_time_s_p99_low",
        "s",
        "lower end of the 95 % interval of the 99th percentile; it needs no assumption but independence",
        "order statistic of rank from the binomial distribution (n, 0.99)",
        CONOVER,
    ),
    Metric(
        OPERATIONS,
        "response_time_s_p99_high",
        "s",
        "upper end of it; infinite if the sample is too small for one",
        "as above",
        CONOVER,
    ),
    Metric(OPERATIONS, "response_time_s_max", "s", "the longest response time of a completed request", "maximum"),
    Metric(ENDS, "outcome", "", "completed, rejected, timed_out, failed or dropped: a row for each that occurs"),
    Metric(ENDS, "requests", "requests", "requests of the operation that ended so"),
    Metric(
        ENDS,
        "share",
        "share, 0 to 1",
        "their share of the operation's requests",
        "requests with the outcome / requests",
    ),
    Metric(ENDS, "response_time_s_mean", "s", "mean time until they ended so, from the intended start", "Σ / requests"),
    *(
        Metric(ENDS, f"response_time_s_p{p}", "s", f"{p} % of those that ended so took at most this", ORDER_STATISTIC)
        for p in (50, 99)
    ),
    Metric(ENDS, "response_time_s_max", "s", "the longest of them", "maximum"),
    Metric(REQUESTS, "arrival_s", "s", "when the request arrived, from the run's start (`intended_s` in the file)"),
    Metric(REQUESTS, "completed_s", "s", "when it ended, whatever its outcome"),
    Metric(REQUESTS, "response_time_s", "s", "how long it took", "completed_s − arrival_s"),
    Metric(REQUESTS, "outcome", "", "completed, rejected, timed_out or failed"),
    Metric(REQUESTS, "cache_hit", "", "its last lookup: 1 hit, 0 miss, −1 none"),
    Metric(REQUESTS, "retries", "retries", "retries of its steps"),
    Metric(
        REQUESTS,
        "spans",
        "s",
        "its seconds at each resource: wait and service at a station, a delay's time, the wait for a pool or queue",
        "sum over its visits",
    ),
    Metric(REQUESTS, "end_s", "s", "T, when the last event happened"),
    Metric(REQUESTS, "max_in_flight", "flows", "most requests, spawned flows, items and batches under way at once"),
    Metric(STATIONS, "name", "", "the station, pool or queue"),
    Metric(STATIONS, "tier", "", "what its name begins with: `api` of `api-eu-1`"),
    Metric(STATIONS, "region", "", "the second part of its name, if it has one"),
    Metric(STATIONS, "servers", "servers, slots or workers", "how many it has at the start"),
    Metric(
        STATIONS,
        "utilisation",
        "share, 0 to 1",
        "share of its servers (slots, workers) in use, mean over the run; compare the utilisation law",
        "busy_s / capacity_s",
        DENNING_BUZEN,
    ),
    Metric(STATIONS, "queue_length_mean", "requests", "mean number waiting, not in service", "queue_s / T"),
    Metric(STATIONS, "queue_length_max", "requests", "most that waited at once", "maximum"),
    Metric(STATIONS, "wait_s_mean", "s", "mean time a visit waited before its service", "Σ wait / completions"),
    Metric(
        STATIONS,
        "service_s_mean",
        "s",
        "mean time in service; of a pool, how long a slot was held; of a queue, how long a batch took",
        "Σ service / completions",
    ),
    Metric(QUEUES, "arrivals", "visits", "who came, before anything else was decided"),
    Metric(QUEUES, "completions", "visits", "services, holdings or items that ended as they should"),
    Metric(QUEUES, "rejected", "visits", "turned away: no room in the line, or the station refused"),
    Metric(QUEUES, "abandoned", "visits", "left the line before their service: cancelled"),
    Metric(QUEUES, "interrupted", "visits", "left in service: cancelled, or an outage took their server"),
    Metric(QUEUES, "busy_s", "server-seconds", "servers (slots, workers) in use", "∫₀ᵀ busy(t) dt"),
    Metric(QUEUES, "queue_s", "request-seconds", "requests waiting", "∫₀ᵀ waiting(t) dt"),
    Metric(QUEUES, "capacity_s", "server-seconds", "servers that there were", "∫₀ᵀ servers(t) dt"),
    Metric(QUEUES, "max_waiting", "requests", "most that waited at once", "maximum"),
    Metric(
        ACCOUNTS, "wait_s", "s", "time in queues, by flow and resource (`breakdown`: a request's mean, by tier)", "Σ"
    ),
    Metric(
        ACCOUNTS,
        "service_s",
        "s",
        "time in service, of delays, or holding a slot, by flow and resource; `breakdown` leaves pools out",
        "Σ",
    ),
    Metric(ACCOUNTS, "visits", "visits", "services begun, slots taken, items taken, delays begun"),
    Metric(CACHES, "capacity_entries", "entries", "the cache's size, if it is sized by entries"),
    Metric(CACHES, "capacity_bytes", "bytes", "the cache's size, if it is sized by bytes"),
    Metric(CACHES, "policy", "", "how it evicts"),
    Metric(CACHES, "lookups", "lookups", "how often it was asked"),
    Metric(CACHES, "hits", "lookups", "how often it had the key"),
    Metric(CACHES, "hit_ratio", "share, 0 to 1", "NaN for a cache that was never asked", "hits / lookups"),
    Metric(CACHES, "stores", "keys", "keys stored that were not there"),
    Metric(CACHES, "evictions", "keys", "keys that had to go for others"),
    Metric(CACHES, "invalidations", "keys", "keys dropped by `Invalidate`"),
    Metric(CACHES, "expirations", "keys", "keys found too old"),
    Metric(BACKGROUND, "spawned", "flows", "how many were started"),
    Metric(BACKGROUND, "completed", "flows", "how many ended, whatever their outcome"),
    Metric(BACKGROUND, "failed", "flows", "those of them whose outcome is another than completed"),
    Metric(BACKGROUND, "response_s", "s", "their response times, added up", "Σ (end − start)"),
    Metric(BACKGROUND, "max_response_s", "s", "the longest of them", "maximum"),
    Metric(BACKGROUND, "flow", "", "(each one recorded) which flow it ran"),
    Metric(BACKGROUND, "started_s", "s", "(each one recorded) when it started"),
    Metric(BACKGROUND, "completed_s", "s", "(each one recorded) when it ended"),
    Metric(BACKGROUND, "outcome", "", "(each one recorded) how it ended"),
    Metric(CLOSED, "population", "", "which population sent the request"),
    Metric(CLOSED, "user", "", "which user of it"),
    Metric(GUARDS, "bucket_taken", "tokens", "requests that a token bucket let through"),
    Metric(GUARDS, "bucket_rejected", "requests", "requests that found no token"),
    Metric(GUARDS, "breaker_opened", "times", "how often a circuit breaker opened"),
    Metric(GUARDS, "breaker_rejected", "calls", "calls that it rejected while open or half open"),
    Metric(GUARDS, "budget_taken", "tokens", "retries that a budget allowed"),
    Metric(GUARDS, "budget_refused", "retries", "retries that it did not"),
    Metric(GUARDS, "sent", "requests", "requests that a balancer sent to each target"),
    Metric(BINS, "bin_s", "s", "length of a bin (`hours`: an hour of the day)"),
    Metric(BINS, "in_flight_s", "flow-seconds", "flows under way", "∫ in flight(t) dt over the bin"),
    *(
        Metric(BINS, name, unit, f"as for the whole run, over the bin: {words}", formula)
        for name, unit, words, formula in (
            ("arrivals", "visits", "who came to each station, pool and queue", ""),
            ("busy_s", "server-seconds", "servers in use", "∫ busy(t) dt over the bin"),
            ("queue_s", "request-seconds", "requests waiting", "∫ waiting(t) dt over the bin"),
            ("capacity_s", "server-seconds", "servers that there were", "∫ servers(t) dt over the bin"),
            ("lookups", "lookups", "how often each cache was asked", ""),
            ("hits", "lookups", "how often it had the key", ""),
        )
    ),
    Metric(SERIES, "time_s", "s", "when the step begins, from the run's start"),
    Metric(
        SERIES,
        "utilisation",
        "share, 0 to 1",
        "of a station, pool or queue; none while it has no server",
        "busy_s / capacity_s",
    ),
    Metric(SERIES, "queue_length_mean", "requests", "mean number waiting there", "queue_s / length of the step"),
    Metric(
        SERIES,
        "in_flight_mean",
        "requests",
        "mean number there, waiting or in service; of `all`, flows under way anywhere",
        "(busy_s + queue_s) / length of the step; in_flight_s / length of the step",
    ),
    Metric(SERIES, "hit_ratio", "share, 0 to 1", "of a cache; none if it was not asked", "hits / lookups"),
    Metric(SERIES, "arrivals", "requests", "of an operation or `all`: requests that arrived in the step"),
    *(
        Metric(SERIES, outcome, "requests", f"requests that ended in the step as {outcome}, whenever they arrived")
        for outcome in ("completed", "rejected", "timed_out", "failed")
    ),
    *(
        Metric(
            SERIES,
            f"response_time_s_p{p}",
            "s",
            f"{p} % of the requests that arrived in the step and completed took at most this; none if there are none",
            ORDER_STATISTIC,
        )
        for p in (50, 99)
    ),
    Metric(
        CHECKS,
        "Little's law",
        "requests",
        "mean number waiting, integrated as the queue changed, against each visit's own wait",
        "L = λ W",
        "Little 1961, A proof for the queuing formula L = λW",
    ),
    Metric(
        CHECKS,
        "utilisation law",
        "servers",
        "mean number busy, integrated over time, against the service times that were drawn",
        "U = X S",
        DENNING_BUZEN,
    ),
    Metric(
        CHECKS,
        "flow balance",
        "requests",
        "who arrived has left, one way or another",
        "arrivals = departures",
        DENNING_BUZEN,
    ),
    Metric(
        CHECKS,
        "relative_difference",
        "share",
        "how far the two sides of a law are apart; it holds up to rounding",
        "abs(left − right) / max(abs(left), abs(right))",
    ),
    Metric(
        EVIDENCE,
        "half_width",
        "as the mean's",
        "half of a confidence interval of a mean, over replications or batches",
        "t(n − 1, (1 + confidence) / 2) · s / √n",
        "Law & Kelton 2000, Simulation Modeling and Analysis, 9.4 and 9.5.3",
    ),
    Metric(
        EVIDENCE,
        "warm-up (MSER-5)",
        "observations",
        "how many to cut from the start: the cut that leaves the smallest standard error, over batches of five",
        "min over d of Σ_{i>d} (yᵢ − ȳ)² / (n − d)²",
        "White 1997; Franklin & White 2008",
    ),
    Metric(EVIDENCE, "warm_up_s", "s", "(`steady_state`) when the first request arrived that counts"),
    Metric(
        EVIDENCE,
        "settled",
        "true or false",
        "(`steady_state`) whether MSER-5 found the end of the warm-up in the first half of the run",
    ),
    Metric(
        EVIDENCE,
        "half_width (sectioning)",
        "as the statistic's",
        "half of the interval of a percentile q (or mean) of one run, from its b consecutive batches; only where at "
        "least 100 requests lie beyond the percentile",
        "t(b − 1, (1 + confidence) / 2) · √(Σ (qᵢ − q)² / b / (b − 1))",
        "Asmussen & Glynn 2007, Stochastic Simulation, III.5a",
    ),
    Metric(
        EVIDENCE,
        "lag1",
        "−1 to 1",
        "correlation of neighbouring batch means: near 0, batches are long enough",
        "Σ (yᵢ − ȳ)(yᵢ₊₁ − ȳ) / Σ (yᵢ − ȳ)²",
        "Law & Kelton 2000, 9.5.3",
    ),
)
