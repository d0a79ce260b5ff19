"""What an agent sees: a window of codes turned its way, as numbers, planes, pixels or letters."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .maps import APPLE, GROUND, NOWHERE, UNCLAIMED, WALL, WASTE, WATER, Plan

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
OWN_COIN, OTHERS_COIN, OWN_CLAIM, OTHERS_CLAIM = 5, 6, 8, 9
AGENT, SELF, ASLEEP = 10, 14, 15
OWNED = 16  # on the shared grid, 16 + k is the coin, and 16 + n + k the claimed wall, of agent k


def away(scenario, state) -> Bool[Array, " n"]:
    """Who is off the map: it neither sees nor is seen."""
    return (state.out > 0) & (scenario.zapping == "remove")


def contents(plan: Plan, scenario, state) -> Int[Array, " K"]:
    """int16[K]: what lies in each slot of the map: river, apples and claims, then ground and wall."""
    n = scenario.n_agents
    values = [jnp.array([GROUND, WALL], jnp.int16)]
    if len(plan.claims):
        values.insert(0, jnp.where(state.claims < 0, UNCLAIMED, OWNED + n + state.claims).astype(jnp.int16))
    if len(plan.apples):
        values.insert(0, jnp.where(state.apples > 0.0, jnp.int16(APPLE), jnp.int16(GROUND)))
    if len(plan.river):
        values.insert(0, jnp.where(state.waste > 0.0, jnp.int16(WASTE), jnp.int16(WATER)))
    return jnp.concatenate(values)


def shared_codes(plan: Plan, scenario, state) -> Int[Array, " C"]:
    """int16[C]: what lies where, the same for all; agents carry their absolute facing."""
    grid = contents(plan, scenario, state)[plan.slots]
    if scenario.n_coins:
        grid = grid.at[state.coins].set(OWNED + jnp.arange(scenario.n_agents, dtype=jnp.int16))
    codes = AGENT + state.facing
    if scenario.zapping == "freeze":
        codes = jnp.where(state.out > 0, ASLEEP, codes)
    here = jnp.where(away(scenario, state), NOWHERE, state.place)
    return grid.at[here].set(codes.astype(jnp.int16), mode="drop")


def windows(plan: Plan, scenario, state) -> Int[Array, "n V U"]:
    """int8[n, V, U]: each agent's window; the first row is farthest ahead, the first column on its left."""
    n, values = scenario.n_agents, contents(plan, scenario, state)
    nothing = len(plan.views) - 1  # who is away sees nothing but wall
    rows = jnp.where(away(scenario, state), nothing, _rows(plan, state))

    def look(at):
        row, me = at
        seen = _at(values, _at(jnp.asarray(plan.views), row).astype(jnp.int32))
        if len(plan.claims):
            claim = jnp.where(seen == OWNED + n + me, jnp.int16(OWN_CLAIM), jnp.int16(OTHERS_CLAIM))
            seen = jnp.where(seen < OWNED, seen, claim)
        return seen.astype(jnp.int8)

    # one agent at a time: all at once, XLA finds every cell's row anew
    seen = jax.lax.map(look, (rows, jnp.arange(n, dtype=jnp.int16)))
    shape = (n, scenario.ahead + scenario.behind + 1, 2 * scenario.side + 1)
    return _stamp(plan, scenario, state, seen).reshape(shape)


def _rows(plan: Plan, state) -> Int[Array, " n"]:
    """Which row of the plan's tables belongs to each agent's place and facing."""
    return jnp.asarray(plan.ground_at)[state.place] * 4 + state.facing


def _at(table: Int[Array, "K ..."], places: Int[Array, "*s"]) -> Int[Array, "..."]:
    """What the table holds there; all places are in it."""
    return table.at[places].get(mode="promise_in_bounds", wrap_negative_indices=False)


def _stamp(plan: Plan, scenario, state, seen: Int[Array, "n VU"]) -> Int[Array, "n VU"]:
    """The windows with coins, and agents upon them, where they are; the last stands on top."""
    n, me = scenario.n_agents, jnp.arange(scenario.n_agents)
    things = [(state.place, *_others(scenario, state))]
    if scenario.n_coins:
        coins = jnp.where(me[:, None] == me[None], OWN_COIN, OTHERS_COIN).astype(jnp.int8)
        things = [(state.coins, coins, jnp.ones((n, n), bool)), *things]
    if scenario.torus:
        around = jnp.asarray(plan.around)[_rows(plan, state)]
    for cells, codes, shown in things:
        if scenario.torus:
            for j in range(n):
                here = (around == cells[j]) & shown[:, j, None]
                seen = jnp.where(here, codes[:, j, None], seen)
        else:
            gap = cells[None] - state.place[:, None] + len(plan.base)
            spot = _at(jnp.asarray(plan.spots), gap * 4 + state.facing[:, None])
            seen = seen.at[me[:, None], jnp.where(shown, spot, NOWHERE)].set(codes, mode="drop")
    return seen


def _others(scenario, state) -> tuple[Int[Array, "n n"], Bool[Array, "n n"]]:
    """int8[n, n]: as what each agent sees each, itself too; and whether both are on the map."""
    n, there = scenario.n_agents, ~away(scenario, state)
    codes = AGENT + ((state.facing[None] - state.facing[:, None]) & 3)
    if scenario.zapping == "freeze":
        codes = jnp.where((state.out > 0)[None], ASLEEP, codes)
    shown = there[None] & there[:, None]
    if scenario.solid:
        return jnp.where(jnp.eye(n, dtype=bool), SELF, codes).astype(jnp.int8), shown
    together = (state.place[:, None] == state.place[None]) & shown
    mine = jnp.where(together.sum(axis=1) > 1, AGENT, SELF)  # another who shares the cell stands on top
    return jnp.where(together, mine[:, None], codes).astype(jnp.int8), shown


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
