"""``lab swarm``: load a service, open-loop."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from loadtests import display, offered
from loadtests.service import Service, attach, running_service
from loadtests.window import Interrupted, run_window
from sdlab.arrival_choice import described
from sdlab.catalog import load_design
from sdlab.errors import InvalidInput
from sdlab.runs import Run, to_json
from sdlab.spec import Design

INVALID = 4

app = typer.Typer(add_completion=False)


@app.callback()
def commands() -> None:
    """Commands of the load tests."""


@app.command()
def swarm(
    slug: Annotated[str, typer.Argument(help="The design, as `lab list` names it.")],
    rate: Annotated[float | None, typer.Option(help="Requests/s; default: the design's peak.")] = None,
    arrival: Annotated[str, typer.Option(help=f"How requests arrive: {described()}.")] = "poisson",
    duration: Annotated[float | None, typer.Option(help="Seconds; default: 30, with --trace all of it.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of times, operations, keys and data.", min=0)] = 7,
    host: Annotated[str | None, typer.Option(help="URL of a running service; default: starts one.")] = None,
    trace: Annotated[Path | None, typer.Option(help="Replay an access log, plain or gzipped.")] = None,
    speed: Annotated[float, typer.Option(help="With --trace: 60 makes a minute of the log a second.")] = 1.0,
    workers: Annotated[int | None, typer.Option(help="API workers; default: the design's.", min=1)] = None,
    label: Annotated[list[str] | None, typer.Option(help="key=value for the run's manifest; repeatable.")] = None,
    study: Annotated[str | None, typer.Option(help="Name of the study the run belongs to.")] = None,
    runs: Annotated[Path | None, typer.Option(help="Folder for run folders; default reports/runs.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Load a design's service, open-loop: requests arrive whether or not it keeps up.

    Response time counts from the intended start. The run judges itself. Exit codes: 0 VALID, 4 INVALID, 2 bad input,
    3 no service to load.
    """
    design = load_design(slug)
    labels = _labels(label or [])
    if trace is None:
        asked = offered.steady(design, arrival, rate, duration, seed)
    elif rate is not None:
        raise InvalidInput("--rate", rate, "does not go with --trace: the log and --speed say when requests come")
    else:
        asked = offered.replay(design, trace, speed, duration, seed)
    command = _command(slug, asked.parameters, duration, seed, host, workers, label or [], study)
    console = Console(stderr=as_json, highlight=False)
    if trace is not None:
        console.print(f"trace: {asked.parameters['trace_account']}", style="dim", markup=False, soft_wrap=True)
    try:
        with _service(design, host, workers, console) as service, display.load_progress(console) as progress:
            run = run_window(
                design,
                asked.requests,
                service,
                seed=seed,
                command=command,
                parameters=asked.parameters | labels,
                study=study,
                runs=runs,
                progress=progress,
            )
    except Interrupted as stop:
        if stop.run:
            _show(console, stop.run, as_json)
        raise
    _show(console, run, as_json)
    is_valid = run.manifest.validity is not None and run.manifest.validity.valid
    return 0 if is_valid else INVALID


@contextmanager
def _service(design: Design, host: str | None, workers: int | None, console: Console) -> Iterator[Service]:
    if host is not None:
        if workers is not None:
            raise InvalidInput("--workers", workers, "does not go with --host: that service has its own")
        yield attach(host)
        return
    workers = workers or design.reference_deployment.workers
    with ExitStack() as stack:
        with display.start_progress(console) as progress:
            service = stack.enter_context(
                running_service(design.slug, workers=workers, links=design.test_data.links, progress=progress)
            )
        yield service


def _show(console: Console, run: Run, as_json: bool) -> None:
    if as_json:
        print(to_json(display.document(run)))
    else:
        display.show_run(console, run)


def _labels(texts: list[str]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.isidentifier():
            raise InvalidInput("--label", text, "must look like machine=laptop; letters, digits and _ before the =")
        labels[f"label_{key}"] = value
    return labels


def _command(
    slug: str,
    parameters: dict[str, Any],
    duration: float | None,
    seed: int,
    host: str | None,
    workers: int | None,
    labels: list[str],
    study: str | None,
) -> str:
    """The command that makes the run again, its defaults spelled out."""
    words = ["./lab", "swarm", slug]
    if parameters["trace"] is None:
        words += [f"--rate={parameters['rate_rps']!r}", f"--arrival={parameters['arrival']}"]
        words += [f"--duration={parameters['duration_s']!r}"]
    else:
        words += [f"--trace={parameters['trace']}", f"--speed={parameters['speed']!r}"]
        words += [f"--duration={duration!r}"] if duration is not None else []
    words += [f"--seed={seed}"]
    words += [f"--host={host}"] if host is not None else []
    words += [f"--workers={workers}"] if workers is not None else []
    words += [f"--label={text}" for text in labels]
    words += [f"--study={study}"] if study is not None else []
    return shlex.join(words)
