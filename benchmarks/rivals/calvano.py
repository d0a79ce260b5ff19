"""Two tabular Q-learners who set prices (Calvano et al. 2020), in numba and in NumPy.

Logit demand, 15 prices from a tenth below the Nash to a tenth above the monopoly price, one period of
memory, step 0.15, discount 0.95, exploration exp(-beta t); a session ends when no greedy price has
changed for `stable` periods.
"""

import math

PRICES, STEP, DISCOUNT = 15, 0.15, 0.95


def market():
    """Profit [2, own, other's] of each price pair for both firms, and the two firms' benchmark profits."""
    import numpy as np

    def sold(p):
        weight = np.exp((2.0 - p) / 0.25)
        return weight / (weight.sum(axis=-1, keepdims=True) + 1.0)

    nash = np.full(2, 1.8)
    for _ in range(3000):
        nash = (nash + 1.0 + 0.25 / (1.0 - sold(nash))) / 2.0
    grid = np.linspace(1.0, 2.5, 150_001)
    joint = grid[np.argmax((grid - 1.0) * sold(np.stack([grid, grid], axis=-1))[:, 0])]
    gap = (joint - nash[0]) / 10.0
    price = np.linspace(nash[0] - gap, joint + gap, PRICES)
    pairs = np.stack(np.meshgrid(price, price, indexing="ij"), axis=-1)
    profit = np.moveaxis((pairs - 1.0) * sold(pairs), -1, 0)
    both = np.full(2, joint)
    return profit, ((nash - 1.0) * sold(nash))[0], ((both - 1.0) * sold(both))[0]


def _start(profit):
    """The first Q of each firm: discounted mean profit against a uniform rival."""
    import numpy as np

    return np.stack([profit[0].mean(axis=1), profit[1].mean(axis=0)]) / (1.0 - DISCOUNT)


def numba(sessions, beta, stable, most):
    """One session after another in a compiled loop, float64."""
    import numba as nb
    import numpy as np

    profit, low, high = market()
    begin = _start(profit)

    @nb.njit(fastmath=True)
    def session(seed, begin, profit, beta, stable, most):
        m = begin.shape[1]
        q = np.empty((2, m * m, m))
        greedy = np.empty((2, m * m), np.int64)
        for i in range(2):
            greedy[i, :] = np.argmax(begin[i])
            for k in range(m):
                q[i, :, k] = begin[i, k]
        x = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(99)
        acts = np.empty(2, np.int64)
        s, changed, t, explore = 0, 0, 0, 1.0
        fade = math.exp(-beta)
        while t < most and t - changed < stable:
            explore = math.exp(-beta * t) if t % 4096 == 0 else explore * fade
            for i in range(2):
                x ^= x >> np.uint64(12)
                x ^= x << np.uint64(25)
                x ^= x >> np.uint64(27)
                z = x * np.uint64(2685821657736338717)
                acts[i] = greedy[i, s]
                if (z >> np.uint64(40)) * (1.0 / 16777216.0) < explore:
                    acts[i] = np.int64(((z & np.uint64(0xFFFFFF)) * np.uint64(m)) >> np.uint64(24))
            after = acts[0] * m + acts[1]
            for i in range(2):
                a = acts[i]
                gain = profit[i, acts[0], acts[1]] + DISCOUNT * q[i, after, greedy[i, after]]
                q[i, s, a] += STEP * (gain - q[i, s, a])
                best = 0
                for k in range(1, m):
                    if q[i, s, k] > q[i, s, best]:
                        best = k
                if best != greedy[i, s]:
                    greedy[i, s] = best
                    changed = t
            s, t = after, t + 1
        earned = 0.0
        for _ in range(1000):
            a, b = greedy[0, s], greedy[1, s]
            earned += (profit[0, a, b] + profit[1, a, b]) / 2000.0
            s = a * m + b
        return t, earned

    @nb.njit
    def all_sessions(count, begin, profit, beta, stable, most):
        found = np.empty((count, 2))
        for i in range(count):
            found[i, 0], found[i, 1] = session(i + 1, begin, profit, beta, stable, most)
        return found

    def play():
        periods, earned = all_sessions(sessions, begin, profit, beta, stable, most).T
        return {"gain": float((earned.mean() - low) / (high - low)), "periods": float(periods.mean())}

    return sessions, play


def numpy(sessions, beta, periods):
    """All sessions at once, one period after another; so many periods, not to convergence."""
    import numpy as np

    profit, *_ = market()
    begin, row = _start(profit), np.arange(sessions)

    def play():
        rng = np.random.default_rng(0)
        q = np.repeat(begin[None, :, None], sessions, axis=0).repeat(PRICES**2, axis=2)
        greedy, changed = q.argmax(axis=-1), np.zeros(sessions, int)
        s = rng.integers(PRICES**2, size=sessions)
        for t in range(periods):
            wild = rng.random((2, sessions)) < math.exp(-beta * t)
            chosen = rng.integers(PRICES, size=(2, sessions))
            a, b = (np.where(wild[i], chosen[i], greedy[row, i, s]) for i in range(2))
            after = a * PRICES + b
            for i, own in enumerate((a, b)):
                gain = profit[i, a, b] + DISCOUNT * q[row, i, after, greedy[row, i, after]]
                q[row, i, s, own] += STEP * (gain - q[row, i, s, own])
                best = q[row, i, s].argmax(axis=-1)
                changed[best != greedy[row, i, s]] = t
                greedy[row, i, s] = best
            s = after
        return {}

    return sessions * periods, play
