"""``lab saturate``: the highest rate that the running service carries within its SLOs, and what stands in the way."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from loadtests import bottleneck, saturation_figure
from loadtests.display import start_progress
from loadtests.probes import Probe, Verdict
from loadtests.saturate import Found, Job, document, saturate
from loadtests.saturation import Settings, given_up
from loadtests.service import running_service
from sdlab import runs
from sdlab.catalog import load_design
from sdlab.errors import InvalidInput, LabError
from sdlab.invocation import command_line, shown_path
from sdlab.runs import Run, to_json
from sdlab.spec import Design

app = typer.Typer(add_completion=False)

_STYLES = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.INCONCLUSIVE: "yellow", Verdict.VOID: "dim"}


@app.command("saturate")
def command(
    slug: Annotated[str, typer.Argument(help="The design, as `lab list` names it.")],
    probe: Annotated[float, typer.Option(help="Seconds of each probe, 2 to 600.")] = 10.0,
    start: Annotated[float | None, typer.Option(help="First rate; default: the design's peak.")] = None,
    precision: Annotated[float, typer.Option(help="Relative width of the last bracket, 0.01 to 0.5.")] = 0.04,
    max_rate: Annotated[float | None, typer.Option(help="Go no further than this rate.")] = None,
    warm_up: Annotated[float, typer.Option(help="Seconds that fill the cache first, 0 to 600.")] = 15.0,
    confirm: Annotated[bool, typer.Option(help="Load fresh servers at the answer and 5 % above it.")] = True,
    seed: Annotated[int, typer.Option(help="Seed of times, operations, keys and data.", min=0)] = 7,
    study: Annotated[str | None, typer.Option(help="Name of the study the runs belong to.")] = None,
    runs_folder: Annotated[Path | None, typer.Option("--runs", help="Run folders; default reports/runs.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Search the highest rate at which the running service meets every SLO; name the resource that saturated.

    Doubles the rate to the first failure, bisects, and confirms on fresh servers at the answer and 5 % above it; where
    they contradict it, searches on and confirms once more. `lab capacity` asks the model the same question.
    """
    console = Console(stderr=as_json, highlight=False)
    design = load_design(slug)
    job = _job(design, probe, start, precision, max_rate, warm_up, confirm, seed, study, runs_folder)
    with start_progress(console) as told:
        found = saturate(
            job,
            lambda: running_service(
                slug, workers=design.reference_deployment.workers, links=design.test_data.links, progress=told
            ),
            told,
            _teller(console),
        )
    run = save(job, found)
    if as_json:
        print(to_json({"run": shown_path(run.folder), **document(found)}))
    else:
        _show(console, found, run)


def save(job: Job, found: Found) -> Run:
    """Write the search's run folder: `saturation.json` and its figure."""
    content = document(found)
    with runs.new_run(
        "saturation",
        job.design.slug,
        seed=job.seed,
        command=job.command,
        study=job.study,
        parameters={
            "deployment": "reference",
            "start_rps": job.settings.start_rps,
            "precision": job.settings.precision,
            "max_rps": job.settings.max_rps if math.isfinite(job.settings.max_rps) else None,
            "probe_s": job.probe_s,
            "warm_up_s": job.warm_up_s,
            "keys": found.keys,
        },
        runs=job.runs_folder,
    ) as writer:
        writer.write_json("saturation", content)
        for ending in ("svg", "png"):
            saturation_figure.draw(content, writer.folder / f"saturation.{ending}")
    return Run(writer.folder, writer.manifest)


def _job(
    design: Design,
    probe_s: float,
    start_rps: float | None,
    precision: float,
    max_rps: float | None,
    warm_up_s: float,
    confirm: bool,
    seed: int,
    study: str | None,
    runs_folder: Path | None,
) -> Job:
    if not 2 <= probe_s <= 600:
        raise InvalidInput("--probe", probe_s, "must be from 2 to 600 seconds")
    if not 0 <= warm_up_s <= 600:
        raise InvalidInput("--warm-up", warm_up_s, "must be from 0 to 600 seconds")
    if not design.slo:
        raise LabError(f"{design.slug} has no SLO, so there is no rate to search")
    limit_rps = math.inf if max_rps is None else max_rps
    start = design.workload.peak_rate_rps if start_rps is None else start_rps
    if start_rps is None and limit_rps > 0:
        start = min(start, limit_rps)
    settings = Settings(start, precision, limit_rps)
    return Job(design, settings, probe_s, warm_up_s, seed, command_line(), study, runs_folder, confirm)


def _teller(console: Console) -> Callable[[Probe], None]:
    def tell(probe: Probe) -> None:
        p99 = ", ".join(f"{name} {1e3 * s:.1f}" for name, s in probe.evidence["response_time_s_p99"].items())
        fresh = " (fresh server)" if probe.role == "confirmation" else ""
        console.print(
            f"{probe.rate_rps:8.1f}/s [{_STYLES[probe.verdict]}]{probe.verdict:<12}[/]{fresh} p99 ms: {p99}; "
            f"{'; '.join(probe.reasons())}",
            soft_wrap=True,
        )

    return tell


def _show(console: Console, found: Found, run: Run) -> None:
    answer = found.saturation
    to = f"{answer.high_rps:.1f}" if math.isfinite(answer.high_rps) else "unknown"
    console.print(
        f"[bold]highest rate within the SLOs: {answer.rate_rps:.1f} requests/s[/] ({answer.low_rps:.1f} to {to}: "
        "from the highest rate that certainly passed to the lowest that certainly failed)",
        soft_wrap=True,
    )
    console.print(f"broken first: {answer.binding or 'nothing, up to the highest rate probed'}", soft_wrap=True)
    if answer.generator_bound:
        console.print(
            "every probe beyond that was void (see their reasons): the service may carry more", style="yellow"
        )
    if words := given_up(found.probes):
        console.print(words, style="yellow", soft_wrap=True)
    console.print(found.confirmation_words(), style="" if found.confirmed else "yellow", soft_wrap=True)
    if found.compared:
        console.print(_utilisation_table(*found.compared))
    console.print(found.bottleneck.words, soft_wrap=True)
    console.print(f"run folder: {shown_path(run.folder)}", markup=False, soft_wrap=True)


def _utilisation_table(low: Probe, failing: Probe) -> Table:
    table = Table("resource", title="utilisation (% of its limit)", title_justify="left", box=None)
    for probe in (low, failing):
        table.add_column(f"{probe.rate_rps:.0f}/s", justify="right")
    rows: Any = bottleneck.table_rows(low.evidence, failing.evidence)
    for name, before, after in rows:
        table.add_row(name, "" if math.isnan(before) else f"{before:.0%}", f"{after:.0%}")
    for name, *lags_s in bottleneck.lag_rows(low.evidence, failing.evidence):
        table.add_row(name, *("" if math.isnan(lag_s) else f"{1e3 * lag_s:.2f} ms" for lag_s in lags_s))
    return table
