"""How the lab was called, and paths as the caller would type them."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path


def command_line() -> str:
    """The command that is running, to be put where it can make the same again."""
    return shlex.join(["./lab", *sys.argv[1:]])


def shown_path(path: Path) -> str:
    """Relative to where we are, if it is below."""
    path = path.resolve()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
