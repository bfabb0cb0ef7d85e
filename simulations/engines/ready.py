"""``python -m simulations.engines.ready``: compile all that is compiled now, so that nothing waits for it later.

What is compiled is kept on disk (`simulations.jit`); processes that find nothing there would each compile it.
"""

from __future__ import annotations

import numpy as np

from simulations import sampling
from simulations.caches import Cache
from simulations.caches.allocation import hits_of
from simulations.engines import simulate
from simulations.engines.reference.draws import child, draw_two
from simulations.examples import arrivals_at
from simulations.model import Attempt, Constant, Flow, Model, Serve, Station, Step


def ready() -> None:
    """Run one request by each thing that is compiled: the sweep, the loop for plain models, the loop for all steps.

    Then a cache and the draws by themselves, as the reference has them.
    """
    plain: Step = Serve("server", Constant(1.0))
    for step, engine in ((plain, "compiled"), (plain, "event_loop"), (Attempt([plain]), "event_loop")):
        simulate(Model("one request", [Flow("get", [step])], [Station("server")]), arrivals_at([0.0]), 1, engine=engine)
    hits_of(Cache("cache", None, capacity_bytes=1, entry_bytes=Constant(1.0)), np.zeros(1, dtype=np.int64))
    table = sampling.tabulate([Constant(1.0)])
    sampling.sample_one(table, 0, 1, child(0, 0), 0)
    sampling.sample_many(table, 0, 1, np.arange(1), 0, np.empty(1))
    sampling.draw_one(1, 0, 0)
    draw_two(1, 0, 0)


if __name__ == "__main__":
    ready()
