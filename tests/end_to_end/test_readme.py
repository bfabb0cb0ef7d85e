"""Every command that the README shows is run, as it stands or (where it takes minutes) in a shorter form."""

from __future__ import annotations

import re
import urllib.request

import pytest

from sdlab.catalog import ROOT
from tests.end_to_end.cli import lab, lab_until

README = (ROOT / "README.md").read_text()
COMMANDS = [
    line.partition("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]

# Commands with a test of their own, which says more than that they run.
ELSEWHERE = {
    "./lab run": "test_run.py, with --quick",
    "./lab calibrate url_shortener": "a part of validate",
    "./lab validate url_shortener": "test_run.py, as the second phase",
    "./lab report url_shortener": "test_run.py and test_report.py",
    "./lab saturate url_shortener": "test_run.py, as the first phase",
    "./lab test": "this is it",
    "./lab swarm url_shortener --rate 300 --arrival poisson --duration 30 --seed 7": "test_swarm.py, for less time",
    "./lab swarm url_shortener --trace tests/data/access.log --speed 60": "test_swarm.py",
}
UNTIL_CTRL_C = {
    "./lab serve url_shortener": "curl",
    "./lab notebook": "http://127.0.0.1",
}
SMALL_DAY = ["--set", "workload.requests_per_day=1e5"]
SMALL_CACHE = ["--set", "topology.cache.capacity_entries=10000"]
# The whole day of ten million requests, the default, takes its time: a smaller one follows the same code. So do fewer
# requests, and a smaller cache to fill; that the engines agree on many, test_simulate.py shows.
SHORTER = {
    "./lab capacity url_shortener --requests 50000": ["--requests", "10000", "--precision", "0.1", *SMALL_CACHE],
    "./lab simulate url_shortener": [*SMALL_DAY, *SMALL_CACHE],
    "./lab simulate url_shortener --rate 3000 --duration 60 --set topology.api.workers=4": SMALL_CACHE,
    "./lab simulate url_shortener --requests 20000 --engine simpy": ["--requests", "4000", *SMALL_DAY, *SMALL_CACHE],
    "./lab simulate url_shortener --rate 300 --duration 60 --replications 5": SMALL_CACHE,
    "./lab sweep url_shortener --over topology.api.workers=1:3 --over workload.requests_per_day=1e7:1e8:log --requests "
    "20000": SMALL_CACHE,
}
DIRECT = [command for command in COMMANDS if command not in ELSEWHERE and command not in UNTIL_CTRL_C]


def words(command: str) -> list[str]:
    program, *arguments = command.split()
    assert program == "./lab", "the README shows commands of the lab"
    return arguments


@pytest.mark.parametrize("command", DIRECT)
def test_a_command_of_the_readme_runs(command: str) -> None:
    done = lab(*words(command), *SHORTER.get(command, []))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_serve_prints_what_to_try_and_stops_on_ctrl_c() -> None:
    said, stopped_after_s, code = lab_until("serve", "url_shortener", "--links", "10", "--port", "0", said="curl")
    (docs_url,) = re.findall(r"http://127\.0\.0\.1:\d+/docs", said)[:1]
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(docs_url, timeout=2)
    assert stopped_after_s < 5
    assert code in (0, 130)


def test_notebook_starts_on_this_machine_only_and_stops_on_ctrl_c() -> None:
    said, stopped_after_s, _ = lab_until("notebook", "--no-browser", said="http://127.0.0.1")
    assert "http://127.0.0.1" in said
    assert stopped_after_s < 5


def test_no_command_is_listed_that_the_readme_does_not_show() -> None:
    assert set(ELSEWHERE) | set(UNTIL_CTRL_C) | set(SHORTER) <= set(COMMANDS)


def test_files_that_the_readme_names_exist() -> None:
    targets = re.findall(r"\]\((?!http)([^)#]+)", README)
    assert [target for target in targets if not (ROOT / target).exists()] == []
