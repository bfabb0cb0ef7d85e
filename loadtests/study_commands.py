"""``lab calibrate`` and ``lab validate``: measure demands, freeze them, load the service where nothing was fitted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from loadtests.calibrate import calibrate as run_calibration
from loadtests.display import start_progress
from loadtests.estimate import evidence
from loadtests.service import running_service
from loadtests.session import Session
from loadtests.validate import held_out
from sdlab import runs
from sdlab.calibration import Calibration
from sdlab.catalog import design_folder, load_design
from sdlab.errors import InvalidInput
from sdlab.invocation import command_line, shown_path
from sdlab.runs import Run, to_json
from sdlab.spec import Design

app = typer.Typer(add_completion=False)

Slug = Annotated[str, typer.Argument(help="The design, as `lab list` names it.")]
Seed = Annotated[int, typer.Option(help="Seed of times, operations, keys and data.", min=0)]
WindowSeconds = Annotated[float, typer.Option("--window", min=2.0, max=600.0, help="Seconds of each window.")]
Study = Annotated[str | None, typer.Option(help="Name of the study the runs belong to.")]
RunsFolder = Annotated[Path | None, typer.Option("--runs", help="Folder for run folders; default reports/runs.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

SHARES = "0.7,1.0,1.3"


@app.command()
def calibrate(
    slug: Slug,
    window: WindowSeconds = 5.0,
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
        calibration, folder = _calibrate(session, window, told)
    if publish:
        calibration.save(design_folder(slug) / "calibration.toml")
    if as_json:
        print(to_json({"run": shown_path(folder), "calibration": calibration.model_dump(mode="json")}))
    else:
        _show(console, calibration, folder)


@app.command()
def validate(
    slug: Slug,
    window: WindowSeconds = 5.0,
    held_out_window: Annotated[float, typer.Option(min=2.0, max=600.0, help="Seconds of each held-out window.")] = 10.0,
    shares: Annotated[str, typer.Option(help="Held-out rates as shares of the design's peak.")] = SHARES,
    repeats: Annotated[int, typer.Option(min=1, max=100, help="Windows at each held-out rate.")] = 2,
    seed: Seed = 7,
    study: Study = None,
    runs_folder: RunsFolder = None,
    as_json: Json = False,
) -> None:
    """Calibrate, freeze the parameters, then load the same service at held-out rates, in random order.

    `lab simulate --replay RUN --calibration FILE` predicts each of those runs; `lab report` compares.
    """
    console = Console(stderr=as_json, highlight=False)
    design = load_design(slug)
    rates = _shares(shares)
    with _session(design, seed, study, runs_folder, console) as (session, told):
        calibration, folder = _calibrate(session, window, told)
        measured = held_out(session, rates, repeats, held_out_window, told)
    if as_json:
        print(to_json({"calibration_run": shown_path(folder), "runs": [shown_path(run.folder) for run in measured]}))
        return
    _show(console, calibration, folder)
    _show_windows(console, measured)


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


def _calibrate(session: Session, window_s: float, told: Callable[[str], None]) -> tuple[Calibration, Path]:
    calibration, found = run_calibration(session, window_s, told)
    with runs.new_run(
        "calibration",
        session.design.slug,
        seed=session.seed,
        command=session.command,
        study=session.study,
        parameters={"digest": calibration.digest, "rate_rps": calibration.rate_rps, "window_s": window_s},
        runs=session.runs_folder,
    ) as run:
        calibration.save(run.folder / "calibration.toml")
        run.write_json("evidence", evidence(found))
    return calibration, run.folder


def _shares(text: str) -> list[float]:
    try:
        shares = [float(part) for part in text.split(",")]
    except ValueError:
        raise InvalidInput("--shares", text, "must be numbers with commas between them: 0.7,1.0,1.3") from None
    if not all(0 < share <= 100 for share in shares):
        raise InvalidInput("--shares", text, "each must be above 0 and at most 100")
    return shares


def _show(console: Console, calibration: Calibration, folder: Path) -> None:
    demands = calibration.demands
    title = f"mean demand of a request (ms), measured at {calibration.rate_rps:.0f} requests/s"
    table = Table("part", title=title, title_justify="left", box=None)
    for operation in demands:
        table.add_column(operation, justify="right")
    for part in sorted({part for parts in demands.values() for part in parts}):
        table.add_row(part, *(f"{1e3 * parts[part].mean_s:.3f}" if part in parts else "" for parts in demands.values()))
    console.print(table)
    methods = Table("API CPU of a busy process (ms)", title_justify="left", box=None)
    for heading in ("by busy periods", "+- (95 %)", "by the process's clock"):
        methods.add_column(heading, justify="right")
    for operation, one in calibration.cpu.items():
        seconds = (one.by_busy_periods_s, one.by_busy_periods_half_width_s, one.by_process_cpu_s)
        methods.add_row(operation, *(f"{1e3 * value:.3f}" for value in seconds))
    console.print(methods)
    for level in calibration.idle:
        console.print(
            f"after {1e3 * level.after_s:g} ms idle: {1e3 * level.extra_s:.3f} +- {1e3 * level.half_width_s:.3f} ms "
            f"more ({level.samples} times)"
        )
    console.print(f"frozen as {calibration.digest}; run folder: {shown_path(folder)}", soft_wrap=True)


def _show_windows(console: Console, measured: list[Run]) -> None:
    table = Table("rate (1/s)", title="held-out loads (ms)", title_justify="left", box=None)
    for name in ("p50", "p95", "p99", "validity"):
        table.add_column(name, justify="right")
    for run in sorted(measured, key=lambda run: float(run.manifest.parameters["rate_rps"])):
        total = run.json("summary")[0]
        times = (f"{1e3 * total[f'response_time_s_{name}']:.2f}" for name in ("p50", "p95", "p99"))
        validity = run.manifest.validity
        table.add_row(f"{run.manifest.parameters['rate_rps']:.0f}", *times, validity.word if validity else "")
    console.print(table)
