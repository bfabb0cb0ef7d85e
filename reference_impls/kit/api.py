"""Runs one API process on a listening socket it inherits: ``python -m reference_impls.kit.api MODULE:FACTORY FD``.

``lab serve`` binds the port, so it is known and taken before anything starts, and several processes can share it.
(uvicorn's own ``--fd`` takes the socket for a Unix one, and leaves Nagle's algorithm on.)
"""

from __future__ import annotations

import gc
import importlib
import socket
import sys

import uvicorn

GRACE_S = 1
GARBAGE_OBJECTS = 50_000
"""So many objects more than were freed again make the collector look for those that only point at each other."""


def main(app_factory: str, fd: int) -> None:
    module, _, name = app_factory.partition(":")
    config = uvicorn.Config(
        getattr(importlib.import_module(module), name),
        factory=True,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        # Longer than uvicorn's 5 s, so that a client's idle connection is seldom closed as it sends.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE_S,
    )
    config.load()
    # What is loaded by now lives as long as the process: the collector need not go through it again and again, which
    # would stop every request for some 10 ms. Nor through all requests under way with every 700 objects more: what a
    # request leaves is freed without it, and the more are under way, the dearer each of them became (decision 11).
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=fd)])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
