"""Long sessions of Q-learners in one repeated game, without a trace, until their acts settle.

The same luck and the same arithmetic as `QLearner` minds under `run`: equal acts and equal tables,
bit for bit. Two engines, equal in the same sense: this one, in JAX, and a kernel (`kernel.py`) where
numba is installed. Source of the stopping rule: Calvano et al. 2020, AER 110:3267, section II.
"""

import functools
import importlib.util
from collections.abc import Sequence
from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..._bounds import limits
from ..._run import _seeds
from ..._scenario import Scenario
from .luck import below, uniform
from .mind import QLearner, learn, roams
from .table import Ended, Stop, Table, tabulate

BLOCK, CHUNK = 64, 512  # ticks whose luck is drawn at once; blocks in one compiled call
ENDED = ("q", "state", "t", "last", "played")  # what is kept of a session
NEVER = int(np.iinfo(np.int32).max)
CACHE, MEMORY = 2**21, 100 * 2**20  # bytes of the tables in flight: what is quick, and what is too much


class Sessions(NamedTuple):
    """What B sessions came to; n agents, m acts, S = m**n states (own last act first, as they see it).

    - `q`: Float32[B, n, S, m]; `greedy`: Int32[B, n, S], the first best act in every state.
    - `periods`: Int64[B], ticks played; `converged`: Bool[B].
    - `acts`: Int32[B, n], the last joint act.
    - `reason`: how many sessions reached the cap and what would do, where not all have converged; else "".
    - `played`: Int64[B, 2, m, ..., m], how often each joint act was played, before the last `tail`
      ticks and in them; None unless asked for.
    - `engine`: which engine ran, and why.
    """

    q: np.ndarray
    greedy: np.ndarray
    periods: np.ndarray
    converged: np.ndarray
    acts: np.ndarray
    played: np.ndarray | None
    engine: str
    reason: str = ""

    def __str__(self) -> str:
        b, n, states, m = self.q.shape
        told = (
            f"{b} sessions of {n} learners with {m} acts, {states:,} states: {self.periods.mean():,.0f} ticks"
        )
        return f"{told} on average ({self.engine})" + f"\n  {self.reason}" * bool(self.reason)


class Live(eqx.Module):
    """Sessions under way. Every leaf has a leading session axis, but `q` and `greedy` are flat.

    `greedy` holds the first best act of every state, `now` those of the present state; `last` is the
    tick of the last change of one.
    """

    q: Float[Array, " bnsm"]
    greedy: Int[Array, " bns"]
    now: Int[Array, "b n"]
    state: Int[Array, "b n"]
    t: Int[Array, " b"]
    last: Int[Array, " b"]
    seed: Array
    played: Int[Array, "b c"]


@eqx.filter_jit
def _begin(table: Table, seeds: Array, tally: bool) -> Live:
    b, n, s = len(seeds), table.n, table.states
    state = jax.vmap(table.first)(seeds)
    best = jnp.argmax(table.values, axis=-1).astype(jnp.int32)
    return Live(
        q=jnp.broadcast_to(table.values, (b, *table.values.shape)).reshape(-1),
        greedy=jnp.broadcast_to(best, (b, n, s)).reshape(-1),
        now=best[jnp.arange(n)[None], state],
        state=state,
        t=jnp.zeros(b, jnp.int32),
        last=jnp.zeros(b, jnp.int32),
        seed=seeds,
        played=jnp.zeros((b, 2 * s if tally else 0), jnp.int32),
    )


def _going(live: Live, stop: Stop) -> Bool[Array, " b"]:
    return (live.t - live.last < stop.stable) & (live.t < stop.cap)


def _get(x: Array, at: Array) -> Array:
    """The entries of a flat array; a place is never negative nor out of range."""
    return x.at[at].get(mode="promise_in_bounds", wrap_negative_indices=False)


def _put(x: Array, at: Array, new: Array) -> Array:
    """The flat array with new entries in places that differ."""
    return x.at[at].set(new, unique_indices=True, mode="promise_in_bounds", wrap_negative_indices=False)


