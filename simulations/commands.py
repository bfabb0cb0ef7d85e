"""The commands of the simulation: simulate, capacity, sweep."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from sdlab import catalog, runs
from sdlab.errors import InvalidInput
from sdlab.progress import progress_bar
from sdlab.runs import Run
from sdlab.spec import Design
from simulations import estimates, present, rates, results, scenario
from simulations import sweep as sweeping
from simulations.checks import check
from simulations.engines import ENGINES
from simulations.engines import simulate as run_engine
from simulations.sample_path import SamplePath
from simulations.scenario import Scenario

app = typer.Typer(add_completion=False)

Slug = Annotated[str, typer.Argument(help="The design, as `lab list` names it.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="Change a number: workload.requests_per_day=1e9.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.", min=0)]
CalibrationFile = Annotated[
    str | None,
    typer.Option("--calibration", help="A calibration.toml, study:ID or assumed; default: the design's own."),
]
Study = Annotated[str | None, typer.Option(help="Name of the study the run belongs to.")]
RunsFolder = Annotated[Path | None, typer.Option("--runs", help="Folder for run folders; default reports/runs.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
DeploymentOption = Annotated[
    str, typer.Option("--deployment", help="design: its topology; reference: what runs on one machine.")
]


@app.command()
def simulate(
    slug: Slug,
    overrides: Set = None,
    engine: Annotated[str, typer.Option(help="compiled (numba) or simpy (the definition).")] = "compiled",
    seed: Seed = 1,
    replications: Annotated[int, typer.Option(min=1, max=1000, help="Runs with seeds seed, seed+1, ...")] = 1,
    rate: Annotated[float | None, typer.Option(help="Requests/s: a steady rate instead of the day.")] = None,
    duration: Annotated[float, typer.Option(help="Seconds, with --rate.")] = 600.0,
    arrival: Annotated[str, typer.Option(help="With --rate: poisson or constant.")] = "poisson",
    trace_file: Annotated[Path | None, typer.Option("--trace", help="Replay an access log, plain or gzipped.")] = None,
    speed: Annotated[float, typer.Option(help="With --trace: 60 makes a minute of the log a second.")] = 1.0,
    requests: Annotated[int | None, typer.Option(min=1, help="Only the first so many requests.")] = None,
    deployment: DeploymentOption = "design",
    calibration: CalibrationFile = None,
    study: Study = None,
    runs_folder: RunsFolder = None,
    as_json: Json = False,
) -> None:
    """Run the design's capacity model over a whole day, a steady rate or an access log."""
    console = Console(stderr=as_json, highlight=False)
    if rate is not None and trace_file is not None:
        raise InvalidInput("--rate", rate, "does not go with --trace: the log and --speed say when requests come")
    if engine not in ENGINES:
        raise InvalidInput("--engine", engine, f"must be one of {', '.join(ENGINES)}")
    design = catalog.load_design(slug, overrides or [])
    measured = scenario.load_calibration(slug, calibration, runs_folder)
    kind = _deployment(deployment)

    def prepare(its_seed: int) -> Scenario:
        if trace_file is not None:
            made, read = scenario.a_trace(design, measured, its_seed, file=trace_file, speed=speed, deployment=kind)
            if its_seed == seed:
                console.print(f"trace: {read.describe()}", style="dim")
            return made
        if rate is not None:
            return scenario.steady(
                design, measured, its_seed, process=arrival, rate_rps=rate, duration_s=duration, deployment=kind
            )
        return scenario.a_day(design, measured, its_seed, kind)

    summaries = []
    first: dict[str, Any] = {}
    folder = Path()
    for number in range(replications):
        chosen = scenario.first_requests(prepare(seed + number), requests)
        path, took_s = _run(chosen, seed + number, engine, as_json)
        content = _content(chosen, path)
        summaries.append(content["summary"])
        if number == 0:
            first = content
            folder = _save(chosen, path, content, design, seed, overrides, study, runs_folder, engine)
            if not as_json:
                present.show(console, design, content, {**chosen.parameters, "engine": engine}, took_s)
    if replications > 1:
        first["replications"] = present.across_replications(summaries)
        if not as_json:
            present.show_replications(console, first["replications"])
    if as_json:
        print(runs.to_json({"run": str(_relative(folder)), **first}))
    else:
        console.print(f"run folder: {_relative(folder)}", style="dim")


