"""``lab validate``: in blocks, calibrate a fresh service, freeze the parameters, load it where nothing was fitted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from loadtests import overload
from loadtests.calibrate import WARM_UP_S
from loadtests.display import start_progress
from loadtests.service import running_service
from loadtests.session import Session
from loadtests.validate import SHARES, Block, Plan, measure, searched_rps
from sdlab import spoilt
from sdlab.catalog import load_design
from sdlab.errors import InvalidInput
from sdlab.invocation import command_line, shown_path
from sdlab.runs import to_json
from sdlab.spec import Design

app = typer.Typer(add_completion=False)

RATE_RPS_MAX = 1e6
_SHARES = ",".join(f"{share:g}" for share in SHARES)


@app.command()
def validate(
    slug: Annotated[str, typer.Argument(help="The design, as `lab list` names it.")],
    window: Annotated[float, typer.Option(min=2.0, max=600.0, help="Seconds of each calibration window.")] = 5.0,
    held_out_window: Annotated[float, typer.Option(min=2.0, max=600.0, help="Seconds of each held-out window.")] = 8.0,
    shares: Annotated[str, typer.Option(help="Held-out rates as shares of saturation.")] = _SHARES,
    repeats: Annotated[int, typer.Option(min=1, max=100, help="Blocks: each on a fresh service, each rate once.")] = 5,
    saturation: Annotated[
        float | None,
        typer.Option(help="Requests/s; default what the study's `lab saturate` found, else a short overload."),
    ] = None,
    again: Annotated[
        int, typer.Option(min=0, max=100, help="Windows of a block to measure again if the machine spoilt them.")
    ] = spoilt.REPEATED_PER_BLOCK,
    warm_up: Annotated[float, typer.Option(min=1.0, max=600.0, help="Seconds that fill the cache first.")] = WARM_UP_S,
    seed: Annotated[int, typer.Option(help="Seed of times, operations, keys and data.", min=0)] = 7,
    study: Annotated[str | None, typer.Option(help="Name of the study the runs belong to.")] = None,
    runs_folder: Annotated[Path | None, typer.Option("--runs", help="Folder for run folders.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Calibrate, freeze the parameters, then load the same service at held-out rates in random order; in blocks.

    `lab predict` replays each of those loads in the model with its block's parameters; `lab report` compares.
    """
    console = Console(stderr=as_json, highlight=False)
    design = load_design(slug)
    rates = shares_of(shares)
    if saturation is not None and not 0 < saturation <= RATE_RPS_MAX:
        raise InvalidInput("--saturation", saturation, f"must be above 0 and at most {RATE_RPS_MAX:g} requests/s")
    job = _Job(console, design, seed, study, runs_folder)
    rate_rps, source = _saturation(job, saturation)
    console.print(f"saturation {rate_rps:.0f} requests/s ({source})")
    plan = Plan(rate_rps, source, rates, window, held_out_window, again, warm_up)
    blocks: list[Block] = []
    for number in range(1, repeats + 1):
        with job.session({"block": number}) as (session, told):
            block = measure(session, plan, number, told, blocks[-1].calibrated if blocks else None)
        blocks.append(block)
        _show_block(console, block)
    if as_json:
        print(to_json({"saturation_rps": rate_rps, "source": source, "blocks": [_as_dict(one) for one in blocks]}))
        return
    _show_windows(console, blocks)


class _Job:
    """Starts a fresh service for each session."""

    def __init__(
        self, console: Console, design: Design, seed: int, study: str | None, runs_folder: Path | None
    ) -> None:
        self._console, self.design, self.study, self.runs_folder = console, design, study, runs_folder
        self._seed = seed

    @contextmanager
    def session(self, common: dict[str, object]) -> Iterator[tuple[Session, Callable[[str], None]]]:
        design = self.design
        workers, links = design.reference_deployment.workers, design.test_data.links
        with (
            start_progress(self._console) as told,
            running_service(design.slug, workers=workers, links=links, progress=told) as service,
        ):
            session = Session(design, service, self._seed, command_line(), self.study, self.runs_folder, common=common)
            yield session, told


def shares_of(text: str) -> list[float]:
    """Shares of saturation from a list with commas. Raises `InvalidInput`."""
    try:
        shares = [float(part) for part in text.split(",")]
    except ValueError:
        raise InvalidInput("--shares", text, f"must be numbers with commas between them: {_SHARES}") from None
    if not all(0 < share <= 1 for share in shares):
        raise InvalidInput("--shares", text, "each must be above 0 and at most 1, which is saturation")
    if len(set(shares)) < len(shares):
        raise InvalidInput("--shares", text, "must differ; --repeats repeats them")
    return shares


def _saturation(job: _Job, named_rps: float | None) -> tuple[float, str]:
    if named_rps is not None:
        return named_rps, "given"
    if searched := searched_rps(job.design.slug, job.study, job.runs_folder):
        return searched
    with job.session({}) as (session, told):
        told("overloading the service for a few seconds, to see what it carries")
        return overload.measure_rps(session), "completed in a short overload"


def _as_dict(block: Block) -> dict[str, Any]:
    return {
        "block": block.number,
        "digest": block.calibrated.calibration.digest,
        "calibration_run": shown_path(block.frozen.folder),
        "runs": [shown_path(run.folder) for run in block.windows],
        "rejected": block.rejected,
        "calibration_disturbed": block.calibration_disturbed,
    }


def _show_block(console: Console, block: Block) -> None:
    console.print(
        f"block {block.number}: frozen as {block.calibrated.calibration.digest} in {shown_path(block.frozen.folder)}; "
        f"{len(block.windows)} windows, {len(block.rejected)} rejected",
        soft_wrap=True,
    )
    for reason in block.calibration_disturbed:
        console.print(f"block {block.number}, a window it was calibrated by: {reason}", style="yellow", soft_wrap=True)


def _show_windows(console: Console, blocks: list[Block]) -> None:
    table = Table("rate (1/s)", title="held-out loads (ms)", title_justify="left", box=None)
    for name in ("block", "p50", "p95", "p99"):
        table.add_column(name, justify="right")
    table.add_column("validity")
    windows = [(block, run) for block in blocks for run in block.windows]
    for block, run in sorted(windows, key=lambda one: float(one[1].manifest.parameters["rate_rps"])):
        total = run.json("summary")[0]
        times = (f"{1e3 * total[f'response_time_s_{name}']:.2f}" for name in ("p50", "p95", "p99"))
        validity = run.manifest.validity
        rejected = block.rejected.get(run.manifest.run_id, [])
        words = [validity.word if validity else "", *(f"REJECTED: {reason}" for reason in rejected)]
        table.add_row(f"{run.manifest.parameters['rate_rps']:.0f}", str(block.number), *times, "; ".join(words))
    console.print(table)
