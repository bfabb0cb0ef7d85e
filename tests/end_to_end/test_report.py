"""`lab report` as a person runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sdlab.catalog import ROOT
from tests.unit.reports.synthetic import SyntheticStudy


def lab_report(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sdlab", "report", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_it_writes_the_pages_and_ends_with_the_verdict_and_the_path(tmp_path: Path) -> None:
    SyntheticStudy(tmp_path, slug="url_shortener", design=None).capacity(5000.0)
    done = lab_report("url_shortener", "--runs", str(tmp_path))
    assert done.returncode == 0, done.stderr
    page = tmp_path / "site" / "url_shortener.html"
    verdict, path = done.stdout.splitlines()
    assert verdict.startswith("URL shortener: SLOs at 10 M requests/day not judged")
    assert "headroom 14× over the peak of 347 requests/s" in verdict
    assert path == f"Report: {page}"
    assert page.read_text().endswith("</html>\n")
    assert sorted(one.name for one in page.parent.iterdir() if one.is_file()) == [
        "index.html", "index.md", "url_shortener.html", "url_shortener.json", "url_shortener.md",
    ]  # fmt: skip


def test_an_unknown_design_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    done = lab_report("no_such_design", "--runs", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith("lab: design = 'no_such_design': no such design; there are")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