@app.command()
def predict(
    slug: Slug,
    load_tests: Annotated[list[Path] | None, typer.Argument(help="Run folders; or those of --study.")] = None,
    seed: Seed = 1,
    calibration: CalibrationFile = None,
    study: Study = None,
    runs_folder: RunsFolder = None,
    as_json: Json = False,
) -> None:
    """Feed what load tests really sent, when they sent it, into the model of what they loaded, and compare.

    With --study alone: all its held-out loads, with the calibration that was frozen before them.
    """
    console = Console(stderr=as_json, highlight=False)
    design = catalog.load_design(slug)
    if not load_tests and study is None:
        raise InvalidInput("runs", None, "name run folders of load tests, or a --study")
    measured_runs = [Run.load(folder) for folder in load_tests or []] or scenario.held_out(slug, study, runs_folder)
    frozen = scenario.load_calibration(slug, calibration or (f"study:{study}" if study else None), runs_folder)
    rows = []
    for measured in measured_runs:
        chosen = scenario.a_replay(design, frozen, measured)
        path, _ = _run(chosen, seed, "compiled", as_json)
        content = _content(chosen, path)
        _save(chosen, path, content, design, seed, None, study, runs_folder, "compiled")
        rows.append(present.comparison(measured, content))
    if as_json:
        print(runs.to_json(rows))
    else:
        present.show_comparison(console, rows, scenario.source_of(frozen))


@app.command()
def capacity(
    slug: Slug,
    overrides: Set = None,
    seed: Seed = 1,
    precision: Annotated[float, typer.Option(min=0.001, max=0.2, help="Relative width of the last bracket.")] = 0.01,
    requests: Annotated[int, typer.Option(min=10_000, help="Requests a probe.")] = 300_000,
    deployment: DeploymentOption = "design",
    calibration: CalibrationFile = None,
    study: Study = None,
    runs_folder: RunsFolder = None,
    as_json: Json = False,
) -> None:
    """Search the highest rate at which the model meets every SLO, and name the first station to saturate."""
    console = Console(stderr=as_json, highlight=False)
    design = catalog.load_design(slug, overrides or [])
    measured = scenario.load_calibration(slug, calibration, runs_folder)
    kind = _deployment(deployment)
    with progress_bar("probing", None, quiet=as_json) as advance:
        found = rates.design_capacity(design, measured, seed, kind, precision, requests, advance)
        curve = rates.latency_curve(design, measured, seed, kind, found["rate_rps"], requests, advance)
    parameters = {"deployment": kind, "scope": found["scope"], "calibration": found["calibration"]}
    folder = Path()
    for name, content in (("capacity", found), ("latency_curve", curve)):
        with runs.new_run(
            "simulation",
            slug,
            seed=seed,
            command=_command(),
            study=study,
            overrides=overrides,
            parameters={"mode": name, **parameters},
            runs=runs_folder,
        ) as run:
            run.write_json({"latency_curve": "curve"}.get(name, name), content)
        folder = run.folder if name == "capacity" else folder
    if as_json:
        print(runs.to_json({"run": str(_relative(folder)), **found}))
    else:
        present.show_capacity(console, design, found)
        console.print(f"run folder: {_relative(folder)}", style="dim")


@app.command()
def sweep(
    slug: Slug,
    over: Annotated[str, typer.Option(help="PATH=LOW:HIGH[:log][:POINTS], e.g. topology.api.workers=1:8.")],
    overrides: Set = None,
    seed: Seed = 1,
    requests: Annotated[int, typer.Option(min=10_000, help="Requests a point, at the design's peak rate.")] = 1_000_000,
    calibration: CalibrationFile = None,
    study: Study = None,
    runs_folder: RunsFolder = None,
    as_json: Json = False,
) -> None:
    """Run the model at the design's peak for several values of one number, with common random numbers."""
    console = Console(stderr=as_json, highlight=False)
    place, values = sweeping.parse_over(catalog.load_design(slug, overrides or []), over)
    measured = scenario.load_calibration(slug, calibration, runs_folder)
    with progress_bar("sweeping", len(values), quiet=as_json) as advance:
        content = sweeping.sweep(slug, overrides or [], place, values, measured, seed, requests, advance)
    mode = "cache_sweep" if place.endswith(".capacity_entries") else "sweep"
    with runs.new_run(
        "simulation",
        slug,
        seed=seed,
        command=_command(),
        study=study,
        overrides=overrides,
        parameters={"mode": mode, "over": over, "requests": requests, "calibration": content["calibration"]},
        runs=runs_folder,
    ) as run:
        run.write_json("sweep", content)
    if as_json:
        print(runs.to_json({"run": str(_relative(run.folder)), **content}))
    else:
        present.show_sweep(console, place, content)
        console.print(f"run folder: {_relative(run.folder)}", style="dim")


