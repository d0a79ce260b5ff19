"""Who stands above whom: linearity, David's scores and steepness, Elo ratings.

A contest is won by whoever acts against another on a channel of targets (`channel`); without one, in
every tick each pair contests and the one with more net pay wins, equal pay counting half for both.
"""

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np

from .._bounds import limits
from .._formulas import takes
from .._measure import NA, Measure
from .._trace import Trace

Proportions = Literal["Dij", "Pij"]
Report = Literal["excess", "raw", "p"]
NOBODY = "no contests"
DRAWS = 200


@takes("landau([[0, 2], [1, 0]])", wins="n n: 0..")
def landau(wins: Any) -> float:
    """Linearity of a dominance matrix, wins[i, j] = how often i won against j.

    12 / (n^3 - n) sum_i (V_i - (n - 1) / 2)^2, V_i the number of others whom i dominates (wins more
    often than it loses), ties and unknown pairs 1/2. 1 is linear, a cycle of three 0; who dominates whom
    by the toss of a coin has 3 / (n + 1) on average. NaN below two agents. Source: Landau 1951.

    >>> landau([[0, 1, 1], [0, 0, 1], [0, 0, 0]]), landau([[0, 1, 0], [0, 0, 1], [1, 0, 0]])
    (1.0, 0.0)
    """
    v = _dominance(wins).sum(axis=1)
    n = len(v)
    return float(12.0 / (n**3 - n) * ((v - (n - 1) / 2.0) ** 2).sum()) if n > 1 else float("nan")


def _dominance(wins: Any) -> np.ndarray:
    """[n, n]: 1 where i dominates j, 1/2 for ties, 0 on the diagonal."""
    wins = np.asarray(wins, dtype=float)
    return np.where(np.eye(len(wins), dtype=bool), 0.0, (np.sign(wins - wins.T) + 1.0) / 2.0)


@takes("davids_scores([[0, 2], [1, 0]])", wins="n n: 0..")
def davids_scores(wins: Any, proportions: Proportions = "Dij") -> np.ndarray:
    """Float[n]: w + w2 - l - l2, an agent's wins and its victims' wins, less its losses and its victors'.

    `proportions`: `Pij`, the share of wins in a pair, or `Dij`, corrected for chance: P - (P - 1/2) /
    (m + 1) after m contests; pairs that never met count 0. Sums to 0.
    Source: David 1987; de Vries, Stevens, Vervaecke 2006, Animal Behaviour 71:585.

    >>> davids_scores([[0, 1, 1], [0, 0, 1], [0, 0, 0]], 'Pij')
    array([ 3.,  0., -3.])
    """
    if proportions not in ("Dij", "Pij"):
        raise ValueError(f"proportions={proportions!r}; wanted 'Dij' or 'Pij': davids_scores(wins, 'Pij')")
    wins = np.where(np.eye(len(wins), dtype=bool), 0.0, np.asarray(wins, dtype=float))
    met = wins + wins.T
    p = wins / np.where(met > 0, met, 1.0)
    p = np.where(met > 0, p - (p - 0.5) / (met + 1.0), 0.0) if proportions == "Dij" else p
    w, lost = p.sum(axis=1), p.sum(axis=0)
    return w + p @ w - lost - p.T @ lost


@takes("hierarchy_steepness([[0, 2], [1, 0]])", wins="n n: 0..")
def hierarchy_steepness(wins: Any, proportions: Proportions = "Dij") -> float:
    """How much David's score, normalized to 0 to n - 1, falls from one rank to the next.

    |slope| of (DS + n (n - 1) / 2) / n on rank. Range 0 to 1; a linear order settled by one contest a pair:
    1 with `Pij`, 1/2 with `Dij`. NaN below two agents. Source: de Vries et al. 2006.

    >>> hierarchy_steepness([[0, 1, 1], [0, 0, 1], [0, 0, 0]], 'Pij')
    1.0
    """
    n = len(wins)
    if n < 2:
        return float("nan")
    normalized = np.sort(davids_scores(wins, proportions) + n * (n - 1) / 2) / n
    rank = np.arange(n) - (n - 1) / 2
    return float(rank @ normalized / (rank @ rank))


