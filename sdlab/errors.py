"""The lab's errors, as one tree. The CLI turns each into one line on stderr and an exit code.

LabError (exit code 1)
├── InvalidInput (2)        a value, key, file or option that breaks a stated bound
└── ServerUnavailable (3)   a database, cache or service that did not start or does not answer
"""

from __future__ import annotations


class LabError(Exception):
    """Something the user can act on; its text is a whole sentence that needs no traceback."""

    exit_code = 1


class InvalidInput(LabError):
    """A value from outside breaks a bound.

    ``field`` is where the value stands (``workload.requests_per_day``, ``--rate``), ``value`` what was given and
    ``bound`` what would have been accepted, as words that complete "<field> = <value>: <bound>".
    """

    exit_code = 2

    def __init__(self, field: str, value: object, bound: str) -> None:
        self.field = field
        self.value = value
        self.bound = bound
        super().__init__(f"{field} = {value!r}: {bound}")

    def __reduce__(self) -> tuple[type[InvalidInput], tuple[str, object, str]]:
        """So that it can come back from another process."""
        return type(self), (self.field, self.value, self.bound)


class ServerUnavailable(LabError):
    """A server the work depends on did not start in time, or stopped answering."""

    exit_code = 3
