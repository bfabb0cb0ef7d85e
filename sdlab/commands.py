"""The commands that belong to no stage: list, doctor, notebook, test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sdlab import catalog, servers
from sdlab.errors import InvalidInput, LabError

app = typer.Typer(add_completion=False)

NOTEBOOKS = catalog.ROOT / "notebooks"


@app.command("list")
def list_designs(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """The designs there are, what each is for, and which parts it has."""
    designs = {slug: catalog.load_design(slug) for slug in catalog.slugs()}
    if as_json:
        content = {slug: {"title": d.title, "summary": d.summary, **catalog.parts(slug)} for slug, d in designs.items()}
        print(json.dumps(content, indent=1))
        return
    table = Table("design", "summary", *catalog.STAGES, box=None, pad_edge=False)
    for slug, design in designs.items():
        table.add_row(slug, design.summary, *("yes" if there else "missing" for there in catalog.parts(slug).values()))
    Console().print(table)


@app.command()
def doctor() -> None:
    """Check that everything the lab needs is there and works; exit code 1 if something does not."""
    console = Console(highlight=False)
    checks: dict[str, Callable[[], str]] = {
        "Python 3.11 or newer": lambda: sys.version.split()[0],
        "designs are valid": lambda: ", ".join(catalog.load_design(slug).slug for slug in catalog.slugs()),
        "two or more cores": _cores,
        "PostgreSQL and Valkey start and stop": _servers,
        "the compiled engine agrees with SimPy": _engines,
    }
    broken = 0
    for name, check in checks.items():
        try:
            console.print(f"[green]ok[/]      {name}: {check()}")
        except (LabError, OSError, RuntimeError, ImportError) as error:
            broken += 1
            console.print(f"[red]broken[/]  {name}: {error}")
    raise typer.Exit(1 if broken else 0)


@app.command()
def notebook(
    name: Annotated[str, typer.Argument(help="A notebook's file name; all of them if left out.")] = "",
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
) -> None:
    """Open the notebooks in JupyterLab, on this machine only. Stop it with Ctrl-C."""
    names = sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))
    if name and name not in names:
        raise InvalidInput("notebook", name, f"there are {', '.join(names)}")
    # The root is the repository, so that a notebook's links to the documents can be followed.
    command = [sys.executable, "-m", "jupyterlab", "--ip=127.0.0.1", f"--notebook-dir={catalog.ROOT}"]
    if os.geteuid() == 0:
        command.append("--allow-root")
    if not browser:
        command.append("--no-browser")
    command.append(f"--LabApp.default_url=/lab/tree/notebooks/{name}")
    process = subprocess.Popen(command, start_new_session=True)
    try:
        raise typer.Exit(process.wait())
    finally:
        process.terminate()
        try:
            process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            process.kill()


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context) -> None:
    """Lint, types, the architecture's rules and all tests, the fast ones first. Other arguments go to pytest."""
    console = Console(highlight=False)
    python = [sys.executable, "-m"]
    imports = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    steps: list[dict[str, list[str]]] = [
        {
            "lint": [*python, "ruff", "check", "--quiet", "."],
            "format": [*python, "ruff", "format", "--check", "--quiet", "."],
            "imports": imports,
            "types": [*python, "mypy"],
            "compile the engines": [*python, "simulations.engines.ready"],
        },
    ]
    if context.args:
        steps.append({"tests": [*python, "pytest", *context.args]})
    else:
        # Each process takes the next test when it has done one, in their order. More of them than cores: many tests
        # wait for a server. Those that need the machine for themselves come last and get it (tests/conftest.py).
        side_by_side = ["--numprocesses=3", "--no-loadscope-reorder"]
        steps.append({"tests": [*python, "pytest", *side_by_side]})
    for together in steps:
        console.rule(", ".join(together), style="dim")
        if failed := _failed(together):
            console.print(f"lab test: {failed}", style="red")
            raise typer.Exit(1)


def _failed(together: dict[str, list[str]]) -> str | None:
    """Run commands side by side; the first that failed and its exit code. None is left running, whatever happens."""
    # The tests start hundreds of processes: what Python has compiled is kept, as git ignores it, for the next of them.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with ExitStack() as stack:
        running = {}
        for name, command in together.items():
            running[name] = process = stack.enter_context(subprocess.Popen(command, cwd=catalog.ROOT, env=environment))
            stack.callback(process.terminate)
        for name, process in running.items():
            if code := process.wait():
                return f"{name} failed (exit code {code})"
    return None


def _cores() -> str:
    cores = os.cpu_count() or 1
    if cores < 2:
        raise RuntimeError(f"{cores} core: the load generator and the service would share it")
    return str(cores)


def _servers() -> str:
    with tempfile.TemporaryDirectory(prefix="sdlab-doctor-") as folder, servers.servers(Path(folder)):
        return "yes"


def _engines() -> str:
    report: str = catalog.load_own("simulations.commands").self_test()
    return report