def _tick(table: Table, stop: Stop, live: Live, luck: tuple[Array, Array]) -> tuple[Live, None]:
    """One tick of all sessions; those that have ended stay as they are."""
    n, s, m, b = table.n, table.states, table.m, len(live.t)
    odds, drawn = luck
    going, seats, acts = _going(live, stop), jnp.arange(n)[None], jnp.arange(m)[None, None]
    base = (jnp.arange(b)[:, None] * n + seats) * s
    here = base + live.state
    free = uniform(drawn[..., 0]) < odds
    if any(table.blank):
        rows = _get(live.q, here[..., None] * m + acts)
        free = jnp.where(np.array(table.blank)[None], roams(rows, odds, drawn, "random"), free)
    act = jnp.where(free, below(drawn[..., 1], m), live.now)
    after = table.code(act)
    kinds = table.rewards.shape[1]
    before = live.state if kinds > 1 else jnp.zeros_like(live.state)
    reward = _get(table.rewards.reshape(-1), (seats * kinds + before) * s + after)
    then = _get(live.greedy, base + after)
    old = _get(live.q, here * m + act)
    best = _get(live.q, (base + after) * m + then)
    new = learn(old, table.rate[None], reward, table.discount[None], best)
    q = _put(live.q, here * m + act, jnp.where(going[:, None], new, old))
    top = jnp.argmax(_get(q, here[..., None] * m + acts), axis=-1).astype(jnp.int32)
    changed = (top != live.now).any(axis=-1)
    now = jnp.where(after == live.state, top, then)
    played = live.played
    if played.shape[1]:
        place = after[:, 0] + jnp.where(live.t >= stop.cap - stop.tail, s, 0)
        played = played.at[jnp.arange(b), place].add(going.astype(jnp.int32))
    return Live(
        q=q,
        greedy=_put(live.greedy, here, top),
        now=jnp.where(going[:, None], now, live.now),
        state=jnp.where(going[:, None], after, live.state),
        t=jnp.where(going, live.t + 1, live.t),
        last=jnp.where(going & changed, live.t, live.last),
        seed=live.seed,
        played=played,
    ), None


@functools.partial(eqx.filter_jit, donate="all-except-first")
def _advance(fixed: tuple[Table, Stop, Array], live: Live) -> Live:
    """Some blocks of BLOCK ticks; the luck of a block is drawn at once."""
    table, stop, blocks = fixed

    def block(_, live: Live) -> Live:
        ticks = live.t[None, :] + jnp.arange(BLOCK, dtype=jnp.int32)[:, None]
        drawn = jax.vmap(jax.vmap(table.luck), in_axes=(None, 0))(live.seed, ticks)
        tick = functools.partial(_tick, table, stop)
        return jax.lax.scan(tick, live, (table.odds(ticks), drawn))[0]

    return jax.lax.fori_loop(0, blocks, block, live)


def _rows(live: Live) -> dict[str, np.ndarray]:
    """The leaves of sessions under way on the host, one row a session."""
    b = len(live.t)
    return {name: np.asarray(x).reshape(b, -1) for name, x in vars(live).items()}


def _next(live: Live, going: Bool[np.ndarray, " b"], fresh: Live | None, new: int, size: int) -> Live:
    """The sessions still going and the first `new` of the fresh ones, repeated to fill `size`.

    Large leaves are written once: tables of many agents fill memory.
    """
    flat, kept = {}, int(going.sum())
    added = {} if fresh is None else _rows(fresh)
    for name, x in _rows(live).items():
        rows = np.empty((size, x.shape[1]), x.dtype)
        np.compress(going, x[: len(going)], axis=0, out=rows[:kept])
        if new:
            rows[kept : kept + new] = added[name][:new]
        rows[kept + new :] = rows[:1]
        shape = (-1,) if name in ("q", "greedy") else (size, *vars(live)[name].shape[1:])
        flat[name] = jnp.asarray(rows.reshape(shape))
    return Live(**flat)


