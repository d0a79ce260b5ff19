"""How a commons fares over time: how late its yield comes, and how much of the time nobody is struck."""

import numpy as np

from .._measure import NA, measure
from .._trace import Trace


@measure(
    unit="ticks",
    better="higher",
    cites="Perolat et al. 2017, arXiv 1707.06600",
    undefined="an agent got nothing",
)
def sustainability(trace: Trace) -> np.ndarray:
    """How late the yield comes, on average: early riches and later ruin make it small.

    mean_i (sum_t t r_it) / (sum_t r_it), t from 1, r the net pay where it is positive. Range 1 to the
    number of ticks; an even flow over T ticks gives (T + 1) / 2. Needs: the book.
    Bias: agents who got little weigh as much as those who got most; undefined where one got nothing.
    """
    gained = np.maximum(trace.net.astype(float), 0.0)
    total = gained.sum(axis=1)
    when = np.arange(1.0, gained.shape[1] + 1.0)[None, :, None]
    late = (gained * when).sum(axis=1) / np.where(total > 0.0, total, np.nan)
    return late.mean(axis=1)


@measure(
    unit="agents",
    better="higher",
    cites="Perolat et al. 2017, arXiv 1707.06600",
    undefined="no tick was played",
)
def peace(trace: Trace) -> np.ndarray:
    """How many agents, on average, are not struck by a beam in a tick.

    n minus the struck agents, mean over played ticks. Range 0 to n, higher is better. Needs:
    `events["was_hit"]`. Bias: the source counts the ticks spent timed out, this the hits themselves.
    """
    if "was_hit" not in trace.events:
        raise NA("the scenario exports no event 'was_hit'")
    ticks = trace.alive.sum(axis=1)
    struck = (trace.events["was_hit"] > 0.0).sum(axis=(1, 2))
    return trace.shape[2] - struck / np.where(ticks == 0, np.nan, ticks)
