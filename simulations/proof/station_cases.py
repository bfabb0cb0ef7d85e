"""One station of every kind that has a closed form."""

from __future__ import annotations

from typing import Any

from simulations import theory
from simulations.distributions import Constant, Distribution, Erlang, Exponential, Hyperexponential, LogNormal
from simulations.model import Breakdowns, Flow, Model, Serve, StartUp, Station, Timeout
from simulations.proof.evidence import Case
from simulations.proof.load import open_case, share_not_completed

UNEVEN = Hyperexponential((0.8, 0.2), (0.5, 3.0))
"""Mean 1, with 2.6 times the variance of an exponential time of that mean less 1."""


def one_station(service: Distribution, servers: int = 1, **options: Any) -> Model:
    """A flow that is served once."""
    return Model("one station", [Flow("get", [Serve("server", service)])], [Station("server", servers, **options)])


def cases() -> list[Case]:
    """All of them."""
    return [*_waiting(), *_losing(), *_sharing(), *_special()]


def _waiting() -> list[Case]:
    found = []
    for servers, rate_rps in ((1, 0.5), (1, 0.7), (2, 1.5), (8, 6.8), (64, 60.0)):
        expected = theory.mmc(rate_rps, 1.0, servers).response_time_s
        name = f"M/M/{servers} at {rate_rps / servers:.0%}"
        model = one_station(Exponential(1.0), servers)
        control, runs = {"server": 1.0}, 40 if servers == 1 else 80
        found.append(open_case(name, "Erlang 1917", expected, model, [rate_rps], control, replications=runs))
    services: dict[str, Distribution] = {
        "M/D/1": Constant(1.0),
        "M/E4/1": Erlang(1.0, 4),
        "M/LN/1": LogNormal(1.0, 0.8),
        "M/H2/1": UNEVEN,
    }
    for name, service in services.items():
        expected = theory.mg1(0.6, service.mean_s, service.scv).response_time_s
        controls = {} if service.scv == 0 else {"server": service.mean_s}
        source = "Pollaczek 1930, Khinchine 1932"
        model, runs = one_station(service), 40 if service.scv < 2 else 80
        found.append(open_case(f"{name} at 60%", source, expected, model, [0.6], controls, replications=runs))
    return found


def _losing() -> list[Case]:
    lossy: Any = {"measure": share_not_completed}
    queue = theory.mmck(1.6, 1.0, 2, 5)
    finite = one_station(Exponential(1.0), 2, queue=3)
    blocked = theory.erlang_b(4.0, 5)
    named = "M/M/5/5, 4 Erlang: loss", "M/H2/5/5, 4 Erlang: loss"
    memoryless, uneven = (one_station(service, 5, queue=0) for service in (Exponential(1.0), UNEVEN))
    impatient = theory.mmc_impatient(1.5, 1.0, 2, 4.0)
    steps = [Timeout(Exponential(4.0), [Serve("server", Exponential(1.0))], abandoned="cancel")]
    leaving = Model("impatient", [Flow("get", steps)], [Station("server", 2)])
    control = {"server": 1.0}
    return [
        open_case("M/M/2/5: loss", "Kleinrock 1975, 3.5", queue.loss_probability, finite, [1.6], control, **lossy),
        open_case("M/M/2/5: response time", "Kleinrock 1975, 3.5", queue.response_time_s, finite, [1.6], control),
        open_case(named[0], "Erlang 1917, B", blocked, memoryless, [4.0], control, **lossy),
        open_case(named[1], "Erlang 1917, B; insensitive", blocked, uneven, [4.0], {"server": UNEVEN.mean_s}, **lossy),
        open_case("M/M/2 + M: time-outs", "birth-death", impatient.loss_probability, leaving, [1.5], {}, **lossy),
    ]


def _sharing() -> list[Case]:
    found = []
    expected = theory.mg1_processor_sharing(0.6, 1.0).response_time_s
    for name, service in (("M", Exponential(1.0)), ("D", Constant(1.0)), ("H2", UNEVEN)):
        model = one_station(service, shares=True)
        source = "Kleinrock 1976, 4.4; insensitive"
        controls = {} if name == "D" else {"server": 1.0}
        found.append(open_case(f"M/{name}/1-PS at 60%", source, expected, model, [0.6], controls))
    several = theory.mmc_processor_sharing(2.1, 1.0, 3).response_time_s
    for name, service in (("M", Exponential(1.0)), ("H2", UNEVEN)):
        model = one_station(service, 3, shares=True)
        found.append(open_case(f"M/{name}/3-PS at 70%", "Cohen 1979", several, model, [2.1], {"server": 1.0}))
    return found


def _special() -> list[Case]:
    found = []
    for name, extra in (("exponential", Exponential(2.0)), ("constant", Constant(2.0))):
        expected = theory.mg1_set_up(0.5, 1.0, 1.0, 2.0, extra.scv)
        model = one_station(Exponential(1.0), start_up=StartUp([(0.0, extra)]))
        found.append(open_case(f"M/M/1 with {name} set-up", "Welch 1964", expected, model, [0.5], {}))
    for name, service in (("M", Exponential(1.0)), ("D", Constant(1.0)), ("H2", UNEVEN)):
        expected = theory.mg1_turns(0.6, 1.0, service.scv)
        controls = {} if name == "D" else {"server": 1.0}
        model, runs = one_station(service, turns=True), 40 if service.scv < 2 else 80
        source = "gated, Takagi 1986; see mg1_turns"
        case = open_case(f"M/{name}/1 in turns at 60%", source, expected, model, [0.6], controls, replications=runs)
        found.append(case)
    # Without the mean service as a control: the time between two turns counts as service, too.
    expected = theory.mm1_turns(0.6, 1.0, 0.5)
    model = one_station(Exponential(1.0), turns=True, turn_s=0.5)
    source = "gated, see mm1_turns"
    name = "M/M/1 in turns with 0.5 between, at 60%"
    found.append(open_case(name, source, expected, model, [0.6], {}, replications=80))
    classes = theory.mg1_priorities([0.3, 0.3], [1.0, 1.0], [1.0, 1.0])
    flows = [Flow(name, [Serve("server", Exponential(1.0), priority=p)]) for p, name in enumerate(("first", "second"))]
    model = Model("priorities", flows, [Station("server")])
    for number, queue in enumerate(classes):
        name = f"M/M/1 with priorities: the {flows[number].name}"
        expected = queue.response_time_s
        found.append(open_case(name, "Cobham 1954", expected, model, [0.3, 0.3], {"server": 1.0}, operation=number))
    expected = theory.mm1_breakdowns(0.4, 1.0, 20.0, 4.0)
    broken = Breakdowns(Exponential(20.0), Exponential(4.0), work="finish")
    model = one_station(Exponential(1.0), shares=True, outages=[broken])
    source = "White & Christie 1958"
    found.append(
        open_case("M/M/1-PS with breakdowns", source, expected, model, [0.4], {"server": 1.0}, replications=60)
    )
    return found
