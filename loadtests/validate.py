"""Validation's measured half: blocks of calibrating, freezing, and loading the service where nothing was fitted.

A block is a freshly started service. It is calibrated, its parameters are frozen - fitted to its calibration's windows
and those of the blocks before it, written to a file and named by a digest - and only then come the loads they will be
judged at, each once, in random order. So no parameter has seen its loads, and yet what drifts in the machine meets
both alike; the blocks are the repeats. `lab predict` replays what was sent in the model, with the block's own
parameters, and `lab report` compares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from loadtests import validity
from loadtests.calibrate import WARM_UP_S, Calibrated, Settings, calibrate
from loadtests.freeze import freeze
from loadtests.session import Session
from sdlab import arrivals, runs, spoilt, workload
from sdlab.runs import Run

SHARES = (0.5, 0.6, 0.7, 0.8, 0.9)
ROLE = "held_out"
_SEED_STEP = 1000  # other arrivals, operations and keys than the calibration's, and in each block


@dataclass(frozen=True)
class Plan:
    """The loads of each block: shares of ``saturation_rps``, ``source`` saying where that number is from.

    At most ``repeated`` windows of a block that the machine spoilt are measured again; if it is 0, no window of its
    calibration is either.
    """

    saturation_rps: float
    source: str
    shares: Sequence[float] = SHARES
    calibration_window_s: float = 5.0
    window_s: float = 8.0
    repeated: int = spoilt.REPEATED_PER_BLOCK
    warm_up_s: float = WARM_UP_S


@dataclass
class Block:
    """What one block left: its frozen parameters, from its own calibration and those before it, and its windows with
    the reasons why some were rejected.

    ``calibration_disturbed``: how the machine disturbed windows that it was calibrated by, a reason each.
    """

    number: int
    calibrated: Calibrated
    frozen: Run
    windows: list[Run] = field(default_factory=list)
    rejected: dict[str, list[str]] = field(default_factory=dict)
    calibration_disturbed: list[str] = field(default_factory=list)


def measure(
    session: Session, plan: Plan, number: int, told: Callable[[str], None], earlier: Calibrated | None = None
) -> Block:
    """Run one block on a fresh service. ``told`` hears what is being done; ``earlier`` is what the block before it was
    calibrated to."""
    settings = Settings(plan.calibration_window_s, plan.saturation_rps, plan.warm_up_s, plan.repeated > 0)
    done = calibrate(session, settings, told, earlier)
    calibration, keys = done.calibration, done.keys
    block = Block(number, done, freeze(session, done, plan.calibration_window_s))
    told(f"block {number}: parameters frozen as {calibration.digest}")
    counted = [run.json("resources") for run in session.done if run.manifest.run_id in calibration.run_ids]
    calibrated_s = spoilt.reference_s(counted)
    disturbed = [spoilt.by_the_machine(resources, calibrated_s) for resources in counted]
    block.calibration_disturbed = [reason for reason in disturbed if reason]
    order = arrivals.stream(session.seed, f"order of windows, block {number}").permutation(len(plan.shares))
    waiting = [plan.shares[index] for index in order]
    repeats_left = plan.repeated
    while waiting:
        share = waiting.pop(0)
        told(f"block {number}: held-out load at {share:.0%} of saturation")
        run = _window(session, plan, block, keys, share, calibrated_s)
        block.windows.append(run)
        if reasons := rejection(run.requests(), run.json("resources"), calibrated_s):
            block.rejected[run.manifest.run_id] = reasons
            if repeats_left:
                repeats_left -= 1
                waiting.append(share)
    return block


def rejection(table: pd.DataFrame, resources: Mapping[str, object], calibrated_s: float) -> list[str]:
    """Why a window is rejected and to be measured again, by the rule of `sdlab.spoilt`; empty if it is not."""
    # "Ended on purpose" asks for no rule about the service's own run; a drop is what it did to the generator.
    faults = validity.judge(table[table["outcome"] != "dropped"], resources, stopped="").reasons
    found = spoilt.by_the_machine(resources, calibrated_s)
    return [*([found] if found else []), *faults]


def _window(session: Session, plan: Plan, block: Block, keys: int, share: float, calibrated_s: float) -> Run:
    design = session.design
    rate_rps = share * plan.saturation_rps
    seed = session.seed + _SEED_STEP * block.number + len(block.windows)
    requests = workload.steady(design, "poisson", rate_rps, plan.window_s, seed, keys)
    return session.window(
        requests,
        seed=seed,
        role=ROLE,
        arrival="poisson",
        rate_rps=rate_rps,
        duration_s=plan.window_s,
        share=share,
        saturation_rps=plan.saturation_rps,
        saturation_source=plan.source,
        calibration_run_id=block.frozen.manifest.run_id,
        digest=block.calibrated.calibration.digest,
        calibrated_probe_s=calibrated_s,
        calibration_windows_disturbed=len(block.calibration_disturbed),
    )


def searched_rps(slug: str, study: str | None, runs_folder: Path | None = None) -> tuple[float, str] | None:
    """The rate that the newest `lab saturate` of the same study found, and its run's name; None without one."""
    run = runs.newest_search(slug, study, runs_folder)
    return None if run is None else (float(run.json("saturation")["rate_rps"]), run.manifest.run_id)
