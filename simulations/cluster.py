"""A Dask cluster that is already running, by the address of its scheduler."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from distributed import Client
from distributed.comm.core import CommClosedError
from distributed.scheduler import KilledWorker

from sdlab.errors import InvalidInput, LabError, ServerUnavailable
from simulations import worker

SCHEMES = ("tcp", "tls", "ws", "wss", "ucx")
CONNECT_S = 4.0
WORKERS_S = 4.0


@contextmanager
def connected(address: str) -> Iterator[tuple[Client, str, int]]:
    """A client of the scheduler at an address, what it is in words, and how many runs it does at once.

    Raises `InvalidInput` if nothing that is a scheduler answers in some seconds, or if it has no workers.
    """
    parts = urlsplit(address)
    if parts.scheme not in SCHEMES or ":" not in parts.netloc:
        raise InvalidInput("--on", address, "must be the address of a Dask scheduler, as in tcp://127.0.0.1:8786")
    logger = logging.getLogger("distributed")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # what it would say, our errors say in one line
    try:
        try:
            client = Client(address, timeout=CONNECT_S, set_as_default=False, name="system-design-lab")
        except (OSError, ValueError, TypeError, ImportError):
            raise InvalidInput("--on", address, f"no Dask scheduler answers there within {CONNECT_S:.0f} s") from None
        try:
            try:
                client.wait_for_workers(1, timeout=WORKERS_S)
            except TimeoutError:
                raise InvalidInput("--on", address, "the scheduler there has no workers") from None
            threads = client.nthreads()
            yield client, f"the cluster at {address} ({len(threads)} workers)", sum(threads.values())
        finally:
            client.close(timeout=2)  # what it still had to do is forgotten with it
    finally:
        logger.setLevel(level)


def executor(client: Client) -> Executor:
    """The cluster as an executor of `concurrent.futures`; its scheduler runs the work of a dead worker again."""
    found: Executor = client.get_executor(pure=False)
    return found


def warm(client: Client) -> None:
    """Compile the engine, or load it from its cache, in one worker of each host before all of them would."""
    workers: dict[str, dict[str, Any]] = client.scheduler_info(n_workers=-1)["workers"]
    one_a_host = {facts["host"]: address for address, facts in workers.items()}
    client.gather([client.submit(worker.warm, workers=[address], pure=False) for address in one_a_host.values()])


@contextmanager
def losses_explained(address: str) -> Iterator[None]:
    """What a cluster can do to our work, as errors that a person can act on."""
    try:
        yield
    except KilledWorker as error:
        raise LabError(
            f"several workers of {address} died over the same run ({error}); if memory ran out, more of it for each "
            "worker or fewer --requests help"
        ) from None
    except ModuleNotFoundError as error:
        raise LabError(f"the workers of {address} cannot import the lab ({error}): start them in its folder") from None
    except (CommClosedError, CancelledError):
        raise ServerUnavailable(f"the cluster at {address} has gone; what it had finished is kept") from None
