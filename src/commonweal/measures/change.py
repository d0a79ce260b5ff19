"""When a society changes, whether it recovers from a shock, and whether the way back is the way out.

A series is a function from a trace to Float[W, T]; only played ticks are read. The default is the
objective's progress in each tick.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._bounds import limits
from .._describe import called
from .._formulas import takes
from .._measure import NA, Measure
from .._trace import Trace

Series = Callable[[Trace], np.ndarray]


def progress(trace: Trace) -> np.ndarray:
    """The objective's progress in each tick."""
    return trace.objective


# ------------------------------------------------------------------------------------------ formulas


@takes("change_points([0, 0, 5, 5])", y="ticks")
def change_points(y: Any, penalty: float | None = None, sigma: float | None = None) -> list[int]:
    """Where the mean of a series changes: the ends of its segments, the length of the series last.

    Minimizes the sum of squares around segment means plus `penalty` for each change, exactly; the penalty
    is 2 sigma^2 ln T unless given, sigma the noise, from the median step unless given. Source: Jackson et
    al. 2005, IEEE Signal Processing Letters 12:105 (the same optimum as PELT, Killick et al. 2012).

    >>> change_points([0, 0.1, 0, 0.1, 5, 5.1, 5, 5.1])
    [4, 8]
    """
    y = np.asarray(y, dtype=float)
    n = len(y)
    if not n:
        return []
    if sigma is None:
        sigma = float(np.median(np.abs(np.diff(y))) / (0.6745 * np.sqrt(2.0))) if n > 1 else 0.0
    charge = 2.0 * sigma**2 * np.log(n) if penalty is None else penalty
    y = y - y.mean()
    charge = max(charge, 1e-9 * float((y**2).sum()))
    one, two = (np.concatenate([[0.0], np.cumsum(x)]) for x in (y, y**2))
    best, back = np.zeros(n + 1), np.zeros(n + 1, dtype=int)
    best[0] = -charge
    for end in range(1, n + 1):
        start = np.arange(end)
        cost = two[end] - two[start] - (one[end] - one[start]) ** 2 / (end - start)
        total = best[start] + np.maximum(cost, 0.0) + charge
        back[end] = total.argmin()
        best[end] = total[back[end]]
    ends = [n]
    while back[ends[-1]] > 0:
        ends.append(int(back[ends[-1]]))
    return ends[::-1]


@takes("recovery([1, 1, 0, 1], shock=2)", y="ticks", shock="#")
def recovery(y: Any, shock: int, within: float = 0.05, ticks: int = 1) -> float:
    """Ticks from `shock` until y is `within` its mean before, or above, for `ticks` ticks; NaN if never.

    >>> recovery([1, 1, 0, 0.5, 1], shock=2)
    2.0
    """
    y = np.asarray(y, dtype=float)
    if not 0 < shock < len(y):
        return np.nan
    back = np.concatenate([[0], np.cumsum(y[shock:] >= y[:shock].mean() - within)])
    starts = np.flatnonzero(back[ticks:] - back[:-ticks] == ticks)
    return float(starts[0]) if len(starts) else np.nan


@takes("lost_area([1, 1, 0, 1], shock=2)", y="ticks", shock="#")
def lost_area(y: Any, shock: int) -> float:
    """sum_(t >= shock) (mean of y before - y_t); NaN without ticks on both sides.

    >>> lost_area([1, 1, 0, 0.5, 1], shock=2)
    1.5
    """
    y = np.asarray(y, dtype=float)
    return float((y[:shock].mean() - y[shock:]).sum()) if 0 < shock < len(y) else np.nan


@takes("loop_area([0, 1, 0], [2, 2, 0])", control="ticks", y="ticks")
def loop_area(control: Any, y: Any) -> float:
    """The area integral of y d(control) along the path, trapezoids: above 0 where the way back lies below.

    >>> loop_area([0, 1, 0], [2, 2, 0])
    1.0
    """
    control, y = np.asarray(control, dtype=float), np.asarray(y, dtype=float)
    return float(((y[1:] + y[:-1]) / 2.0 * np.diff(control)).sum())


