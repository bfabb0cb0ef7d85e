"""The command that varies numbers of a design: sweep."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sdlab import catalog, runs
from sdlab.errors import InvalidInput
from sdlab.invocation import command_line, shown_path
from sdlab.progress import progress_bar
from simulations import grid, scenario, sweep_figure, sweep_results
from simulations import sweep as sweeping
from simulations.executor import bytes_of_a_run, open_pool
from simulations.journal import Journal, open_journal
from simulations.options import CalibrationChoice, Json, On, RunsFolder, Seed, Set, Slug, Study, Workers
from simulations.present_sweep import show_sweep
from simulations.sweep import Plan

app = typer.Typer(add_completion=False)

MOST = 2000


@app.command()
def sweep(
    slug: Slug,
    over: Annotated[
        list[str],
        typer.Option(help="PATH=LOW:HIGH[:STEP], PATH=LOW:HIGH:log[:COUNT] or PATH=a,b,c; several make a grid."),
    ],
    overrides: Set = None,
    seed: Seed = 1,
    replications: Annotated[
        int, typer.Option(min=1, max=1000, help="Runs a variant, with seeds seed, seed+1, ...; the same for all.")
    ] = 1,
    requests: Annotated[
        int, typer.Option(min=10_000, help="Requests a run: steady Poisson arrivals at the variant's peak rate.")
    ] = 500_000,
    most: Annotated[int, typer.Option(min=1, help="Refuse a sweep of more runs than this.")] = MOST,
    workers: Workers = None,
    on: On = None,
    fresh: Annotated[bool, typer.Option(help="Forget what an interrupted sweep of the same has done.")] = False,
    calibration: CalibrationChoice = None,
    study: Study = None,
    runs_folder: RunsFolder = None,
    as_json: Json = False,
) -> None:
    """Run the model at the design's peak for several values of some numbers, each with the same random numbers.

    Each variant gets so many --requests at its own peak rate, not the whole day, and the first tenth warms up and is
    left out. What is finished is kept at once: the same command goes on with an interrupted sweep (and with more
    --replications, if they are raised); changed code, design or calibration begins anew. All cores are used, or the
    Dask cluster whose scheduler is at --on, whose workers stand in this repository. The results do not depend on it.
    """
    design = catalog.load_design(slug, overrides or [])
    axes = tuple(grid.parse(design, one) for one in over)
    count = replications
    for axis in axes:
        count *= len(axis.values)
    if count > most:
        sizes = " x ".join(str(len(axis.values)) for axis in axes)
        raise InvalidInput("--over", ", ".join(over), f"{sizes} variants x {replications} replications are {count:,} "
                           f"runs: at most {most:,} unless --most allows more")  # fmt: skip
    measured = scenario.load_calibration(slug, calibration, runs_folder)
    variants = tuple(grid.variants(slug, overrides or [], axes))
    plan = Plan(slug, axes, variants, measured, seed, replications, requests)
    plan.validate()
    console = Console(stderr=as_json, highlight=False)
    if fresh:
        _forget(plan, runs_folder)
    with open_journal(plan.folder(runs_folder)) as journal:
        _complete(console, plan, journal, on, workers)
        content = sweep_results.content(plan, journal.runs)
        # The report knows a sweep over the cache's size by its mode.
        mode = "cache_sweep" if len(axes) == 1 and axes[0].path.endswith(".capacity_entries") else "sweep"
        parameters = {"mode": mode, "over": over, "requests": requests, "replications": replications}
        with runs.new_run(
            "simulation",
            slug,
            seed=seed,
            command=command_line(),
            study=study,
            overrides=overrides,
            parameters={**parameters, "calibration": content["calibration"]},
            runs=runs_folder,
        ) as run:
            run.write_json("sweep", content)
            sweep_results.by_variant(content["variants"]).to_csv(run.folder / "variants.csv", index=False)
            table = sweep_results.by_replication(plan, journal.runs)
            table.to_parquet(run.folder / "replications.parquet", compression="zstd", index=False)
            figures = sweep_figure.draw(run.folder, axes, content["variants"], design.slo)
    if as_json:
        print(runs.to_json({"run": shown_path(run.folder), **content}))
        return
    show_sweep(console, axes, content)
    names = ", ".join([*(path.name for path in figures), "variants.csv", "replications.parquet"])
    console.print(f"run folder: {shown_path(run.folder)} ({names})", style="dim", soft_wrap=True)


def _complete(console: Console, plan: Plan, journal: Journal, on: str | None, workers: int | None) -> None:
    """Make the runs that are missing; each one is kept as it ends."""
    total, left = len(plan.keys), len(sweeping.missing(plan, journal))
    if left < total:
        console.print(f"{total - left:,} of {total:,} runs were finished before and are not made again", style="dim")
    if left == 0:
        return
    with open_pool(plan.task(), on=on, workers=workers, bytes_each=bytes_of_a_run(plan.requests)) as pool:
        console.print(
            f"{len(plan.variants):,} variants x {plan.replications:,} replications = {total:,} runs of "
            f"{plan.requests:,} requests, on {pool.words}",
            style="dim",
        )
        try:
            with progress_bar("sweeping", total, quiet=not console.is_terminal) as advance:
                advance(total - left)
                for _ in sweeping.complete(plan, journal, pool):
                    advance(None)
        except BaseException:
            kept = total - len(sweeping.missing(plan, journal))
            Console(stderr=True, highlight=False).print(
                f"{kept:,} of {total:,} runs are kept: the same command goes on from there", style="yellow"
            )
            raise
        if pool.deaths:
            console.print(f"workers died {pool.deaths} times; their runs were made again", style="yellow")


def _forget(plan: Plan, runs_folder: Path | None) -> None:
    shutil.rmtree(plan.folder(runs_folder), ignore_errors=True)
