"""The processes of one running service: started, watched, started again, and stopped in order."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reference_impls.kit.service import Service
from sdlab import processes, scheduling
from sdlab.cores import Cores
from sdlab.errors import InvalidInput, ServerUnavailable
from sdlab.processes import Child
from sdlab.servers import Servers
from sdlab.spec import Design, TestData

READY_TIMEOUT_S = 30.0
API_GRACE_S = 1.2
WORKER_GRACE_S = 0.8
RESTARTS_MAX = 10
RESTART_WINDOW_S = 10.0
CONNECTIONS_MAX = 90  # of PostgreSQL's 100; the rest are for the workers and for looking around


@dataclass(frozen=True)
class Options:
    """What a person can choose; see ``lab serve --help``."""

    port: int
    workers: int
    test_data: TestData
    pool_size: int
    design: Design
    ready_file: Path | None
    folder: Path | None
    log_level: str
    is_quiet: bool
    is_apart: bool = False

    def check(self) -> None:
        """Raises InvalidInput for the first option out of its bounds."""
        if not 0 <= self.port <= 65_535:
            raise InvalidInput("--port", self.port, "must be from 0 to 65535")
        if not 1 <= self.workers <= 64:
            raise InvalidInput("--workers", self.workers, "must be from 1 to 64")
        if not 0 <= self.test_data.links <= 10_000_000:
            raise InvalidInput("--links", self.test_data.links, "must be from 0 to 10000000")
        if self.pool_size < 1 or self.pool_size * self.workers > CONNECTIONS_MAX:
            bound = f"must be at least 1, and times --workers at most {CONNECTIONS_MAX}"
            raise InvalidInput("--pool-size", self.pool_size, bound)
        if self.log_level not in ("debug", "info", "warning", "error"):
            raise InvalidInput("--log-level", self.log_level, "must be debug, info, warning or error")
        if self.ready_file is not None and not self.ready_file.resolve().parent.is_dir():
            raise InvalidInput("--ready-file", str(self.ready_file), "must lie in a folder that exists")


@dataclass
class Supervisor:
    """The processes of one running service."""

    slug: str
    service: Service
    running: Servers
    options: Options
    folder: Path
    listener: socket.socket
    cores: Cores | None = None
    is_awake: bool = False
    is_ready: bool = False
    api: list[Child] = field(default_factory=list)
    workers: dict[str, Child] = field(default_factory=dict)
    restarts: dict[str, list[float]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def start(self) -> None:
        """Start the API and the workers and wait until the service is ready."""
        environment = self._environment_of_api()
        listener_fd = self.listener.fileno()
        for number in range(self.options.workers):
            program = ["-m", "reference_impls.kit.api", self.service.app_factory, str(listener_fd)]
            core = self.cores.api[number] if self.cores else None
            self.api.append(
                self._start(f"api-{number}", program, environment=environment, pass_fds=(listener_fd,), core=core)
            )
        for name in self.service.workers:
            self._start_worker(name)
        self._wait_until_ready()
        self.is_ready = True
        self._write_ready_file()

    def watch(self) -> None:
        """Return never: restart workers that die, and raise ServerUnavailable when an API process does."""
        while True:
            self._check_api()
            for name, child in self.workers.items():
                if not child.is_running:
                    self._restart_worker(name)
            time.sleep(0.1)

    def stop(self) -> None:
        """End every process, the API first; returns when they have gone."""
        if self.options.ready_file is not None and self.is_ready:
            self.options.ready_file.unlink(missing_ok=True)
        processes.stop(self.api, grace_s=API_GRACE_S)
        processes.stop(list(self.workers.values()), grace_s=WORKER_GRACE_S)

    def announcement(self) -> str:
        return "\n".join(
            [
                "",
                f"{self.slug} is ready at {self.url}",
                f"  API docs  {self.url}/docs",
                f"  logs      {self.folder}",
                f"  try       {self.service.example(self.url)}",
                "Ctrl-C stops it.",
            ]
        )

    def _environment(self) -> dict[str, str]:
        environment = dict(os.environ) | {
            "DATABASE_URL": self.running.database_url,
            "REDIS_URL": self.running.redis_url,
            "PUBLIC_URL": self.url,
            "POOL_SIZE": str(self.options.pool_size),
            "LOG_LEVEL": self.options.log_level,
            "PYTHONUNBUFFERED": "1",
            **self.service.settings(self.options.design),
        }
        environment.pop("PROMETHEUS_MULTIPROC_DIR", None)
        return environment

    def _environment_of_api(self) -> dict[str, str]:
        """Several API processes keep their metrics in one folder, to be added up."""
        environment = self._environment()
        if self.options.workers > 1:
            shared = self.folder / "metrics"
            shutil.rmtree(shared, ignore_errors=True)
            shared.mkdir()
            environment["PROMETHEUS_MULTIPROC_DIR"] = str(shared)
        return environment

    def _start(self, name: str, arguments: list[str], **more: Any) -> Child:
        log_path = self.folder / f"{name}.log"
        return processes.start(name, [sys.executable, *arguments], log_path=log_path, **more)

    def _start_worker(self, name: str) -> None:
        program = ["-m", self.service.workers[name]]
        self.workers[name] = self._start(name, program, environment=self._environment())
        if self.cores:
            scheduling.give_way(self.workers[name].pid)

    def _restart_worker(self, name: str) -> None:
        now_s = time.monotonic()
        moments = self.restarts.setdefault(name, [])
        moments.append(now_s)
        if len([moment for moment in moments if now_s - moment < RESTART_WINDOW_S]) > RESTARTS_MAX:
            child = self.workers[name]
            raise ServerUnavailable(
                f"{name} ended {RESTARTS_MAX} times in {RESTART_WINDOW_S:g} s; its log {child.log_path} ends: "
                f"{child.last_lines(2)}"
            )
        self._start_worker(name)
        self._write_ready_file()

    def _wait_until_ready(self) -> None:
        deadline_s = time.monotonic() + READY_TIMEOUT_S
        while not self._answers_ready():
            self._check_api()
            if time.monotonic() > deadline_s:
                raise ServerUnavailable(
                    f"the API was not ready after {READY_TIMEOUT_S:g} s; its log {self.api[0].log_path} ends: "
                    f"{self.api[0].last_lines(2)}"
                )
            time.sleep(0.05)

    def _answers_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.listener.getsockname()[1], timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _check_api(self) -> None:
        for child in self.api:
            if not child.is_running:
                raise ServerUnavailable(
                    f"the API process {child.name} ended with code {child.popen.returncode}; its log "
                    f"{child.log_path} ends: {child.last_lines(2)}"
                )

    def _write_ready_file(self) -> None:
        """In one step and for our eyes only: it holds the passwords of the servers."""
        path = self.options.ready_file
        if path is None or not self.is_ready:
            return
        pids: dict[str, Any] = {"api": [child.pid for child in self.api]}
        pids |= {name: child.pid for name, child in self.workers.items()} | self.running.pids
        content = {
            "url": self.url,
            "docs_url": f"{self.url}/docs",
            "database_url": self.running.database_url,
            "redis_url": self.running.redis_url,
            "pids": pids,
            "cores": self.cores.as_dict() if self.cores else None,
            "awake": self.is_awake,
            "restarts": {name: len(self.restarts.get(name, [])) for name in self.workers},
            "supervisor_pid": os.getpid(),
            "log_folder": str(self.folder),
        }
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        with open(partial, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            json.dump(content, file, indent=2)
        partial.replace(path)