def _in_jax(table: Table, seeds: np.ndarray, stop: Stop, tally: bool, batch: int) -> Ended:
    """All sessions, `batch` at a time: one that ends makes room for the next."""
    size = min(batch, len(seeds))
    slots, waiting = np.arange(size), np.arange(size, len(seeds))
    live, blocks = (
        _begin(table, jnp.asarray(seeds[:size]), tally),
        jnp.int32(min(CHUNK, -(-int(stop.cap) // BLOCK))),
    )
    ended: dict[str, np.ndarray] = {}
    while len(slots):
        live = _advance((table, stop, blocks), live)
        going = np.asarray(_going(live, stop))[: len(slots)]
        if going.all():
            continue
        rows = _rows(live)
        for name in ENDED:
            x = rows[name]
            ended.setdefault(name, np.zeros((len(seeds), x.shape[1]), x.dtype))[slots] = x[: len(slots)]
        new, waiting = np.split(waiting, [len(slots) - going.sum()])
        slots = np.concatenate([slots[going], new])
        fresh = _begin(table, jnp.asarray(np.resize(seeds[new], size)), tally) if len(new) else None
        while size > 8 and 2 * len(slots) <= size:
            size //= 2
        if len(slots):
            live = _next(live, going, fresh, len(new), size)
        del rows, x, fresh  # before the tables grow again
    shape = (len(seeds), table.n, table.states, table.m)
    q, state, t, last, played = (ended[name] for name in ENDED)
    return Ended(q.reshape(shape), state, t[:, 0], last[:, 0], played)


@limits(stable="[1, 2147483646]", cap="[1, 2147483646]", tail="[0, 2147483646]", batch="[0, 1000000]")
def sessions(
    scenario: Scenario,
    minds: QLearner | Sequence[QLearner],
    seeds: int | Sequence[int] = 100,
    *,
    stable: int | None = 100_000,
    cap: int = 10_000_000,
    tail: int | None = None,
    engine: Literal["auto", "jax", "kernel"] = "auto",
    batch: int = 0,
) -> Sessions:
    """Play sessions of learners to their end and say what they learned.

    **Main arguments**

    - `scenario`: a repeated game with one channel of options, whose pay depends on the joint act.
    - `minds`: a `QLearner` for every seat, or one for all. `seeds`: as for `run`; a seed is all the luck.
    - `stable`: a session has converged when no agent's greedy act in any state has changed for so
      many ticks, 1 or more; None never. `cap`: the most ticks; `Sessions.reason` says where it was reached.
      At the settings of Calvano et al. two and three learners need 2 to 4 million, four up to 33 million.

    **Other arguments**

    - `tail`: count the joint acts, those of the last `tail` ticks before `cap` apart (`played`).
    - `engine`: `kernel` needs numba and two agents; `auto` takes it where it can. Equal bits.
    - `batch`: sessions in flight at once in JAX; 0 means as many tables as fit 2 MB, or 16 of larger ones,
      or as many of those as fit 100 MB.

    **Raises**

    - ValueError: the game or the minds are none that a table of this kind can hold; a number is not
      within its range.
    - ImportError: `kernel` is wanted and numba is absent.
    """
    table = tabulate(scenario, minds)
    names = np.asarray(_seeds(seeds, owner="sessions"), np.uint32)
    stop = Stop(*(jnp.int32(x) for x in (NEVER if stable is None else stable, cap, tail or 0)))
    chosen, why = _engine(engine, table)
    if chosen == "kernel":
        from .kernel import play

        ended = play(table, names, stop, tail is not None)
    else:
        ended = _in_jax(table, names, stop, tail is not None, batch or in_flight(table.values.nbytes))
    return _told(table, ended, stop, tail is not None, why)


def in_flight(size: int) -> int:
    """How many sessions of so many bytes are played at once: what fits the cache, or 16, memory allowing."""
    return max(1, min(4096, max(16, CACHE // size), MEMORY // size))


def _told(table: Table, ended: Ended, stop: Stop, tally: bool, why: str) -> Sessions:
    shape, cap = (len(ended.t), 2, *(table.m,) * table.n), int(stop.cap)
    converged = ended.t - ended.last >= int(stop.stable)
    cut = 0 if int(stop.stable) == NEVER else int((~converged).sum())
    reason = (
        f"{cut} of {len(converged)} sessions reached the cap of {cap:,} ticks before they converged; wanted "
        f"more, sessions(..., cap={min(10 * cap, NEVER - 1)}), or those alone that did: `converged`"
    )
    greedy = np.empty(ended.q.shape[:-1], np.int32)
    for here, q in zip(greedy, ended.q, strict=True):
        here[:] = q.argmax(axis=-1)
    acts = np.stack([ended.state[:, i] // table.m ** (table.n - 1) for i in range(table.n)], axis=1)
    return Sessions(
        q=ended.q,
        greedy=greedy,
        periods=ended.t.astype(np.int64),
        converged=converged,
        acts=acts.astype(np.int32),
        played=ended.played.reshape(shape).astype(np.int64) if tally else None,
        engine=why,
        reason=reason * bool(cut),
    )


def _engine(wanted: str, table: Table) -> tuple[str, str]:
    """Which engine plays, and why."""
    two, numba = table.n == 2, importlib.util.find_spec("numba") is not None
    if wanted == "kernel" and not numba:
        raise ImportError("engine='kernel' needs numba: pip install 'commonweal[fast]', or engine='jax'")
    if wanted == "kernel" and not two:
        raise ValueError(f"engine='kernel' plays two agents, this game has {table.n}; wanted engine='jax'")
    if wanted == "jax":
        return "jax", "jax, as asked"
    if two and numba:
        return "kernel", "numba kernel"
    return "jax", "jax, for numba is not installed" if two else "jax, for there are more than two agents"
