"""Exact answers about two types, A and B, in a finite population: who takes over, and from which benefit on.

A game is [[a, b], [c, d]]: what A earns from A and from B, then what B earns from A and from B. With
selection of strength w fitness is 1 - w + w pay (`linear`) or exp(w pay) (`exponential`). All in double
precision. Donation game: [[b - c, -c], [b, 0]].
"""

from collections.abc import Callable
from typing import Literal

import networkx as nx
import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.sparse import csr_array, diags_array, eye_array, kron
from scipy.sparse.linalg import spsolve

from .._bounds import limits, shown

Mapping = Literal["exponential", "linear"]


def _fitness(pay: np.ndarray, strength: float, mapping: Mapping) -> np.ndarray:
    return np.exp(strength * pay) if mapping == "exponential" else 1.0 - strength + strength * pay


@limits(r="(0, inf)", n="[1, 1000000]", start="[0, 1000000]")
def moran(r: float, n: int, start: int = 1) -> float:
    """Chance that `start` of `n` with constant fitness r (others 1) take over; start/n where r is 1.

    (1 - r^-start) / (1 - r^-n). Source: Moran 1958; Nowak 2006, Evolutionary Dynamics, equation 6.15.
    """
    if r == 1.0:
        return start / n
    up = -abs(np.log(r))  # no power overflows
    few = np.expm1(start * up) / np.expm1(n * up)
    return float(few if r > 1.0 else few * np.exp((n - start) * up))


def two_by_two(game: ArrayLike) -> np.ndarray:
    """The game as Float[2, 2]; ValueError where it is no such table of finite numbers."""
    try:
        found = np.asarray(game, dtype=float)
    except (TypeError, ValueError):
        found = np.zeros(0)
    if found.shape != (2, 2) or not np.isfinite(found).all():
        raise ValueError(
            f"got game={shown(game)}, expected [[a, b], [c, d]], what A and B get from A and B; try "
            "[[2.0, -1.0], [3.0, 0.0]]"
        )
    return found


def pay(game: ArrayLike, n: int) -> tuple[np.ndarray, np.ndarray]:
    """What A and B earn on average from the others, with i = 1, ..., n - 1 of A: two arrays [n - 1].

    Nobody plays against itself.
    """
    (a, b), (c, d) = two_by_two(game)
    i = np.arange(1, n)
    return (a * (i - 1) + b * (n - i)) / (n - 1), (c * i + d * (n - i - 1)) / (n - 1)


@limits(n="[2, 1000000]", strength="[0, inf)", start="[1, 1000000]")
def fixation(game: ArrayLike, n: int, strength: float, start: int = 1, mapping: Mapping = "linear") -> float:
    """Chance that `start` of A among `n` take over in a well-mixed Moran process.

    (sum over k < start) / (sum over k < n) of prod_{i <= k} g_i / f_i. Source: Nowak, Sasaki, Taylor,
    Fudenberg 2004, Nature 428:646; Karlin and Taylor 1975.
    """
    f, g = (_fitness(x, strength, mapping) for x in pay(game, n))
    if (f <= 0.0).any() or (g <= 0.0).any():
        raise ValueError(
            f"fitness falls to {min(f.min(), g.min()):g} at strength {strength:g}; wanted it above 0: a "
            "smaller strength, or mapping='exponential'"
        )
    terms = np.concatenate([[0.0], np.cumsum(np.log(g) - np.log(f))])
    terms = np.exp(terms - terms.max())
    return float(terms[:start].sum() / terms.sum())


@limits(n="[2, 1000000]")
def weak_selection(game: ArrayLike, n: int) -> float:
    """Above 0 iff weak selection favors A's replacing B: a(n-2) + b(2n-1) - c(n+1) - d(2n-4).

    In a large population a + 2b > c + 2d, the one-third law. Source: Nowak et al. 2004, Nature 428:646.
    """
    (a, b), (c, d) = two_by_two(game)
    return float(a * (n - 2) + b * (2 * n - 1) - c * (n + 1) - d * (2 * n - 4))


