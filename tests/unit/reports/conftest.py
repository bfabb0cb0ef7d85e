from __future__ import annotations

from pathlib import Path

import pytest

from reports.build import build, measured_loads
from reports.collect import choose_study, read_study
from reports.document import Report
from reports.verdict import Verdict
from tests.unit.reports.synthetic import SyntheticStudy


@pytest.fixture
def study(tmp_path: Path) -> SyntheticStudy:
    """An empty folder of runs to fill."""
    return SyntheticStudy(tmp_path)


@pytest.fixture(scope="session")
def whole_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs of a study with every part."""
    runs = tmp_path_factory.mktemp("runs")
    SyntheticStudy(runs).whole()
    return runs


@pytest.fixture(scope="session")
def whole(whole_runs: Path) -> tuple[Report, Verdict]:
    """The report of the whole study: built once, drawing takes seconds."""
    chosen = choose_study("paste_bin", runs=whole_runs)
    return build(read_study(chosen), measured_loads(chosen))
