"""Arrival processes by name, as a person writes them: ``poisson``, ``flash_crowd:peak_rps=900,at_s=30``.

The text after the name gives the process's own parameters; lists are written ``1/9``. The rate, the duration and the
seed come from elsewhere, since every process has them: the rate is the one a process starts from or, for `mmpp`, its
long-run mean.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from sdlab import arrivals, varying
from sdlab.arrivals import FloatArray
from sdlab.errors import InvalidInput
from sdlab.varying import Profile

Parameter: TypeAlias = float | str | tuple[float, ...]

OPTION = "--arrival"


def ramp(
    rate_rps: float, duration_s: float, _seed: int, *, to_rps: float, start_s: float = 0.0, end_s: float | None = None
) -> Profile:
    """from the rate to another, linearly (default: over the whole run)"""
    return varying.ramp(rate_rps, to_rps, duration_s, start_s, end_s)


def step(rate_rps: float, duration_s: float, _seed: int, *, to_rps: float, at_s: float) -> Profile:
    """the rate until a time, another from then on"""
    return varying.step(rate_rps, to_rps, at_s, duration_s)


def flash_crowd(
    rate_rps: float,
    duration_s: float,
    _seed: int,
    *,
    peak_rps: float,
    at_s: float,
    rise_s: float = 10.0,
    hold_s: float = 60.0,
    decay_s: float = 60.0,
) -> Profile:
    """the rate, and a crowd that comes on top of it and goes"""
    return varying.flash_crowd(rate_rps, peak_rps, at_s, rise_s, hold_s, decay_s, duration_s)


def mmpp(
    rate_rps: float, duration_s: float, seed: int, *, ratios: tuple[float, ...], sojourns_s: tuple[float, ...]
) -> Profile:
    """bursts: states whose rates are as ratios and that last sojourns_s on average; the rate is the mean"""
    weights, means = np.asarray(ratios), np.asarray(sojourns_s)
    if weights.size != means.size or not np.all(np.isfinite(weights) & (weights >= 0)) or weights.max() == 0:
        raise InvalidInput("ratios", ratios, "must be finite, not below 0, not all 0, and as many as sojourns_s")
    mean_ratio = float((weights * means).sum() / means.sum()) if means.sum() else 0.0
    return varying.mmpp((rate_rps * weights / (mean_ratio or 1.0)).tolist(), sojourns_s, duration_s, seed)


def profile(
    rate_rps: float, duration_s: float, _seed: int, *, times_s: tuple[float, ...], ratios: tuple[float, ...]
) -> Profile:
    """the rate times ratios at times_s, linear in between; a time given twice is a jump"""
    return Profile.of(times_s, [rate_rps * ratio for ratio in ratios], duration_s)


STEADY: dict[str, Callable[[float, float, int], FloatArray]] = {
    "constant": arrivals.constant,
    "poisson": arrivals.poisson,
}
PROFILES: dict[str, Callable[..., Profile]] = {
    maker.__name__: maker for maker in (ramp, step, flash_crowd, mmpp, profile)
}
PROCESSES = (*STEADY, *PROFILES)


def times_of(choice: str, rate_rps: float, duration_s: float, seed: int) -> FloatArray:
    """Sorted times of arrival in ``[0, duration_s)``.

    Raises `InvalidInput` for a process that does not exist, a parameter it does not have or one out of its bounds.
    """
    name, parameters = parse(choice)
    if name in STEADY:
        return STEADY[name](rate_rps, duration_s, seed)
    spacing = str(parameters.pop("spacing", "poisson"))
    return _profile(name, parameters, rate_rps, duration_s, seed).arrivals(seed, spacing)


def expected_count(choice: str, rate_rps: float, duration_s: float, seed: int) -> float:
    """How many arrivals there will be on average (`mmpp`: on the path its states take under this seed)."""
    name, parameters = parse(choice)
    if name in STEADY:
        return rate_rps * duration_s
    parameters.pop("spacing", None)
    return float(_profile(name, parameters, rate_rps, duration_s, seed).expected()[-1])


def _profile(name: str, parameters: Mapping[str, Parameter], rate_rps: float, duration_s: float, seed: int) -> Profile:
    varying.positive("rate", rate_rps, "requests a second")
    varying.positive("duration", duration_s, "seconds")
    return PROFILES[name](rate_rps, duration_s, seed, **parameters)


def parse(choice: str) -> tuple[str, dict[str, Parameter]]:
    """The name of the process and its parameters, checked for their names and kinds."""
    name, _, rest = choice.partition(":")
    if name not in PROCESSES:
        raise InvalidInput(OPTION, choice, f"must be one of {', '.join(PROCESSES)}")
    kinds = _kinds(name)
    parameters: dict[str, Parameter] = {}
    for text in rest.split(",") if rest else []:
        key, equals, value = text.partition("=")
        if not equals or key not in kinds:
            known = ", ".join(f"{kind}=..." for kind in kinds) or "nothing"
            raise InvalidInput(OPTION, choice, f"{name} takes {known}, not {text!r}")
        parameters[key] = value if kinds[key] is str else _numbers(choice, key, value, is_list=kinds[key] is tuple)
    missing = [key for key in _required(name) if key not in parameters]
    if missing:
        raise InvalidInput(OPTION, choice, f"{name} needs {', '.join(missing)}; for example {example(name)}")
    return name, parameters


def example(name: str) -> str:
    """A choice that names every parameter a process needs."""
    given = {"to_rps": "400", "at_s": "30", "peak_rps": "900", "ratios": "1/9", "sojourns_s": "60/5", "times_s": "0/60"}
    needed = ",".join(f"{key}={given[key]}" for key in _required(name))
    return f"{name}:{needed}" if needed else name


def described() -> str:
    """The processes, for the help of an option."""
    return f"{', '.join(PROCESSES)}; with parameters as in {example('flash_crowd')}"


def _numbers(choice: str, key: str, text: str, *, is_list: bool) -> float | tuple[float, ...]:
    try:
        numbers = tuple(float(number) for number in text.split("/"))
    except ValueError:
        numbers = ()
    if not numbers or not (is_list or len(numbers) == 1):
        shape = "numbers like 1/9" if is_list else "a number"
        raise InvalidInput(OPTION, choice, f"{key} must be {shape}, not {text!r}")
    return numbers if is_list else numbers[0]


def _own_parameters(name: str) -> list[inspect.Parameter]:
    if name in STEADY:
        return []
    parameters = inspect.signature(PROFILES[name]).parameters.values()
    return [parameter for parameter in parameters if parameter.kind is inspect.Parameter.KEYWORD_ONLY]


def _kinds(name: str) -> dict[str, type]:
    kinds: dict[str, type] = {
        parameter.name: tuple if "tuple" in str(parameter.annotation) else float for parameter in _own_parameters(name)
    }
    return kinds | {"spacing": str} if kinds else kinds


def _required(name: str) -> list[str]:
    return [parameter.name for parameter in _own_parameters(name) if parameter.default is inspect.Parameter.empty]