@limits(benefit="(-inf, inf)", cost="(-inf, inf)", chance="[0, 1]")
def reciprocity(benefit: float, cost: float, chance: float) -> np.ndarray:
    """Givers who stop giving to keepers, against keepers, per meeting: [[b - c, -c(1 - x)], [b(1 - x), 0]].

    Direct: x is the chance of another round (tit for tat against always defect, payoffs times 1 - x).
    Indirect: x is the chance of knowing the other's score. Source: Nowak and Sigmund 1998, Nature 393:573;
    Nowak 2006, Science 314:1560, table 1.
    """
    return np.array([[benefit - cost, -cost * (1.0 - chance)], [benefit * (1.0 - chance), 0.0]])


@limits(relatedness="[-1, 1]")
def assorted(game: ArrayLike, relatedness: float) -> np.ndarray:
    """The game as played with one's own type with chance r, with anyone otherwise.

    Source: Grafen 1979, Animal Behaviour 27:905; Nowak 2006, Science 314:1560, table 1 (kin selection).
    """
    points = two_by_two(game)
    return relatedness * np.diag(points)[:, None] + (1.0 - relatedness) * points


@limits(share="[0, 1]")
def replicator(game: ArrayLike, share: float) -> float:
    """Growth advantage of A over B in a large population with this share of A.

    Source: Taylor and Jonker 1978, Math. Biosciences 40:145.
    """
    mix = np.array([share, 1.0 - share])
    ours, theirs = two_by_two(game) @ mix
    return float(ours - theirs)


def threshold(advantage: Callable[[float], float], low: float = 1.0 + 1e-9, high: float = 1e3) -> float:
    """The benefit at which `advantage(benefit)` crosses 0 (cost 1), or infinity if it never does."""
    if advantage(high) <= 0.0:
        return float("inf")
    return low if advantage(low) > 0.0 else float(brentq(advantage, low, high, xtol=1e-12, rtol=1e-14))  # type: ignore[arg-type]


@limits(n="[3, 1000000]", k="[1, 1000000]")
def regular_threshold(n: int, k: int) -> float:
    """(b/c)* of death-birth on a k-regular vertex-transitive graph: (n - 2) / (n/k - 2); k as n grows.

    Averaged pay, weak selection; infinite unless n > 2k. Source: Taylor, Day, Wild 2007, Nature 447:469;
    Allen et al. 2017, Nature 544:227.
    """
    return (n - 2) / (n / k - 2) if n > 2 * k else float("inf")


