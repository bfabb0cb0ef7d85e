"""What is doubtful about a model, said before it runs: for a person to read, never a reason to refuse.

`advise` follows every flow by its probabilities with the rates of the requests at hand, and says where more comes than
can be served, where a time looks like milliseconds written as seconds, what is shorter than what it must wait for, and
what can never happen. `after_run` says what a run shows that makes its numbers doubtful.
"""

from simulations.advice.advice import Advice
from simulations.advice.before import advise
from simulations.advice.growth import after_run

__all__ = ["Advice", "advise", "after_run"]
