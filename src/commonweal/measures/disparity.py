"""How wealth gathers: inequality of what is owned, whether wealth breeds wealth, whether ranks last.

`of` is an event that holds a level (such as `wealth`) or, with `total`, amounts that add up; without it,
the running total of net pay.
"""

from typing import Any, Literal

import numpy as np

from .._bounds import limits
from .._formulas import gini, takes
from .._measure import NA, Measure
from .._trace import Trace


@takes("matthew_coefficient([1, 2], [1, 3])", before="n", gain="n")
def matthew_coefficient(before: Any, gain: Any) -> float:
    """Slope of ln gain on ln prior wealth: 1 where gains are in proportion, 0 where they are equal.

    Above 1 the rich draw away ever faster, below 0 the poor catch up. Only agents with positive wealth and
    gain are used; NaN where fewer than two are left, or all had the same. Bias: upward-looking: losers are
    left out; noise in wealth pulls it to 0. Source: after Merton 1968, Science 159:56.

    >>> matthew_coefficient([1, 2, 4], [1, 2, 4]), matthew_coefficient([1, 2, 4], [3, 3, 3])
    (1.0, 0.0)
    """
    before, gain = np.asarray(before, dtype=float), np.asarray(gain, dtype=float)
    used = (before > 0) & (gain > 0)
    if used.sum() < 2 or np.ptp(before[used]) <= 1e-12 * before[used].max():
        return float("nan")
    x, y = np.log(before[used]), np.log(gain[used])
    x = x - x.mean()
    return float(x @ y / (x @ x))


@limits(split="(0, 1)")
def matthew(of: str | None = None, *, total: bool = False, split: float = 0.5) -> Measure:
    """The measure `matthew(of)`, see `matthew_coefficient`; wealth is read after `split` of the ticks."""
    _check(split, "matthew('wealth', split=0.5)")

    def function(trace: Trace) -> np.ndarray:
        """Whether those who have get more: the elasticity of gains to prior wealth.

        Slope over agents of ln (w_T - w_s) on ln w_s, s half-way through the played ticks. Range: any;
        1 in proportion, 0 equal gains, below 0 the poor catch up. Needs: wealth, two ticks, two agents
        who own and gain. Bias: losers are left out, so it looks milder or steeper than it was.
        """
        before, after = _ends(trace, of, total, split)
        return np.array([matthew_coefficient(a, b - a) for a, b in zip(before, after, strict=True)])

    why = "fewer than two agents own and gain, or all own the same"
    name = f"matthew({of or 'net pay'}{', total' if total else ''}, split={split:g})"
    return Measure(name, function, "elasticity", "neither", "after Merton 1968, Science 159:56", why)


@limits(split="(0, 1)")
def rank_persistence(of: str | None = None, *, total: bool = False, split: float = 0.5) -> Measure:
    """The measure `rank_persistence(of)`: wealth after the share `split` of ticks, and what comes after."""
    _check(split, "rank_persistence('wealth', split=0.5)")

    def function(trace: Trace) -> np.ndarray:
        """Whether the rich stay rich: rank correlation of early with late wealth.

        Spearman(w_s, w_T), s half-way through the played ticks; of a running total, what was gained until s
        with what was gained after. Range -1 to 1. Needs: wealth, two ticks, three agents.
        Bias: 0 by chance; with three agents only four values are possible.
        """
        before, after = _ends(trace, of, total, split)
        after = after - before if total or of is None else after
        return np.array([_spearman(a, b) for a, b in zip(before, after, strict=True)])

    name = f"rank_persistence({of or 'net pay'}{', total' if total else ''}, split={split:g})"
    why = "fewer than two ticks or three agents, or all equal"
    return Measure(name, function, "rank correlation", "neither", "Spearman 1904", why)


@limits()
def wealth_gini(
    of: str = "wealth", *, total: bool = False, convention: Literal["raw", "normalized"] = "raw"
) -> Measure:
    """The measure `wealth_gini(of)`: as `gini` and `gini_normalized`, of what an event says is owned."""

    def function(trace: Trace) -> np.ndarray:
        """Inequality of what is owned in the last played tick.

        sum_ij |x_i - x_j| / (2 n^2 mean x), times n / (n - 1) if `normalized`. Range 0 to 1 - 1/n raw, 0 to
        1 normalized, lower is more equal. Needs: the event, nowhere negative. Bias: raw, its largest
        value depends on n.
        """
        x = _ends(trace, of, total, 0.5)[1]
        return gini(
            np.where(((x >= 0) & np.isfinite(x)).all(axis=1, keepdims=True), x, np.nan),
            convention == "normalized",
        )

    name = f"wealth_gini({of}{', total' if total else ''}, {convention})"
    why = "an amount is negative, or all are zero"
    return Measure(name, function, "Gini", "lower", "Gini 1912; Deaton 1997", why)


def _check(split: float, call: str) -> None:
    if not 0.0 < split < 1.0:
        raise ValueError(f"split={split}; wanted a share of the ticks above 0 and below 1: {call}")


def _ends(trace: Trace, of: str | None, total: bool, split: float) -> tuple[np.ndarray, np.ndarray]:
    """Float[W, n]: wealth after the share `split` of the played ticks, and after all; NaN below two ticks."""
    if of is not None and of not in trace.events:
        raise NA(f"no event {of!r} here: name one of {', '.join(sorted(trace.events)) or '(none)'}")
    x = np.asarray(trace.net if of is None else trace.events[of], dtype=float)
    x = np.where(trace.alive[..., None], x, 0.0)
    x = np.cumsum(x, axis=1) if total or of is None else x
    found = np.full((2, *x[:, 0].shape), np.nan)
    for w, alive in enumerate(trace.alive):
        if alive.sum() > 1:
            y = x[w, alive]
            found[:, w] = y[min(max(int(len(y) * split), 1), len(y) - 1) - 1], y[-1]
    return found[0], found[1]


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    from scipy import stats  # imported late: half a second that --help need not pay

    if len(a) < 3 or np.isnan(a + b).any() or np.ptp(a) == 0.0 or np.ptp(b) == 0.0:
        return float("nan")
    return float(stats.spearmanr(a, b)[0])  # type: ignore[arg-type]
