"""Cooperative games as tables: what each coalition is worth, and what each player adds to it.

A table is Float[2^n, ...]: row S is worth v(S), where bit i of S says whether player i is in it. What
follows the first axis (worlds, say) is kept, and a coalition whose worth is NaN leaves NaN.
"""

import math
from functools import partial
from typing import Any

import numpy as np

from .._measure import Measure, estimate

difference = partial(estimate, facts=False)  # of harms: a 0 or 1 in every world is no yes or no


def sign(harm: Measure) -> float:
    """What turns a measure into harm: 1 where lower is better, else -1."""
    return 1.0 if harm.better == "lower" else -1.0


def _players(v: np.ndarray) -> int:
    n = len(v).bit_length() - 1 if v.ndim else -1
    if n < 0 or len(v) != 1 << n:
        raise ValueError(
            f"a game came with shape {v.shape}; wanted a first axis of 2**n, the worth of each coalition by "
            "bit mask: shapley([0, 1, 1, 3])"
        )
    return n


def _gains(v: np.ndarray, n: int, i: int) -> tuple[np.ndarray, np.ndarray]:
    """The coalitions without i, and what i would add to each."""
    without = np.flatnonzero(~np.arange(1 << n) >> i & 1)
    return without, v[without | 1 << i] - v[without]


def shapley(game: Any) -> np.ndarray:
    """[n, ...]: what each player adds, averaged over all orders of joining; sums to v(N) - v(none).

    Source: Shapley 1953. Glove game (one left, two right): (2/3, 1/6, 1/6).
    """
    v = np.asarray(game, dtype=float)
    n = _players(v)
    size = np.array([mask.bit_count() for mask in range(1 << n)])
    share = np.array([1.0 / (n * math.comb(n - 1, s)) for s in range(n)])
    found = [(share[size[rest]], gains) for rest, gains in (_gains(v, n, i) for i in range(n))]
    return np.array([np.tensordot(w, gains, 1) for w, gains in found]).reshape(n, *v.shape[1:])


def banzhaf(game: Any) -> np.ndarray:
    """[n, ...]: what each player adds, averaged over all coalitions of the others; need not sum to anything.

    Source: Penrose 1946; Banzhaf 1965.
    """
    v = np.asarray(game, dtype=float)
    n = _players(v)
    return np.array([_gains(v, n, i)[1].mean(axis=0) for i in range(n)]).reshape(n, *v.shape[1:])


def dividends(game: Any) -> np.ndarray:
    """[2^n, ...]: m(S), the part of v(S) that no smaller coalition explains; v(S) is the sum within S.

    m(S) = sum over T in S of (-1)^(|S| - |T|) v(T). Source: Harsanyi 1963 (Moebius transform).
    """
    v = np.array(game, dtype=float)
    for i in range(_players(v)):
        split = v.reshape(-1, 2, 1 << i, *v.shape[1:])
        split[:, 1] -= split[:, 0]
    return v


def voting(weights: Any, quota: float) -> np.ndarray:
    """Float[2^n]: 1 for the coalitions whose weight reaches the quota."""
    total = np.zeros(1)
    for one in np.asarray(weights, dtype=float):
        total = np.concatenate([total, total + one])
    return (total >= quota - 1e-9 * total[-1]).astype(float)


def ranked(values: Any, grain: float) -> list[list[int]]:
    """Places of values by rank, the largest first; those within `grain` of the best share a rank, in order.

    So that rounding decides about no name.
    """
    v = np.asarray(values, dtype=float)
    found: list[list[int]] = []
    for i in sorted(range(len(v)), key=lambda i: -v[i]):
        if found and v[found[-1][0]] - v[i] <= grain:
            found[-1].append(i)
        else:
            found.append([i])
    return [sorted(some) for some in found]
