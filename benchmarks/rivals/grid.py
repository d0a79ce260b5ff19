"""Gridworlds of social dilemmas, random acts: SocialJax and JaxMARL in-graph, Melting Pot step by step."""

import sys
from unittest import mock


def _loop(env, worlds, ticks, acts):
    """`ticks` steps of so many worlds in one compiled loop; observations stay in the carry."""
    import jax
    import jax.numpy as jnp

    def cast(x, like):
        return x if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x.astype(like.dtype)

    def start(key):
        first, second = jax.random.split(key)
        keys = jax.random.split(first, worlds)
        now = jax.vmap(env.reset)(keys)
        after = jax.eval_shape(jax.vmap(env.step), keys, now[1], jax.vmap(acts)(keys))[:2]
        return jax.tree.map(lambda x, like: cast(jnp.asarray(x), like), now, after), second

    def step(_, carry):
        (_, state), key, total = carry
        key, one, two = jax.random.split(key, 3)
        chosen = jax.vmap(acts)(jax.random.split(one, worlds))
        seen, state, reward, *_ = jax.vmap(env.step)(jax.random.split(two, worlds), state, chosen)
        return (seen, state), key, total + sum(x.sum() for x in jax.tree.leaves(reward))

    begin = jax.jit(start)
    advance = jax.jit(lambda now: jax.lax.fori_loop(0, ticks, step, (*now, jnp.float32(0.0))))
    held = [begin(jax.random.PRNGKey(0))]

    def play():
        *now, total = advance(held[0])
        held[0] = tuple(now)
        return {"reward": float(total) / worlds / ticks}

    return worlds * ticks, play


def socialjax(source, name, worlds, ticks, agents):
    """An environment of SocialJax from its source; one-hot views of 11 x 11."""
    sys.path.insert(0, source)
    import jax
    import socialjax as library

    env = library.make(name, num_agents=agents, num_inner_steps=1000)

    def acts(key):
        keys = jax.random.split(key, agents)
        return [env.action_space(a).sample(k) for a, k in zip(env.agents, keys, strict=True)]

    return _loop(env, worlds, ticks, acts)


def jaxmarl(name, worlds, ticks):
    """An environment of JaxMARL."""
    import jax
    import jaxmarl as library

    env = library.make(name)

    def acts(key):
        keys = jax.random.split(key, len(env.agents))
        return {a: env.action_space(a).sample(k) for a, k in zip(env.agents, keys, strict=True)}

    return _loop(env, worlds, ticks, acts)


def meltingpot(source, name, ticks):
    """A substrate of Melting Pot from its source, in one process; what only its bots need is left out."""
    sys.path.insert(0, source)
    for missing in ("tensorflow", "pygame", "cv2", "pandas"):
        sys.modules.setdefault(missing, mock.MagicMock())
    import numpy as np
    from meltingpot import substrate

    env = substrate.build(name, roles=substrate.get_config(name).default_player_roles)
    options = np.array([spec.num_values for spec in env.action_spec()])
    rng = np.random.default_rng(0)
    env.reset()

    def play():
        for chosen in (rng.random((ticks, len(options))) * options).astype(int):
            if env.step(chosen.tolist()).last():
                env.reset()
        return {}

    return ticks, play
