"""A measure is a function from a trace to one number (or one per agent) per world; an estimate sums it up.

World is the unit of every statistic. What is undefined is `NA` with a reason, never a number.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from ._trace import Trace


class NA(Exception):  # noqa: N818  (the field's name for a missing value)
    """Raised by a measure that does not apply to this trace; its text is the reason."""


@dataclass(frozen=True)
class Measure:
    """A named measure; call it on a trace for Float[W] or Float[W, columns], NaN where undefined.

    `undefined` is the reason printed for the worlds whose value is NaN.
    """

    name: str
    function: Callable[[Trace], np.ndarray]
    unit: str
    better: Literal["higher", "lower", "neither"]
    cites: str
    undefined: str = "undefined in these worlds"
    per: Literal["world", "agent", "stakeholder"] = "world"

    def __call__(self, trace: Trace) -> np.ndarray:
        return np.asarray(self.function(trace), dtype=float)

    @property
    def text(self) -> str:
        """The definition, from the function's docstring."""
        return (self.function.__doc__ or "").strip()


def measure(
    *,
    unit: str,
    better: Literal["higher", "lower", "neither"],
    cites: str,
    undefined: str = "undefined in these worlds",
    per: Literal["world", "agent", "stakeholder"] = "world",
) -> Callable[[Callable[[Trace], np.ndarray]], Measure]:
    """Turn a function of a trace into a `Measure`, named as the function."""

    def make(function: Callable[[Trace], np.ndarray]) -> Measure:
        return Measure(function.__name__, function, unit, better, cites, undefined, per)  # type: ignore[attr-defined]

    return make


@dataclass(frozen=True)
class Estimate:
    """A value with its interval and the numbers behind it, one per independent world.

    `value` is NaN and `reason` says why when nothing could be estimated. `n` worlds were used,
    `missing` were not. `low` and `high` bound the 95 % interval.
    """

    value: float
    low: float
    high: float
    n: int
    missing: int = 0
    reason: str = ""
    worlds: np.ndarray = field(default_factory=lambda: np.zeros(0), repr=False, compare=False)

    @property
    def known(self) -> bool:
        """Whether there is a value at all."""
        return self.reason == "" or self.n > 0

    def __str__(self) -> str:
        if self.n == 0:
            return f"NA ({self.reason})"
        lost = f" [{self.missing} missing: {self.reason}]" if self.missing else ""
        if self.n == 1:
            return f"{self.value:.2f} (one world){lost}"
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]{lost}"

    def as_dict(self) -> dict:
        """JSON-able; NaN becomes None."""

        def plain(x: float):
            return None if np.isnan(x) else float(x)

        numbers = {"value": plain(self.value), "low": plain(self.low), "high": plain(self.high)}
        return numbers | {"n": self.n, "missing": self.missing, "reason": self.reason}


def not_available(reason: str, missing: int = 0) -> Estimate:
    """An estimate that says why there is none."""
    return Estimate(np.nan, np.nan, np.nan, 0, missing, reason)


def estimate(
    values: np.ndarray, reason: str = "undefined in these worlds", resamples: int = 2000
) -> Estimate:
    """Mean over worlds with a 95 % bootstrap interval (BCa from 20 worlds, percentile below).

    `values` is Float[W]; NaN worlds are counted as missing for `reason`. The bootstrap draws from
    a fixed seed, so an estimate is a function of its worlds. Source: measures.md section 6; Efron
    1987 for BCa.
    """
    values = np.asarray(values, dtype=float).ravel()
    used = values[~np.isnan(values)]
    missing = len(values) - len(used)
    if len(used) == 0:
        return not_available(reason, missing)
    mean = float(used.mean())
    if len(used) == 1:
        return Estimate(mean, np.nan, np.nan, 1, missing, reason if missing else "", used)
    if np.ptp(used) == 0.0:
        low = high = mean
    else:
        from scipy import stats  # imported late: half a second that --help need not pay

        kind = "BCa" if len(used) >= 20 else "percentile"
        rng = np.random.default_rng(0)
        found = stats.bootstrap(
            (used,),
            np.mean,
            method=kind,
            n_resamples=resamples,
            rng=rng,
            batch=max(1, 4_000_000 // len(used)),
        )
        low, high = map(float, found.confidence_interval)
    return Estimate(mean, low, high, len(used), missing, reason if missing else "", used)


def summarize(one: Measure, trace: Trace) -> list[Estimate]:
    """One estimate per column of the measure, over the valid worlds; NA keeps its reason."""
    valid = trace.valid
    if not valid.any():
        return [not_available("no valid world: " + _reasons(trace), len(valid))]
    try:
        values = one(trace.worlds(valid))
    except NA as reason:
        return [not_available(str(reason), int(valid.sum()))]
    columns = values.reshape(len(values), -1).T
    found = [estimate(column, one.undefined) for column in columns]
    return [_with_invalid(e, trace, int((~valid).sum())) for e in found]


def _with_invalid(found: Estimate, trace: Trace, lost: int) -> Estimate:
    """The same estimate, counting the worlds that were not valid as missing."""
    if not lost:
        return found
    reason = "; ".join(filter(None, [found.reason, f"{lost} invalid: {_reasons(trace)}"]))
    return replace(found, missing=found.missing + lost, reason=reason)


def _reasons(trace: Trace) -> str:
    return "; ".join(sorted({reason for reason in trace.invalid if reason})) or "the trace is empty"
