"""``lab run``: the whole way of a design, from measuring its service to the report. Each phase is a command of its own.

The stages never import each other; what passes between them are run folders, held together by one study.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sdlab import catalog, processes
from sdlab.errors import LabError
from sdlab.processes import Child
from sdlab.runs import find_runs

app = typer.Typer(add_completion=False)

STOP_GRACE_S = 4.0
CACHE_SIZES = "topology.cache.capacity_entries=1e4:2e6:log:6"
QUICK_CACHE_SIZES = "topology.cache.capacity_entries=1e4:1e5:log:2"


@dataclass(frozen=True)
class Step:
    """One command of the lab, and what it does in words."""

    words: str
    arguments: Sequence[str]


@app.command()
def run(
    slug: Annotated[str, typer.Argument(help="The design, as `lab list` names it.")] = "url_shortener",
    seed: Annotated[int, typer.Option(help="Seed of everything random.", min=0)] = 7,
    quick: Annotated[
        bool, typer.Option(help="Short windows, few requests: to see that it works, not to learn.")
    ] = False,
    publish: Annotated[bool, typer.Option(help="Also write reports/published and the design's calibration.")] = False,
) -> None:
    """Load the service to its limit, freeze its parameters, predict held-out loads, simulate the day, report."""
    console = Console(highlight=False)
    catalog.load_design(slug)
    study = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    common = ["--study", study, f"--seed={seed}"]
    # Blocks and windows as short as the percentiles allow: more of both is `lab validate`. The quick ones are at rates
    # at which the service is still idle for most of the time and yet has a hundred requests in two seconds.
    windows = (
        ["--window=3", "--held-out-window=2", "--repeats=1", "--shares=0.5,0.8", "--again=0", "--warm-up=1"]
        if quick
        else ["--window=4", "--held-out-window=6", "--repeats=5", "--again=1"]
    )
    search = (
        ["--max-rate=320", "--precision=0.5", "--probe=2", "--warm-up=1", "--no-confirm"]
        if quick
        else ["--probe=5", "--no-confirm"]
    )
    day, probe = (
        (["--requests=20000"], ["--requests=20000", "--precision=0.1"]) if quick else ([], ["--requests=150000"])
    )
    sizes = QUICK_CACHE_SIZES if quick else CACHE_SIZES
    began_s = time.monotonic()
    length = "a minute, too short for numbers to stand on" if quick else "fifteen minutes"
    console.print(f"[bold]{slug}[/], study {study}: about {length}; Ctrl-C stops everything")
    searched = ["highest rate of the running service"]
    if not quick:
        searched.append(f"{searched[0]} once more, for the machine may have changed")
    with tempfile.TemporaryDirectory(prefix="sdlab-run-") as folder:
        job = _Job(console, Path(folder))
        job.attached(Step(searched[0], ["saturate", slug, *common, *search]))
        job.attached(
            Step("load the service in blocks: calibrate, freeze, held-out rates", ["validate", slug, *common, *windows])
        )
        for words in searched[1:]:
            job.attached(Step(words, ["saturate", slug, *common, *search]))
        job.attached(Step("predict the held-out loads", ["predict", slug, *common]))
        calibrated = [*common, "--calibration", f"study:{study}"]
        job.together(
            Step("simulate the whole day", ["simulate", slug, *calibrated, *day]),
            *(
                Step(
                    f"highest rate of one machine, asked as search {number} was",
                    ["capacity", slug, "--deployment=reference", f"--search={number}", *calibrated, *probe],
                )
                for number, _ in enumerate(searched, 1)
            ),
            Step("cache size", ["sweep", slug, f"--over={sizes}", *calibrated, *probe[:1]]),
            Step("highest rate of the design", ["capacity", slug, *calibrated, *probe]),
        )
        job.attached(Step("report", ["report", slug, "--study", study]))
        if publish:
            job.attached(Step("publish the report", ["report", slug, "--study", study, "--publish"]))
            _publish_calibration(slug, study)
    console.print(f"done in {time.monotonic() - began_s:.0f} s")


def _publish_calibration(slug: str, study: str) -> None:
    """Make what this study has measured last the design's own calibration."""
    *_, run = (run for run in find_runs(slug, "calibration") if run.manifest.study == study)
    shutil.copyfile(run.folder / "calibration.toml", catalog.design_folder(slug) / "calibration.toml")


class _Job:
    """Runs steps as processes of their own and stops them with us."""

    def __init__(self, console: Console, folder: Path) -> None:
        self._console = console
        self._folder = folder

    def attached(self, step: Step) -> None:
        """Run one step that speaks to the terminal itself."""
        self._console.rule(step.words, style="dim", align="left")
        began_s = time.monotonic()
        # A session of its own: Ctrl-C reaches us alone, and we say when it stops.
        program = processes.command(_lab(step), death_signal=signal.SIGINT)
        popen = subprocess.Popen(program, cwd=catalog.ROOT, start_new_session=True)
        child = Child(step.words, popen, Path(), (signal.SIGINT,))
        with _stopping(child):
            popen.wait()
        self._check(child, "")
        self._console.print(f"[dim]{step.words}: {time.monotonic() - began_s:.1f} s[/]")

    def together(self, *steps: Step) -> None:
        """Run steps side by side, two at a time; their words go to the report, only a failure's are shown."""
        self._console.rule("simulate", style="dim", align="left")
        waiting = list(steps)
        running: dict[int, tuple[Child, float]] = {}
        with ExitStack() as stack, self._console.status("simulating"):
            while waiting or running:
                while waiting and len(running) < 2:
                    child = self._start(waiting.pop(0))
                    stack.enter_context(_stopping(child))
                    running[child.pid] = (child, time.monotonic())
                for pid, (child, began_s) in list(running.items()):
                    if not child.is_running:
                        del running[pid]
                        self._check(child, child.last_lines(4))
                        self._console.print(f"[dim]{child.name}: {time.monotonic() - began_s:.1f} s[/]")
                time.sleep(0.05)

    def _start(self, step: Step) -> Child:
        log_path = self._folder / f"{step.words.replace(' ', '-')}.log"
        return processes.start(
            step.words, _lab(step), log_path=log_path, folder=catalog.ROOT, stop_signals=(signal.SIGINT,)
        )

    def _check(self, child: Child, said: str) -> None:
        if code := child.popen.returncode:
            raise LabError(f"{child.name} failed (exit code {code}){': ' if said else ''}{said}")


@contextmanager
def _stopping(child: Child) -> Iterator[None]:
    """Stop the child when the block ends, however it ends; one that has ended is left alone."""
    try:
        yield
    finally:
        processes.stop([child], grace_s=STOP_GRACE_S)


def _lab(step: Step) -> list[str]:
    return [sys.executable, "-m", "sdlab", *step.arguments]
