"""The search for saturation on the real stack, against a stub whose saturation is known."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from loadtests.probes import Verdict
from loadtests.saturate import Job, saturate
from loadtests.saturate_command import save
from loadtests.saturation import Settings
from loadtests.service import Service
from sdlab.catalog import load_design
from sdlab.runs import find_runs
from tests.functional.loadtests.conftest import StartStub

SERVICE_S = 0.002


@pytest.mark.quiet
def test_no_rate_beyond_the_stubs_saturation_passes_and_what_was_probed_is_kept(
    start_stub: StartStub, tmp_path: Path
) -> None:
    """One server of 2 ms carries 500 requests/s and not one more, whatever the machine that runs it."""

    @contextmanager
    def fresh() -> Iterator[Service]:
        stub = start_stub("--one-server", "constant", "--service-time", str(SERVICE_S))
        yield Service(stub.url, {"api-1": stub.process.pid}, workers=1)

    settings = Settings(start_rps=400.0, precision=0.5, max_rps=600.0)
    job = Job(load_design("url_shortener"), settings, 1.0, 0.0, 3, "a test", "a study", tmp_path, confirm=False)
    found = saturate(job, fresh)

    passed = [probe.rate_rps for probe in found.probes if probe.verdict is Verdict.PASS]
    assert 0 < max(passed) < 1 / SERVICE_S
    assert found.saturation.low_rps <= found.saturation.rate_rps <= found.saturation.high_rps
    assert found.confirmed is None

    kept = save(job, found)
    assert {probe["run_id"] for probe in kept.json("saturation")["probes"]} == {
        run.manifest.run_id for run in find_runs(kind="load_test", runs=tmp_path)
    }
    assert {run.manifest.parameters["role"] for run in find_runs(kind="load_test", runs=tmp_path)} == {"saturation"}
    assert (kept.folder / "saturation.png").read_bytes()[:4] == b"\x89PNG"
    assert "<svg" in (kept.folder / "saturation.svg").read_text()
