"""The same sessions in numba, for two agents: equal bits, several times faster. Needs the extra `fast`.

Luck is computed here by the same threefry hash (Salmon et al. 2011, SC11; 20 rounds) in loops that
a compiler turns into vectors; the odds of random acts come from the learners' own schedules, in JAX.
"""

import functools
import zlib

import equinox as eqx
import jax.numpy as jnp
import numba  # type: ignore[import-not-found]
import numpy as np
from jaxtyping import Array

from .luck import BITS
from .table import Ended, Stop, Table, first

BLOCK, CHUNK = 256, 2**18  # ticks whose luck is drawn at once; ticks whose odds are asked for at once
MIND = np.uint32(zlib.crc32(b"mind"))


@numba.njit
def _mix(x, y, r):
    x = np.uint32(x + y)
    y = np.uint32((y << np.uint32(r)) | (y >> np.uint32(32 - r)))
    return x, np.uint32(x ^ y)


@numba.njit
def _four(x, y, a, b, c, d):
    x, y = _mix(x, y, a)
    x, y = _mix(x, y, b)
    x, y = _mix(x, y, c)
    return _mix(x, y, d)


@numba.njit
def _threefry(k, l, x, y):
    """The words (x, y) hashed under the key (k, l)."""
    m = np.uint32(k ^ l ^ np.uint32(0x1BD11BDA))
    x, y = np.uint32(x + k), np.uint32(y + l)
    x, y = _four(x, y, 13, 15, 26, 6)
    x, y = np.uint32(x + l), np.uint32(y + m + np.uint32(1))
    x, y = _four(x, y, 17, 29, 16, 24)
    x, y = np.uint32(x + m), np.uint32(y + k + np.uint32(2))
    x, y = _four(x, y, 13, 15, 26, 6)
    x, y = np.uint32(x + k), np.uint32(y + l + np.uint32(3))
    x, y = _four(x, y, 17, 29, 16, 24)
    x, y = np.uint32(x + l), np.uint32(y + m + np.uint32(4))
    x, y = _four(x, y, 13, 15, 26, 6)
    return np.uint32(x + m), np.uint32(y + k + np.uint32(5))


@numba.njit
def _luck(seed, t, u, v):
    """Words of both agents for the ticks from t on: `u` whether to explore, `v` what."""
    tag, zero, one = np.uint32(MIND), np.uint32(0), np.uint32(1)
    for k in range(u.shape[1]):
        x, y = _threefry(zero, seed, np.uint32(t + k + 1), tag)
        u[0, k], v[0, k] = _threefry(x, y, zero, zero)
        u[1, k], v[1, k] = _threefry(x, y, zero, one)


@numba.njit
def _empty(row):
    for x in row:
        if x != 0.0:
            return False
    return True


def _session(blank0: bool, blank1: bool):
    """A compiled function that plays one session from tick t to `until`, or to its end."""
    blanks = (blank0, blank1)

    def session(seed, tables, numbers, game, stop, played):
        (q, g, s), (odds, rewards, rate, discount), (until, stable, tail) = tables, game, stop
        m, shift = q.shape[2], np.uint32(32 - BITS)
        size, single = np.uint32(m), rewards.shape[1] == 1
        u, v = np.empty((2, BLOCK), np.uint32), np.empty((2, BLOCK), np.uint32)
        act, new = np.zeros(2, np.int64), np.zeros(2, np.int64)
        t, last, start = numbers[0], numbers[1], numbers[0]
        while t < until and t - last < stable:
            _luck(seed, t, u, v)
            for k in range(min(BLOCK, until - t)):
                for i in range(2):
                    luck = np.float32(u[i, k] >> shift) * np.float32(2.0**-BITS)
                    free = luck < odds[i, t - start]
                    if blanks[i]:
                        free = free or _empty(q[i, s[i]])
                    if free:
                        w = v[i, k]
                        low = np.uint32(np.uint32((w & np.uint32(0xFFFF)) * size) >> np.uint32(16))
                        act[i] = np.uint32(np.uint32((w >> np.uint32(16)) * size + low) >> np.uint32(16))
                    else:
                        act[i] = g[i, s[i]]
                new[0], new[1] = act[0] * m + act[1], act[1] * m + act[0]
                changed = False
                for i in range(2):
                    a, state, then = act[i], s[i], new[i]
                    r = rewards[i, 0 if single else state, then]
                    old = q[i, state, a]
                    x = old + rate[i] * ((r + discount[i] * q[i, then, g[i, then]]) - old)
                    q[i, state, a] = x
                    b = g[i, state]
                    if a != b:
                        top = q[i, state, b]
                        if x > top or (x == top and a < b):
                            g[i, state], changed = a, True
                    elif x < old:
                        b = 0
                        for j in range(1, m):
                            if q[i, state, j] > q[i, state, b]:
                                b = j
                        if b != a:
                            g[i, state], changed = b, True
                if played.shape[0]:
                    played[(m * m if t >= tail else 0) + new[0]] += 1
                s[0], s[1] = new[0], new[1]
                if changed:
                    last = t
                t += 1
                if t - last >= stable:
                    break
        numbers[0], numbers[1] = t, last

    return numba.njit(error_model="numpy", nogil=True)(session)  # no fused sums: see `product`


_compiled = functools.lru_cache(_session)


@eqx.filter_jit
def _odds(table: Table, start: Array) -> Array:
    """Float32[n, CHUNK]: the odds of a random act in the ticks of a chunk."""
    return table.odds(start + jnp.arange(CHUNK, dtype=jnp.int32)).T


def play(table: Table, seeds: np.ndarray, stop: Stop, tally: bool) -> Ended:
    """All sessions, one after another; results as the JAX engine's, bit for bit."""
    session = _compiled(*table.blank)
    cap, stable = int(stop.cap), int(stop.stable)
    tail = cap - int(stop.tail)
    rewards, rate, discount = (np.asarray(x) for x in (table.rewards, table.rate, table.discount))
    values, b = np.asarray(table.values), len(seeds)
    greedy = values.argmax(axis=-1)
    out = Ended(
        np.repeat(values[None], b, axis=0),
        np.asarray(first(table, jnp.asarray(seeds)), np.int64),
        np.zeros(b, np.int64),
        np.zeros(b, np.int64),
        np.zeros((b, 2 * table.states if tally else 0), np.int64),
    )
    odds: list[np.ndarray] = []  # of chunk after chunk, the same in every session
    for k, seed in enumerate(seeds):
        g, numbers = greedy.copy(), np.zeros(2, np.int64)
        while numbers[0] < cap and numbers[0] - numbers[1] < stable:
            chunk = int(numbers[0]) // CHUNK
            if chunk == len(odds):
                odds.append(np.asarray(_odds(table, jnp.int32(chunk * CHUNK))))
            until = min(cap, (chunk + 1) * CHUNK)
            game, bounds = (odds[chunk], rewards, rate, discount), (until, stable, tail)
            session(seed, (out.q[k], g, out.state[k]), numbers, game, bounds, out.played[k])
        out.t[k], out.last[k] = numbers
    return out
