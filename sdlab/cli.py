"""The ``lab`` command. Each stage brings its own commands in ``<stage>/commands.py``, loaded when one is called."""

from __future__ import annotations

import signal
import sys
from typing import Any

import click
import typer
from rich.console import Console

from sdlab.catalog import load_own
from sdlab.errors import LabError

INTERRUPTED = 130

_LAZY = {
    "run": ("sdlab.main_job", "Set up, calibrate, validate, simulate the day and report: the main job."),
    "list": ("sdlab.commands", "The designs there are, and which parts each has."),
    "simulate": ("simulations.commands", "Run a design's capacity model over its day, a rate or a trace."),
    "capacity": ("simulations.commands", "Search the highest rate that meets the SLOs, in the model."),
    "serve": ("reference_impls.commands", "Start a design's service with its database and cache."),
    "swarm": ("loadtests.commands", "Load a running service, open-loop."),
    "calibrate": ("loadtests.commands", "Measure the service's demands at low load."),
    "report": ("reports.commands", "Render run folders to pages."),
    "notebook": ("sdlab.commands", "Open the notebooks."),
    "doctor": ("sdlab.commands", "Check that everything the lab needs is there and works."),
    "test": ("sdlab.commands", "Lint, types and all tests."),
}


class _LazyGroup(click.Group):
    """Imports a stage only when one of its commands is called: `--help` is instant, stages stay apart."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_LAZY)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _LAZY:
            return None
        module, _ = _LAZY[cmd_name]
        loaded: Any = typer.main.get_command(load_own(module).app)
        if isinstance(loaded, click.Group):
            return loaded.commands[cmd_name]
        return loaded if isinstance(loaded, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _LAZY.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def lab() -> None:
    """System Design Lab: write a design down, simulate it, build it, load it, and check one against the other.

    Start with `./lab run`; each command has --help.
    """


def main() -> int:
    """Run the CLI; one line on stderr and an exit code instead of a traceback for anything a user can act on."""
    error_console = Console(stderr=True, soft_wrap=True, highlight=False)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        result = lab.main(standalone_mode=False, prog_name="lab")
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except LabError as error:
        error_console.print(f"lab: {error}", style="red", markup=False)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except (KeyboardInterrupt, click.exceptions.Abort):
        error_console.print("lab: interrupted", style="yellow")
        return INTERRUPTED
    except BrokenPipeError:
        return 0
    return result if isinstance(result, int) else 0


if __name__ == "__main__":
    sys.exit(main())
