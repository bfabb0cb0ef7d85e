"""``python -m simulations.engines.ready``: compile the compiled engine now, so that nothing waits for it later.

What is compiled is kept on disk (`simulations.jit`); processes that find nothing there would each compile it.
"""

from __future__ import annotations

from simulations.engines import simulate
from simulations.examples import arrivals_at
from simulations.model import Attempt, Constant, Flow, Model, Serve, Station, Step


def ready() -> None:
    """Run one request by each thing that is compiled: the sweep, the loop for plain models, the loop for all steps."""
    plain: Step = Serve("server", Constant(1.0))
    for step, engine in ((plain, "compiled"), (plain, "event_loop"), (Attempt([plain]), "event_loop")):
        simulate(Model("one request", [Flow("get", [step])], [Station("server")]), arrivals_at([0.0]), 1, engine=engine)


if __name__ == "__main__":
    ready()
