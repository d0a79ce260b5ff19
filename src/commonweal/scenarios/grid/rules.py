"""The rules of a grid world, one function each: who walks where, what beams cover, what grows.

Everything is comparison and arithmetic over short vectors: `n` agents, `S` apple cells, `R` river cells,
`L` claimable walls. `luck` is int32 from 0 to 65535.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from ..._luck import hold, threefry
from .maps import Plan

HALF = 65536.0  # luck comes in halves of words: a chance is exact to 1 in 65536
TRIES = 8  # to find a clean cell for waste


def draw(key: PRNGKeyArray, *sizes: int) -> list[Int[Array, " size"]]:
    """Independent luck for each owner, in one call: half a word each."""
    ends = np.cumsum(sizes)
    words = (int(ends[-1]) + 1) // 2
    half = (words + 1) // 2
    first, second = np.arange(half, dtype=np.uint32), np.arange(half, 2 * half, dtype=np.uint32) % words
    counters = jnp.asarray(first), jnp.asarray(second)
    made = hold(jnp.concatenate(threefry(jax.random.key_data(key), *counters)))[:words]
    halves = jnp.concatenate([made & 0xFFFF, made >> 16]).astype(jnp.int32)
    return [halves[end - size : end] for size, end in zip(sizes, ends, strict=True)]


def walk(
    place: Int[Array, " n"], goal: Int[Array, " n"], here: Bool[Array, " n"], luck: Int[Array, " n"]
) -> Int[Array, " n"]:
    """Where all stand after stepping at once: no cell that was taken is entered, a contested one by one."""
    other = ~np.eye(len(place), dtype=bool)
    earlier = np.tril(other)  # of two with equal luck, the first
    present = jnp.asarray(other) & here[None]
    taken = (goal[:, None] == place[None]) & present
    luckier = (luck[None] > luck[:, None]) | ((luck[None] == luck[:, None]) & jnp.asarray(earlier))
    beaten = (goal[:, None] == goal[None]) & present & luckier
    return jnp.where((taken | beaten).any(axis=1), place, goal)


def frame(
    plan: Plan, place: Int[Array, " n"], facing: Int[Array, " n"], cells: Array
) -> tuple[Int[Array, "n m"], Int[Array, "n m"]]:
    """How many cells ahead and to the right of each agent each of the `m` cells lies."""
    down = (cells // plan.stride)[None] - (place // plan.stride)[:, None]
    along = (cells % plan.stride)[None] - (place % plan.stride)[:, None]
    south = jnp.where(facing == 0, -1, jnp.where(facing == 2, 1, 0))[:, None]  # one step ahead
    east = jnp.where(facing == 1, 1, jnp.where(facing == 3, -1, 0))[:, None]
    return down * south + along * east, down * east - along * south


def covered(
    plan: Plan, place: Int[Array, " n"], facing: Int[Array, " n"], cells: Array
) -> Bool[Array, "n m"]:
    """Which of the cells each agent's beam would cover: ahead of it, in a lane, before any wall."""
    ahead, aside = frame(plan, place, facing, cells)
    free = jax.lax.optimization_barrier(jnp.asarray(plan.lanes)[place * 4 + facing])  # look up once
    spread = free.shape[1] // 2
    within = jnp.zeros(ahead.shape, bool)
    for lane in range(free.shape[1]):
        within = within | ((aside == lane - spread) & (ahead <= free[:, lane, None]))
    return within & (ahead >= 1)


def wash(
    waste: Float[Array, " R"], cells: Int[Array, "n m"], cleans: Bool[Array, " n"]
) -> tuple[Float[Array, " R"], Float[Array, " n"]]:
    """The river after cleaning, and how much each cleaned; what several clean at once is divided."""
    size = len(waste)
    cells = jnp.where(cleans[:, None], cells, size).ravel()  # cell R is nowhere
    wide = jnp.concatenate([waste, jnp.zeros(1)])
    times = jnp.zeros(size + 1).at[cells].add(1.0, mode="promise_in_bounds")
    parts = (wide / jnp.maximum(times, 1.0)).at[cells].get(mode="promise_in_bounds")
    left = jnp.where(times[:size] > 0.0, 0.0, waste)
    return left, parts.reshape(len(cleans), -1).sum(axis=1)


def claim(
    owners: Int[Array, " L"], wall: Int[Array, " n"], luck: Int[Array, " n"]
) -> tuple[Int[Array, " L"], Bool[Array, " n"]]:
    """Who owns what after all claim at once (of several the luckiest), and who took another's wall."""
    size, me = len(owners), jnp.arange(len(wall))
    rank = luck * len(wall) + me
    beaten = ((wall[:, None] == wall[None]) & (rank[None] > rank[:, None])).any(axis=1)
    won = jnp.where(beaten, size, wall)
    before = owners.at[jnp.minimum(wall, size - 1)].get(mode="promise_in_bounds")
    taken = (won < size) & (before >= 0) & (before != me)
    return owners.at[won].set(me, mode="drop"), taken


def growth(
    neighbors: Float[Array, " S"], regrowth: Float[Array, "4"], clean: Float[Array, ""]
) -> Float[Array, " S"]:
    """The chance that an apple grows. Perolat et al. 2017 (neighbors); Hughes et al. 2018 (clean river)."""
    none, one, two, three = regrowth
    some = jnp.where(neighbors > 2.5, three, jnp.where(neighbors > 1.5, two, one))
    return jnp.where(neighbors > 0.5, some, none) * clean


def pollute(
    waste: Float[Array, " R"], luck: Int[Array, " tries"], coin: Int[Array, ""], odds: Float[Array, ""]
) -> Float[Array, " R"]:
    """One more cell of waste with these odds: of a few random cells the first that is clean.

    So any clean cell alike; with a share w of waste, none is found with chance w ** tries.
    """
    tried = luck * len(waste) >> 16
    clean = waste.at[tried].get(mode="promise_in_bounds") == 0.0
    cell = tried[jnp.argmax(clean)]
    comes = clean.any() & (coin.astype(jnp.float32) < odds * HALF)
    return jnp.where((jnp.arange(len(waste)) == cell) & comes, 1.0, waste)


def fall(
    plan: Plan, coins: Int[Array, " c"], taken: Bool[Array, " c"], place: Int[Array, " n"], luck: Array
) -> Int[Array, " c"]:
    """New coins for those that were taken, each on any free cell alike."""
    found = list(coins)
    for k in range(len(found)):
        others = jnp.stack([*place, *(cell for i, cell in enumerate(found) if i != k)])
        busy = jnp.asarray(plan.ground_at)[others]
        again = (busy[:, None] == busy[None]) & jnp.asarray(np.tril(np.ones((len(busy),) * 2, bool), -1))
        single = ~again.any(axis=1)
        free = len(plan.ground) - single.sum()
        rank = luck[k] * free >> 16
        cell = rank
        for _ in range(len(busy)):  # step over the busy cells below; each pass settles one more
            cell = rank + (single & (busy <= cell)).sum()
        found[k] = jnp.where(taken[k], jnp.asarray(plan.ground)[cell], found[k])
    return jnp.stack(found)
