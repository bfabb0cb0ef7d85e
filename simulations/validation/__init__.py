"""What must hold of a model before it runs. Every error names the step by its place.

By what is looked at: `names` (what steps refer to is there, once, and used), `values` (the numbers and words of single
steps), `regions` (travelling), `populations`, `holding` (what is taken is given back, in an order in which nobody
waits for ever), `ending` (no flow starts itself again and again).

What cannot be right is refused. What is only doubtful (a way that is never taken, a load above capacity) is said by
`simulations.advice`, because generated models and what-if variants have such ways on purpose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulations.validation.ending import check_ending
from simulations.validation.holding import check_holding
from simulations.validation.names import check_names, check_references, check_use
from simulations.validation.populations import check_populations
from simulations.validation.regions import check_round_trips, check_travelling
from simulations.validation.values import check_values

if TYPE_CHECKING:
    from simulations.model import Model

__all__ = ["validate"]


def validate(model: Model) -> None:
    """Raise `InvalidInput` for the first thing that is wrong with the model."""
    check_names(model)
    check_round_trips(model)
    check_references(model)
    check_values(model)
    check_travelling(model)
    check_ending(model)
    check_holding(model)
    check_use(model)
    check_populations(model)
