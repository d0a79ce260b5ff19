"""What an agent sees: a window of codes turned its way, as numbers, planes, pixels or letters."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .maps import Plan

# What a code of the view means, its letter, and its color (red, green, blue).
CODES: tuple[tuple[str, str, tuple[int, int, int]], ...] = (
    ("ground", ".", (244, 239, 228)),
    ("a wall", "#", (74, 78, 92)),
    ("an apple", "A", (214, 64, 56)),
    ("clean water", "~", (142, 202, 230)),
    ("waste", "w", (124, 98, 62)),
    ("a coin of yours", "o", (240, 180, 41)),
    ("a coin of another", "x", (196, 110, 180)),
    ("a wall nobody has claimed", "+", (158, 160, 170)),
    ("a wall you have claimed", "m", (60, 140, 220)),
    ("a wall another has claimed", "t", (170, 80, 160)),
    ("an agent facing as you do", "^", (38, 108, 84)),
    ("an agent facing your right", ">", (38, 108, 84)),
    ("an agent facing you", "v", (38, 108, 84)),
    ("an agent facing your left", "<", (38, 108, 84)),
    ("you", "@", (60, 140, 220)),
    ("an agent that cannot act", "z", (150, 150, 150)),
)
OWN_COIN, OTHERS_COIN, UNCLAIMED, OWN_CLAIM, OTHERS_CLAIM = 5, 6, 7, 8, 9
AGENT, SELF, ASLEEP = 10, 14, 15
OWNED = 16  # on the shared grid, 16 + k is the coin, and 16 + n + k the claimed wall, of agent k


def shared_codes(plan: Plan, scenario, state) -> Int[Array, " C"]:
    """int32[C]: what lies where, the same for all; agents carry their absolute facing."""
    n = scenario.n_agents
    cells = [plan.river, plan.apples, plan.claims]
    claimed = jnp.where(state.claims < 0, UNCLAIMED, OWNED + n + state.claims)
    values = [jnp.where(state.waste > 0.0, 4, 3), jnp.where(state.apples > 0.0, 2, 0), claimed]
    fixed = np.concatenate(cells)
    grid = jnp.asarray(plan.base)
    if len(fixed):
        codes = jnp.concatenate(values)
        grid = grid.at[fixed].set(codes, mode="promise_in_bounds", unique_indices=True)
    if scenario.n_coins:
        owned = OWNED + jnp.arange(n)
        grid = grid.at[state.coins].set(owned, mode="promise_in_bounds")
    here, codes = state.place, AGENT + state.facing
    if scenario.zapping == "freeze":
        codes = jnp.where(state.out > 0, ASLEEP, codes)
    elif scenario.zaps:  # whoever is away is drawn into a corner of the margin
        here, codes = jnp.where(state.out > 0, 0, here), jnp.where(state.out > 0, 1, codes)
    return grid.at[here].set(codes, mode="promise_in_bounds")


def windows(plan: Plan, scenario, state) -> Int[Array, "n V U"]:
    """int8[n, V, U]: each agent's window; the first row is farthest ahead, the first column on its left."""
    n, height, width = scenario.n_agents, scenario.ahead + scenario.behind + 1, 2 * scenario.side + 1
    grid = shared_codes(plan, scenario, state)
    if scenario.torus:
        cells = jnp.asarray(plan.windows)[state.place * 4 + state.facing]
    else:  # the barriers keep XLA from looking things up again for every cell that uses them
        cells = state.place[:, None] + jax.lax.optimization_barrier(jnp.asarray(plan.windows)[state.facing])
    seen = jax.lax.optimization_barrier(grid.at[cells].get(mode="promise_in_bounds"))
    me = jnp.arange(n, dtype=jnp.int32)[:, None]
    if scenario.turning:
        turned = AGENT + ((seen - AGENT - state.facing[:, None]) & 3)
        seen = jnp.where((seen >= AGENT) & (seen < SELF), turned, seen)
    if scenario.n_coins or len(plan.claims):
        owner = seen - OWNED
        coin = jnp.where(owner == me, OWN_COIN, OTHERS_COIN)
        claim = jnp.where(owner == me + n, OWN_CLAIM, OTHERS_CLAIM)
        seen = jnp.where(owner < 0, seen, jnp.where(owner < n, coin, claim))
    center = scenario.ahead * width + scenario.side
    alone = np.arange(height * width) == center
    if scenario.solid:
        seen = jnp.where(jnp.asarray(alone)[None], jnp.int32(SELF), seen)
    else:  # the last drawn stands on top: another who shares the cell shows, unless it is oneself
        shared = (state.place[:, None] == state.place[None]).sum(axis=1) > 1
        mine = jnp.where(shared, AGENT, SELF)
        seen = jnp.where(jnp.asarray(alone)[None], mine[:, None], seen)
    return seen.reshape(n, height, width).astype(jnp.int8)


def planes(view: Int[Array, "n V U"]) -> Float[Array, "n V U 16"]:
    """One plane of zeros and ones for each code, for networks that want them."""
    codes = jnp.arange(len(CODES), dtype=view.dtype)
    return (view[..., None] == codes[None, None, None]).astype(jnp.float32)


def pixels(view: Int[Array, "n V U"]) -> Int[Array, "n V U 3"]:
    """One pixel a cell, 0 to 255, by the palette of `CODES`."""
    palette = jnp.asarray(np.array([color for _, _, color in CODES], np.int32))
    return palette[view]


def letters(view: Array | np.ndarray) -> str:
    """One agent's window as text, a line a row."""
    return "\n".join("".join(CODES[code][1] for code in row) for row in np.asarray(view))


def legend(view: Array | np.ndarray) -> str:
    """What the letters of this window mean, those that occur."""
    return ", ".join(f"{CODES[code][1]} {CODES[code][0]}" for code in np.unique(np.asarray(view)))
