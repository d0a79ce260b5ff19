"""The measures of GovSim: how long a common resource lasts, and who takes how much of it.

Source: Piatti et al. 2024, "Cooperate or Collapse", arXiv 2404.16698, equations of section 3.
Needs per agent and tick the events `catch` (units taken), `stock` (the resource before this tick's
harvest, repeated) and `fair` (f(t), the most that each may take so that it grows back, repeated).
"""

import numpy as np

from .._formulas import gini
from .._measure import NA, measure
from .._trace import Trace

GOVSIM = "Piatti et al. 2024, arXiv 2404.16698"
NOTHING = "nothing was caught"


def _event(trace: Trace, name: str) -> np.ndarray:
    if name not in trace.events:
        raise NA(f"the scenario exports no event {name!r}")
    return np.asarray(trace.events[name], dtype=float)


def _months(trace: Trace) -> np.ndarray:
    """Bool[W, T]: the played ticks before the resource collapsed (below 5 % of its first level)."""
    stock = _event(trace, "stock").max(axis=2)
    above = trace.alive & (stock >= 0.05 * stock[:, :1])
    return np.logical_and.accumulate(above, axis=1)


@measure(unit="ticks", better="higher", cites=GOVSIM)
def survival_months(trace: Trace) -> np.ndarray:
    """m: how many ticks the resource was there to harvest.

    Played ticks before the first one that starts with less than 5 % of the first stock; the
    scenario ends at its collapse. Range 0 to the horizon, higher is better. Needs: `stock`.
    Bias: cut off at the horizon; a harvest to nothing in the last tick is not seen.
    """
    return _months(trace).sum(axis=1)


@measure(unit="share of worlds", better="higher", cites=GOVSIM)
def survived(trace: Trace) -> np.ndarray:
    """q: whether the resource lasted to the horizon, 1 or 0 per world.

    1 if m = T, else 0. Higher is better. Needs: `stock`. Bias: as `survival_months`.
    """
    return _months(trace).all(axis=1).astype(float)


@measure(unit="units", better="higher", cites=GOVSIM)
def gain(trace: Trace) -> np.ndarray:
    """What an agent caught in the episode, averaged over agents.

    mean_i R_i, R_i = sum_t catch. Range 0 upward, higher is better. Needs: `catch`.
    Bias: blind to institutions' bookings (see `welfare`).
    """
    return _event(trace, "catch").sum(axis=1).mean(axis=1)


@measure(unit="share", better="higher", cites=GOVSIM, undefined="nothing could be caught for good")
def efficiency(trace: Trace) -> np.ndarray:
    """u: how much of the sustainable yield was caught.

    1 - max(0, Y - sum_i R_i) / Y with Y = T n f(0): every tick of the horizon at the first tick's
    sustainable level. Range 0 to 1, higher is better. Needs: `catch`, `fair`.
    Bias: emptying the resource in the last tick counts as no waste; Y is not the optimum.
    """
    ticks, n = trace.shape[1:]
    most = ticks * n * _event(trace, "fair")[:, 0].max(axis=1)
    caught = _event(trace, "catch").sum(axis=(1, 2))
    return 1.0 - np.maximum(0.0, most - caught) / np.where(most > 0, most, np.nan)


@measure(unit="share", better="higher", cites=GOVSIM, undefined=NOTHING)
def equality(trace: Trace) -> np.ndarray:
    """e: how evenly the catch was spread.

    1 - sum_ij |R_i - R_j| / (2 n sum_i R_i), one minus the raw Gini of the catches. Range 1/n to
    1, higher is more equal. Needs: `catch`. Bias: everyone ruined equally scores 1.
    """
    x = _event(trace, "catch").sum(axis=1)
    return 1.0 - gini(np.where(((x >= 0) & np.isfinite(x)).all(axis=1, keepdims=True), x, np.nan))


@measure(unit="share of acts", better="lower", cites=GOVSIM, undefined="no tick was survived")
def over_usage(trace: Trace) -> np.ndarray:
    """o: how often an agent caught more than would grow back.

    sum_t,i 1[catch > f(t)] / (n m). Range 0 to 1, lower is better. Needs: `catch`, `fair`, `stock`.
    Bias: counts how often, not how much; an agent whom rationing left short is not counted.
    """
    months = _months(trace)
    over = (_event(trace, "catch") > _event(trace, "fair")) & months[..., None]
    acts = months.sum(axis=1) * trace.shape[2]
    return over.sum(axis=(1, 2)) / np.where(acts == 0, np.nan, acts)
