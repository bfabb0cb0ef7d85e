"""Load generators that nobody here wrote, each as a function from a URL to what it measured.

- wrk (Debian's package) for peak throughput. It answers for coordinated omission by adding samples: an answer that took
  more than twice the mean interval between a connection's answers also stands for those it would have had meanwhile
  (its ``stats_correct``). `as_wrk_corrects` does the same to our times, so that like is compared with like.
- autocannon (npm) at a rate. Its ``-R`` is no constant rate: each connection makes its share of a second's requests one
  after the other and then waits for the next second. By default it corrects for coordinated omission, with an expected
  interval of ``ceil(1 / rate)``, a second count taken for milliseconds: 1 ms at any rate. 240 answers of 20 ms and more
  became 8,979 samples from 1 ms on. ``-C`` (ignoreCoordinatedOmission) turns that off, and is what is used here; its
  histogram has whole milliseconds, so the times are those of its response event. Its first second, in which it
  connects, is left out, as ours is.
- h2load (Debian's nghttp2-client), HTTP/1.1 at a constant rate, because autocannon has none. Its clock ticks every
  10 ms: up to 100 requests a second a connection are evenly spaced, 200 are pairs. (Half of the 600 gaps
  between 600 of them were 0.1 ms, half 10.2 ms.)
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sdlab.arrivals import FloatArray
from sdlab.errors import LabError

HOW_TO_GET = {
    "wrk": "apt-get install wrk",
    "autocannon": "npm install --global autocannon (or put node_modules/.bin on the PATH)",
    "h2load": "apt-get install nghttp2-client",
}
_WRK_REPORT = """
done = function(summary, latency, requests)
  io.write(string.format('{"requests": %d, "duration_us": %d, "mean": %f, "p50": %f, "p90": %f, "p99": %f}\\n',
    summary.requests, summary.duration, latency.mean,
    latency:percentile(50), latency:percentile(90), latency:percentile(99)))
end
"""
_AUTOCANNON = """
const autocannon = require(process.argv[1])
const times = []
const began_ms = performance.now()
const instance = autocannon({ url: process.argv[2], connections: +process.argv[3], overallRate: +process.argv[4],
  duration: +process.argv[5] + 1, ignoreCoordinatedOmission: true }, (error, result) => {
  if (error) throw error
  console.log(JSON.stringify({ rate: times.length / +process.argv[5], errors: result.errors, times_ms: times }))
})
instance.on('response', (client, status, bytes, time_ms) => {
  if (performance.now() - began_ms >= 1000) times.push(time_ms)
})
"""


@dataclass(frozen=True)
class Measured:
    """Requests a second, and seconds of service time."""

    rate_rps: float
    mean_s: float
    p50_s: float
    p90_s: float
    p99_s: float

    @classmethod
    def of(cls, rate_rps: float, times_s: FloatArray) -> Measured:
        p50_s, p90_s, p99_s = np.quantile(times_s, (0.5, 0.9, 0.99))
        return cls(rate_rps, float(times_s.mean()), float(p50_s), float(p90_s), float(p99_s))


def missing() -> list[str]:
    """The tools that are not on the PATH."""
    return [name for name in HOW_TO_GET if shutil.which(name) is None]


def versions() -> dict[str, str]:
    """What each tool says that it is."""
    asked = {"wrk": ["wrk", "-v"], "autocannon": ["autocannon", "--version"], "h2load": ["h2load", "--version"]}
    said = {}
    for name, command in asked.items():
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        said[name] = (done.stdout + done.stderr).strip().splitlines()[0]
    return said


def wrk(url: str, connections: int, seconds: int) -> Measured:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_WRK_REPORT)
        script.flush()
        said = _said(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script.name, url], seconds)
    found = json.loads(said.splitlines()[-1])
    times_s = [found[name] / 1e6 for name in ("mean", "p50", "p90", "p99")]
    return Measured(found["requests"] / found["duration_us"] * 1e6, *times_s)


def as_wrk_corrects(times_s: FloatArray, wall_s: float, connections: int) -> FloatArray:
    """Our times of a closed loop with the samples that wrk would add to them."""
    expected_s = wall_s / (times_s.size / connections)
    slow = times_s[times_s >= 2 * expected_s]
    added = [np.arange(time_s - expected_s, expected_s, -expected_s) for time_s in slow]
    return np.concatenate([times_s, *added])


def autocannon(url: str, connections: int, rate_rps: float, seconds: int) -> Measured:
    program = shutil.which("autocannon")
    assert program is not None
    module = str(Path(program).resolve().parent)
    options = [module, url, str(connections), f"{rate_rps:g}", str(seconds)]
    found = json.loads(_said(["node", "-e", _AUTOCANNON, *options], seconds))
    if found["errors"]:
        raise LabError(f"autocannon had {found['errors']} errors")
    return Measured.of(found["rate"], np.array(found["times_ms"]) / 1e3)


def h2load(url: str, rate_rps: float, seconds: int) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        options = ["--h1", "-c1", "-m1", "-D", str(seconds), f"--rps={rate_rps:g}", f"--log-file={log}"]
        _said(["h2load", *options, url], seconds)
        began_us, status, took_us = np.loadtxt(log, unpack=True)
    if not (status == 302).all():
        raise LabError(f"h2load had other answers than 302: {sorted(set(status.tolist()))}")
    return Measured.of(sent_rate_rps(began_us / 1e6), took_us / 1e6)


def sent_rate_rps(sent_s: FloatArray) -> float:
    """Requests a second between the first and the last that was sent."""
    return float((sent_s.size - 1) / (sent_s.max() - sent_s.min()))


def _said(command: list[str], seconds: int) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=False)
    if done.returncode != 0:
        raise LabError(f"{command[0]} failed: {' '.join((done.stderr or done.stdout).split())[-400:]}")
    return done.stdout
