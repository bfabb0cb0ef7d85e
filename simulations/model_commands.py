"""The commands about models as such: model (check one, save one) and mistakes (wrong ones, and what each gets)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sdlab import catalog
from sdlab.errors import InvalidInput
from sdlab.workload import Requests
from simulations import files, mistakes, scenario
from simulations.advice import advise
from simulations.advice.advice import rate_text, time_text
from simulations.advice.before import servers_on_average
from simulations.advice.mix import mix_of
from simulations.advice.offered import offered_load
from simulations.advice.show import heed
from simulations.model import Model
from simulations.options import CalibrationChoice, DeploymentChoice, Set, deployment_named

app = typer.Typer(add_completion=False)

DOCUMENT = catalog.ROOT / "docs" / "wrong-models.md"

SECONDS = 60.0
"""How much of a steady load is looked at."""

Strict = Annotated[bool, typer.Option("--strict", help="Refuse a model that gets a warning.")]


@app.command()
def model(
    what: Annotated[str, typer.Argument(help="A design, or the file of a saved model.")],
    overrides: Set = None,
    rate: Annotated[float | None, typer.Option(help="Requests/s of the design's mix; default: its peak.")] = None,
    save: Annotated[Path | None, typer.Option(help="Write the model to this file (JSON).")] = None,
    cold: Annotated[bool, typer.Option(help="Let caches start empty: a warm one's keys make a long file.")] = False,
    deployment: DeploymentChoice = "design",
    calibration: CalibrationChoice = None,
    strict: Strict = False,
) -> None:
    """Check a model without running it: what it has, the load offered to it, what is doubtful."""
    console = Console(highlight=False, soft_wrap=True)
    requests = None
    if what.endswith(".json"):
        checked = files.load(Path(what))
        if rate is not None:
            raise InvalidInput("--rate", rate, "goes with a design, whose mix and keys it needs")
    else:
        design = catalog.load_design(what, overrides or [])
        chosen = scenario.steady(
            design,
            scenario.load_calibration(what, calibration),
            1,
            process="poisson",
            rate_rps=design.workload.peak_rate_rps if rate is None else rate,
            duration_s=SECONDS,
            deployment=deployment_named(deployment),
        )
        checked, requests = chosen.model, chosen.requests
    if cold:
        checked = replace(checked, caches=[replace(cache, initial_keys=()) for cache in checked.caches])
    console.print(f"[bold]{checked.name}[/]: {_contents(checked)}")
    if requests is not None:
        console.print(_loads(checked, requests))
    heed(advise(checked, requests), strict=strict, notes=True)
    if save is not None:
        files.save(checked, save)
        console.print(f"saved: {save}", style="dim")


def _contents(checked: Model) -> str:
    counts = {
        "flow": checked.flows,
        "station": checked.stations,
        "pool": checked.pools,
        "cache": checked.caches,
        "queue": checked.queues,
        "balancer": checked.balancers,
        "token bucket": checked.buckets,
        "breaker": checked.breakers,
        "retry budget": checked.budgets,
        "population": checked.populations,
        "region": checked.regions,
    }
    return ", ".join(f"{len(some)} {kind}{'s' * (len(some) != 1)}" for kind, some in counts.items() if some)


def _loads(checked: Model, requests: Requests) -> Table:
    """The offered load of every station: rate x service time / servers."""
    table = Table(title="offered load, before any run", title_justify="left", box=None)
    table.add_column("station", no_wrap=True)
    for name in ("visits", "service", "servers", "load"):
        table.add_column(name, justify="right")
    mix = mix_of(checked, requests)
    offered = offered_load(checked, mix) if mix is not None else None
    for station in checked.stations if offered is not None else ():
        use = offered.stations.get(station.name) if offered is not None else None
        servers, _ = servers_on_average(station, requests.duration_s)
        if use is not None and use.rate_rps > 0 and servers > 0:
            service = time_text(use.busy / use.rate_rps)
            table.add_row(station.name, rate_text(use.rate_rps), service, f"{servers:g}", f"{use.busy / servers:.1%}")
    return table


@app.command("mistakes")
def show_mistakes(
    write: Annotated[bool, typer.Option(help="Write them into docs/wrong-models.md.")] = False,
) -> None:
    """Wrong models, and the message that each gets."""
    if write:
        DOCUMENT.write_text(mistakes.document(), encoding="utf-8")
    console = Console(highlight=False, soft_wrap=True)
    for number, make in enumerate(mistakes.MISTAKES, 1):
        got = mistakes.what_it_gets(make)
        console.print(f"[bold]{number}. {mistakes.title_of(make)}[/]")
        for message in got.messages:
            console.print(f"   {'refused' if got.refused else 'warned'}: {message}", markup=False)
