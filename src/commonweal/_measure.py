"""A measure is a function from a trace to one number (or one per agent) per world; an estimate sums it up.

World is the unit of every statistic. What is undefined is `NA` with a reason, never a number.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from ._bounds import limits, shown
from ._interval import FEWEST, mean_interval, share_interval
from ._plain import shown as plain
from ._trace import Trace

INTENDED = "intended acts (what was chosen, beside what was done)"


class NA(Exception):  # noqa: N818  (the field's name for a missing value)
    """Raised by a measure that does not apply to this trace; its text is the reason."""


@dataclass(frozen=True)
class Measure:
    """A named measure; call it on a trace for Float[W] or Float[W, columns], NaN where undefined.

    `columns` names what stands side by side in a row of several numbers a world; `one` says what 1 means.
    `undefined` is the reason printed for the worlds whose value is NaN. A world in which a speaker
    refused to act has no value: doing nothing may help or harm, and was nobody's choice. A measure of
    speech itself reads such worlds too: it says `refusals`.
    """

    name: str
    function: Callable[[Trace], np.ndarray]
    unit: str
    better: Literal["higher", "lower", "neither"]
    cites: str
    undefined: str = "undefined in these worlds"
    per: Literal["world", "agent", "stakeholder"] = "world"
    refusals: bool = False
    columns: tuple[str, ...] = ()
    one: str = ""

    def __call__(self, trace: Trace) -> np.ndarray:
        if not isinstance(trace, Trace):
            raise TypeError(
                f"{self.name}: got {shown(trace)}, expected a trace; "
                f"try {self.name}(cw.run(society, seeds=64))"
            )
        values = np.array(self.function(trace), dtype=float)
        if trace.refused is not None and not self.refusals:
            values[trace.refused.any(axis=(1, 2))] = np.nan
        return values

    def why(self, refused: bool) -> str:
        """Why a world has no value, where decisions were refused or not."""
        return f"a decision was refused, or {self.undefined}" if refused else self.undefined

    @property
    def text(self) -> str:
        """The definition, from the function's docstring."""
        return (self.function.__doc__ or "").strip()


def nature(unit: str) -> dict[str, bool]:
    """What `estimate` is to know of numbers in this unit: may 0 and 1 be no and yes; are they from 0 to 1."""
    facts = unit.startswith(("share", "probability"))
    return {"facts": facts, "shares": facts or unit.startswith("Gini")}


def column(trace: Trace, of: str | None, more: Mapping[str, np.ndarray] | None = None, *, blank: bool = True):
    """Float[W, T, n]: executed acts of a channel (by default the only one), an event, or one of `more`.

    NaN in ticks that were not played, unless `blank` is false.

    Raises:
        NA: there is none of that name.
    """
    table, only = {**(more or {}), **trace.events, **trace.act}, list(trace.act)
    name = only[0] if of is None and len(only) == 1 else of
    if name not in table:
        raise NA(f"no channel or event {name!r} here: name one of {', '.join(sorted(table)) or '(none)'}")
    found = np.asarray(table[name], dtype=float)
    return np.where(trace.alive[..., None], found, np.nan) if blank else found


def channel_of(table: Mapping[str, np.ndarray], name: str | None, what: str, kind: str = "channel") -> str:
    """The channel that is meant: by default the only one. `what` says what the table holds.

    Raises:
        NA: it is not there, or there are several and none is named.
    """
    if not table:
        raise NA(f"no {what} are known here")
    if name is None and len(table) > 1:
        raise NA(f"which {kind}? Name one of {sorted(table)}")
    found = next(iter(table)) if name is None else name
    if found not in table:
        raise NA(f"no {kind} {name!r} here; wanted one of {sorted(table)}")
    return found


@limits()
def measure(
    *,
    unit: str,
    better: Literal["higher", "lower", "neither"],
    cites: str,
    undefined: str = "undefined in these worlds",
    per: Literal["world", "agent", "stakeholder"] = "world",
    refusals: bool = False,
    one: str = "",
) -> Callable[[Callable[[Trace], np.ndarray]], Measure]:
    """Turn a function of a trace into a `Measure`, named as the function."""

    def make(function: Callable[[Trace], np.ndarray]) -> Measure:
        return Measure(function.__name__, function, unit, better, cites, undefined, per, refusals, (), one)  # type: ignore[attr-defined]

    return make