@takes("branch_gap([0, 1, 0], [4, 4, 2])", control="ticks+", y="ticks+")
def branch_gap(control: Any, y: Any, at: float | None = None) -> float:
    """How much lower y is on the way back than on the way out, where control is `at` (half-way up).

    The way out ends where control is largest. NaN where a branch does not reach `at`.

    >>> branch_gap([0, 1, 2, 1, 0], [4, 4, 4, 2, 2])
    2.0
    """
    control, y = np.asarray(control, dtype=float), np.asarray(y, dtype=float)
    top = int(control.argmax())
    out, back = slice(0, top + 1), slice(top, None)
    half = (control[out].min() + control[top]) / 2.0 if at is None else at
    found = []
    for side in (out, back):
        order = np.argsort(control[side], kind="stable")
        reached = control[side].min() <= half <= control[side].max()
        found.append(np.interp(half, control[side][order], y[side][order]) if reached else np.nan)
    return float(found[0] - found[1])


# ------------------------------------------------------------------------------------------ measures


def _played(series: Series, trace: Trace) -> list[np.ndarray]:
    """The series of each world in its played ticks; empty where a value is unknown."""
    rows = [np.asarray(y, dtype=float)[a] for y, a in zip(series(trace), trace.alive, strict=True)]
    return [y[:0] if np.isnan(y).any() else y for y in rows]


@limits(penalty="[0, inf)", sigma="(0, inf)")
def changes(series: Series = progress, penalty: float | None = None, sigma: float | None = None) -> Measure:
    """The measure of how often a per-tick series changes its level; arguments as `change_points`."""

    def function(trace: Trace) -> np.ndarray:
        """How many times the level of a per-tick series changes.

        Changes of mean in the segmentation with the least squares plus 2 sigma^2 ln T a change. Range 0
        upward. Needs: the series. Bias: of pure noise about one world in ten is split (80 ticks); a trend is
        seen as a staircase, and correlated noise as changes; a series that mostly stands still has no
        noise to measure, so that every step counts: pass sigma.
        """
        found = [change_points(y, penalty, sigma) for y in _played(series, trace)]
        return np.array([len(ends) - 1.0 if ends else np.nan for ends in found])

    return Measure(
        called("changes", series=(series, progress), penalty=(penalty, None), sigma=(sigma, None)),
        function,
        unit="changes",
        better="neither",
        cites="Killick, Fearnhead, Eckley 2012, JASA 107:1590, arXiv 1101.1438",
        undefined="no tick was played, or the series is unknown in one",
    )


def _shocks(trace: Trace, shock: int | str) -> list[int]:
    """The played tick of the shock in each world; -1 where there is none."""
    if not isinstance(shock, str):
        return [shock] * len(trace.seeds)
    if shock not in trace.events:
        raise NA(f"the scenario exports no event {shock!r}: pass its tick, shock=10, or one of its events")
    hit = np.any(trace.events[shock] > 0, axis=2)
    return [int(row[a].argmax()) if row[a].any() else -1 for row, a in zip(hit, trace.alive, strict=True)]


NO_SHOCK = "no shock with played ticks before it, or an unknown value"


@limits(within="[0, 1]", ticks="[1, 1000000]")
def recovery_time(
    shock: int | str = "shock", series: Series = progress, within: float = 0.05, ticks: int = 1
) -> Measure:
    """The measure of how soon a series is back where it was.

    `shock`: its tick, or an event that is above 0 in it; `within`: how near is back; `ticks`: for how many
    played ticks on end it must be.
    """

    def function(trace: Trace) -> np.ndarray:
        """How many ticks after a shock a series is back to its mean before it.

        The first t - shock with y >= mean before - within. Range 0 upward, lower is better. Needs: a shock,
        ticks before it, and the series. Bias: worlds that never recover are missing, so that the mean of
        the others reads too low: see `resilience_loss`.
        """
        pairs = zip(_played(series, trace), _shocks(trace, shock), strict=True)
        return np.array([recovery(y, at, within, ticks) for y, at in pairs])

    usual = {"shock": (shock, "shock"), "series": (series, progress)}
    name = called("recovery_time", **usual, within=(within, 0.05), ticks=(ticks, 1))
    undefined = NO_SHOCK + ", or it did not recover"
    return Measure(name, function, "ticks", "lower", "Holling 1973; Pimm 1984, Nature 307:321", undefined)


