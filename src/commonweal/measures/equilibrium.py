"""How far self-interest and the common good lie apart in a game, and how far play is from equilibrium.

`payoffs[i, a_1, ..., a_n]` is what player i gets when all act so, as in `MatrixGame`. A measure made
without them reads those of the scenario that the trace's recipe names: the game as it was written,
before institutions. What the game alone decides is the same in every world.
"""

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any, Literal

import numpy as np

from .._bounds import limits
from .._card import Unknown
from .._describe import called, rebuild
from .._formulas import takes
from .._measure import NA, Measure, measure
from .._trace import Trace

SLACK = 1e-6  # of a game's range of payoffs: what lies closer is equal, as payoffs are float32 in a scenario
MOST = 8  # acts a player, up to which mixed equilibria are enumerated
Kind = Literal["pure", "mixed"]


@takes("tensor([[[3, 0], [5, 1]], [[3, 5], [0, 1]]])", payoffs="...")
def tensor(payoffs: Any) -> np.ndarray:
    """The payoffs as Float[n, m_1, ..., m_n].

    Raises:
        ValueError: the first axis does not count the others.
    """
    pay = np.asarray(payoffs, dtype=float)
    if pay.ndim < 3 or pay.shape[0] != pay.ndim - 1:
        raise ValueError(
            f"payoffs came with shape {pay.shape}; wanted one table a player, [n, m_1, ..., m_n]: "
            "payoffs=[[[3, 0], [5, 1]], [[3, 5], [0, 1]]]"
        )
    if not np.isfinite(pay).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(pay))[0])
        raise ValueError(
            f"payoffs came with {pay[where]} at {where}; wanted a finite number for every joint act: "
            "payoffs[0, 1, 1] = 3.0"
        )
    return pay


def slack(payoffs: np.ndarray) -> float:
    """The difference of payoffs below which they are equal: small beside the widest range of any player."""
    return SLACK * max(float(np.ptp(one)) for one in payoffs)


def pure_equilibria(payoffs: Any) -> np.ndarray:
    """Int[e, n]: the joint acts from which nobody gains by leaving alone. Source: Nash 1950.

    >>> pure_equilibria([[[3, 0], [5, 1]], [[3, 5], [0, 1]]]).tolist()
    [[1, 1]]
    """
    pay = tensor(payoffs)
    calm = [one >= one.max(axis=i, keepdims=True) - SLACK * np.ptp(one) for i, one in enumerate(pay)]
    return np.argwhere(np.all(calm, axis=0))


