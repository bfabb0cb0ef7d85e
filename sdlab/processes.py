"""Child processes that never outlive the run that started them.

Each child gets a session of its own, so Ctrl-C in a terminal reaches only us and the order of stopping is ours. On
Linux the kernel also signals a child when the thread that started it dies (prctl(2), PR_SET_PDEATHSIG), so that even
``kill -9`` of the parent leaves nothing running: start children from a thread that lives as long as they should.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

# Runs in the child before the program itself. A ``preexec_fn`` could do the same, but runs Python between fork and
# exec, which deadlocks when another thread holds a lock (and Python 3.12 warns of it).
_LAUNCHER = """
import ctypes, os, sys
parent, signum, uid, gid, core = map(int, sys.argv[1:6])
if core >= 0:
    os.sched_setaffinity(0, [core])
if uid >= 0:
    os.setgroups([]), os.setgid(gid), os.setuid(uid)
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signum, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the parent has gone")
os.execv(sys.argv[6], sys.argv[6:])
"""


# What a killed child had started is waited for by init, not by us; so long it may take.
_REAPED_S = 2.0


@dataclass(frozen=True)
class Account:
    """A user of the operating system, by number."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Child:
    """A running program: its name for messages, its log, and the signals that ask it to stop, mildest first."""

    name: str
    popen: subprocess.Popen[bytes]
    log_path: Path
    stop_signals: tuple[signal.Signals, ...] = (signal.SIGTERM,)

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def is_running(self) -> bool:
        return self.popen.poll() is None

    def last_lines(self, count: int = 5) -> str:
        """The end of its log, on one line, for an error message."""
        lines = self.log_path.read_text(errors="replace").splitlines() if self.log_path.exists() else []
        return " | ".join(line.strip() for line in lines[-count:] if line.strip())


def command(
    program: Sequence[str],
    *,
    death_signal: signal.Signals = signal.SIGKILL,
    account: Account | None = None,
    core: int | None = None,
) -> list[str]:
    """The argv that runs ``program`` bound to this process's life, as ``account`` if one is given (needs root), and on
    one CPU ``core`` if one is."""
    uid, gid = (account.uid, account.gid) if account else (-1, -1)
    fixed = [os.getpid(), int(death_signal), uid, gid, -1 if core is None else core]
    return [sys.executable, "-I", "-S", "-c", _LAUNCHER, *map(str, fixed), *program]


def start(
    name: str,
    program: Sequence[str],
    *,
    log_path: Path,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    account: Account | None = None,
    stop_signals: tuple[signal.Signals, ...] = (signal.SIGTERM,),
    pass_fds: Sequence[int] = (),
    core: int | None = None,
) -> Child:
    """Start ``program`` (absolute path first) with both output streams appended to ``log_path``; see `command`."""
    with log_path.open("ab") as log:
        popen = subprocess.Popen(
            command(program, death_signal=stop_signals[0], account=account, core=core),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=None if environment is None else dict(environment),
            start_new_session=True,
            pass_fds=tuple(pass_fds),
        )
    return Child(name, popen, log_path, stop_signals)


def run_to_end(child: Child) -> int:
    """Wait for a child that ends by itself; its exit code. If we are interrupted, its whole session is killed first."""
    try:
        return child.popen.wait()
    except BaseException:
        with signals_held():
            _kill_session(child)
        raise


def _kill_session(child: Child) -> None:
    """Kill a child and all it has started, and return when the last of them has gone."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.popen.wait()
    deadline_s = time.monotonic() + _REAPED_S
    with suppress(ProcessLookupError, PermissionError):
        while time.monotonic() < deadline_s:
            os.killpg(child.pid, 0)
            time.sleep(0.005)


def stop(children: Sequence[Child], *, grace_s: float) -> None:
    """Stop all of them together: each stop signal in turn with ``grace_s`` to heed it, then SIGKILL.

    Returns when every process has gone and been waited for. A second Ctrl-C does not interrupt it.
    """
    with signals_held():
        rounds = max((len(child.stop_signals) for child in children), default=0)
        for attempt in range(rounds):
            for child in children:
                if child.is_running and attempt < len(child.stop_signals):
                    with suppress(ProcessLookupError):
                        child.popen.send_signal(child.stop_signals[attempt])
            if _all_gone(children, time.monotonic() + grace_s):
                break
        for child in children:
            # The whole session: what a killed child leaves behind must not hold its port or its files. A leader
            # that has been waited for may have given its number away, so only a live one's group is signalled.
            if child.is_running:
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
            child.popen.wait()


def _all_gone(children: Sequence[Child], deadline_s: float) -> bool:
    while any(child.is_running for child in children):
        if time.monotonic() >= deadline_s:
            return False
        time.sleep(0.01)
    return True


@contextmanager
def undisturbed_stack() -> Iterator[ExitStack]:
    """An ExitStack whose clean-up no second Ctrl-C or SIGTERM cuts short."""
    stack = ExitStack()
    with _first_interrupt_only():
        try:
            yield stack
        finally:
            with signals_held():
                stack.close()


@contextmanager
def _first_interrupt_only() -> Iterator[None]:
    """The first Ctrl-C interrupts the block as usual; further ones do nothing until it has ended.

    Holding signals back during the clean-up is not enough: an impatient second Ctrl-C can come just before it begins.
    A handler that was installed by somebody else is left alone, and so is any thread but the main one.
    """
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return

    def interrupt(_signum: int, _frame: FrameType | None) -> NoReturn:
        # Not SIG_IGN, which programs started from here would inherit.
        signal.signal(signal.SIGINT, lambda *_: None)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def signals_held() -> Iterator[None]:
    """SIGINT and SIGTERM that come during the block are delivered after it."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


@contextmanager
def sigterm_as_exit() -> Iterator[None]:
    """Turn SIGTERM, whose default action skips every ``finally``, into SystemExit while the block runs.

    A handler that the program has installed itself is left alone, and so is any thread but the main one.
    """
    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if ours:
        signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _exit(signum: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + signum)
