"""A pool that regrows by the logistic law, five tabular agents with four acts: numba, NumPy, Python.

Stock S in [0, 1]; agent i asks for a_i / 50 of a_i in 0..3; short wishes are cut alike; what is left
grows by 0.35 S (1 - S) plus luck; below 0.02 it is gone. `gradient` is one update of a policy gradient
with a table of 32 rows an agent (rewards to go, less their mean over worlds, over their spread);
`branches` replays one episode with one act of one agent replaced, for every agent, tick and act.
"""

import math

AGENTS, ACTS, ROWS, UNIT, GROWTH, GONE, START = 5, 4, 32, 0.02, 0.35, 0.02, 0.7


def habits(seed=0):
    """Which act each agent takes in each row: the table that `branches` plays, on every side."""
    state, table = seed + 12345, []
    for _ in range(AGENTS * ROWS):
        state = (1103515245 * state + 12345) % 2**31
        table.append(state // 65536 % ACTS)
    return [table[i * ROWS : (i + 1) * ROWS] for i in range(AGENTS)]


def _sharp():
    """The habits as cumulative odds, all but the last column."""
    import numpy as np

    odds = np.eye(ACTS, dtype=np.float32)[np.array(habits())]
    return odds.cumsum(axis=-1)[..., :-1]


def _grow(stock, want, luck):
    """NumPy: the stock after a tick and what of each wish was granted."""
    import numpy as np

    total = want.sum(axis=-1)
    part = np.minimum(1.0, stock / np.maximum(total, 1e-6))
    left = np.clip(stock - total * part, 0.0, 1.0)
    left = np.clip(left + GROWTH * left * (1.0 - left) + luck, 0.0, 1.0)
    return np.where(left < GONE, 0.0, left).astype(np.float32), part


def gradient_numpy(worlds, ticks, updates, rate, noise):
    """So many updates from an even start, all worlds at once."""
    import numpy as np

    rng, seats = np.random.default_rng(0), np.arange(AGENTS)

    def update(logits):
        odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
        odds /= odds.sum(axis=-1, keepdims=True)
        reached = odds.cumsum(axis=-1)[..., :-1]
        stock = np.full(worlds, START, np.float32)
        rows, acts = np.empty((ticks, worlds), int), np.empty((ticks, worlds, AGENTS), int)
        pay = np.empty((ticks, worlds, AGENTS), np.float32)
        for t in range(ticks):
            rows[t] = np.minimum((stock * ROWS).astype(int), ROWS - 1)
            luck = rng.random((worlds, AGENTS), dtype=np.float32)
            acts[t] = (luck[..., None] > reached[seats, rows[t][:, None]]).sum(axis=-1)
            want = acts[t] * np.float32(UNIT)
            stock, part = _grow(stock, want, noise * (luck[:, 0] - 0.5))
            pay[t] = want * part[:, None]
        to_go = pay[::-1].cumsum(axis=0)[::-1]
        edge = to_go - to_go.mean(axis=1, keepdims=True)
        edge /= edge.std() + 1e-6
        score = np.eye(ACTS, dtype=np.float32)[acts] - odds[seats, rows[..., None]]
        slope = np.zeros_like(logits)
        where = np.broadcast_arrays(seats, rows[..., None])
        np.add.at(slope, (where[0], where[1]), score * edge[..., None])
        logits += np.float32(rate / (worlds * ticks)) * slope
        return float(pay.sum() / worlds)

    def play():
        logits = np.zeros((AGENTS, ROWS, ACTS), np.float32)
        earned = [update(logits) for _ in range(updates)]
        return {"before": earned[0], "after": earned[-1]}

    return worlds * ticks * updates, play


def gradient_numba(worlds, ticks, updates, rate, noise):
    """So many updates from an even start, world by world in a compiled loop."""
    import numba as nb
    import numpy as np

    @nb.njit(fastmath=True)
    def update(logits, seed, worlds, ticks, rate, noise):
        odds, reached = np.empty_like(logits), np.empty_like(logits)
        for i in range(AGENTS):
            for s in range(ROWS):
                whole, most = np.float32(0.0), logits[i, s, 0]
                for k in range(1, ACTS):
                    most = max(most, logits[i, s, k])
                for k in range(ACTS):
                    odds[i, s, k] = math.exp(logits[i, s, k] - most)
                    whole += odds[i, s, k]
                reach = np.float32(0.0)
                for k in range(ACTS):
                    odds[i, s, k] /= whole
                    reach += odds[i, s, k]
                    reached[i, s, k] = reach
        rows = np.empty((worlds, ticks), np.int16)
        acts = np.empty((worlds, ticks, AGENTS), np.int8)
        to_go = np.empty((worlds, ticks, AGENTS), np.float32)
        for w in range(worlds):
            x = np.uint64(w + 1 + seed * 1000003) * np.uint64(0x9E3779B97F4A7C15)
            stock = np.float32(START)
            for t in range(ticks):
                s = min(ROWS - 1, int(stock * ROWS))
                rows[w, t] = s
                total, first = np.float32(0.0), np.float32(0.0)
                for i in range(AGENTS):
                    x ^= x >> np.uint64(12)
                    x ^= x << np.uint64(25)
                    x ^= x >> np.uint64(27)
                    u = np.float32(((x * np.uint64(2685821657736338717)) >> np.uint64(40)) / 16777216.0)
                    if i == 0:
                        first = u
                    a = 0
                    while a < ACTS - 1 and u > reached[i, s, a]:
                        a += 1
                    acts[w, t, i] = a
                    total += a * np.float32(UNIT)
                part = min(np.float32(1.0), stock / max(total, np.float32(1e-6)))
                for i in range(AGENTS):
                    to_go[w, t, i] = acts[w, t, i] * np.float32(UNIT) * part
                stock = min(max(stock - total * part, np.float32(0.0)), np.float32(1.0))
                stock += np.float32(GROWTH) * stock * (1 - stock) + np.float32(noise) * (
                    first - np.float32(0.5)
                )
                stock = min(max(stock, np.float32(0.0)), np.float32(1.0))
                if stock < GONE:
                    stock = np.float32(0.0)
            for t in range(ticks - 2, -1, -1):
                for i in range(AGENTS):
                    to_go[w, t, i] += to_go[w, t + 1, i]
        mean, square = np.zeros((ticks, AGENTS)), 0.0
        for w in range(worlds):
            for t in range(ticks):
                for i in range(AGENTS):
                    mean[t, i] += to_go[w, t, i] / worlds
        for w in range(worlds):
            for t in range(ticks):
                for i in range(AGENTS):
                    square += (to_go[w, t, i] - mean[t, i]) ** 2
        spread = math.sqrt(square / (worlds * ticks * AGENTS)) + 1e-6
        slope = np.zeros(logits.shape, np.float32)
        for w in range(worlds):
            for t in range(ticks):
                s = rows[w, t]
                for i in range(AGENTS):
                    edge = np.float32((to_go[w, t, i] - mean[t, i]) / spread)
                    for k in range(ACTS):
                        slope[i, s, k] += edge * (np.float32(k == acts[w, t, i]) - odds[i, s, k])
        total = 0.0
        for i in range(AGENTS):
            total += mean[0, i]
            for s in range(ROWS):
                for k in range(ACTS):
                    logits[i, s, k] += np.float32(rate / (worlds * ticks)) * slope[i, s, k]
        return total

    def play():
        logits = np.zeros((AGENTS, ROWS, ACTS), np.float32)
        earned = [update(logits, i, worlds, ticks, rate, noise) for i in range(updates)]
        return {"before": earned[0], "after": earned[-1]}

    return worlds * ticks * updates, play


def branches_numpy(ticks):
    """All branches at once from the first tick."""
    import numpy as np

    when, who, what = (x.ravel() for x in np.indices((ticks, AGENTS, ACTS)))
    reached, seats = _sharp(), np.arange(AGENTS)
    luck = np.random.default_rng(0).random((ticks, AGENTS)).astype(np.float32)

    def play():
        stock = np.full(len(when), START, np.float32)
        earned = np.zeros((len(when), AGENTS), np.float32)
        for t in range(ticks):
            row = np.minimum((stock * ROWS).astype(int), ROWS - 1)
            acts = (luck[t][:, None] >= reached[seats, row[:, None]]).sum(axis=-1)
            now = when == t
            acts[now, who[now]] = what[now]
            want = acts * np.float32(UNIT)
            stock, part = _grow(stock, want, 0.0)
            earned += want * part[:, None]
        return _sums(earned)

    return len(when), play


def _sums(earned):
    """What all sides must share: the mean and the spread over branches of what all earned together."""
    total = earned.sum(axis=-1)
    return {"mean": float(total.mean()), "spread": float(total.std())}


def branches_numba(ticks):
    """Branch by branch from the first tick, in a compiled loop."""
    import numba as nb
    import numpy as np

    @nb.njit(fastmath=True)
    def all_branches(reached, luck, earned):
        acts, b = np.empty(AGENTS, np.int64), 0
        for when in range(len(luck)):
            for who in range(AGENTS):
                for what in range(ACTS):
                    stock = np.float32(START)
                    for t in range(len(luck)):
                        s, total = min(ROWS - 1, int(stock * ROWS)), np.float32(0.0)
                        for i in range(AGENTS):
                            a = 0
                            while a < ACTS - 1 and luck[t, i] >= reached[i, s, a]:
                                a += 1
                            acts[i] = what if t == when and i == who else a
                            total += acts[i] * np.float32(UNIT)
                        part = min(np.float32(1.0), stock / max(total, np.float32(1e-6)))
                        for i in range(AGENTS):
                            earned[b, i] += acts[i] * np.float32(UNIT) * part
                        stock = min(max(stock - total * part, np.float32(0.0)), np.float32(1.0))
                        stock = min(stock + np.float32(GROWTH) * stock * (1 - stock), np.float32(1.0))
                        if stock < GONE:
                            stock = np.float32(0.0)
                    b += 1

    reached = _sharp()
    luck = np.random.default_rng(0).random((ticks, AGENTS)).astype(np.float32)

    def play():
        earned = np.zeros((ticks * AGENTS * ACTS, AGENTS), np.float32)
        all_branches(reached, luck, earned)
        return _sums(earned)

    return ticks * AGENTS * ACTS, play


def branches_python(ticks, every=1):
    """Branch by branch in plain Python; only every so many ticks has branches."""
    import random

    rng, table = random.Random(0), habits()
    luck = [[rng.random() for _ in range(AGENTS)] for _ in range(ticks)]
    reached = [[[float(a <= k) for k in range(ACTS - 1)] for a in row] for row in table]

    def branch(when, who, what):
        stock, earned = START, [0.0] * AGENTS
        for t in range(ticks):
            s, acts = min(ROWS - 1, int(stock * ROWS)), []
            for i in range(AGENTS):
                a = 0
                while a < ACTS - 1 and luck[t][i] >= reached[i][s][a]:
                    a += 1
                acts.append(a)
            if t == when:
                acts[who] = what
            total = sum(acts) * UNIT
            part = min(1.0, stock / max(total, 1e-6))
            earned = [e + a * UNIT * part for e, a in zip(earned, acts, strict=True)]
            stock = min(max(stock - total * part, 0.0), 1.0)
            stock = min(stock + GROWTH * stock * (1.0 - stock), 1.0)
            stock = 0.0 if stock < GONE else stock
        return earned

    def play():
        for when in range(0, ticks, every):
            for who in range(AGENTS):
                for what in range(ACTS):
                    branch(when, who, what)
        return {}

    return len(range(0, ticks, every)) * AGENTS * ACTS, play
