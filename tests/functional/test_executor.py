"""Runs on other processes, here and on a Dask cluster: the same results whatever dies and whoever finishes first."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from sdlab import processes
from sdlab.catalog import ROOT
from sdlab.errors import InvalidInput, LabError, ServerUnavailable
from simulations import executor, grid, rates, sweep, sweep_figure, sweep_results
from simulations.executor import open_pool
from simulations.grid import Axis
from simulations.journal import open_journal
from simulations.sweep import Plan
from tests.patience import soon

WORKERS = Axis("topology.api.workers", (1, 2, 4))
LOAD = Axis("workload.requests_per_day", (20_000_000, 60_000_000), logarithmic=True)
PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def plan() -> Plan:
    variants = grid.variants("url_shortener", ["topology.cache.capacity_entries=2000"], [WORKERS, LOAD])
    return Plan("url_shortener", (WORKERS, LOAD), tuple(variants), None, seed=1, replications=3, requests=10_000)


def files(plan: Plan, runs: dict[Any, Any], folder: Path) -> dict[str, bytes]:
    """Every file of results that a sweep leaves, by name."""
    folder.mkdir()
    content = sweep_results.content(plan, runs)
    sweep_results.by_variant(content["variants"]).to_csv(folder / "variants.csv", index=False)
    sweep_results.by_replication(plan, runs).to_parquet(folder / "replications.parquet", index=False)
    sweep_figure.draw(folder, plan.axes, content["variants"], plan.variants[0].design.slo)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def one_after_the_other(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The results of the plan made in this process, backwards."""
    run = plan.task()
    return files(plan, {key: run(key) for key in reversed(plan.keys)}, tmp_path_factory.mktemp("plain") / "results")


def swept(plan: Plan, folder: Path, **pool: Any) -> dict[str, bytes]:
    with open_journal(folder / "journal") as journal:
        with open_pool(plan.task(), **pool) as workers:
            list(sweep.complete(plan, journal, workers))
        return files(plan, journal.runs, folder / "results")


@pytest.mark.parametrize("workers", [1, 3])
def test_the_bytes_of_the_results_do_not_depend_on_the_number_of_workers(
    plan: Plan, one_after_the_other: dict[str, bytes], tmp_path: Path, workers: int
) -> None:
    assert swept(plan, tmp_path, workers=workers) == one_after_the_other


def slow(run: sweep.Run, key: tuple[int, int]) -> dict[str, Any]:
    time.sleep(0.05)
    return {**run(key), "pid": os.getpid()}


def test_a_worker_killed_in_the_middle_of_a_sweep_loses_nothing(
    plan: Plan, one_after_the_other: dict[str, bytes], tmp_path: Path
) -> None:
    pids = []
    with open_journal(tmp_path / "journal") as journal, open_pool(partial(slow, plan.task()), workers=2) as pool:
        for key in sweep.complete(plan, journal, pool):
            pids.append(journal.runs[key].pop("pid"))
            if len(pids) == 5:
                os.kill(pids[-1], signal.SIGKILL)
        assert pool.deaths == 1
        assert sorted(journal.runs) == sorted(plan.keys)
        assert len(pids) == len(plan.keys)
        assert pids[-1] not in pids[:5]
        assert files(plan, journal.runs, tmp_path / "results") == one_after_the_other


def test_an_interrupted_sweep_goes_on_with_what_is_missing(
    plan: Plan, one_after_the_other: dict[str, bytes], tmp_path: Path
) -> None:
    children = set(psutil.Process().children())
    with (
        suppress(KeyboardInterrupt),
        open_journal(tmp_path / "journal") as journal,
        open_pool(plan.task(), workers=2) as pool,
    ):
        for count, _ in enumerate(sweep.complete(plan, journal, pool), start=1):
            if count == 7:
                raise KeyboardInterrupt
    # What multiprocessing keeps for the life of this process is there; workers are not.
    assert soon(lambda: _workers(set(psutil.Process().children(recursive=True)) - children) == [], within_s=2)
    with open_journal(tmp_path / "journal") as journal:
        assert len(journal.runs) == 7
        with open_pool(plan.task(), workers=2) as pool:
            made = list(sweep.complete(plan, journal, pool))
        assert len(made) == len(plan.keys) - 7
        assert files(plan, journal.runs, tmp_path / "results") == one_after_the_other


def _workers(processes: set[psutil.Process]) -> list[psutil.Process]:
    found = []
    for one in processes:
        with suppress(psutil.NoSuchProcess):  # it ended meanwhile
            if "tracker" not in " ".join(one.cmdline()) and one.children():
                found.append(one)
    return found