def mixed_equilibria(payoffs: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """The extreme equilibria of a game of two, in order; all others are mixtures of these.

    A game that is not degenerate has no others. Of the strategies against which the other can get no more
    than v, the corners are found; a pair of corners is an equilibrium if each act is unplayed or a best
    reply. Acts played may differ in number. Source: von Stengel 2007, Algorithmic Game Theory, section 3.6.

    >>> [(x.tolist(), y.tolist()) for x, y in mixed_equilibria([[[3, 0], [5, 1]], [[3, 5], [0, 1]]])]
    [([0.0, 1.0], [0.0, 1.0])]

    Raises:
        ValueError: not two players, or more than eight acts.
    """
    pay = tensor(payoffs)
    if len(pay) != 2 or max(pay.shape[1:]) > MOST:
        raise ValueError(
            f"mixed equilibria of payoffs with shape {pay.shape}; wanted two players and at most {MOST} acts "
            'each: price_of_anarchy(equilibria="pure")'
        )
    rows = pay.shape[1]
    mine, others = _corners(pay[1].T), _corners(pay[0])
    flipped = [(y, np.roll(tight, rows)) for y, tight in others]  # labels: first the rows, then the columns
    found = [(x, y) for x, a in mine for y, b in flipped if (a | b).all()]
    return sorted(found, key=lambda pair: (*(sum(z > 0) for z in pair), [*-pair[0]], [*-pair[1]]))


def _corners(pay: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The corners of {(x, v): x >= 0, sum x = 1, pay x <= v}, each with its tight rows: x, then pay x <= v.

    `pay` is Float[k, m]: what each act of the other gets against each of one's own m acts.
    """
    k, m = pay.shape
    pay = (pay - pay.min()) / (np.ptp(pay) or 1.0)
    walls = np.block([[-np.eye(m), np.zeros((m, 1))], [pay, -np.ones((k, 1))]])  # walls @ (x, v) <= 0
    some = np.array(list(combinations(range(m + k), m)))
    lhs = np.concatenate([walls[some], np.tile([1.0] * m + [0.0], (len(some), 1, 1))], axis=1)
    lhs = lhs[np.linalg.svd(lhs, compute_uv=False)[:, -1] > 1e-9]
    points = np.linalg.solve(lhs, np.tile(np.eye(m + 1)[:, m:], (len(lhs), 1, 1)))[..., 0]
    beyond = points @ walls.T
    points = points[(beyond <= SLACK).all(axis=1)]
    points = points[np.unique(np.round(points, 7), axis=0, return_index=True)[1]]
    return [(np.where(x > SLACK, x, 0.0)[:m], walls @ x >= -SLACK) for x in points]


def anarchy(payoffs: Any, equilibria: Kind = "pure") -> float:
    """How much better the best joint act is than the worst equilibrium.

    W* / W(worst equilibrium), W the sum of payoffs; over `pure` equilibria, or `mixed` ones too (two
    players; the worst is an extreme one). Range 1 upward, lower is better; NaN without an equilibrium, or
    if its W is not positive. Needs: payoffs by joint act. Bias: depends on where the zero of the payoffs is.

    >>> anarchy([[[3, 0], [5, 1]], [[3, 5], [0, 1]]])
    3.0
    """
    if equilibria not in ("pure", "mixed"):
        raise ValueError(
            f"anarchy() came with equilibria={equilibria!r}; wanted 'pure' or 'mixed': "
            "anarchy(payoffs, equilibria='mixed')"
        )
    pay = tensor(payoffs)
    total = pay.sum(axis=0)
    worst = [float(total[tuple(a)]) for a in pure_equilibria(pay)]
    if equilibria == "mixed":
        worst = [float(x @ total @ y) for x, y in mixed_equilibria(pay)]
    least = min(worst, default=np.nan)
    return float(total.max() / least) if least > 0 else np.nan


def selfishness(payoffs: Any) -> float:
    """How much each must care for all before some best joint act is an equilibrium.

    The least a >= 0 such that a maximum of W is a pure equilibrium of r_i + a W: over its unilateral
    deviations the largest (gain of i) / (loss of W). Range 0 upward, infinite where W does not fall;
    lower is better. Needs: payoffs by joint act. Bias: blind to other equilibria, which may be worse.

    >>> selfishness([[[3, 0], [5, 1]], [[3, 5], [0, 1]]])
    2.0
    """
    pay = tensor(payoffs)
    total, near = pay.sum(axis=0), slack(pay)
    levels = []
    for best in np.argwhere(total >= total.max() - near):
        level = 0.0
        for i, one in enumerate(pay):
            line = (*best[:i], slice(None), *best[i + 1 :])
            gain, loss = one[line] - one[tuple(best)], total.max() - total[line]
            need = np.where(loss > near, gain / np.where(loss > near, loss, 1.0), np.inf)
            level = max(level, float(need[gain > near].max(initial=0.0)))
        levels.append(level)
    return min(levels)


def self_interest(payoffs: Any) -> float:
    """How much of its own reward each can keep while some best joint act is dominant for all.

    The largest s in [0, 1] such that in s r_i + (1 - s) mean_(j != i) r_j every player's part of a maximum
    of W is best against anything. Range 0 to 1, higher is better; NaN if no s does it. Needs: payoffs
    by joint act. Bias: everyone keeps the same share and gives evenly; transfers made to measure can do with
    less in a game that is not symmetric.

    >>> round(self_interest([[[3, 0], [5, 1]], [[3, 5], [0, 1]]]), 4)
    0.6
    """
    pay = tensor(payoffs)
    n, total, near = len(pay), pay.sum(axis=0), slack(pay)
    found = [np.nan]
    for best in np.argwhere(total >= total.max() - near):
        low, high = 0.0, 1.0
        for i in range(n):
            mine = np.moveaxis(pay[i], i, 0)
            rest = np.moveaxis((total - pay[i]) / (n - 1), i, 0)
            own, others = mine[best[i]][None] - mine, rest[best[i]][None] - rest  # what doing it brings
            slope = own - others  # others + s slope >= 0
            edge = -others / np.where(np.abs(slope) > near, slope, np.nan)
            low = max(low, float(edge[slope > near].max(initial=0.0)))
            high = min(high, float(edge[slope < -near].min(initial=1.0)))
            never = (np.abs(slope) <= near) & (others < -near)
            high = -1.0 if never.any() else high
        found.append(high if low <= high + SLACK else np.nan)
    return float(np.fmax.reduce(found))


def common_interest(payoffs: Any) -> float:
    """How much of what is at stake is at stake for all alike.

    n |C|^2 / sum_i |r_i|^2, each r_i less its mean over joint acts, C = mean_i r_i; for two players
    |C|^2 / (|C|^2 + |Z|^2) with Z = (r_1 - r_2) / 2. Range 0 (zero-sum) to 1 (one interest), higher is
    better; NaN where nothing is at stake. Needs: payoffs by joint act. Bias: every joint act
    counts alike, also those that nobody would play.

    >>> common_interest([[[1, 0], [0, 1]], [[1, 0], [0, 1]]])
    1.0
    """
    pay = tensor(payoffs)
    pay = pay - pay.mean(axis=tuple(range(1, pay.ndim)), keepdims=True)
    pay = pay / (np.abs(pay).max() or 1.0)
    stake = (pay**2).sum()
    return float(len(pay) * (pay.mean(axis=0) ** 2).sum() / stake) if stake > 0.0 else np.nan


def gaps(payoffs: Any, strategies: Sequence[np.ndarray]) -> np.ndarray:
    """Float[n]: what each player would gain by its best reply to the others' mixed strategies.

    >>> gaps([[[3, 0], [5, 1]], [[3, 5], [0, 1]]], [[1, 0], [1, 0]]).tolist()
    [2.0, 2.0]
    """
    pay, found = tensor(payoffs), []
    for i, mine in enumerate(strategies):
        value = pay[i]
        for j in reversed(range(len(pay))):
            value = value if i == j else np.tensordot(value, strategies[j], (j, 0))
        found.append(value.max() - value @ mine)
    return np.array(found)


def _game(trace: Trace, payoffs: Any) -> np.ndarray:
    """The payoffs that were passed, or else those of the trace's scenario."""
    if payoffs is None and "society" not in trace.recipe:
        raise NA("the trace has no recipe that names its game (recordings have none): pass payoffs=")
    if payoffs is None:
        base = rebuild(trace.recipe["society"]["fields"]["scenario"]).base
        payoffs = getattr(base, "payoffs", None)
        if payoffs is None or len(payoffs) != np.ndim(payoffs) - 1:
            raise NA(f"{type(base).__name__} has no table of payoffs by joint act: pass payoffs=")
    return tensor(payoffs)


def _of_game(name: str, formula: Callable[[np.ndarray], float], payoffs: Any, **words: Any) -> Measure:
    """The measure that is one number of the game, repeated for each world; NaN if it is infinite."""

    def function(trace: Trace) -> np.ndarray:
        value = formula(_game(trace, payoffs))
        return np.full(len(trace.seeds), value if np.isfinite(value) else np.nan)

    function.__doc__ = formula.__doc__
    return Measure(called(name, payoffs=(payoffs, None)), function, **words)


@limits()
def price_of_anarchy(payoffs: Any = None, equilibria: Kind = "pure") -> Measure:
    """The measure of the game: the best total over that of the worst equilibrium.

    `equilibria`: `pure` ones, or `mixed` ones too (two players, eight acts).
    """

    def formula(pay: np.ndarray) -> float:
        if equilibria == "mixed" and (len(pay) != 2 or max(pay.shape[1:]) > MOST):
            raise NA(f"mixed equilibria need two players and at most {MOST} acts each")
        return anarchy(pay, equilibria)

    formula.__doc__ = anarchy.__doc__
    return _of_game(
        "price_of_anarchy" + (", mixed" if equilibria == "mixed" else ""),
        formula,
        payoffs,
        unit="ratio",
        better="lower",
        cites="Koutsoupias and Papadimitriou 1999, STACS",
        undefined="no such equilibrium, or its total is not positive",
    )


def selfishness_level(payoffs: Any = None) -> Measure:
    """The measure of the game: how much each must care for all before the best joint act holds."""
    return _of_game(
        "selfishness_level",
        selfishness,
        payoffs,
        unit="weight on the total",
        better="lower",
        cites="Apt and Schafer 2014, JAIR 49:207, arXiv 1105.2432",
        undefined="infinite: no care for the total makes a best joint act an equilibrium",
    )


def self_interest_level(payoffs: Any = None) -> Measure:
    """The measure of the game: how much of its own reward each can keep while the best is dominant."""
    return _of_game(
        "self_interest_level",
        self_interest,
        payoffs,
        unit="share of reward",
        better="higher",
        cites="Willis, Du, Leibo, Luck 2023, arXiv 2310.12928",
        undefined="no even transfer makes a best joint act dominant",
    )


def common_interest_share(payoffs: Any = None) -> Measure:
    """The measure of the game: how much of what is at stake is at stake for all alike."""
    return _of_game(
        "common_interest_share",
        common_interest,
        payoffs,
        unit="share",
        better="higher",
        cites="Kalai and Kalai 2013, QJE 128:917",
        undefined="nothing is at stake",
    )


@measure(
    unit="ratio",
    better="lower",
    cites="Koutsoupias and Papadimitriou 1999, STACS",
    undefined="the total is not positive",
)
def empirical_price_of_anarchy(trace: Trace) -> np.ndarray:
    """How much better the best outcome is than what was played.

    W* / W, W the episode's objective and W* the oracle's best. Range 1 upward, lower is better.
    Needs: `objective` and an oracle on the card. Bias: a ratio, so it depends on where the objective's
    zero is; `objective_alignment` does not. Too high against an upper bound of W*.
    """
    oracle = trace.card.oracle
    if isinstance(oracle, Unknown):
        raise NA(f"no oracle: {oracle.reason}")
    total = trace.objective.sum(axis=1, dtype=float)
    return oracle.best / np.where(total > 0, total, np.nan)


@limits()
def nash_conv(payoffs: Any = None, policy: Literal["acts", "odds"] = "acts", channel: str = "act") -> Measure:
    """The measure of how much the players leave on the table.

    `policy`: `acts`, each player's strategy is how often it did what; or `odds`, what its mind stated,
    averaged over ticks.
    """

    def function(trace: Trace) -> np.ndarray:
        """What all could gain by best replies, each alone; 0 in equilibrium.

        sum_i (max_a r_i(a, p_-i) - r_i(p)) at the players' mixed strategies p. Range 0 upward.
        Needs: acts on the channel, or stated `odds`, and the payoffs. Bias: of `acts`, answers to what
        the others did are averaged away (a pair that takes turns looks mixed), and few ticks read too high.
        """
        pay, n = _game(trace, payoffs), trace.shape[2]
        table = trace.act if policy == "acts" else trace.odds
        if channel not in table:
            raise NA(f"no {policy} on a channel {channel!r} here; there are {sorted(table)}")
        if n != len(pay):
            raise NA(f"the payoffs are of {len(pay)} players, and {n} agents played")
        most = max(pay.shape[1:])
        if policy == "acts":
            done = trace.act[channel][..., None] == np.arange(most)
            done = (done & trace.alive[..., None, None]).sum(axis=1, keepdims=True)
            seen = done.sum(axis=3, keepdims=True)
            play = done / np.where(seen == 0, np.nan, seen)
        else:
            play = np.where(trace.alive[..., None, None], trace.odds[channel], np.nan)

        def conv(rows: np.ndarray) -> float:
            return gaps(pay, [row[:m] for row, m in zip(rows, pay.shape[1:], strict=True)]).sum()

        each = np.array([[np.nan if np.isnan(x).any() else conv(x) for x in world] for world in play])
        known = ~np.isnan(each)
        return np.where(known, each, 0.0).sum(axis=1) / np.where(known.any(axis=1), known.sum(axis=1), np.nan)

    return Measure(
        called("nash_conv", payoffs=(payoffs, None), policy=(policy, "acts"), channel=(channel, "act")),
        function,
        unit="payoff",
        better="neither",
        cites="Lanctot et al. 2017, arXiv 1711.00832",
        undefined="no tick was played",
    )
