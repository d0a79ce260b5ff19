"""Whether a society drifts, and how long until it is misaligned.

A series is a function from a trace to Float[W, T], one number per world and tick; only played ticks
are read. `objective_by_tick` and `cooperation_by_tick` are two; any such function will do.
"""

from collections.abc import Callable

import numpy as np

from .._bounds import limits
from .._measure import NA, Measure
from .._survival import Survival
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


@limits(window="[1, 1000000]")
def drift(series: Series = objective_by_tick, window: int = 1) -> Measure:
    """The measure `drift(series)`: the trend of a per-tick series.

    A long series costs time and memory in the square of its length: average it over windows of
    `window` ticks first (a window left incomplete at the end is dropped).
    """

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


@limits(theta="(-inf, inf)", ticks="[1, 1000000]")
def misaligned(series: Series = cooperation_by_tick, theta: float = 0.5, ticks: int = 1) -> Measure:
    """The measure of when a per-tick series fell below `theta` and stayed there for `ticks` ticks.

    `ticks`: played ticks in a row that count as staying.
    """

    def function(trace: Trace) -> np.ndarray:
        """When a society fell below a threshold: played ticks before it, and whether it happened.

        T = inf{t: y < theta for the ticks after it}; where it did not happen all played ticks, which are
        then right-censored: read both columns together, as `Survival` does. Range 0 upward, and 0 or 1.
        Needs: the series. Bias: a fall in the last ticks, shorter than asked, goes unseen.
        """
        rows = [_first(y[a], theta, ticks) for y, a in zip(series(trace), trace.alive, strict=True)]
        return np.array(rows, dtype=float).reshape(-1, 2)

    return Measure(
        name=f"misaligned({series.__name__}, theta={theta:g}{f', ticks={ticks}' * (ticks > 1)})",
        function=function,
        unit="ticks; share",
        better="neither",
        cites="Kaplan and Meier 1958; Piatti et al. 2024, GovSim",
        undefined="no tick was played, or the series is undefined in one",
        columns=("ticks", "happened"),
    )


def _first(played: np.ndarray, theta: float, ticks: int) -> tuple[float, float]:
    """Played ticks before the fall, and whether there was one."""
    if not len(played) or np.isnan(played).any():
        return np.nan, np.nan
    low = np.concatenate([[0], np.cumsum(played < theta)])
    starts = np.flatnonzero(low[ticks:] - low[:-ticks] == ticks)
    return (float(starts[0]), 1.0) if len(starts) else (float(len(played)), 0.0)


@limits(theta="(-inf, inf)", ticks="[1, 1000000]")
def time_to_misalignment(
    trace: Trace, series: Series = objective_by_tick, *, theta: float, ticks: int = 1
) -> Survival:
    """When the series fell below `theta` and stayed there for `ticks` played ticks or more.

    The time is that of the first such tick (0: from the start). A world in which it did not
    happen is censored at its last played tick. Only valid worlds count; a world whose series is
    NaN in a played tick is missing. Bias: a fall in the last `ticks - 1` ticks goes unseen.
    """
    found = misaligned(series, theta, ticks)(trace.worlds(trace.valid))
    known = found[~np.isnan(found[:, 0])]
    return Survival(known[:, 0], known[:, 1] > 0, len(trace.seeds) - len(known))
