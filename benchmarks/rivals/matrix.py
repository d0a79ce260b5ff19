"""Round robins of the repeated prisoner's dilemma: Axelrod-Python, numba, NumPy.

The same twelve strategies everywhere, every pair and every one against itself; the score of the nine
that use no luck is the figure that all sides must share.
"""

import itertools

STRATEGIES = [
    "Cooperator",
    "Defector",
    "TitForTat",
    "TitFor2Tats",
    "Grudger",
    "WinStayLoseShift",
    "SuspiciousTitForTat",
    "Alternator",
    "GoByMajority",
    "Random",
    "FirstByJoss",
    "GTFT",
]
SURE = 9  # so many of them use no luck


def axelrod(repetitions, turns):
    """The library's own tournament, in one process."""
    import axelrod as axl

    players = [getattr(axl, name)() for name in STRATEGIES]

    def play():
        tournament = axl.Tournament(players, turns=turns, repetitions=repetitions, seed=1)
        scores = tournament.play(progress_bar=False).payoff_matrix
        return {"score": sum(scores[i][j] for i in range(SURE) for j in range(SURE))}

    m = len(players)
    return m * (m + 1) // 2 * repetitions * turns, play


def _matches(repetitions):
    import numpy as np

    pairs = list(itertools.combinations_with_replacement(range(len(STRATEGIES)), 2))
    return np.array(pairs * repetitions, np.int64).T


def _score(first, second, a, b, turns):
    """The sum of mean scores of the sure strategies against each other."""
    import numpy as np

    sums, counts = np.zeros((2, len(STRATEGIES), len(STRATEGIES)))
    other = first != second
    for i, j, x in ((first, second, a), (second[other], first[other], b[other])):
        np.add.at(sums, (i, j), x / turns)
        np.add.at(counts, (i, j), 1)
    return {"score": float((sums / counts)[:SURE, :SURE].sum())}


def numba(repetitions, turns):
    """One match after another in a compiled loop, a branch for each strategy."""
    import numba as nb
    import numpy as np

    @nb.njit(inline="always")
    def choose(kind, mine, his, his_before, his_defections, wronged, t, luck):
        if kind == 1:
            return 1
        if kind == 2:
            return his if t > 0 else 0
        if kind == 3:
            return his & his_before if t > 1 else 0
        if kind == 4:
            return wronged
        if kind == 5:
            return int(mine != his) if t > 0 else 0
        if kind == 6:
            return his if t > 0 else 1
        if kind == 7:
            return t & 1
        if kind == 8:
            return int(2 * his_defections > t)
        if kind == 9:
            return int(luck >= 0.5)
        if kind == 10:
            return 0 if t == 0 else (1 if his == 1 else int(luck >= 0.9))
        if kind == 11:
            return int(luck >= 1.0 / 3.0) if t > 0 and his == 1 else 0
        return 0

    @nb.njit(inline="always")
    def stir(x):
        x ^= x >> np.uint64(12)
        x ^= x << np.uint64(25)
        return x ^ (x >> np.uint64(27))

    @nb.njit
    def tournament(first, second, turns):
        gained = np.zeros((2, len(first)), np.int64)
        for m in range(len(first)):
            a = b = a0 = b0 = da = db = wa = wb = 0
            k, l = first[m], second[m]
            x = np.uint64(m + 1) * np.uint64(0x9E3779B97F4A7C15)
            sa = sb = 0
            for t in range(turns):
                x = stir(x)
                z = x * np.uint64(2685821657736338717)
                u = (z >> np.uint64(40)) * (1.0 / 16777216.0)
                v = ((z >> np.uint64(8)) & np.uint64(0xFFFFFF)) * (1.0 / 16777216.0)
                p = choose(k, a, b, b0, db, wa, t, u)
                q = choose(l, b, a, a0, da, wb, t, v)
                sa += 3 + 2 * p - 3 * q - p * q
                sb += 3 + 2 * q - 3 * p - p * q
                a0, b0, a, b = a, b, p, q
                da, db, wa, wb = da + p, db + q, wa | q, wb | p
            gained[0, m], gained[1, m] = sa, sb
        return gained

    first, second = _matches(repetitions)

    def play():
        a, b = tournament(first, second, turns)
        return _score(first, second, a, b, turns)

    return len(first) * turns, play


def numpy(repetitions, turns):
    """All matches at once, one turn after another."""
    import numpy as np

    first, second = _matches(repetitions)
    size, rng = len(first), np.random.default_rng(0)

    def choose(kind, mine, his, his_before, his_defections, wronged, t, luck):
        nothing, one = np.zeros_like(mine), np.ones_like(mine)
        started = one if t else nothing
        options = [nothing, one, his * started, (his & his_before) * int(t > 1), wronged]
        options += [(mine != his) * started, his if t else one, one * (t % 2), 2 * his_defections > t]
        options += [luck >= 0.5, ((his == 1) | (luck >= 0.9)) * started, his * (luck >= 1 / 3) * started]
        return np.choose(kind, [x.astype(np.int64) for x in options])

    def play():
        a = b = a0 = b0 = da = db = wa = wb = sa = sb = np.zeros(size, np.int64)
        for t in range(turns):
            u, v = rng.random((2, size), dtype=np.float32)
            p, q = choose(first, a, b, b0, db, wa, t, u), choose(second, b, a, a0, da, wb, t, v)
            sa, sb = sa + 3 + 2 * p - 3 * q - p * q, sb + 3 + 2 * q - 3 * p - p * q
            a0, b0, a, b = a, b, p, q
            da, db, wa, wb = da + p, db + q, wa | q, wb | p
        return _score(first, second, sa, sb, turns)

    return size * turns, play