def _walk(graph: nx.Graph | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps of the random walk along the weights, and its stationary distribution."""
    weights = nx.to_numpy_array(graph) if isinstance(graph, nx.Graph) else np.asarray(graph, dtype=float)
    if not np.allclose(weights, weights.T) or not nx.is_connected(nx.from_numpy_array(weights)):
        raise ValueError(
            "the graph is directed or in parts; wanted undirected and connected: nx.path_graph(5)"
        )
    total = weights.sum(axis=1)
    return weights / total[:, None], total / total.sum()


@limits(steps="[1, 10000]")
def coalescence(graph: nx.Graph | np.ndarray, steps: int = 3) -> np.ndarray:
    """t_1, ..., t_steps: mean meeting time of two walkers who start at the ends of an s-step stationary walk.

    At each moment one of the two, chosen evenly, moves. tau_ij = 1 + (sum_k p_ik tau_jk + p_jk tau_ik) / 2,
    tau_ii = 0. Source: Allen et al. 2017, Nature 544:227, equations 2 and 3.
    """
    p, pi = _walk(graph)
    n, step = len(p), csr_array(p)
    one = eye_array(n, format="csr")
    apart = diags_array((~np.eye(n, dtype=bool)).ravel().astype(float))
    move = 0.5 * (kron(step, one) + kron(one, step))
    system = (eye_array(n * n) - apart @ move).tocsc()
    tau = spsolve(system, apart.diagonal()).reshape(n, n)
    walks = [np.linalg.matrix_power(p, s) for s in range(1, steps + 1)]
    return np.array([(pi[:, None] * walk * tau).sum() for walk in walks])


def graph_threshold(graph: nx.Graph | np.ndarray) -> float:
    """(b/c)* of death-birth on any weighted graph: t_2 / (t_3 - t_1).

    Averaged pay, weak selection. Negative: only spite is favored; infinite: no benefit is enough.
    Source: Allen et al. 2017, Nature 544:227, equation 3.
    """
    one, two, three = coalescence(graph)
    gap = three - one
    return float("inf") if abs(gap) < 1e-9 * two else float(two / gap)


@limits(size="[2, 1000000]", groups="[1, 1000000]")
def group_threshold(size: int, groups: int, largest: bool = False) -> float:
    """(b/c)* where groups split: 1 + n/(m - 2); 1 + n/m for many groups (`largest`), as usually quoted.

    `groups` m of at most `size` n members, rare splits, weak selection. Source: Traulsen and Nowak 2006,
    PNAS 103:10952.
    """
    return 1.0 + size / groups if largest else 1.0 + size / (groups - 2) if groups > 2 else float("inf")


@limits(
    benefit="(-inf, inf)", cost="(-inf, inf)", size="[1, 1000000]", groups="[1, 1000000]", strength="[0, inf)"
)
def group_fixation(benefit: float, cost: float, size: int, groups: int, strength: float) -> float:
    """n m times the chance that one giver takes over m splitting groups of n, to first order in strength.

    1 + (w/2) [(b - c)(m - 1) - (b + c(n - 1))]: groups of givers against groups of keepers, times a
    giver against keepers inside its group. Source: Traulsen and Nowak 2006, PNAS 103:10952.
    """
    between, within = (benefit - cost) * (groups - 1), benefit + cost * (size - 1)
    return 1.0 + strength / 2.0 * (between - within)


@limits(strength="[0, inf)")
def graph_fixation(
    game: ArrayLike,
    graph: nx.Graph | np.ndarray,
    strength: float,
    start: np.ndarray,
    *,
    rule: Literal["death-birth", "birth-death"] = "death-birth",
    mapping: Mapping = "exponential",
) -> float:
    """Chance that A takes over a small graph (at most 12 nodes) from the nodes in `start` (Bool[n]).

    Solves the Markov chain over all 2^n states; averaged pay. Source: Lieberman, Hauert, Nowak 2005,
    Nature 433:312; Ohtsuki et al. 2006, Nature 441:502.
    """
    p, _ = _walk(graph)
    n, points, weights = len(p), two_by_two(game), p
    if n > 12:
        raise ValueError(
            f"{n} nodes have 2**{n} states; wanted at most 12: populations.on_graph simulates more"
        )
    states = (np.arange(2**n)[:, None] >> np.arange(n)) & 1  # 1 is A
    share = states @ p.T
    earned = np.where(states == 1, share * points[0, 0] + (1 - share) * points[0, 1], 0.0)
    earned += np.where(states == 0, share * points[1, 0] + (1 - share) * points[1, 1], 0.0)
    fit = _fitness(earned, strength, mapping)
    move = np.zeros((2**n, 2**n))
    for child in range(n):
        if rule == "death-birth":  # the child's seat is free: its neighbors compete
            chance = weights[child] * fit
            chance = chance / chance.sum(axis=1, keepdims=True) / n
        else:
            chance = fit / fit.sum(axis=1, keepdims=True) * weights[:, child]
        up = (chance * states).sum(axis=1)
        down = chance.sum(axis=1) - up
        now = np.arange(2**n)
        np.add.at(move, (now, now | (1 << child)), up)
        np.add.at(move, (now, now & ~(1 << child)), down)
    inner = np.arange(1, 2**n - 1)
    chances = np.linalg.solve(
        np.diag(move[inner].sum(axis=1)) - move[np.ix_(inner, inner)], move[inner, 2**n - 1]
    )
    code = int((np.asarray(start, dtype=int) << np.arange(n)).sum())
    return float(np.concatenate([[0.0], chances, [1.0]])[code])
