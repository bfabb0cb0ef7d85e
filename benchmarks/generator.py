"""The load generator against stock Locust: requests per second of its CPU, as a ratio from one run.

    .venv/bin/python benchmarks/generator.py [--rounds 3] [--seconds 4] [--rate 800]

Both load the same null endpoint, in turns, each in a process of its own. "flat out" is a closed loop of 10 users
without pauses. At a rate below that a core idles between requests and runs each of them more slowly, so the two are
compared at one rate too: stock Locust paced by its own ``constant_throughput``, ours open-loop.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

USERS = 10
ANSWER = (
    b"HTTP/1.1 302 Found\r\nlocation: https://example.com/\r\n"
    b"server-timing: app;dur=0.234, cache;desc=hit;dur=0.31, pool;dur=0.01\r\ncontent-length: 0\r\n\r\n"
)


class NullEndpoint(asyncio.Protocol):
    """Answers whatever comes at once, unread: a request of these loads fits one segment."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:  # noqa: ARG002
        self.transport.write(ANSWER)


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(NullEndpoint, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def stock_flat_out(host: str, seconds: float, _rate_rps: float) -> None:
    _closed(host, seconds, is_stock=True, rate_rps=None)


def ours_flat_out(host: str, seconds: float, _rate_rps: float) -> None:
    _closed(host, seconds, is_stock=False, rate_rps=None)


def stock_paced(host: str, seconds: float, rate_rps: float) -> None:
    _closed(host, seconds, is_stock=True, rate_rps=rate_rps)


def _closed(host: str, seconds: float, *, is_stock: bool, rate_rps: float | None) -> None:
    """Locust's own runner, in this process."""
    import gevent  # noqa: PLC0415 - these patch sockets, so only the process that loads may import them
    from locust import FastHttpUser, constant, constant_throughput, task  # noqa: PLC0415
    from locust.env import Environment  # noqa: PLC0415

    from loadtests.http_client import LightSession  # noqa: PLC0415

    class User(FastHttpUser):
        wait_time = constant(0) if rate_rps is None else constant_throughput(rate_rps / USERS)

        def on_start(self) -> None:
            if is_stock:
                self.client.client.redirect_response_codes = frozenset()  # type: ignore[misc]
            else:
                self.client = LightSession(host, self.environment.events.request, self)

        @task
        def redirect(self) -> None:
            self.client.get("/k0000001", name="redirect")

    environment = Environment(user_classes=[User], host=host)
    runner = environment.create_local_runner()
    runner.start(USERS, spawn_rate=USERS)
    gevent.sleep(1.0)
    before, cpu_s = environment.stats.total.num_requests, time.process_time()
    gevent.sleep(seconds)
    sent = environment.stats.total.num_requests - before
    cpu_s = time.process_time() - cpu_s
    runner.quit()
    print(json.dumps({"sent": sent, "failed": environment.stats.total.num_failures, "cpu_s": cpu_s}))


def ours_open_loop(host: str, seconds: float, rate_rps: float) -> None:
    """The driver, as `lab swarm` runs it; its records are read by this process, which patches nothing."""
    from loadtests.service import Service  # noqa: PLC0415
    from loadtests.window import run_window  # noqa: PLC0415
    from sdlab import workload  # noqa: PLC0415
    from sdlab.catalog import load_design  # noqa: PLC0415

    design = load_design("url_shortener")
    requests = workload.steady(design, "poisson", rate_rps, seconds, seed=1, keys=design.test_data.links)
    with tempfile.TemporaryDirectory() as folder:
        run = run_window(design, requests, Service(host), seed=1, command="", runs=Path(folder))
        account = run.json("generator")
        cpu_s = run.json("resources")["processes"]["generator"]["cpu_s"]
    print(
        json.dumps(
            {
                "sent": account["sent"],
                "failed": sum(account["errors"].get(kind, 0) for kind in ("connect", "connection_lost", "timeout")),
                "cpu_s": cpu_s,
                "lateness_s_p50": account["lateness_s_p50"],
                "lateness_s_p99": account["lateness_s_p99"],
            }
        )
    )


PARTS: dict[str, Callable[[str, float, float], None]] = {
    "stock FastHttpUser, flat out": stock_flat_out,
    "ours, flat out": ours_flat_out,
    "stock FastHttpUser, paced": stock_paced,
    "ours, open loop": ours_open_loop,
}


def compare(rounds: int, seconds: float, rate_rps: float) -> None:
    endpoint = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True)
    results: dict[str, list[dict[str, float]]] = {name: [] for name in PARTS}
    try:
        assert endpoint.stdout is not None
        host = f"http://127.0.0.1:{int(endpoint.stdout.readline())}"
        for done in range(rounds):
            print(f"round {done + 1} of {rounds}", file=sys.stderr)
            for name, measured in results.items():
                options = ["--part", name, "--host", host, "--seconds", str(seconds), "--rate", str(rate_rps)]
                output = subprocess.run([sys.executable, __file__, *options], stdout=subprocess.PIPE, check=True)
                measured.append(json.loads(output.stdout))
    finally:
        endpoint.kill()
        endpoint.wait()
    _show(results, rate_rps)


def _show(results: dict[str, list[dict[str, float]]], rate_rps: float) -> None:
    stock_free, ours_free, stock_paced_name, ours_open = PARTS
    per_cpu_s = {name: statistics.median(r["sent"] / r["cpu_s"] for r in runs) for name, runs in results.items()}
    for name, runs in results.items():
        failed = sum(int(run["failed"]) for run in runs)
        print(f"{name:30} {per_cpu_s[name]:8,.0f} requests per CPU second, {failed} failed")
    late = [statistics.median(run[f"lateness_s_p{p}"] for run in results[ours_open]) * 1000 for p in (50, 99)]
    print(f"lateness at {rate_rps:g}/s: p50 {late[0]:.2f} ms, p99 {late[1]:.2f} ms")
    print(f"ours / stock, flat out: {per_cpu_s[ours_free] / per_cpu_s[stock_free]:.1f}")
    print(f"ours / stock, at {rate_rps:g}/s: {per_cpu_s[ours_open] / per_cpu_s[stock_paced_name]:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rate", type=float, default=800.0)
    for hidden in ("--part", "--host"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve())
    elif options.part:
        PARTS[options.part](options.host, options.seconds, options.rate)
    else:
        compare(options.rounds, options.seconds, options.rate)


if __name__ == "__main__":
    main()
