"""Shapley and Banzhaf values of games too large to be played whole, from some of their coalitions.

Both values are the slopes of a regression of v(S) - v(not S) on who is in S (+1) and who is not (-1),
over all pairs of a coalition and its complement: with equal weights Banzhaf's (Hammer and Holzman 1992,
ZOR 36:3), with weights 1 / (C(n, s) s (n - s)) and slopes that sum to v(all) - v(none) Shapley's (Charnes et
al. 1988; Lundberg and Lee 2017, arXiv 1705.07874). Pairs of sizes 1 and 2 are all played, of each other size
some, drawn without repetition; each of these counts for those of its size that were not drawn. One draw
serves both values. Whatever is additive comes out exactly, and so do chemistry of two (Covert and Lee 2021,
arXiv 2012.01536, on complements) and games in which all are alike.
"""

import math
from functools import lru_cache
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

DRAWN = 10  # pairs of a coalition and its complement for each player, besides those of sizes 0, 1 and 2


class Pairs(NamedTuple):
    """Coalitions and, each against it, their complements; none and all is the first pair.

    - `masks`: the smaller coalition of each pair, P of them; `size`: Int[P], how many are in it.
    - `of`, `drawn`: Float[P], how many pairs of this size there are, and how many of those are here.
    """

    masks: tuple[int, ...]
    size: np.ndarray
    of: np.ndarray
    drawn: np.ndarray


@lru_cache
def pairs(n: int, drawn: int = DRAWN, seed: int = 0) -> Pairs:
    """The pairs to play of a game of n players: about `drawn` a player besides the smallest and largest."""
    rng, sizes = np.random.default_rng(seed), range(n // 2 + 1)
    of = [math.comb(n, s) // (2 if 2 * s == n else 1) for s in sizes]
    kernel = np.array([0.0 if s < 3 else 1.0 / (s * (n - s)) for s in sizes])
    even = np.array([0.0 if s < 3 else math.comb(n, s) / 2.0**n for s in sizes])
    share = np.mean(
        [x / max(x.sum(), 1e-300) for x in (kernel, even)], axis=0
    )  # half for each of the two values
    masks, size, all_, here = [], [], [], []
    for s in sizes:
        count = of[s] if s < 3 else min(of[s], max(4, math.ceil(drawn * n * share[s])))
        some = _some(n, s, count, of[s], rng)
        masks += some
        size += [s] * count
        all_ += [float(of[s])] * count
        here += [float(count)] * count
    return Pairs(tuple(masks), np.array(size), np.array(all_), np.array(here))


def _some(n: int, s: int, count: int, of: int, rng: np.random.Generator) -> list[int]:
    """Coalitions of s players, `count` of the `of` that there are; with half of all, those with player 0."""
    half = 2 * s == n
    if 2 * count > of:  # few are left out: they are drawn
        some = (sum(1 << i for i in one) for one in combinations(range(n), s))
        every = [mask for mask in some if not half or mask & 1]
        return [every[k] for k in np.sort(rng.permutation(of)[:count])]
    found: dict[int, None] = {}
    while len(found) < count:
        mask = sum(1 << int(i) for i in rng.permutation(n)[:s])
        found[(1 << n) - 1 ^ mask if half and not mask & 1 else mask] = None
    return list(found)


def played(some: Pairs, n: int) -> list[int]:
    """All coalitions that a sample needs."""
    everyone = (1 << n) - 1
    return list(dict.fromkeys(mask for one in some.masks for mask in (one, everyone ^ one)))


class Sampled(NamedTuple):
    """Values [n, ...] and the standard error [n] that the draw of coalitions leaves in their means."""

    shapley: np.ndarray
    banzhaf: np.ndarray
    shapley_error: np.ndarray
    banzhaf_error: np.ndarray


def sampled(worth: Any, n: int, some: Pairs) -> Sampled:
    """Both values of a game, each world by itself; a world in which a coalition is not known has none.

    `worth[mask]` is Float[...], of every coalition in `played`.
    """
    everyone = (1 << n) - 1
    gains = np.array([worth[everyone ^ mask] - worth[mask] for mask in some.masks], dtype=float)
    gains[:, np.isnan(gains).any(axis=0)] = np.nan
    sides = np.array([[-1.0 if mask >> i & 1 else 1.0 for i in range(n)] for mask in some.masks])
    counts, ahead = some.of / some.drawn, n - 2.0 * some.size
    kernel = np.array([1.0 / (math.comb(n, s) * s * (n - s)) if s else 0.0 for s in some.size.tolist()])
    apart = _within(sides - sides.mean(axis=1, keepdims=True), some, n)
    phi, beta = _slopes(apart, counts * kernel), _slopes(apart, counts)
    level = counts * ahead / (n * 2.0 ** (n - 1))  # how the mean of Banzhaf values follows from the gains
    phi = phi + (some.size == 0) / n  # the mean of Shapley values is that of the first gain, all less none
    beta = beta + (level - level @ sides @ beta)
    one, two = (np.tensordot(x, gains, 1) for x in (phi, beta))
    errors = [_error(x, gains, sides, some) for x in (phi, beta)]
    return Sampled(one, two, *errors)


def _within(x: np.ndarray, some: Pairs, n: int) -> np.ndarray:
    """Rows less the mean of their size: what differs between players is told apart from what size does.

    Half of all against the other half has no direction, and is left as it is.
    """
    found = x.copy()
    for s in np.unique(some.size):
        if 2 * s != n:
            here = some.size == s
            found[here] -= x[here].mean(axis=0)
    return found


def _slopes(sides: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Float[n, P]: what turns gains into the slopes of least squares; those of least norm."""
    root = np.sqrt(weights / weights.max())
    return np.linalg.pinv(sides * root[:, None], rcond=1e-9) * root


def _error(slopes: np.ndarray, gains: np.ndarray, sides: np.ndarray, some: Pairs) -> np.ndarray:
    """Float[n]: the standard error of the mean over worlds that the draw leaves, size by size.

    Residuals as in HC2 (MacKinnon and White 1985, J. Econometrics 29:305); what was drawn of all there is
    counts as in strata, Cochran 1977, Sampling Techniques, chapter 5.
    """
    n, known = len(slopes), ~np.isnan(gains[0])
    if not known.any():
        return np.full(n, np.nan)
    mean = gains[:, known].mean(axis=1) if gains.ndim > 1 else gains
    weight = np.clip((sides * slopes.T).sum(axis=1), 0.0, 0.9)  # of each pair in its own prediction
    rest = _within(mean - sides @ (slopes @ mean), some, n) / np.sqrt(1.0 - weight)
    total = np.zeros(n)
    for s in np.unique(some.size):
        here = some.size == s
        m, of = some.drawn[here][0], some.of[here][0]
        if m < of:
            part = slopes[:, here] * rest[here]
            total += (1.0 - m / of) * m * part.var(axis=1, ddof=1)
    return np.sqrt(total)
