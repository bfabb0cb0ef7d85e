"""The back-of-envelope estimates of the URL shortener, computed from its design so that prose cannot drift from it."""

from __future__ import annotations

from sdlab.spec import Design
from simulations.estimates import Estimate, bytes_text, count_text
from simulations.theory import lru_hit_ratio, zipf_classes

DAYS_OF_YEAR = 365


def estimates(design: Design) -> list[Estimate]:
    """In the order one would write them on a whiteboard: load, storage, cache, servers."""
    workload, sizes = design.workload, design.sizes
    share = {name: operation.share for name, operation in workload.operations.items()}
    creates_per_day = workload.requests_per_day * share["create"]
    busiest = max(design.regions.items(), key=lambda item: item[1].share)
    regional_peak_rps = workload.peak_rate_rps * busiest[1].share
    entries = design.topology["cache"].capacity_entries or 0
    hit_ratio = _hit_ratio(design, entries)
    redirects_rps = workload.peak_rate_rps * share["redirect"]
    api_s = sum(share[name] * design.demands[name]["api_s"] for name in share)
    return [
        Estimate("mean rate", f"{workload.mean_rate_rps:.0f} requests/s", "requests a day / 86,400 s"),
        Estimate(
            "peak rate",
            f"{workload.peak_rate_rps:.0f} requests/s",
            f"mean x {workload.day_curve.peak_to_mean_ratio:g}; {regional_peak_rps:.0f}/s of it in {busiest[0]}",
        ),
        Estimate("new links", f"{count_text(creates_per_day)} a day", "requests a day x share of creates"),
        Estimate("links kept", count_text(workload.popularity.keys), "the keys of the popularity law"),
        Estimate("link storage", bytes_text(workload.popularity.keys * sizes["link_row_bytes"]), "links x bytes a row"),
        Estimate(
            "click counts",
            f"at most {bytes_text(workload.requests_per_day * share['redirect'] * sizes['day_count_row_bytes'])} a day",
            "one row a link and day; at most one a redirect, far fewer because popular links share theirs",
        ),
        Estimate(
            "cache memory", f"{bytes_text(entries * sizes['cache_entry_bytes'])} a region", "entries x bytes an entry"
        ),
        Estimate("cache hit ratio", f"{hit_ratio:.0%}", "Che's approximation, LRU, Zipf popularity"),
        Estimate(
            "database reads for redirects",
            f"{redirects_rps * (1 - hit_ratio):.0f}/s at the peak, over all regions",
            "redirects x (1 - hit ratio)",
        ),
        Estimate(
            "database writes", f"{workload.peak_rate_rps * share['create']:.1f} creates/s at the peak", "peak x share"
        ),
        Estimate(
            "codes of 7 letters",
            f"{62**7 / (creates_per_day * DAYS_OF_YEAR):,.0f} years of creates",
            "62^7 / creates a year",
        ),
        Estimate(
            "API cores",
            f"{regional_peak_rps * api_s:.2f} busy in the busiest region at its peak",
            f"peak x {1e3 * api_s:.2f} ms of CPU a request, assumed; {design.topology['api'].workers} provided",
        ),
        Estimate(
            "bandwidth",
            f"{bytes_text(redirects_rps * sizes['redirect_response_bytes'])}/s at the peak",
            "redirects x bytes of a response",
        ),
    ]


def _hit_ratio(design: Design, entries: int) -> float:
    popularity = design.workload.popularity
    probability, counts = zipf_classes(popularity.keys, popularity.zipf_exponent)
    return lru_hit_ratio(probability, entries, counts)
