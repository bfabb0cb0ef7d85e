"""The command's options and errors, in this process: starting a new one for each takes seconds."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator

import pytest

from sdlab import cli
from tests.unit.reports.synthetic import SyntheticStudy

Lab = Callable[..., int]


@pytest.fixture
def lab_report(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["lab", "report", *arguments])
        return cli.main()

    before = signal.getsignal(signal.SIGTERM)
    yield run
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def study(study: SyntheticStudy) -> SyntheticStudy:
    study.slug, study.design = "url_shortener", None
    return study


def test_the_verdict_is_data_on_request_and_the_pages_go_where_they_are_wanted(
    study: SyntheticStudy, lab_report: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    study.capacity(5000.0)
    out = study.runs / "elsewhere" / "pages"
    assert lab_report("--runs", str(study.runs), "--out", str(out), "--json") == 0
    content = json.loads(capsys.readouterr().out)["url_shortener"]
    assert content["capacity_rate_rps"] == 5000.0
    assert content["slos_met"] is None
    assert content["page"] == str(out / "url_shortener.html")
    assert (out / "index.html").is_file()
    assert not (study.runs / "site").exists()


@pytest.mark.parametrize(("arguments", "words"), [
    (("--study", "other", "url_shortener"), "lab: --study = 'other': url_shortener has no such study; it has"),
    (("--publish", "--out", "x"), "lab: --out = 'x': cannot be given with --publish"),
    (("--runs", "/no/such/folder"), "lab: --runs = '/no/such/folder': is no folder"),
    (("--out", "/dev/null/x", "url_shortener"), "lab: --out = '/dev/null/x': cannot be written: Not a directory"),
])  # fmt: skip
def test_what_it_cannot_do_is_one_line_and_exit_code_2(
    study: SyntheticStudy,
    lab_report: Lab,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    words: str,
) -> None:
    with study.run("load_test", {"mode": "closed"}):
        pass
    assert lab_report("--runs", str(study.runs), *arguments) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(words)
    assert printed.err.count("\n") == 1
    assert printed.out == ""
    assert not (study.runs / "site").exists()


@pytest.mark.parametrize("arguments", [(), ("url_shortener",)])
def test_without_any_run_it_says_which_command_makes_one(
    study: SyntheticStudy, lab_report: Lab, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert lab_report("--runs", str(study.runs), *arguments) == 2
    assert "`./lab run`" in capsys.readouterr().err
