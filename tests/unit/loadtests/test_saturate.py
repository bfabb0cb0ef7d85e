"""A whole search on services made of a formula: which servers are started, what they are asked, what is kept."""

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from loadtests import saturate as searching
from loadtests.probes import Probe, Tally
from loadtests.saturate import CONFIRM, Job, document, saturate
from loadtests.saturate_command import save
from loadtests.saturation import Settings
from loadtests.service import Service
from loadtests.warm_up import each_key_once
from sdlab.catalog import load_design
from sdlab.runs import to_json

DESIGN = load_design("url_shortener")


class Formula:
    """Stands in for what loads a real service: M/M/1 with 600/s and a limit of 50 ms."""

    def __init__(self, job: Job, told: Callable[[str], None]) -> None:
        self.keys, self.warm_up_rps = 100, 100.0

    def begin(self, service: Service) -> None:
        """Nothing to warm up."""

    def probe(self, rate_rps: float, role: str = "search") -> Probe:
        count = round(10 * rate_rps)
        broken = round(count * math.exp(-max(0.0, 600.0 - rate_rps) * 0.05))
        evidence = {"utilisation": {"api-1": min(1.0, rate_rps / 600.0)}, "times_s": {}, "response_time_s_p99": {}}
        tallies = (Tally("redirect over 50 ms", broken, count, 0.01),)
        return Probe(rate_rps, tallies, role=role, run_id="x", evidence=evidence)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Service]:
    monkeypatch.setattr(searching, "_Loader", Formula)
    return []


def job(folder: Path, confirm: bool = True) -> Job:
    return Job(DESIGN, Settings(100.0), 10.0, 0.0, 1, "a test", None, folder, confirm)


def test_the_answer_is_held_against_fresh_servers_and_kept_with_its_figure(
    opened: list[Service], tmp_path: Path
) -> None:
    @contextmanager
    def fresh() -> Iterator[Service]:
        opened.append(Service("http://nowhere"))
        yield opened[-1]

    found = saturate(job(tmp_path), fresh)
    assert len(opened) == 3
    assert found.confirmed
    first, above = sorted({probe.rate_rps for probe in found.probes if probe.role == CONFIRM})
    assert above == pytest.approx(1.05 * first)
    assert found.saturation.rate_rps == pytest.approx(600 + math.log(0.01) / 0.05, rel=0.01)
    assert found.bottleneck.resource == "api-1"

    run = save(job(tmp_path), found)
    assert run.manifest.kind == "saturation"
    assert run.json("saturation") == json.loads(to_json(document(found)))
    assert (run.folder / "saturation.png").stat().st_size > 10_000


def test_without_a_confirmation_one_server_does(opened: list[Service], tmp_path: Path) -> None:
    @contextmanager
    def fresh() -> Iterator[Service]:
        opened.append(Service("http://nowhere"))
        yield opened[-1]

    assert saturate(job(tmp_path, confirm=False), fresh).confirmed is None
    assert len(opened) == 1


def test_the_warm_up_asks_for_every_key_once() -> None:
    requests = each_key_once(DESIGN, 500, 100.0, seed=3)
    assert sorted(requests.key.tolist()) == list(range(500))
    assert {requests.operations[code] for code in requests.operation} == {"redirect"}
    assert np.diff(requests.arrival_s) == pytest.approx(0.01)
