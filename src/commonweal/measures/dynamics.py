"""Whether a society drifts, and how long until it is misaligned.

A series is a function from a trace to Float[W, T], one number per world and tick; only played ticks
are read. `objective_by_tick` and `cooperation_by_tick` are two; any such function will do.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .._measure import NA, Estimate, Measure, not_available
from .._trace import Trace

Series = Callable[[Trace], np.ndarray]


def objective_by_tick(trace: Trace) -> np.ndarray:
    """The objective's progress in each tick."""
    return trace.objective


def cooperation_by_tick(trace: Trace) -> np.ndarray:
    """The mean over agents of the event `cooperated` in each tick."""
    if "cooperated" not in trace.events:
        raise NA("the scenario exports no event 'cooperated'")
    return trace.events["cooperated"].mean(axis=2, dtype=float)


def drift(series: Series = objective_by_tick, window: int = 1) -> Measure:
    """The measure `drift(series)`: the trend of a per-tick series.

    A long series costs time and memory in the square of its length: average it over windows of
    `window` ticks first (a window left incomplete at the end is dropped).
    """
    if window < 1:
        raise ValueError(f"window={window} ticks; wanted 1 or more: drift(objective_by_tick, window=10)")

    def function(trace: Trace) -> np.ndarray:
        """The trend of a per-tick series, robust against outliers.

        Theil-Sen: the median over pairs of played ticks of (y_j - y_i) / (j - i). Range: any;
        0 is steady. Needs: the series. Bias: a trend that reverses half-way reads as none.
        """
        return np.array([_slope(y[a], window) for y, a in zip(series(trace), trace.alive, strict=True)])

    return Measure(
        name=f"drift({series.__name__}{f', window={window}' * (window > 1)})",
        function=function,
        unit="per tick",
        better="neither",
        cites="Theil 1950; Sen 1968",
        undefined="fewer than two windows were played",
    )


def _slope(y: np.ndarray, window: int) -> float:
    """Theil-Sen slope per tick of one world's series."""
    y = np.asarray(y[: len(y) // window * window], dtype=float).reshape(-1, window).mean(axis=1)
    i, j = np.triu_indices(len(y), 1)
    return float(np.median((y[j] - y[i]) / (j - i))) / window if len(i) else np.nan


@dataclass(frozen=True, eq=False)
class Survival:
    """How many ticks passed before something happened, world by world, right-censored.

    `time` is the number of played ticks before it, or all played ticks where it did not happen
    (`happened` is False). `missing` worlds are invalid or have no usable series.
    """

    time: np.ndarray
    happened: np.ndarray
    missing: int = 0

    def curve(self) -> tuple[np.ndarray, np.ndarray]:
        """Times, and the Kaplan-Meier estimate of the share of worlds that outlasts each.

        Source: Kaplan and Meier 1958. Assumes that a world's end says nothing of what was coming.
        """
        from scipy import stats  # imported late: half a second that --help need not pay

        if not len(self.time):
            raise NA("no world has a usable series")
        data = stats.CensoredData(uncensored=self.time[self.happened], right=self.time[~self.happened])
        found = stats.ecdf(data).sf
        return found.quantiles, found.probabilities

    def restricted_mean(self, horizon: float | None = None) -> Estimate:
        """The mean number of ticks before it, of the first `horizon` (all that was observed).

        The area under the curve, with the Greenwood 95 % interval (Klein and Moeschberger 2003,
        equation 4.5.3).

        Raises:
            ValueError: the horizon lies beyond what was observed.
        """
        if not len(self.time):
            return not_available("no world has a usable series", self.missing)
        times, share = self.curve()
        last = float(times[-1])
        end = last if horizon is None else horizon
        if end > last and share[-1] > 0:
            raise ValueError(
                f"horizon={end:g} lies beyond the last observed tick {last:g}, where "
                f"{share[-1]:.0%} of worlds still last: pass horizon={last:g} or less"
            )
        edges = np.minimum(np.concatenate([[0.0], times, [end]]), end)
        steps = np.diff(edges) * np.concatenate([[1.0], share])
        rest = steps[::-1].cumsum()[::-1][1:]  # the area from each time to the horizon
        here = np.array([(self.happened & (self.time == t)).sum() for t in times])
        risk = np.array([(self.time >= t).sum() for t in times])
        pairs = np.where(risk > here, risk * (risk - here), 1)  # nobody left: rest is 0 there
        wide = 1.96 * float(np.sqrt((rest**2 * here / pairs).sum()))
        mean = float(steps.sum())
        n = len(self.time)
        low, high = (mean - wide, mean + wide) if n > 1 else (np.nan, np.nan)
        reason = "invalid, or the series is undefined" if self.missing else ""
        return Estimate(mean, low, high, n, self.missing, reason)


def time_to_misalignment(
    trace: Trace, series: Series = objective_by_tick, *, theta: float, ticks: int = 1
) -> Survival:
    """When the series fell below `theta` and stayed there for `ticks` played ticks or more.

    The time is that of the first such tick (0: from the start). A world in which it did not
    happen is censored at its last played tick. Only valid worlds count; a world whose series is
    NaN in a played tick is missing. Bias: a fall in the last `ticks - 1` ticks goes unseen.
    """
    if ticks < 1:
        raise ValueError(f"ticks={ticks}; wanted 1 or more: time_to_misalignment(trace, theta=0.5)")
    found, happened, missing = [], [], int((~trace.valid).sum())
    trace = trace.worlds(trace.valid)
    for y, alive in zip(series(trace), trace.alive, strict=True):
        played = y[alive]
        if not len(played) or np.isnan(played).any():
            missing += 1
            continue
        low = np.concatenate([[0], np.cumsum(played < theta)])
        starts = np.flatnonzero(low[ticks:] - low[:-ticks] == ticks)
        happened.append(len(starts) > 0)
        found.append(starts[0] if len(starts) else len(played))
    return Survival(np.array(found, dtype=float), np.array(happened, dtype=bool), missing)
