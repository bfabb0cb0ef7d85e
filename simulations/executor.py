"""Many runs on all cores of this machine, or on a Dask cluster by its address: the same calls, the same results.

Both are used through the interface of `concurrent.futures`. Here, runs go to processes of our own, over pipes: no
port is opened. On a cluster they go to its scheduler, whose workers must have this repository at the same state (each
task checks it). A worker that dies, by ``kill -9`` or for lack of memory, is replaced and what it was running is run
again; a run is a pure function of its arguments, so nothing else changes.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Generic, TypeVar

import cloudpickle
import psutil

from sdlab.errors import InvalidInput, LabError
from simulations import worker

T = TypeVar("T")
R = TypeVar("R")

DEATHS_WITHOUT_PROGRESS_MAX = 3
MEMORY_SHARE = 0.8
"""Of what is free when the pool opens."""
BYTES_OF_A_PROCESS = 500_000_000
BYTES_A_REQUEST = 150
"""Measured: a day of 10 M requests of the URL shortener takes 1.8 GB."""


def bytes_of_a_run(requests: int) -> int:
    """About the memory of a process that runs so many requests and keeps a record of each."""
    return BYTES_OF_A_PROCESS + BYTES_A_REQUEST * requests


class Pool(Generic[T, R]):
    """Processes that apply one function; made by `open_pool`.

    ``words`` says what it runs on, ``width`` how many runs go on at once and ``deaths`` how often a worker's death
    was seen (a cluster's scheduler sees to its own).
    """

    def __init__(self, function: Callable[[T], R], words: str, width: int, start: Callable[[], Executor]) -> None:
        self._call = cloudpickle.dumps(function)
        self._digest = worker.code_digest()
        self._start = start
        self._executor = start()
        self._without_progress = 0
        self.words = words
        self.width = width
        self.deaths = 0

    def submit(self, item: T) -> Future[R]:
        """Start one run; see `result` for its end."""
        try:
            return self._executor.submit(worker.apply, self._call, self._digest, item)
        except BrokenProcessPool:
            self._replace()
            return self.submit(item)

    def result(self, item: T, future: Future[R]) -> R:
        """Wait for a run, and do it again if its worker died."""
        while True:
            try:
                found = future.result()
            except BrokenProcessPool:
                future = self.submit(item)
                continue
            self._without_progress = 0
            return found

    def results(self, items: Iterable[T]) -> Iterator[tuple[T, R]]:
        """Every item with its result, in the order in which they end. ``items`` are taken as they are needed."""
        waiting = iter(items)
        running: dict[Future[R], T] = {}
        while True:
            for item in islice(waiting, 2 * self.width - len(running)):
                running[self.submit(item)] = item
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                item = running.pop(future)
                if isinstance(future.exception(), BrokenProcessPool):
                    running[self.submit(item)] = item
                else:
                    self._without_progress = 0
                    yield item, future.result()

    def _replace(self) -> None:
        """New processes for those of a pool that broke."""
        self.deaths += 1
        self._without_progress += 1
        if self._without_progress >= DEATHS_WITHOUT_PROGRESS_MAX:
            raise LabError(
                f"worker processes died {self._without_progress} times with no run finished in between; if memory ran "
                "out, fewer --workers or --requests help"
            )
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._executor = self._start()

    def shutdown(self) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)


def processes_for(bytes_each: int, workers: int | None = None, beside: int = 0) -> int:
    """How many processes to run at once: one a core, fewer if so much memory each would not fit, at least one.

    ``beside`` are bytes that something else is about to take.
    ``workers`` is the user's own choice, which is not second-guessed.
    """
    if workers is not None:
        return workers
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, int((MEMORY_SHARE * _free_bytes() - beside) / bytes_each)))


def _free_bytes() -> int:
    """Memory that is free to us: the machine's, or what is left of a container's limit (cgroup v2)."""
    free: int = psutil.virtual_memory().available
    with suppress(OSError, ValueError):
        limit, used = (int(Path(f"/sys/fs/cgroup/memory.{name}").read_text()) for name in ("max", "current"))
        free = min(free, max(0, limit - used))
    return free


@contextmanager
def open_pool(
    function: Callable[[T], R],
    *,
    on: str | None = None,
    workers: int | None = None,
    bytes_each: int = BYTES_OF_A_PROCESS,
    beside: int = 0,
) -> Iterator[Pool[T, R]]:
    """Processes that apply ``function``, which may be a closure, to items that can be pickled.

    ``on`` is the address of a Dask scheduler; processes of this machine without it, as many as `processes_for` says.
    Nothing is left running, however the block ends. Raises `InvalidInput` if no scheduler with workers answers at the
    address.
    """
    if on is not None:
        if workers is not None:
            raise InvalidInput("--workers", workers, "does not go with --on: the cluster has its own")
        from simulations import cluster  # noqa: PLC0415  Dask takes most of a second to load

        with cluster.connected(on) as (client, words, width), cluster.losses_explained(on):
            cluster.warm(client)
            yield Pool(function, words, width, lambda: cluster.executor(client))
        return
    count = processes_for(bytes_each, workers, beside)
    worker.warm()
    before = set(multiprocessing.active_children())
    pool = Pool(function, f"{count} process{'es' if count > 1 else ''}", count, lambda: _processes(count))
    try:
        yield pool
    except BaseException:
        # What runs is not waited for: a run can take a minute.
        for child in set(multiprocessing.active_children()) - before:
            child.kill()
        raise
    finally:
        pool.shutdown()


def _processes(count: int) -> ProcessPoolExecutor:
    """On Linux each process is forked from a clean one that has loaded the lab once."""
    method = "forkserver" if sys.platform == "linux" else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(["simulations.sweep"])
    return ProcessPoolExecutor(count, mp_context=context, initializer=worker.attend)