@takes("expected_score(1900, 1500)", mine="...", theirs="...")
def expected_score(mine: Any, theirs: Any) -> np.ndarray:
    """The chance to win by Elo ratings: 1 / (1 + 10^((theirs - mine) / 400)). Source: Elo 1978.

    >>> round(float(expected_score(1900, 1500)), 4)
    0.9091
    """
    return 1.0 / (1.0 + 10.0 ** ((np.asarray(theirs, dtype=float) - mine) / 400.0))


@takes("elo_ratings([[[0, 1], [0, 0]]])", contests="ticks n n: 0..")
def elo_ratings(contests: Any, k: float = 32.0, start: float = 1500.0) -> np.ndarray:
    """Float[T, n]: ratings after each tick's contests [T, n, n] (won by i against j; 1/2 a tie).

    R_i + k sum_j (won_ij - contests_ij expected_ij), all contests of a tick at once; the mean stays `start`.
    Bias: `k` decides how fast ratings move: print it. Source: Elo 1978.

    >>> elo_ratings([[[0, 1], [0, 0]]])
    array([[1516., 1484.]])
    """
    ratings, found = np.full(np.shape(contests)[1], float(start)), []
    for won in np.asarray(contests, dtype=float):
        expected = expected_score(ratings[:, None], ratings)
        ratings = ratings + k * (won - (won + won.T) * expected).sum(axis=1)
        found.append(ratings)
    return np.array(found).reshape(-1, len(ratings))


@limits()
def linearity(channel: str | None = None, report: Report = "excess") -> Measure:
    """The measure `linearity(channel)`: Landau's h, see `landau`."""

    def function(trace: Trace) -> np.ndarray:
        """How linear the order of dominance is: Landau's h, beyond chance.

        12 / (n^3 - n) sum_i (V_i - (n - 1) / 2)^2, ties 1/2 (`report`: raw), less its mean over 200 worlds
        of luck: each contest won by the toss of a coin, pay handed out anew in every tick; or p. Range 0 to
        1 raw. Needs: a channel of targets, or net pay. Bias: pairs that never met pull it down; raw, the
        pay of one tick is always a linear order.
        """
        return np.array([_beyond(won, pay, landau, report) for won, pay in _contests(trace, channel)])

    unit, cites = "probability" if report == "p" else "h", "Landau 1951, Bull. Math. Biophysics 13:1"
    return Measure(f"linearity({channel or 'net pay'}, {report})", function, unit, "neither", cites, NOBODY)


@limits()
def steepness(
    channel: str | None = None, proportions: Proportions = "Dij", report: Report = "excess"
) -> Measure:
    """The measure `steepness(channel)`, see `hierarchy_steepness`."""

    def function(trace: Trace) -> np.ndarray:
        """How much more often the higher ranks win: steepness of the hierarchy, beyond chance.

        |slope| of normalized David's scores on rank (`report`: raw), less its mean over 200 worlds of luck:
        each contest won by the toss of a coin, pay handed out anew in every tick; or p. Range 0 to 1 raw.
        Needs: a channel of targets, or net pay. Bias: raw, few contests make it steep with `Pij`; pairs
        that never met make it flat.
        """
        return np.array([_beyond(won, pay, index, report) for won, pay in _contests(trace, channel)])

    def index(wins: np.ndarray) -> float:
        return hierarchy_steepness(wins, proportions)

    name = f"steepness({channel or 'net pay'}, {proportions}, {report})"
    cites = "de Vries, Stevens, Vervaecke 2006, Animal Behaviour 71:585"
    return Measure(name, function, "probability" if report == "p" else "slope", "neither", cites, NOBODY)


def _beyond(
    won: np.ndarray, pay: np.ndarray | None, index: Callable[[np.ndarray], float], report: Report
) -> float:
    """The index of all contests [T, n, n], less the mean of those by luck, or their p."""
    raw = index(won.sum(axis=0)) if won.any() else float("nan")
    if report == "raw" or np.isnan(raw):
        return raw
    null = np.array([index(wins) for wins in _by_luck(won, pay)])
    return float(raw - null.mean() if report == "excess" else (1 + (null >= raw - 1e-9).sum()) / (1 + DRAWS))


