"""The stage game of a scenario: what each joint act pays in a round, read off ticks of its own laws.

In the shape descriptions `J` is joint acts, `n` agents.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ._governed import Governed, GovernedState
from ._scenario import Actions

TICKS, WORLDS = 200, 8  # of random play, in which every joint act must pay what it paid at first


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
    """Play each joint act of a channel once, all silent on the others, and then at random for long.

    Random play is that of eight worlds over the first 200 rounds, and of as many over the last.
    """

    def play(state: GovernedState, acts: Array, key: Array):
        intent: Actions = scenario.silent() | {channel: acts}
        step = scenario.advance(state, intent, key)
        return step.state, jnp.sum(jnp.stack(list(step.book.values())), axis=0)

    key = jax.random.key(0)
    start = scenario.init(key)
    after, pays = jax.vmap(lambda acts: play(start, acts, key))(joint)
    ticks = min(TICKS, scenario.horizon)

    def tick(state, key):
        row = jax.random.randint(key, (), 0, len(joint))
        state, paid = play(state, joint[row], key)
        return state, jnp.abs(paid - pays[row]).max()

    def walk(t, key):
        began = eqx.tree_at(lambda s: s.t, scenario.init(key), t)
        return jax.lax.scan(tick, began, jax.random.split(key, ticks))[1]

    starts = jnp.repeat(jnp.array([0, scenario.horizon - ticks]), WORLDS)
    drift = jax.vmap(walk)(starts, jax.random.split(key, 2 * WORLDS))
    return StageGame(pays, after, drift.max())
