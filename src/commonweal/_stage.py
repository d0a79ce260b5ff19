"""The stage game of a scenario: what each joint act pays in a round, read off ticks of its own laws.

In the shape descriptions `J` is joint acts, `n` agents.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ._governed import Governed, GovernedState
from ._luck import seeded
from ._scenario import Actions

WORLDS, TICKS = 8, 10_000  # of random play, in which a joint act must pay what it paid at first
LAST = 200  # rounds before the time limit, played as well


class StageGame(NamedTuple):
    """`pays` of each joint act in the first round, the states `after` it, and how far pays `drift`.

    `drift` is the largest absolute difference between what a joint act paid at first and what it paid
    in random play: 0 in a repeated game of fixed payoffs, above it where pay depends on luck or on what
    came before.
    """

    pays: Float[Array, "J n"]
    after: GovernedState
    drift: Float[Array, ""]


@eqx.filter_jit
def stage_game(scenario: Governed, channel: str, joint: Int[Array, "J n"]) -> StageGame:
    """Play each joint act of a channel twice, all silent on the others, and then at random for long.

    Random play is that of eight worlds over the first 10,000 rounds, and of as many over the last 200. What
    shows later, or after a past that none of them had, is not seen.
    """

    def play(state: GovernedState, acts: Array, key: Array):
        intent: Actions = scenario.silent() | {channel: acts}
        step = scenario.advance(state, intent, key)
        return step.state, jnp.sum(jnp.stack(list(step.book.values())), axis=0)

    key = seeded(0)
    start = scenario.init(key)
    after, pays = jax.vmap(lambda acts: play(start, acts, key))(joint)
    again = jax.vmap(lambda state, acts: play(state, acts, jax.random.fold_in(key, 1))[1])(after, joint)

    def walk(key, first: int, ticks: int):
        def tick(i, now):
            state, drift = now
            luck = jax.random.fold_in(key, i)
            row = jax.random.randint(luck, (), 0, len(joint))
            state, paid = play(state, joint[row], luck)
            return state, jnp.maximum(drift, jnp.abs(paid - pays[row]).max())

        began = eqx.tree_at(lambda s: s.t, scenario.init(key), jnp.int32(first))
        return jax.lax.fori_loop(0, ticks, tick, (began, jnp.float32(0.0)))[1]

    drift, t = jnp.abs(again - pays).max(), scenario.horizon
    for first, ticks in ((0, min(TICKS, t)), (max(t - LAST, 0), min(LAST, t))):
        keys = jax.random.split(jax.random.fold_in(key, first), WORLDS)
        drift = jnp.maximum(drift, jax.vmap(lambda key, f=first, n=ticks: walk(key, f, n))(keys).max())
    return StageGame(pays, after, drift)