@dataclass(frozen=True)
class Estimate:
    """A value with its interval and the numbers behind it, one per independent world.

    `value` is NaN and `reason` says why when nothing could be estimated. `n` worlds were used,
    `missing` were not. `low` and `high` bound the 95 % interval; they are NaN below three worlds.
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
            return plain(f"NA ({self.reason})")
        lost = f" [{self.missing} missing: {plain(self.reason)}]" if self.missing else ""
        if self.n < FEWEST:
            return f"{self.value:.2f} ({'one world' if self.n == 1 else 'two worlds, no interval'}){lost}"
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
    values: np.ndarray,
    reason: str = "undefined in these worlds",
    *,
    facts: bool = True,
    shares: bool = False,
) -> Estimate:
    """Mean over worlds with a 95 % interval, from three worlds on; one or two worlds give none.

    `values` is Float[W]; NaN and infinite worlds are counted as missing, for `reason`. The interval is
    `mean_interval` (Hall 1992), and `share_interval` (Jeffreys) where the worlds have two values only:
    yes or no, or one of two outcomes. Worlds that all have one value show no spread, and the interval is
    that value; if it is 0 or 1 and may be a no or a yes (`facts`), it is that of a share: [0, 0.38] after
    five times no. With `shares` no interval of numbers from 0 to 1 leaves them. Worlds of few distinct
    values, or mostly zeros, are covered less than 93 % where they are few (`docs/design.md`).
    """
    try:
        values = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise TypeError(
            f"estimate: got {shown(values)}, expected one number a world; try estimate([0.4, 0.7, 0.5])"
        ) from None
    if values.ndim != 1:
        raise ValueError(
            f"estimate() came with shape {values.shape}; wanted one number a world: one call for each column"
        )
    used = values[np.isfinite(values)]
    missing, endless = len(values) - len(used), int(np.isinf(values).sum())
    if endless:
        reason = f"infinite in {endless} worlds" + (f"; {reason}" if endless < missing else "")
    if len(used) == 0:
        return not_available(reason, missing)
    low, high = _interval(used, facts, shares)
    return Estimate(float(used.mean()), low, high, len(used), missing, reason if missing else "", used)


def _interval(used: np.ndarray, facts: bool, shares: bool) -> tuple[float, float]:
    """The interval for the kind of numbers that these are."""
    first, last = used.min(), used.max()
    if facts and first == last and first in (0.0, 1.0):
        first, last = 0.0, 1.0
    if first == last or not np.isin(used, (first, last)).all():
        low, high = mean_interval(used)
        within = shares and 0.0 <= first <= last <= 1.0
        return (max(low, 0.0), min(high, 1.0)) if within and low == low else (low, high)
    low, high = share_interval(int((used == last).sum()), len(used))
    return float(first + (last - first) * low), float(first + (last - first) * high)


def summarize(one: Measure, trace: Trace) -> list[Estimate]:
    """One estimate per column of the measure, over the valid worlds; NA keeps its reason."""
    if not isinstance(one, Measure) or not isinstance(trace, Trace):
        raise TypeError(
            f"summarize: got {shown(one)} and {shown(trace)}, expected a measure and a trace; try "
            "summarize(commonweal.measures.gini, trace)"
        )
    valid = trace.valid
    if not valid.any():
        return [not_available("no valid world: " + _reasons(trace), len(valid))]
    try:
        values = one(trace.worlds(valid))
    except NA as reason:
        return [not_available(str(reason), len(valid))]
    if len(values) != valid.sum():
        raise ValueError(
            f"measure {one.name!r} gave {len(values)} values for {valid.sum()} worlds; wanted one a world: "
            "x.sum(axis=(1, 2))"
        )
    columns = values.reshape(len(values), -1).T
    refused = trace.refused is not None and bool(trace.refused.any()) and not one.refusals
    found = [estimate(column, one.why(refused), **nature(one.unit)) for column in columns]
    return [_with_invalid(e, trace, int((~valid).sum())) for e in found]


def _with_invalid(found: Estimate, trace: Trace, lost: int) -> Estimate:
    """The same estimate, counting the worlds that were not valid as missing."""
    if not lost:
        return found
    reason = "; ".join(filter(None, [found.reason, f"{lost} invalid: {_reasons(trace)}"]))
    return replace(found, missing=found.missing + lost, reason=reason)


def _reasons(trace: Trace) -> str:
    return "; ".join(sorted({reason for reason in trace.invalid if reason})) or "the trace is empty"
