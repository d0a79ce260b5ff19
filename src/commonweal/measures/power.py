"""Who could decide: voting power, empowerment, and whether power is being gathered.

`of` is an event, a row of the book or a channel; without it, net pay.
"""

import math
from typing import Any, Literal

import numpy as np

from .._bounds import limits
from .._formulas import takes
from .._measure import NA, Measure, column
from .._trace import Trace

MOST = 20  # voters: a million coalitions


def _swings(weights: Any, quota: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Bool[n, coalitions]: whether i turns the coalition without it into a winning one; their sizes."""
    w = np.asarray(weights, dtype=float)
    if not 1 <= len(w) <= MOST or (w < 0).any() or not w.sum() > 0:
        raise ValueError(f"weights {w}: wanted 1 to {MOST} of 0 or more, not all 0: banzhaf([3, 2, 1], 4)")
    total, size = np.zeros(1), np.zeros(1, dtype=int)
    for one in w:
        total, size = np.concatenate([total, total + one]), np.concatenate([size, size + 1])
    near = 1e-9 * w.sum()
    least = w.sum() / 2 + 2 * near if quota is None else quota  # without a quota: more than half
    out = ~np.arange(len(total))[None] >> np.arange(len(w))[:, None] & 1 == 1
    return out & (total < least - near) & (total + w[:, None] >= least - near), size


@takes("banzhaf([3, 2, 1], 4)", weights="n")
def banzhaf(
    weights: Any, quota: float | None = None, convention: Literal["normalized", "raw"] = "normalized"
) -> np.ndarray:
    """Float[n]: the share of the others' coalitions that voter i makes win.

    `raw`: swings / 2^(n - 1); `normalized`: these divided by their sum. A coalition wins with weight
    >= `quota`, by default with more than half. Range 0 to 1. [4; 3, 2, 1]: raw (.75, .25, .25).
    Bias: takes all coalitions as equally likely. Source: Penrose 1946; Banzhaf 1965.

    >>> banzhaf([3, 2, 1], 4, 'raw').tolist()
    [0.75, 0.25, 0.25]
    """
    if convention not in ("normalized", "raw"):
        raise ValueError(
            f"convention={convention!r}; wanted 'normalized' or 'raw': banzhaf([3, 2, 1], 4, 'raw')"
        )
    swings = _swings(weights, quota)[0].sum(axis=1)
    return swings / (2 ** (len(swings) - 1) if convention == "raw" else max(swings.sum(), 1))


@takes("shapley_shubik([3, 2, 1], 4)", weights="n")
def shapley_shubik(weights: Any, quota: float | None = None) -> np.ndarray:
    """Float[n]: the share of orders of joining in which voter i makes the coalition win.

    sum over swings of |S|! (n - |S| - 1)! / n!; sums to 1 where the whole wins. [4; 3, 2, 1]:
    (2/3, 1/6, 1/6). Bias: takes all orders as equally likely. Source: Shapley and Shubik 1954.

    >>> shapley_shubik([3, 2, 1], 4).round(4).tolist()
    [0.6667, 0.1667, 0.1667]
    """
    swings, size = _swings(weights, quota)
    n = len(swings)
    share = np.array([1 / (n * math.comb(n - 1, s)) if s < n else 0.0 for s in range(n + 1)])
    return swings @ share[size]


@limits(quota="[0, inf)")
def voting_power(
    weights: Any = None,
    quota: float | None = None,
    index: Literal["banzhaf", "shapley-shubik"] = "banzhaf",
    convention: Literal["normalized", "raw"] = "normalized",
) -> Measure:
    """The measure `voting_power(weights, quota)`; without weights, each votes with what it owns."""
    if weights is not None:
        banzhaf(weights, quota, convention)  # refuses what are no weights

    def function(trace: Trace) -> np.ndarray:
        """How often an agent's vote decides: Float[W, n].

        Banzhaf (share of all swings, or raw) or Shapley-Shubik index; weights are the episode's net
        pay unless given. Range 0 to 1. Needs: weights, or net pay nowhere negative; 20 agents or fewer.
        Bias: formal: takes coalitions (or orders) as equally likely, whoever likes whom.
        """
        n = trace.shape[2]
        if n > MOST:
            raise NA(f"{n} agents have too many coalitions; wanted {MOST} or fewer")
        if weights is not None and len(weights) != n:
            raise NA(f"{len(weights)} weights came for {n} agents")
        given = trace.net.sum(axis=1) if weights is None else np.broadcast_to(weights, (len(trace.seeds), n))
        return np.array([power(w) if (w >= 0).all() and w.any() else np.full(n, np.nan) for w in given])

    def power(w: np.ndarray) -> np.ndarray:
        return shapley_shubik(w, quota) if index == "shapley-shubik" else banzhaf(w, quota, convention)

    by = "net pay" if weights is None else ",".join(f"{w:g}" for w in weights)
    how = index if index == "shapley-shubik" else f"{index}, {convention}"
    name = f"voting_power({by}; {'majority' if quota is None else f'{quota:g}'}, {how})"
    cites = "Banzhaf 1965; Shapley and Shubik 1954"
    return Measure(
        name, function, "share", "neither", cites, "a weight is negative, or all are zero", "agent"
    )


# ----------------------------------------------------------------------------------------- empowerment


@takes("capacity([[0.9, 0.1], [0.1, 0.9]])", channel="... acts outcomes: 0..")
def capacity(channel: Any, *, tolerance: float = 1e-6, most: int = 2000) -> np.ndarray:
    """Bits that an act can tell the outcome at best: max over p(a) of I(A; S), by Blahut-Arimoto.

    `channel` [..., acts, outcomes] has p(s | a) in its rows. Range 0 to log2(acts). Four outcomes of
    four acts: 2; a binary symmetric channel with error .1: 1 - H(.1) = .5310. Stops when bounds are
    within `tolerance`, or after `most` steps. Source: Blahut 1972; Klyubin, Polani, Nehaniv 2005.

    >>> round(float(capacity([[0.9, 0.1], [0.1, 0.9]])), 4)
    0.531
    """
    rows = np.asarray(channel, dtype=float)
    p = np.full(rows.shape[:-1], 1.0 / rows.shape[-2])
    low = np.zeros(rows.shape[:-2])
    for _ in range(most):
        mean = (p[..., None] * rows).sum(axis=-2, keepdims=True)
        ratio = np.divide(rows, mean, out=np.ones_like(rows), where=rows > 0.0)
        told = (rows * np.log2(ratio)).sum(axis=-1)
        p = p * 2.0**told
        low = np.log2(p.sum(axis=-1))
        p /= p.sum(axis=-1, keepdims=True)
        if (told.max(axis=-1) - low).max() < tolerance:
            break
    return low


@limits(horizon="[1, 100]", bins="[2, 100]", permutations="[1, 100000]")
def empowerment(
    act: str | None = None,
    outcome: str | None = None,
    *,
    horizon: int = 1,
    bins: int = 3,
    permutations: int = 20,
    report: Literal["excess", "raw"] = "excess",
) -> Measure:
    """The measure `empowerment(act, outcome)`: `capacity` of the channel that a trace shows.

    Both are cut into `bins` of equal share if they have more than ten values.
    """

    def function(trace: Trace) -> np.ndarray:
        """Bits of its own later outcome that an agent's act can choose: Float[W, n].

        max over p(a) of I(A_t; S_t+h), from the counts of acts and outcomes `horizon` ticks on (1: of
        the same tick), less the mean of the same with acts shuffled (`report`). Range about 0 to log2 of
        the acts. Needs: a channel, several ticks. Bias: plug-in, upward, which the null takes off; acts
        never tried are not counted; what others did in answer counts as the agent's own doing.
        """
        acts, after = column(trace, act, blank=False), _amount(trace, outcome)
        found = np.full(acts.shape[::2], np.nan)
        for w, alive in enumerate(trace.alive):
            a, s = acts[w, alive], after[w, alive]
            a, s = a[: len(a) - horizon + 1], s[horizon - 1 :]
            for i in range(acts.shape[2]) if len(a) > 1 else ():
                raw, null = _tried(a[:, i], s[:, i], bins, permutations)
                found[w, i] = raw - (null if report == "excess" else 0.0)
        return found

    name = f"empowerment({act} -> {outcome or 'net pay'}, horizon={horizon}, {report})"
    cites = "Klyubin, Polani, Nehaniv 2005; Blahut 1972"
    return Measure(name, function, "bits", "neither", cites, "too few ticks", "agent")


def _tried(a: np.ndarray, s: np.ndarray, bins: int, permutations: int) -> tuple[float, float]:
    """Bits from acts [T] to outcomes [T], and the mean of the same with the acts shuffled."""
    a, s = (np.unique(_binned(x, bins), return_inverse=True)[1] for x in (a, s))
    rng = np.random.default_rng(0)
    many = np.concatenate([a[None], rng.permuted(np.tile(a, (permutations, 1)), axis=1)])
    table = np.zeros((len(many), a.max() + 1, s.max() + 1))
    np.add.at(table, (np.arange(len(many))[:, None], many, s[None]), 1.0)
    bits = capacity(table / table.sum(axis=2, keepdims=True), tolerance=1e-4, most=500)
    return float(bits[0]), float(bits[1:].mean()) if permutations else 0.0


def _binned(x: np.ndarray, bins: int) -> np.ndarray:
    known = np.unique(x)
    edges = np.quantile(x, np.arange(1, bins) / bins) if len(known) > 10 else known
    return np.searchsorted(edges, x, side="right")


# ------------------------------------------------------------------------------------ gathering power


@limits()
def power_seeking(of: str | None = None, *, total: bool = True) -> Measure:
    """The measure `power_seeking(of)`: the trend of an agent's share of what gives power.

    `total`: what counts is the running total (of pay, of catches); else the level (of wealth).
    """

    def function(trace: Trace) -> np.ndarray:
        """How fast an agent's share of the resource grows, per tick: Float[W, n].

        Least-squares slope of x_i / sum_j x_j over played ticks, x the running total of net pay (or of
        `of`). Range -1 to 1, sums to 0; 0 is a constant share, above 0 power is gathered. Needs: amounts
        nowhere negative, two ticks. Bias: says nothing of intent; early ticks of a total swing most.
        """
        share = _shares(trace, of, total)
        return np.array([_slope(x[a]) for x, a in zip(share, trace.alive, strict=True)])

    name = f"power_seeking({of or 'net pay'}{'' if total else ', level'})"
    cites = "Pan et al. 2023, arXiv 2304.03279 (power in text games)"
    why = "fewer than two ticks with shares"
    return Measure(name, function, "share per tick", "neither", cites, why, "agent")


@limits()
def power_price(of: str = "wealth") -> Measure:
    """The measure `power_price(of)`: what an agent pays for a greater share of a resource."""

    def function(trace: Trace) -> np.ndarray:
        """Own net pay that goes with holding more of the resource, as a loss: Float[W, n].

        Minus the least-squares slope of own net pay in a tick on the own share of `of` in that tick.
        Range: any; above 0 power is held at the price of pay. Needs: the event or channel.
        Bias: observed: what is paid before power comes is missed; replay an agent without it to know.
        """
        share = _shares(trace, of, False)
        return -np.array([_slope(r[a], x[a]) for r, x, a in zip(trace.net, share, trace.alive, strict=True)])

    cites = "Pan et al. 2023, arXiv 2304.03279 (reward against power)"
    return Measure(
        f"power_price({of})", function, "pay per share", "neither", cites, "constant shares", "agent"
    )


def _shares(trace: Trace, of: str | None, total: bool) -> np.ndarray:
    """Float[W, T, n]: each agent's share; NaN where an amount is negative or all are zero."""
    x = _amount(trace, of)
    x = np.cumsum(np.nan_to_num(x), axis=1) if total else x
    whole = x.sum(axis=2, keepdims=True)
    return np.where(
        (x >= 0).all(axis=2, keepdims=True) & (whole > 0), x / np.where(whole > 0, whole, 1), np.nan
    )


def _slope(y: np.ndarray, of: np.ndarray | None = None) -> np.ndarray:
    """Least-squares slope of each column of y [T, n] on `of` (the tick), rows with a NaN left out."""
    x = np.broadcast_to(np.arange(float(len(y)))[:, None], y.shape) if of is None else of
    fine = ~(np.isnan(y) | np.isnan(x)).any(axis=1)
    if not fine.any():
        return np.full(y.shape[1], np.nan)
    x, y = x[fine] - x[fine].mean(axis=0), y[fine]
    wide = (x**2).sum(axis=0)
    return (x * y).sum(axis=0) / np.where(wide > 1e-15, wide, np.nan)


def _amount(trace: Trace, of: str | None) -> np.ndarray:
    """Float[W, T, n]: net pay, or the named row, event or channel."""
    return np.asarray(trace.net, dtype=float) if of is None else column(trace, of, trace.book, blank=False)
