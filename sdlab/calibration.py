"""Measured service demands of a design: written by the calibration, read by the model. Nothing in it is typed."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Self

import numpy as np
import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sdlab.arrivals import FloatArray, stream
from sdlab.errors import InvalidInput
from sdlab.runs import Machine

PIECE_S = 1.0


class Demand(BaseModel):
    """Seconds one request asks of one part: the mean, and the quantiles of what was measured (0 to 1, equal steps).

    ``half_width_s`` is half the width of the mean's 95 % interval; None where no request was measured by itself, but
    the CPU time of a whole process was split over them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    mean_s: float = Field(ge=0)
    half_width_s: float | None = Field(default=None, ge=0)
    quantiles_s: tuple[float, ...] = Field(min_length=2)
    samples: int = Field(ge=1)

    @model_validator(mode="after")
    def _sorted(self) -> Self:
        if list(self.quantiles_s) != sorted(self.quantiles_s) or self.quantiles_s[0] < 0:
            raise InvalidInput("quantiles_s", self.quantiles_s[:3], "must be sorted, from 0 up")
        return self

    def quantile_s(self, share: float) -> float:
        """Seconds that a ``share`` (0 to 1) of the measured requests asked for at most."""
        return float(np.quantile(self.quantiles_s, share))


class Measured(BaseModel):
    """CPU seconds a request costs a busy API process where its operation comes often: by its thread's clock, with half
    the width of a 95 % interval, and by regressing the process's CPU time of whole windows on their requests."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    by_thread_clock_s: float = Field(ge=0)
    by_thread_clock_half_width_s: float = Field(ge=0)
    by_process_cpu_s: float = Field(ge=0)


class Wait(BaseModel):
    """Mean seconds that requests waited for something, with half the width of the mean's 95 % interval."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    mean_s: float = Field(ge=0)
    half_width_s: float = Field(ge=0)
    samples: int = Field(ge=1)


class Turn(BaseModel):
    """What a turn of the API's event loop costs by itself, however many requests are in it (seconds of CPU), with half
    the width of the 95 % interval."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    extra_s: float = Field(ge=0)
    half_width_s: float = Field(ge=0)


class IdleLevel(BaseModel):
    """What the first request costs more that finds the API process idle for at least ``after_s`` (seconds of CPU)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    after_s: float = Field(ge=0)
    extra_s: float = Field(ge=0)
    half_width_s: float = Field(ge=0)
    samples: int = Field(ge=1)


class Pace(BaseModel):
    """How the speed of the API's work changes from moment to moment.

    With the speed of its core (`sdlab.speed`): ``spin_s`` is the probe's mean time while the API was calibrated, and
    ``elasticity``, with half the width of its 95 % interval, the share of a relative change of it that the API's CPU
    time changes by. What that does not explain is in ``residuals``: CPU time used over CPU time expected, in steps of
    ``step_s`` one after another, of the busiest windows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    spin_s: float = Field(gt=0)
    elasticity: float = Field(ge=0)
    half_width: float = Field(ge=0)
    step_s: float = Field(gt=0)
    residuals: tuple[float, ...] = Field(min_length=1)

    def when(self, spin_s: FloatArray) -> FloatArray:
        """How many times as long as while it was calibrated the API's work takes when the probe takes ``spin_s``."""
        paces: FloatArray = 1 + self.elasticity * (spin_s / self.spin_s - 1)
        return paces

    def unexplained(self, at_s: FloatArray, seed: int) -> FloatArray:
        """A factor for each moment (from 0 s on), which varies in time as the residuals do: pieces of `PIECE_S` of
        theirs from anywhere, one after another (circular block bootstrap; Politis and Romano 1992)."""
        residuals = np.array(self.residuals)
        step = (at_s / self.step_s).astype(np.int64)
        piece = max(1, round(PIECE_S / self.step_s))
        pieces = int(step.max(initial=0)) // piece + 1
        starts = stream(seed, "pieces of residuals").integers(0, residuals.size, pieces)
        factors: FloatArray = residuals[(starts[step // piece] + step % piece) % residuals.size]
        return factors


class ClientFloor(BaseModel):
    """What a client adds to a response by itself, measured with a null endpoint in the API's place at ``rate_rps``.

    Response times of ``samples`` requests in seconds, from the send: their mean with half the width of its 95 %
    interval, p50 and p95. ``server_cpu_s`` of CPU time a request are the endpoint's own; what is left, `client_s`, are
    the load generator, the sockets and the kernel. The generator's lateness is in none of them. ``run_id`` is the
    window, which is measured once; ``invalid`` says why it does not count, as when other programs disturbed it.

    No model uses it, only the ``client`` demand of each operation, which can be held against it: that is what is left
    of a response without the application, too, but taken from the service itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    run_id: str
    rate_rps: float = Field(gt=0)
    samples: int = Field(ge=1)
    mean_s: float = Field(gt=0)
    half_width_s: float = Field(ge=0)
    p50_s: float = Field(gt=0)
    p95_s: float = Field(gt=0)
    server_cpu_s: float = Field(ge=0)
    lateness_p50_s: float
    lateness_p95_s: float
    invalid: tuple[str, ...] = ()

    @property
    def client_s(self) -> float:
        """Mean seconds of a response without the endpoint's own CPU time."""
        return max(0.0, self.mean_s - self.server_cpu_s)


class Calibration(BaseModel):
    """``demands[operation][part]`` as measured at ``rate_rps``, with where and when; ``client_floor`` is no parameter.

    ``segments[operation]`` are the shares of its ``api`` demand by what the process does in one go: reading the
    request, up to the first await, between awaits, after the last up to the answer, and after the answer ("parse",
    "first", "middle", "last", "finish"; they add up to 1). ``turn`` is what a turn of its loop costs by itself, and
    ``idle`` are the levels of what an idle gap costs; ``cpu`` is the evidence by two methods;
    ``pool_wait[operation]`` how long it waited for a database connection, which is in no demand, for the model has the
    pool itself. All are at the mean speed of the windows; ``pace`` says what that was and what another one means, where
    it is known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    design: str
    run_ids: list[str]
    commit: str
    created_at: str
    machine: Machine
    rate_rps: float = Field(gt=0)
    utilisation: float = Field(ge=0, le=1)
    demands: dict[str, dict[str, Demand]]
    segments: dict[str, dict[str, float]] = {}
    turn: Turn = Turn(extra_s=0.0, half_width_s=0.0)
    idle: tuple[IdleLevel, ...] = ()
    cpu: dict[str, Measured] = {}
    pool_wait: dict[str, Wait] = {}
    pace: Pace | None = None
    client_floor: ClientFloor | None = None

    @property
    def digest(self) -> str:
        """Twelve hex digits that name these parameters: what a validation froze. The client's floor is none of them."""
        return hashlib.sha256(self.model_dump_json(exclude={"client_floor"}).encode()).hexdigest()[:12]

    def save(self, path: Path) -> None:
        header = "# Written by `./lab calibrate`; never by hand.\n"
        partial = path.with_suffix(".partial")
        partial.write_text(header + tomli_w.dumps(self.model_dump(mode="json", exclude_none=True)))
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """Raises `InvalidInput` if the file is no calibration."""
        try:
            return cls.model_validate(tomllib.loads(path.read_text()))
        except OSError as error:
            raise InvalidInput("calibration", str(path), f"cannot be read: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, ValidationError) as error:
            raise InvalidInput("calibration", str(path), f"is no calibration: {error}") from None
