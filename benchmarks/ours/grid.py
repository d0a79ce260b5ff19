"""Grid worlds with random legal acts: the scenario's own step in a compiled loop, and through `cw.run`."""

import jax
import jax.numpy as jnp

import commonweal as cw
from commonweal.minds import Random
from commonweal.scenarios import grid


def world(name, worlds, ticks):
    """`init`, `step` and `observe` of the scenario; the views stay in the carry."""
    game = getattr(grid, name)()
    n, m = game.n_agents, len(game.acts)

    def tick(i, now):
        state, sight, total, key = now
        key = jax.random.fold_in(key, i)
        bits = jax.random.bits(key, (worlds, 2 + n), jnp.uint32)
        move = ((bits[:, 2:] >> 16).astype(jnp.int32) * m) >> 16
        if "move" in sight.legal:
            move = jnp.where(sight.legal["move"][..., -1], move, 0)
        step = jax.vmap(lambda s, a, k: game.step(s, {"move": a}, k))
        state, outcome = step(state, move, jax.random.wrap_key_data(bits[:, :2]))
        return state, jax.vmap(game.observe)(state), total + outcome.pay.sum(), key

    @jax.jit
    def begin(key):
        state = jax.vmap(game.init)(jax.random.split(key, worlds))
        return state, jax.vmap(game.observe)(state), jnp.float32(0.0), key

    advance = jax.jit(lambda now: jax.lax.fori_loop(0, ticks, tick, now))
    held = [begin(jax.random.key(0))]

    def play():
        state, sight, total, key = advance(held[0])
        held[0] = (state, sight, jnp.zeros_like(total), key)
        return {"reward": float(total) / worlds / ticks}

    return worlds * ticks, play


def engine(name, worlds, ticks):
    """The same through `cw.run` with minds that act at random, whole traces kept."""
    society = cw.Society(getattr(grid, name)(horizon=ticks), Random())

    def play():
        trace = cw.run(society, worlds)
        return {"reward": float(trace.net.sum()) / worlds / ticks}

    return worlds * ticks, play