def die(_: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def test_a_run_that_kills_each_worker_ends_in_an_error_and_not_in_a_loop() -> None:
    with pytest.raises(LabError, match="died 3 times with no run finished"), open_pool(die, workers=1) as pool:
        list(pool.results([1]))


def fail(number: int) -> int:
    raise InvalidInput("number", number, "must be another")


def test_an_error_of_a_run_arrives_as_it_was_raised() -> None:
    with pytest.raises(InvalidInput, match="number = 1: must be another"), open_pool(fail, workers=1) as pool:
        list(pool.results([1]))


def test_a_search_asks_the_same_and_finds_the_same_with_a_pool() -> None:
    (variant,) = grid.variants("url_shortener", ["topology.cache.capacity_entries=2000"], [Axis(WORKERS.path, (2,))])
    observe = partial(rates.observe, variant.design, None, 1, "design", 10_000)
    arguments = (variant.design, None, 1, "design", 0.05, 10_000, lambda _: None)
    alone = rates.design_capacity(*arguments)  # type: ignore[arg-type]
    with open_pool(observe, workers=3) as pool:
        assert rates.design_capacity(*arguments, pool) == alone  # type: ignore[arg-type]
        curve = rates.latency_curve(variant.design, None, 1, "design", 500.0, 10_000, lambda _: None, pool)
    assert curve == rates.latency_curve(variant.design, None, 1, "design", 500.0, 10_000, lambda _: None)


def dask(*arguments: str, folder: Path, name: str) -> processes.Child:
    """A part of Dask, as a person would start it in the lab's folder."""
    program = [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]]
    log_path = folder / f"{name}.log"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return processes.start(name, program, log_path=log_path, folder=folder, environment=environment)


class Cluster:
    """A scheduler and workers on this machine's loopback."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        self._folder = folder
        here = ["--host", "127.0.0.1", "--no-dashboard"]
        self.children = [
            dask("dask_scheduler", *here, "--port", str(port), "--no-show", folder=folder, name="scheduler")
        ]

    def add_worker(self, name: str) -> processes.Child:
        options = ["--host", "127.0.0.1", "--no-dashboard", "--nthreads", "1", "--no-nanny", "--death-timeout", "20"]
        worker = dask(
            "dask_worker", self.address, *options, "--local-directory", str(self._folder / name),
            folder=self._folder, name=name,
        )  # fmt: skip
        self.children.append(worker)
        return worker


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    found = Cluster(tmp_path)
    try:
        yield found
    finally:
        processes.stop(found.children, grace_s=5)


def test_a_cluster_gives_the_same_bytes_though_one_of_its_workers_is_killed(
    plan: Plan, one_after_the_other: dict[str, bytes], cluster: Cluster, tmp_path: Path
) -> None:
    cluster.add_worker("first")
    cluster.add_worker("second")
    done = []
    with (
        open_journal(tmp_path / "journal") as journal,
        open_pool(partial(slow, plan.task()), on=wait_for(cluster, workers=2)) as pool,
    ):
        for key in sweep.complete(plan, journal, pool):
            done.append(journal.runs[key].pop("pid"))
            if len(done) == 4:
                os.kill(done[-1], signal.SIGKILL)
        assert len(set(done)) == 2
        assert files(plan, journal.runs, tmp_path / "results") == one_after_the_other


def wait_for(cluster: Cluster, workers: int) -> str:
    """The address, once so many workers are there."""
    from distributed import Client  # noqa: PLC0415

    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        try:
            with Client(cluster.address, timeout=2, set_as_default=False) as client:
                if workers:
                    client.wait_for_workers(workers, timeout=PATIENCE_S)
                return cluster.address
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(cluster.children[0].last_lines())


def test_a_cluster_that_goes_away_is_said_and_what_it_did_is_kept(plan: Plan, cluster: Cluster, tmp_path: Path) -> None:
    cluster.add_worker("only")
    address = wait_for(cluster, workers=1)

    def sweep_until_the_scheduler_dies() -> None:
        with open_journal(tmp_path / "journal") as journal, open_pool(partial(slow, plan.task()), on=address) as pool:
            for _ in sweep.complete(plan, journal, pool):
                cluster.children[0].popen.kill()

    with pytest.raises(ServerUnavailable, match="has gone"):
        sweep_until_the_scheduler_dies()
    with open_journal(tmp_path / "journal") as journal:
        assert journal.runs


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("tcp://127.0.0.1:1", "no Dask scheduler answers there"),
        ("nonsense", "must be the address of a Dask scheduler"),
        ("tcp://127.0.0.1", "must be the address of a Dask scheduler"),
        ("gopher://127.0.0.1:8786", "must be the address of a Dask scheduler"),
    ],
)
def test_an_address_where_no_cluster_is_is_refused(address: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=f"--on = '{address}': {message}"), open_pool(abs, on=address):
        pass


def test_a_scheduler_without_workers_is_refused(cluster: Cluster) -> None:
    wait_for(cluster, workers=0)
    with pytest.raises(InvalidInput, match="has no workers"), open_pool(abs, on=cluster.address):
        pass


def test_a_number_of_processes_says_nothing_about_a_cluster() -> None:
    with pytest.raises(InvalidInput, match="does not go with --on"), executor.open_pool(abs, on="tcp://x:1", workers=2):
        pass
