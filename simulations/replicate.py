"""The same scenario under several seeds: the first here, with all its records, the others on the other cores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulations import comparison
from simulations import run as runner
from simulations.executor import bytes_of_a_run, open_pool
from simulations.run import DEFAULT, Recording, Simulated
from simulations.scenario import Scenario


def replicated(
    of_first: Scenario,
    prepare: Callable[[int], Scenario],
    seed: int,
    replications: int,
    engine: str,
    *,
    quiet: bool,
    recording: Recording = DEFAULT,
    workers: int | None = None,
    on: str | None = None,
) -> Simulated:
    """Run with the seeds ``seed``, ``seed`` + 1, ...; the first run with the intervals over all in its content.

    ``of_first`` is the scenario of ``seed``. ``prepare`` gives that of another; it is sent to other processes and may
    be a closure. What comes out does not depend on ``workers`` or ``on`` (see `simulations.executor.open_pool`).
    """
    if replications == 1:
        return runner.run(of_first, seed, engine, quiet=quiet, recording=recording)

    def summary(its_seed: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = runner.run(prepare(its_seed), its_seed, engine, quiet=True).content["summary"]
        return found

    seeds = range(seed + 1, seed + replications)
    each = bytes_of_a_run(len(of_first.requests))
    with open_pool(summary, on=on, workers=workers, bytes_each=each, beside=each) as pool:
        begun = {its_seed: pool.submit(its_seed) for its_seed in seeds}
        first = runner.run(of_first, seed, engine, quiet=quiet, recording=recording)
        others = [pool.result(its_seed, future) for its_seed, future in begun.items()]
    first.content["replications"] = comparison.across_replications([first.content["summary"], *others])
    return first
