"""``lab swarm``: load a service, open-loop."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from loadtests import display, offered, thresholds, verdict
from loadtests.service import Service, attach, running_service
from loadtests.window import MAX_IN_FLIGHT, Interrupted, run_window
from sdlab.catalog import load_design
from sdlab.errors import InvalidInput
from sdlab.runs import Run, to_json
from sdlab.spec import Design

app = typer.Typer(add_completion=False)


@app.callback()
def commands() -> None:
    """Commands of the load tests."""


@app.command()
def swarm(
    slug: Annotated[str, typer.Argument(help="The design, as `lab list` names it.")],
    rate: Annotated[float | None, typer.Option(help="Requests/s; default: the design's peak (day: mean).")] = None,
    arrival: Annotated[str, typer.Option(help=f"How requests arrive: {offered.described()}.")] = "poisson",
    duration: Annotated[float | None, typer.Option(help="Seconds; default: 30, with --trace all of it.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of times, operations, keys and data.", min=0)] = 7,
    host: Annotated[str | None, typer.Option(help="URL of a running service; default: starts one.")] = None,
    trace: Annotated[Path | None, typer.Option(help="Replay an access log, plain or gzipped.")] = None,
    speed: Annotated[float, typer.Option(help="With --trace: 60 makes a minute of the log a second.")] = 1.0,
    workers: Annotated[int | None, typer.Option(help="API workers; default: the design's.", min=1)] = None,
    threshold: Annotated[list[str] | None, typer.Option(help="As 'p99 < 50ms @ redirect'; repeatable.")] = None,
    abort_on_threshold: Annotated[bool, typer.Option(help="Stop when a threshold is certainly missed.")] = False,
    processes: Annotated[int, typer.Option(help="Generator processes that share the load.", min=1, max=64)] = 1,
    max_in_flight: Annotated[int, typer.Option(help="Requests in flight, per process.", min=1)] = MAX_IN_FLIGHT,
    label: Annotated[list[str] | None, typer.Option(help="key=value for the run's manifest; repeatable.")] = None,
    study: Annotated[str | None, typer.Option(help="Name of the study the run belongs to.")] = None,
    runs: Annotated[Path | None, typer.Option(help="Folder for run folders; default reports/runs.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Load a design's service, open-loop: requests arrive whether or not it keeps up.

    Response time counts from the intended start. The run judges itself. Exit codes: 0 VALID and every threshold met,
    4 INVALID, 5 a threshold missed, 2 bad input, 3 no service to load.
    """
    design = load_design(slug)
    labels = _labels(label or [])
    required = thresholds.parse(threshold or [], design.operations, abort=abort_on_threshold)
    if trace is None:
        asked = offered.steady(design, arrival, rate, duration, seed)
    elif rate is not None:
        raise InvalidInput("--rate", rate, "does not go with --trace: the log and --speed say when requests come")
    else:
        asked = offered.replay(design, trace, speed, duration, seed)
    more = [f"--threshold={text}" for text in threshold or []]
    more += ["--abort-on-threshold"] if abort_on_threshold else []
    more += [f"--processes={processes}"] if processes > 1 else []
    more += [f"--max-in-flight={max_in_flight}"] if max_in_flight != MAX_IN_FLIGHT else []
    command = _command(slug, asked.parameters, duration, seed, host, workers, label or [], study, more)
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
                generators=processes,
                max_in_flight=max_in_flight,
                thresholds=required,
                progress=progress,
            )
    except Interrupted as stop:
        if stop.run:
            _show(console, stop.run, as_json)
        raise
    _show(console, run, as_json)
    return verdict.exit_code(run)


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
    more: list[str],
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
    return shlex.join([*words, *more])
