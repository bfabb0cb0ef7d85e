"""``lab calibrate``: measure what each operation asks of each part, and freeze it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from loadtests.calibrate import Settings
from loadtests.calibrate import calibrate as run_calibration
from loadtests.display import start_progress
from loadtests.freeze import freeze
from loadtests.service import running_service
from loadtests.session import Session
from sdlab.calibration import Calibration, ClientFloor, Demand, Wait
from sdlab.catalog import design_folder, load_design
from sdlab.invocation import command_line, shown_path
from sdlab.runs import to_json
from sdlab.spec import Design

app = typer.Typer(add_completion=False)

Slug = Annotated[str, typer.Argument(help="The design, as `lab list` names it.")]
Seed = Annotated[int, typer.Option(help="Seed of times, operations, keys and data.", min=0)]
WindowSeconds = Annotated[float, typer.Option("--window", min=2.0, max=600.0, help="Seconds of each window.")]
Study = Annotated[str | None, typer.Option(help="Name of the study the runs belong to.")]
RunsFolder = Annotated[Path | None, typer.Option("--runs", help="Folder for run folders; default reports/runs.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command()
def calibrate(
    slug: Slug,
    window: WindowSeconds = 5.0,
    saturation: Annotated[
        float | None, typer.Option(min=1.0, help="Requests/s; then the rate is 40 % of it, else it is looked for.")
    ] = None,
    seed: Seed = 7,
    publish: Annotated[bool, typer.Option(help="Also write designs/<slug>/calibration.toml.")] = False,
    study: Study = None,
    runs_folder: RunsFolder = None,
    as_json: Json = False,
) -> None:
    """Measure what each operation asks of each part, at low load; nothing is typed by hand."""
    console = Console(stderr=as_json, highlight=False)
    design = load_design(slug)
    with _session(design, seed, study, runs_folder, console) as (session, told):
        done = run_calibration(session, Settings(window, saturation), told)
        folder = freeze(session, done, window).folder
    calibration = done.calibration
    if publish:
        calibration.save(design_folder(slug) / "calibration.toml")
    if as_json:
        print(to_json({"run": shown_path(folder), "calibration": calibration.model_dump(mode="json")}))
    else:
        _show(console, calibration, folder)


@contextmanager
def _session(
    design: Design, seed: int, study: str | None, runs_folder: Path | None, console: Console
) -> Iterator[tuple[Session, Callable[[str], None]]]:
    with (
        start_progress(console) as told,
        running_service(
            design.slug, workers=design.reference_deployment.workers, links=design.test_data.links, progress=told
        ) as service,
    ):
        yield Session(design, service, seed, command_line(), study, runs_folder), told


def _in_ms(measured: Demand | Wait | ClientFloor) -> str:
    """The mean, with half the width of its 95 % interval where that is known."""
    half_width = "" if measured.half_width_s is None else f" ±{1e3 * measured.half_width_s:.3f}"
    return f"{1e3 * measured.mean_s:.3f}{half_width}"


def _show(console: Console, calibration: Calibration, folder: Path) -> None:
    demands = calibration.demands
    title = f"mean demand of a request (ms, ± 95 %), measured at {calibration.rate_rps:.0f} requests/s"
    table = Table(title=title, title_justify="left", box=None)
    table.add_column("part", no_wrap=True)
    for operation in demands:
        table.add_column(operation, justify="right", overflow="fold")
    for part in sorted({part for parts in demands.values() for part in parts}):
        table.add_row(part, *(_in_ms(parts[part]) if part in parts else "" for parts in demands.values()))
    waits = calibration.pool_wait
    table.add_row("(pool wait)", *(_in_ms(waits[operation]) if operation in waits else "" for operation in demands))
    console.print(table)
    methods = Table("API CPU of a busy process (ms)", title_justify="left", box=None)
    for heading in ("by the thread's clock", "± (95 %)", "by the process's clock"):
        methods.add_column(heading, justify="right")
    for operation, one in calibration.cpu.items():
        seconds = (one.by_thread_clock_s, one.by_thread_clock_half_width_s, one.by_process_cpu_s)
        methods.add_row(operation, *(f"{1e3 * value:.3f}" for value in seconds))
    console.print(methods)
    turn = calibration.turn
    console.print(f"a turn of the event loop: {1e3 * turn.extra_s:.4f} ± {1e3 * turn.half_width_s:.4f} ms by itself")
    for level in calibration.idle:
        console.print(
            f"after {1e3 * level.after_s:g} ms idle: {1e3 * level.extra_s:.3f} ± {1e3 * level.half_width_s:.3f} ms "
            f"more ({level.samples} times)"
        )
    if calibration.client_floor:
        _show_floor(console, calibration.client_floor)
    console.print(f"frozen as {calibration.digest}; run folder: {shown_path(folder)}", soft_wrap=True)


def _show_floor(console: Console, floor: ClientFloor) -> None:
    console.print(
        f'client\'s floor, to hold the row "client" against: {1e3 * floor.client_s:.3f} ms. A null endpoint at '
        f"{floor.rate_rps:.0f} requests/s answered in {_in_ms(floor)} ms from the send (p50 {1e3 * floor.p50_s:.3f}, "
        f"p95 {1e3 * floor.p95_s:.3f}), {1e3 * floor.server_cpu_s:.3f} of it its own CPU; sent "
        f"{1e3 * floor.lateness_p50_s:.3f} (p95 {1e3 * floor.lateness_p95_s:.3f}) ms late",
        soft_wrap=True,
    )
    for reason in floor.invalid:
        console.print(f"client's floor: INVALID: {reason}", style="yellow", soft_wrap=True)
