"""Worlds played by the engine's own two halves of a tick, and what each learner saw, did and felt.

In the shape descriptions `L` is learners, `T` rounds, `W` worlds, `n` agents.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, UInt32

from ..._mind import Mind
from ..._society import Society
from ..._tick import Do, begin, tick
from .networks import Seen


class Batch(NamedTuple):
    """One batch of worlds: `seen`, `legal`, `act`, `reward` [L, ..., T, W]; `alive` [T, W]; `sums`.

    `reward` is the net payoff as the learner's profile values it. `sums` holds, for the learning
    curve, means over worlds of a world's totals (of events: of their mean over ticks).
    """

    seen: Seen
    legal: dict[str, Array]
    act: dict[str, Array]
    reward: Float[Array, "L T W"]
    alive: Bool[Array, "T W"]
    sums: dict[str, Any]


def play(society: Society, seats: Sequence[int], minds: Sequence[Mind], seeds: UInt32[Array, " W"]) -> Batch:
    """Play one world a seed with these minds in the learners' seats; they keep what they see."""
    everyone = list(society.minds)
    for seat, mind in zip(seats, minds, strict=True):
        everyone[seat] = mind
    scenario, groups = society.scenario, Society(society.scenario, everyone, society.profiles).groups()
    learning = [g for g, group in enumerate(groups) if set(group.seats) & set(seats)]
    held = [seat for g in learning for seat in groups[g].seats]
    places = jnp.array([held.index(seat) for seat in seats])
    kept, everybody = jnp.array(seats), tuple(seats) == tuple(range(scenario.n_agents))

    def world(seed):
        def step(now, _):
            after, row, chosen = tick(scenario, groups, Do(), seed, now)
            memories = [chosen.world.memories[g] for g in learning]
            shown = [{k: x for k, x in one.items() if k != "hidden"} for one in memories]
            mine = jax.tree.map(lambda *x: jnp.concatenate(x), *shown)
            if held != list(seats):
                mine = jax.tree.map(lambda x: x[places], mine)
            intent = chosen.intent if everybody else {k: x[kept] for k, x in chosen.intent.items()}
            return after, (mine, intent, {k: x for k, x in row.items() if k not in ("intent", "act")})

        return jax.lax.scan(step, begin(scenario, groups, seed), length=scenario.horizon)[1]

    memories, intent, row = jax.vmap(world, out_axes=1)(seeds)  # ticks, worlds, learners
    turns = scenario.turns()
    phase = [int(turns[:, s].argmax()) for s in seats]
    rows = jax.tree.map(lambda x: x[len(turns) - 1 :: len(turns)], row)

    def own(x):
        if len(turns) > 1:
            x = jnp.stack([x[p :: len(turns), :, j] for j, p in enumerate(phase)], axis=2)
        return jnp.moveaxis(x, (0, 1, 2), (-2, -1, 0))

    memories, intent = jax.tree.map(own, (memories, intent))
    net: Any = sum(rows["book"].values())
    felt = rows.get("felt", net)
    reward = jnp.moveaxis(felt[:, :, kept], 2, 0)
    return Batch(memories["seen"], memories["legal"], intent, reward, rows["alive"], _sums(rows, net, felt))


def _sums(rows: dict[str, Any], net: Array, felt: Array) -> dict[str, Any]:
    """Means over worlds of totals over rounds; of events, of the mean over the rounds played."""

    def total(x):
        return x.sum(axis=0).mean(axis=0)

    ticks = rows["alive"].sum(axis=0).astype(jnp.float32)[:, None]
    events = {name: (x.sum(axis=0) / ticks).mean(axis=0) for name, x in rows["events"].items()}
    found = {"pay": net, "felt": felt, "utility": rows["utility"], "objective": rows["objective"]}
    return jax.tree.map(total, found | {"harm": rows["harm"]}) | {"events": events}
