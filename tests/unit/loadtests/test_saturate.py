"""A whole search on services made of a formula: which servers are started, what they are asked, what is kept."""

import json
import math
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from loadtests import saturate as searching
from loadtests.probes import Probe, Tally
from loadtests.saturate import CONFIRM, Job, OpenService, document, saturate
from loadtests.saturate_command import save
from loadtests.saturation import Settings
from loadtests.service import Service
from loadtests.session import Session
from loadtests.warm_up import each_key_once
from sdlab.catalog import load_design
from sdlab.errors import LabError
from sdlab.runs import to_json
from sdlab.workload import Requests

DESIGN = load_design("url_shortener")


class Formula:
    """Stands in for what loads a real service: M/M/1 with 600/s and a limit of 50 ms; fresh ones may be slower."""

    fresh_rps = 600.0

    def __init__(self, job: Job, told: Callable[[str], None]) -> None:
        self.keys, self.warm_up_rps, self.services = 100, 100.0, 0

    def begin(self, service: Service) -> None:
        self.services += 1

    def probe(self, rate_rps: float, role: str = "search") -> Probe:
        count = round(10 * rate_rps)
        service_rps = 600.0 if self.services == 1 else self.fresh_rps
        broken = round(count * math.exp(-max(0.0, service_rps - rate_rps) * 0.05))
        evidence = {"utilisation": {"api-1": min(1.0, rate_rps / 600.0)}, "times_s": {}, "response_time_s_p99": {}}
        tallies = (Tally("redirect over 50 ms", broken, count, 0.01),)
        return Probe(rate_rps, tallies, role=role, run_id="x", evidence=evidence)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Service]:
    monkeypatch.setattr(searching, "_Loader", Formula)
    return []


@pytest.fixture
def fresh(opened: list[Service]) -> OpenService:
    @contextmanager
    def start() -> Iterator[Service]:
        opened.append(Service("http://nowhere"))
        yield opened[-1]

    return start


def job(folder: Path, confirm: bool = True) -> Job:
    return Job(DESIGN, Settings(100.0), 10.0, 0.0, 1, "a test", None, folder, confirm)


def test_the_answer_is_held_against_fresh_servers_and_kept_with_its_figure(
    opened: list[Service], fresh: OpenService, tmp_path: Path
) -> None:
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


@pytest.mark.parametrize("fresh_rps", [500.0, 720.0])
def test_where_fresh_servers_contradict_the_answer_the_search_goes_on_to_theirs(
    opened: list[Service], fresh: OpenService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_rps: float
) -> None:
    monkeypatch.setattr(Formula, "fresh_rps", fresh_rps)
    found = saturate(job(tmp_path), fresh)
    assert len(opened) == 6
    assert not found.confirmations[0].agreed
    first, last = (confirmation.at[0].rate_rps for confirmation in found.confirmations)
    truth_rps = fresh_rps + math.log(0.01) / 0.05
    assert abs(last - truth_rps) < abs(first - truth_rps)
    assert document(found)["confirmation"].startswith("NOT confirmed: fresh servers ")
    assert "so the search went on; then" in document(found)["confirmation"]


def test_what_is_contradicted_twice_is_not_confirmed_anywhere(
    opened: list[Service], fresh: OpenService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers that carry less each time: the search ends, and its run folder says so plainly."""
    monkeypatch.setattr(Formula, "fresh_rps", property(lambda self: 600.0 - 60 * self.services))
    run = save(job(tmp_path), saturate(job(tmp_path), fresh))
    kept = run.json("saturation")
    assert kept["confirmed"] is False
    assert [one["agreed"] for one in kept["confirmations"]] == [False, False]
    assert kept["confirmation"].count("NOT confirmed: fresh servers fail at ") == 2


def test_without_a_confirmation_one_server_does(opened: list[Service], fresh: OpenService, tmp_path: Path) -> None:
    found = saturate(job(tmp_path, confirm=False), fresh)
    assert found.confirmed is None
    assert document(found)["confirmation"] == "not held against fresh servers"
    assert len(opened) == 1


def test_the_warm_up_asks_for_every_key_once() -> None:
    requests = each_key_once(DESIGN, 500, 100.0, seed=3)
    assert sorted(requests.key.tolist()) == list(range(500))
    assert {requests.operations[code] for code in requests.operation} == {"redirect"}
    assert np.diff(requests.arrival_s) == pytest.approx(0.01)


def test_each_fresh_service_is_asked_for_every_key_before_its_first_probe_and_one_that_dies_of_it_ends_the_search(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    windows: list[tuple[str, int]] = []

    def window(session: Session, requests: Requests, **said: object) -> None:
        windows.append((str(said["role"]), len(set(requests.key.tolist()))))

    monkeypatch.setattr(Session, "window", window)
    loader = searching._Loader(replace(job(tmp_path), warm_up_s=3.0), lambda _text: None)
    loader.begin(Service("http://nowhere"))
    loader.begin(Service("http://nowhere"))
    assert windows == [("warm_up", loader.keys)] * 2
    ended = subprocess.Popen(["true"])
    ended.wait()
    with pytest.raises(LabError, match=r"died at 100 requests/s \(api-1 ended\)"):
        loader.begin(Service("http://nowhere", {"api-1": ended.pid}))