@app.command()
def estimate(
    slug: Slug,
    overrides: Set = None,
    write: Annotated[bool, typer.Option(help="Write them into the design's README.md.")] = False,
) -> None:
    """Back-of-envelope estimates, computed from the design."""
    rows = estimates.of(catalog.load_design(slug, overrides or []))
    if write:
        document = catalog.design_folder(slug) / "README.md"
        document.write_text(estimates.in_document(document, rows), encoding="utf-8")
    present.show_estimates(Console(highlight=False), rows)


def self_test() -> str:
    """Both engines on the first design's first requests; the text says what was compared. Raises `RuntimeError`."""
    design = catalog.load_design(catalog.slugs()[0])
    chosen = scenario.steady(design, None, 1, process="poisson", rate_rps=200.0, duration_s=10.0)
    compiled, reference = (run_engine(chosen.model, chosen.requests, 1, engine=name) for name in ENGINES)
    if different := compiled.differences(reference):
        raise RuntimeError(f"they differ in {', '.join(different)}")
    return f"{len(chosen.requests):,} requests, equal to the last bit"


def _run(chosen: Scenario, seed: int, engine: str, quiet: bool) -> tuple[SamplePath, float]:
    started = time.perf_counter()
    with progress_bar("simulating", len(chosen.requests), quiet=quiet) as advance:
        path = run_engine(
            chosen.model,
            chosen.requests,
            seed,
            engine=engine,
            record_spans=chosen.parameters["mode"] == "replay",
            bin_s=3600.0 if chosen.parameters["mode"] == "day" else None,
            progress=lambda done, _: advance(done),
        )
    return path, time.perf_counter() - started


def _content(chosen: Scenario, path: SamplePath) -> dict[str, Any]:
    """Everything a run says, as plain data: one file of the run folder each."""
    content: dict[str, Any] = {
        "summary": [row.as_dict() for row in results.summary(chosen.requests, path, chosen.duration_s)],
        "stations": results.stations(path),
        "caches": results.caches(path, chosen.model.caches),
        "breakdown": results.breakdown(chosen.requests, path),
        "checks": [row.as_dict() for row in check(path)],
    }
    if path.bins is not None:
        content["hours"] = results.hours(chosen.requests, path)
    content["slo"] = results.slo_rows(chosen.design, content["summary"], content.get("hours"))
    return content


def _save(
    chosen: Scenario,
    path: SamplePath,
    content: dict[str, Any],
    design: Design,
    seed: int,
    overrides: list[str] | None,
    study: str | None,
    runs_folder: Path | None,
    engine: str,
) -> Path:
    with runs.new_run(
        "simulation",
        design.slug,
        seed=seed,
        command=_command(),
        study=study,
        overrides=overrides,
        parameters={**chosen.parameters, "engine": engine, "requests": len(chosen.requests)},
        runs=runs_folder,
    ) as run:
        for name, part in content.items():
            run.write_json(name, part)
        if chosen.parameters["mode"] != "day":  # ten million rows help nobody; the hours do
            run.write_requests(results.records(chosen.requests, path))
    return run.folder


def _deployment(name: str) -> scenario.Deployment:
    if name == "design":
        return "design"
    if name == "reference":
        return "reference"
    raise InvalidInput("--deployment", name, "must be design or reference")


def _command() -> str:
    return shlex.join(["./lab", *sys.argv[1:]])


def _relative(folder: Path) -> Path:
    return folder.relative_to(catalog.ROOT) if folder.is_relative_to(catalog.ROOT) else folder
