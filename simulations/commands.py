"""The commands that run a model once: simulate, predict; and estimate, which needs no run at all."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from sdlab import catalog, workload
from sdlab.arrival_choice import described
from sdlab.errors import InvalidInput
from sdlab.invocation import shown_path
from sdlab.runs import Run, to_json
from simulations import comparison, estimates, files, present, present_comparison, scenario
from simulations import run as runner
from simulations.advice import advise, after_run
from simulations.advice.show import heed
from simulations.engines import ENGINES
from simulations.engines import simulate as run_engine
from simulations.options import (
    CalibrationChoice,
    DeploymentChoice,
    Json,
    On,
    RunsFolder,
    Seed,
    Set,
    Slug,
    Study,
    Workers,
    deployment_named,
)
from simulations.replicate import replicated
from simulations.scenario import Scenario
from simulations.series import STEPS_MAX

app = typer.Typer(add_completion=False)


@app.command()
def simulate(
    slug: Slug,
    overrides: Set = None,
    engine: Annotated[
        str, typer.Option(help="compiled (numba), event_loop (without its sweep) or simpy (the definition).")
    ] = "compiled",
    seed: Seed = 1,
    replications: Annotated[int, typer.Option(min=1, max=1000, help="Runs with seeds seed, seed+1, ...")] = 1,
    rate: Annotated[float | None, typer.Option(help="Requests/s: a steady rate instead of the day.")] = None,
    duration: Annotated[float, typer.Option(help="Seconds, with --rate.")] = 600.0,
    arrival: Annotated[str, typer.Option(help=f"With --rate: {described()}.")] = "poisson",
    trace: Annotated[Path | None, typer.Option(help="Replay an access log, plain or gzipped.")] = None,
    speed: Annotated[float, typer.Option(help="With --trace: 60 makes a minute of the log a second.")] = 1.0,
    requests: Annotated[int | None, typer.Option(min=1, help="Only the first so many requests.")] = None,
    step: Annotated[float | None, typer.Option(help="Seconds: keep and show a time series at this step.")] = None,
    records: Annotated[
        str,
        typer.Option(
            help="all: every request's record; histograms: response times in buckets of 0.2 %, in memory that stays "
            f"constant from {scenario.STREAM_REQUESTS:,} requests on (--rate with Poisson arrivals); "
            f"a --step adds its bins, {STEPS_MAX:,} at most."
        ),
    ] = "all",
    spans: Annotated[bool, typer.Option("--spans", help="Keep each request's seconds at each resource.")] = False,
    workers: Workers = None,
    on: On = None,
    deployment: DeploymentChoice = "design",
    calibration: CalibrationChoice = None,
    saved_model: Annotated[Path | None, typer.Option("--model", help="A saved model instead of the design's.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse a model that gets a warning.")] = False,
    study: Study = None,
    runs_folder: RunsFolder = None,
    as_json: Json = False,
) -> None:
    """Run the design's capacity model over a whole day, a steady rate or an access log."""
    console = Console(stderr=as_json, highlight=False)
    if rate is not None and trace is not None:
        raise InvalidInput("--rate", rate, "does not go with --trace: the log and --speed say when requests come")
    if rate is None and arrival != "poisson":
        raise InvalidInput("--arrival", arrival, "needs a --rate; the day and a log have arrivals of their own")
    if engine not in ENGINES:
        raise InvalidInput("--engine", engine, f"must be one of {', '.join(ENGINES)}")
    recording = runner.Recording(step_s=step, spans=spans, records=records)
    design = catalog.load_design(slug, overrides or [])
    measured = scenario.load_calibration(slug, calibration, runs_folder)
    kind = deployment_named(deployment)

    def prepare(its_seed: int) -> Scenario:
        if trace is not None:
            return scenario.a_trace(design, measured, its_seed, file=trace, speed=speed, deployment=kind)
        if rate is not None and _is_streamed(recording, engine, arrival, rate * duration, requests):
            return scenario.steady_stream(
                design, measured, its_seed, rate_rps=rate, duration_s=duration, most=requests, deployment=kind
            )
        if rate is not None:
            return scenario.steady(
                design, measured, its_seed, process=arrival, rate_rps=rate, duration_s=duration, deployment=kind
            )
        return scenario.a_day(design, measured, its_seed, kind)

    replaced = None if saved_model is None else (saved_model.name, files.load(saved_model))

    def chosen(its_seed: int) -> Scenario:
        prepared = scenario.first_requests(prepare(its_seed), requests)
        return prepared if replaced is None else scenario.with_model(prepared, *replaced)

    of_first = chosen(seed)
    heed(advise(of_first.model, of_first.requests), strict=strict)
    first = replicated(
        of_first, chosen, seed, replications, engine, quiet=as_json, recording=recording, workers=workers, on=on
    )
    heed(after_run(first.path))
    saved = runner.save(first, overrides=overrides, study=study, runs_folder=runs_folder)
    if as_json:
        print(to_json({"run": shown_path(saved.folder), **first.as_json()}))
        return
    present.show(console, first)
    console.print(f"run folder: {shown_path(saved.folder)}", style="dim", soft_wrap=True)


def _is_streamed(recording: runner.Recording, engine: str, arrival: str, expected: float, most: int | None) -> bool:
    """Whether a steady run makes its requests as it goes: so many that their records would not fit."""
    return (
        recording.records == "histograms"
        and engine == "compiled"
        and arrival == "poisson"
        and min(expected, most or expected) > scenario.STREAM_REQUESTS
    )


@app.command()
def predict(
    slug: Slug,
    load_tests: Annotated[list[Path] | None, typer.Argument(help="Run folders; or those of --study.")] = None,
    seed: Seed = 1,
    calibration: CalibrationChoice = None,
    study: Study = None,
    runs_folder: RunsFolder = None,
    as_json: Json = False,
) -> None:
    """Feed what load tests really sent, when they sent it, into the model of what they loaded, and compare.

    Each is replayed five times, with the seeds from --seed on; compared is the mean, and kept the first.
    With --study alone: all its held-out loads, each with the parameters that were frozen before it.
    """
    design = catalog.load_design(slug)
    if not load_tests and study is None:
        raise InvalidInput("runs", None, "name run folders of load tests, or a --study")
    measured_runs = [Run.load(folder) for folder in load_tests or []] or scenario.held_out(slug, study, runs_folder)
    rows = []
    for measured in measured_runs:
        frozen = scenario.frozen_for(measured, calibration, study, runs_folder)
        replays = [
            runner.run(scenario.a_replay(design, frozen, measured, one), one, "compiled", quiet=as_json)
            for one in range(seed, seed + comparison.REPLAYS)
        ]
        row = comparison.with_measured(replays, measured, frozen)
        replays[0].content["comparison"] = row
        runner.save(replays[0], overrides=None, study=study, runs_folder=runs_folder)
        rows.append(row)
    loads = comparison.by_load(rows)
    if as_json:
        print(to_json({"windows": rows, "loads": [{**about, "cells": cells} for about, cells in loads]}))
    else:
        present_comparison.show(Console(highlight=False), rows, loads)


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
    requests = workload.steady(design, "poisson", 200.0, 10.0, 1)
    # Cold caches: to fill those of yesterday takes the reference longer than all the rest.
    model = scenario.build_model(design, None, "design", np.empty(0, dtype=np.int64))
    reference, compiled = (run_engine(model, requests, 1, engine=name) for name in ("simpy", "compiled"))
    if different := compiled.differences(reference):
        raise RuntimeError(f"they differ in {', '.join(different)}")
    return f"{len(requests):,} requests, equal to the last bit"
