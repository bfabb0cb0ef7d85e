"""The error of a server that does not answer, for code that knows nothing of HTTP."""

from __future__ import annotations


class Unavailable(Exception):
    """A part of the service (``database``, ``cache``) that a request needs does not answer; it becomes a 503."""

    def __init__(self, part: str) -> None:
        super().__init__(f"the {part} does not answer; try again")
        self.part = part