def _by_luck(won: np.ndarray, pay: np.ndarray | None) -> Iterator[np.ndarray]:
    """Dominance matrices without a hierarchy; what is drawn depends on ranks and not on seats."""
    rng, wins = np.random.default_rng(0), won.sum(axis=0)
    order = np.argsort(davids_scores(wins), kind="stable")
    met = np.triu(np.rint((wins + wins.T)[np.ix_(order, order)]).astype(int), 1)
    ranked = None if pay is None else np.sort(pay[won.any(axis=(1, 2))], axis=1)
    for _ in range(DRAWS):
        if ranked is None:
            first = rng.binomial(met, 0.5)
            yield (first + (met - first).T).astype(float)
        else:
            yield _above(rng.permuted(ranked, axis=1)).sum(axis=0)


@limits(k="(0, 10000]")
def elo_spread(channel: str | None = None, *, k: float = 32.0) -> Measure:
    """The measure `elo_spread(channel)`, see `elo_ratings`."""

    def function(trace: Trace) -> np.ndarray:
        """How far apart the Elo ratings of agents are at the end.

        Standard deviation over agents (population) of ratings after the last contest, from 1500 each.
        Range 0 upward, in points: 400 apart, the higher wins 10 of 11. Needs: a channel of targets,
        or net pay. Bias: grows with the number of contests and with k; above 0 by chance.
        """
        ratings = (elo_ratings(won, k)[-1] if won.any() else np.nan for won, _ in _contests(trace, channel))
        return np.array([np.std(one) for one in ratings])

    name = f"elo_spread({channel or 'net pay'}, k={k:g})"
    return Measure(name, function, "points", "neither", "Elo 1978, The Rating of Chessplayers", NOBODY)


@limits(k="(0, 10000]")
def elo_stability(channel: str | None = None, *, k: float = 32.0) -> Measure:
    """The measure `elo_stability(channel)`, see `elo_ratings`."""

    def function(trace: Trace) -> np.ndarray:
        """How lasting the order by Elo ratings is.

        1 minus the share of pairs whose order turned round from one tick to the next, mean over the ticks
        after the first with contests. Range 0 to 1. Needs: a channel of targets, or net pay. Bias: equal
        ratings have no order to lose; with a large k ratings swing, and orders with them.
        """
        found = []
        for won, _ in _contests(trace, channel):
            ratings = elo_ratings(won[won.any(axis=(1, 2))], k)
            sign = np.sign(ratings[:, :, None] - ratings[:, None])
            pairs = (len(sign) - 1) * ratings.shape[1] * (ratings.shape[1] - 1)
            found.append(1.0 - (sign[1:] * sign[:-1] < 0).sum() / pairs if pairs > 0 else np.nan)
        return np.array(found)

    name, cites = (
        f"elo_stability({channel or 'net pay'}, k={k:g})",
        "Elo 1978; Neumann et al. 2011, Animal Behaviour",
    )
    return Measure(name, function, "share", "neither", cites, "fewer than two ticks with contests")


def _contests(trace: Trace, channel: str | None) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """For each world Float[T, n, n], what i won against j in a tick, and the pay [T, n] that decided it."""
    n = trace.shape[2]
    if n < 2:
        raise NA("one agent has nobody to contest with")
    if channel is not None and channel not in trace.act:
        raise NA(f"no channel {channel!r} here: name one of {', '.join(sorted(trace.act)) or '(none)'}")
    act = (
        np.full(trace.shape, n)
        if channel is None
        else np.where(trace.alive[..., None], trace.act[channel], n)
    )
    if not np.isin(act, np.arange(n + 1)).all():
        raise NA(f"the channel {channel!r} does not name agents")
    for target, pay, alive in zip(act, trace.net, trace.alive, strict=True):
        named = (target[..., None] == np.arange(n)) & ~np.eye(n, dtype=bool)
        yield (named.astype(float), None) if channel else (_above(pay) * alive[:, None, None], pay)


def _above(pay: np.ndarray) -> np.ndarray:
    """Float[T, n, n]: 1 where i has more than j, 1/2 where as much, 0 on the diagonal."""
    more = (np.sign(pay[:, :, None] - pay[:, None]) + 1.0) / 2.0
    return more * (1.0 - np.eye(pay.shape[1]))
