"""How many servers a station has."""

from __future__ import annotations


class Supply:
    """A station's servers: the autoscaler's ``number``, less those ``down``; none while it is down as a whole."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.down = 0
        self.whole = 0
        """How many outages of the whole station are in force."""
        self.refusing = 0
        """How many outages that refuse are in force."""

    @property
    def servers(self) -> int:
        """The servers it has now."""
        return 0 if self.whole else max(0, self.number - self.down)

    @property
    def refuses(self) -> bool:
        """Whether who comes is turned away."""
        return self.refusing > 0 and self.servers == 0