def resilience_loss(shock: int | str = "shock", series: Series = progress) -> Measure:
    """The measure of what a shock costs in all; arguments as `recovery_time`."""

    def function(trace: Trace) -> np.ndarray:
        """What was lost after a shock, against the mean before it.

        sum over played t >= shock of (mean before - y_t). Range: any; 0 is no loss, lower is better.
        Needs: a shock, ticks before it, and the series. Bias: a later gain makes up for a loss, and a
        trend from before goes on in it; longer worlds lose more.
        """
        pairs = zip(_played(series, trace), _shocks(trace, shock), strict=True)
        return np.array([lost_area(y, at) for y, at in pairs])

    name = called("resilience_loss", shock=(shock, "shock"), series=(series, progress))
    cites = "Bruneau et al. 2003, Earthquake Spectra 19:733"
    return Measure(name, function, "series times ticks", "lower", cites, NO_SHOCK)


def _loops(trace: Trace, control: str | Series, series: Series) -> list[Sequence[np.ndarray]]:
    """The control and the series of each world, in played ticks."""
    if isinstance(control, str) and control not in trace.events:
        raise NA(f"the scenario exports no event {control!r}: pass a function of the trace, control=...")

    def read(trace: Trace) -> np.ndarray:
        return trace.events[control].mean(axis=2) if isinstance(control, str) else control(trace)

    return list(zip(_played(read, trace), _played(series, trace), strict=True))


def _of_loop(name: str, formula: Callable[..., float], control: Any, series: Series, unit: str) -> Measure:
    """The measure that is one number of the path of control and series."""

    def function(trace: Trace) -> np.ndarray:
        """How much the state on the way back differs from that on the way out.

        Of a control parameter swept up and down again, with y the series: `hysteresis_area` is the size of
        the integral of y d(control), `hysteresis_gap` that of y(out) - y(back) where the control is half-way;
        `hysteresis_direction` is the sign of the integral: 1 where the way back lies below, -1 above.
        Range 0 upward (direction -1 to 1); 0 is reversible. Needs: an event or function that says the
        control, and the series. Bias: a series that lags behind the sweep, or drifts, looks irreversible:
        sweep slowly, and compare with a sweep of no width.
        """
        pairs = _loops(trace, control, series)
        return np.array([formula(c, y) if len(y) > 1 and len(c) == len(y) else np.nan for c, y in pairs])

    cites = "Mayergoyz 1986, Physical Review Letters 56:1518"
    undefined = "fewer than two ticks were played, a value is unknown, or a branch does not get there"
    better = "neither" if unit == "sign" else "lower"
    name = called(name, control=(control, "control"), series=(series, progress))
    return Measure(name, function, unit, better, cites, undefined)


def hysteresis_area(control: str | Series = "control", series: Series = progress) -> Measure:
    """The measure of the loop between the way out and the way back; `control`: an event or a function."""
    return _of_loop(
        "hysteresis_area", lambda c, y: abs(loop_area(c, y)), control, series, "series times control"
    )


def hysteresis_direction(control: str | Series = "control", series: Series = progress) -> Measure:
    """The measure of which way the loop goes round; `control`: an event or a function."""

    def direction(c: np.ndarray, y: np.ndarray) -> float:
        area = loop_area(c, y)
        return float(np.sign(area)) if abs(area) > 1e-9 * np.ptp(c) * np.abs(y).max() else 0.0

    return _of_loop("hysteresis_direction", direction, control, series, "sign")


def hysteresis_gap(control: str | Series = "control", series: Series = progress) -> Measure:
    """The measure of the gap between the two branches half-way; `control`: an event or a function."""
    return _of_loop("hysteresis_gap", lambda c, y: abs(branch_gap(c, y)), control, series, "series")
