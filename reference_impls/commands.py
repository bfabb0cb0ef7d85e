"""``lab serve``: a design's service with its own database and cache, until Ctrl-C."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reference_impls.serve import serve
from reference_impls.supervisor import Options
from sdlab.catalog import load_design

app = typer.Typer()


@app.callback()
def commands() -> None:
    """Commands of the reference implementations."""


@app.command("serve")
def serve_command(
    slug: Annotated[str, typer.Argument(help="The design, for example url_shortener.")],
    port: Annotated[int, typer.Option(help="Where to listen on 127.0.0.1; 0 takes a free port.")] = 8000,
    workers: Annotated[int, typer.Option(help="API processes behind the port.")] = 1,
    links: Annotated[int | None, typer.Option(help="Links loaded before the start [default: the design's].")] = None,
    pool_size: Annotated[
        int | None, typer.Option(help="Database connections of each API process; default: the design's.")
    ] = None,
    ready_file: Annotated[
        Path | None, typer.Option(help="Written as JSON (readable by you only) once it is ready.")
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="Keeps data and logs [default: a temporary folder].")] = None,
    apart: Annotated[
        bool,
        typer.Option(
            "--apart",
            help="Give each API process a CPU core of its own, if there are enough; let no core sleep, if we may.",
        ),
    ] = False,
    log_level: Annotated[str, typer.Option(help="debug, info (a line a request), warning or error.")] = "info",
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """Start a design's service with its database and cache.

    DATABASE_URL and REDIS_URL in the environment make it use those servers instead of starting its own.
    """
    design = load_design(slug)
    options = Options(
        port=port,
        workers=workers,
        test_data=design.test_data if links is None else design.test_data.model_copy(update={"links": links}),
        pool_size=design.reference_deployment.pool_slots if pool_size is None else pool_size,
        design=design,
        ready_file=ready_file,
        folder=folder,
        log_level=log_level,
        is_quiet=quiet,
        is_apart=apart,
    )
    serve(slug, options)
