"""``python -m sdlab``: what the script `lab` starts. Ctrl-C is understood before the imports that take time."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from contextlib import suppress
from types import FrameType

INTERRUPTED = 130


def _quit(_signal: int, _frame: FrameType | None) -> None:
    """Nothing has been started yet that would have to be stopped."""
    os.write(2, b"lab: interrupted\n")
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, _quit)
    from sdlab.cli import main

    code = main()
    if code == INTERRUPTED:
        # After an interrupt inside exec(), that of a dataclass or a named tuple being made, CPython ends by the signal
        # itself, whatever was caught: the exit code would not be ours.
        atexit._run_exitfuncs()
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(code)
    sys.exit(code)
