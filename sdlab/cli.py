"""The ``lab`` command. Each stage brings its own commands in ``<stage>/commands.py``, loaded when one is called."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from sdlab.__main__ import INTERRUPTED
from sdlab.catalog import load_own
from sdlab.errors import InvalidInput, LabError

# What Typer raises for arguments it cannot read: the base of its public BadParameter.
_USAGE_ERROR: Any = typer.BadParameter.__mro__[2]

_COMMANDS = {
    "run": ("sdlab.main_job", "Set up, calibrate, validate, simulate the day and report: the main job."),
    "list": ("sdlab.commands", "The designs there are, and which parts each has."),
    "estimate": ("simulations.commands", "Back-of-envelope estimates, computed from the design."),
    "model": ("simulations.model_commands", "Check a design's model or a saved one, without a run; save it."),
    "mistakes": ("simulations.model_commands", "Wrong models, and the message that each gets."),
    "simulate": ("simulations.commands", "Run a design's capacity model over its day, a rate or a trace."),
    "predict": ("simulations.commands", "Replay what load tests sent in the model, and compare."),
    "draw": ("simulations.drawing.commands", "Draw a design's model, with how busy each part is."),
    "sweep": ("simulations.sweep_command", "Run the model for several values of some numbers."),
    "capacity": ("simulations.search_commands", "Search the highest rate that meets the SLOs, in the model."),
    "prove": ("benchmarks.proof", "Hold both engines against each other, theory and other programs."),
    "serve": ("reference_impls.commands", "Start a design's service with its database and cache."),
    "swarm": ("loadtests.commands", "Load a running service, open-loop."),
    "calibrate": ("loadtests.study_commands", "Measure the service's demands at low load."),
    "validate": ("loadtests.validate_command", "In blocks: calibrate, freeze, load the service at rates never fitted."),
    "saturate": ("loadtests.saturate_command", "Search the highest rate that the running service carries in its SLOs."),
    "reference": ("simulations.handbook.commands", "Write docs/reference from the docstrings."),
    "report": ("reports.commands", "Render run folders to pages."),
    "bench": ("benchmarks.commands", "Measure the lab's own speed, against peers, as ratios from one run."),
    "notebook": ("sdlab.commands", "Open the notebooks."),
    "doctor": ("sdlab.commands", "Check that everything the lab needs is there and works."),
    "test": ("sdlab.commands", "Lint, types and all tests."),
}


def main() -> int:
    """Run a command; one line on stderr and an exit code instead of a traceback for anything a user can act on."""
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in ("-h", "--help"):
        _help()
        return 0
    # A shell that starts a job with & has it ignore SIGINT; here it is the way to stop.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        if name not in _COMMANDS:
            raise InvalidInput("command", name, f"must be one of {', '.join(_COMMANDS)}")
        return _run(name, arguments)
    except LabError as error:
        _complain(f"lab: {error}", "red")
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        _complain("lab: interrupted", "yellow")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; nothing more may be written to it, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(name: str, arguments: list[str]) -> int:
    """Load the stage that has the command, and nothing else: `--help` is instant, stages stay apart."""
    module, _ = _COMMANDS[name]
    command: Any = typer.main.get_command(load_own(module).app)
    if name in getattr(command, "commands", ()):
        command = command.commands[name]
    try:
        result = command.main(args=arguments, prog_name=f"lab {name}", standalone_mode=False)
    except _USAGE_ERROR as error:
        error.show()
        return InvalidInput.exit_code
    return result if isinstance(result, int) else 0


def _help() -> None:
    console = Console(highlight=False)
    console.print(
        "System Design Lab: write a design down, simulate it, build it, load it, check one against the other.\n\n"
        "Usage: ./lab COMMAND [ARGUMENTS]      ./lab COMMAND --help\n"
    )
    table = Table("command", "what it does", box=None, pad_edge=False, show_header=False)
    for name, (_, text) in _COMMANDS.items():
        table.add_row(f"[bold]{name}[/]", text)
    console.print(table)
    console.print("\nStart with [bold]./lab run[/].")


def _complain(text: str, style: str) -> None:
    Console(stderr=True, soft_wrap=True, highlight=False).print(text, style=style, markup=False)
