"""What a load test shows in the terminal: progress while it runs, a table and a verdict at its end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from loadtests import thresholds, verdict
from loadtests.validity import SAMPLES_MIN
from loadtests.window import Snapshot
from sdlab.invocation import shown_path
from sdlab.runs import Run


@contextmanager
def load_progress(console: Console) -> Iterator[Callable[[Snapshot], None]]:
    """A bar over the load's duration with its counts. Without a terminal: a line every 10 s."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[counts]}"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=console, transient=True, refresh_per_second=4) as bar:
        task = bar.add_task("starting the load generator", total=None, counts="")

        def show(now: Snapshot) -> None:
            done = min(max(now.elapsed_s, 0.0), now.duration_s)
            doing = "loading" if now.dispatched < now.requests else "waiting for the last answers"
            bar.update(task, description=doing, total=now.duration_s, completed=done, counts=_counts(now))

        yield show


@contextmanager
def start_progress(console: Console) -> Iterator[Callable[[str], None]]:
    """A spinner with a text, for what takes a while and has no measure."""
    if not console.is_terminal:
        said: list[str] = []

        def once(text: str) -> None:
            if not said:
                console.print(escape(text))
                said.append(text)

        yield once
        return
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda text: bar.update(task, description=escape(text))


def _counts(now: Snapshot) -> str:
    errors = f"[red]{now.errors:,} errors[/]" if now.errors else "0 errors"
    dropped = f", [red]{now.dropped:,} dropped[/]" if now.dropped else ""
    return f"{now.dispatched:,} sent, {now.completed:,} completed, {now.in_flight:,} in flight, {errors}{dropped}"


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._next_s = 10.0

    def __call__(self, now: Snapshot) -> None:
        if now.elapsed_s >= self._next_s:
            self._next_s += 10.0
            self._console.print(f"{now.elapsed_s:.0f} of {now.duration_s:.0f} s: {_counts(now)}")


def show_run(console: Console, run: Run) -> None:
    """The table per operation, the generator's line, the verdict with its reasons, the folder."""
    judgement = run.manifest.validity
    word = judgement.word if judgement else ""
    title = "INVALID" if word == "INVALID" else None
    table = Table(box=None, header_style="bold", pad_edge=False, title=title, title_justify="left", title_style="red")
    table.add_column("operation")
    for heading in ("requests", "rate /s", "p50 ms", "p95 ms", "p99 ms", "errors"):
        table.add_column(heading, justify="right")
    for row in run.json("summary"):
        table.add_row(
            str(row["operation"]),
            f"{row['requests']:,}",
            f"{row['rate_rps']:.1f}",
            _ms(row["response_time_s_p50"]),
            _ms(row["response_time_s_p95"]),
            _ms(row["response_time_s_p99"]) if row["completed"] >= SAMPLES_MIN else "few",
            f"{row['requests'] - row['completed']:,}",
        )
    console.print(table)
    console.print(_generator_line(run), style="dim", soft_wrap=True)
    account = run.json("generator")
    missed = {name: count for name, count in account["outcomes"].items() if name != "completed"}
    if missed:
        console.print(f"not completed: {_list(missed)}; by kind of error: {_list(account['errors'])}", soft_wrap=True)
    for text, count in account["exceptions_in_tasks"].items():
        console.print(f"in tasks: {count:,} times {text}", markup=False, style="red", soft_wrap=True)
    console.print(f"run folder: {shown_path(run.folder)}", markup=False, soft_wrap=True)
    _show_thresholds(console, run, word)
    if judgement is None or judgement.valid:
        console.print("VALID", style="bold green")
    else:
        console.print("INVALID: " + "; ".join(judgement.reasons), style="bold red", markup=False, soft_wrap=True)


def _show_thresholds(console: Console, run: Run, word: str) -> None:
    account = verdict.thresholds(run)
    if account is None:
        return
    beside = " INVALID" if word == "INVALID" else ""
    for finding in account["thresholds"]:
        what, style = ("met", "green") if finding["met"] else ("missed", "bold red")
        value = f"{thresholds.shown(finding['value'], finding['unit'])}{beside}"
        console.print(f"threshold {what}: {finding['threshold']} (measured {value})", style=style, markup=False)


def _generator_line(run: Run) -> str:
    generator = run.json("generator")
    processes = run.json("resources")["processes"]
    busy = [f"{value['utilisation']:.0%}" for name, value in processes.items() if name.startswith("generator")]
    return (
        f"generator: lateness p50 {_ms(generator['lateness_s_p50'])} ms, p99 {_ms(generator['lateness_s_p99'])} ms; "
        f"CPU {' '.join(busy) or 'unknown'}; achieved {generator['achieved_share']:.2%} of the offered rate"
    )


def _list(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "none"


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None or math.isnan(seconds) else f"{seconds * 1000:.2f}"


def document(run: Run) -> dict[str, Any]:
    """What ``--json`` prints: the manifest and every number of the run folder but the records themselves."""
    names = ("summary", "generator", "resources")
    return {
        "run": shown_path(run.folder),
        "exit_code": verdict.exit_code(run),
        "thresholds": verdict.thresholds(run),
        "manifest": run.manifest.model_dump(mode="json"),
        **{name: run.json(name) for name in names},
    }
