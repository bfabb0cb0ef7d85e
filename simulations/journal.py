"""What a sweep has finished so far, on disk: so that one that was interrupted goes on where it stopped.

One line of JSON for each finished run, written by one process with a single write. A line that a crash cut short is
dropped when the journal is opened again, and its run is done again.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sdlab.errors import LabError

Key = tuple[int, int]
"""A run of a sweep: the index of its variant, and its seed."""


class Journal:
    """The finished runs of one sweep, in memory and on disk; made by `open_journal`."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.runs: dict[Key, dict[str, Any]] = {}
        kept = 0
        for line in file.read_bytes().splitlines(keepends=True) if file.exists() else ():
            if not line.endswith(b"\n"):
                break
            entry = json.loads(line)
            self.runs[entry["variant"], entry["seed"]] = entry["result"]
            kept += len(line)
        self._descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o644)
        os.ftruncate(self._descriptor, kept)
        os.lseek(self._descriptor, kept, os.SEEK_SET)

    def add(self, key: Key, result: dict[str, Any]) -> None:
        """Keep a finished run: it is on disk when this returns."""
        line = json.dumps({"variant": key[0], "seed": key[1], "result": result}) + "\n"
        data = line.encode()
        while data:
            data = data[os.write(self._descriptor, data) :]
        self.runs[key] = result

    def close(self) -> None:
        os.close(self._descriptor)


@contextmanager
def open_journal(folder: Path) -> Iterator[Journal]:
    """The journal in a folder that belongs to one sweep; both are removed if the block ends well, kept if not.

    Raises `LabError` if another process is at the same sweep.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise LabError(f"another process is running this same sweep: it holds {folder / 'lock'}") from None
        journal = Journal(folder / "runs.jsonl")
        try:
            yield journal
        except BaseException:
            if not journal.runs:
                shutil.rmtree(folder, ignore_errors=True)
            raise
        else:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            journal.close()
    finally:
        os.close(lock)
