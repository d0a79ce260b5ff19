"""Any scenario under any institutions in the shape of JaxMARL's `MultiAgentEnv`.

Nothing of JaxMARL is needed for it: Rutherford et al. 2024, JaxMARL, arXiv 2311.10090, fix the names
and what each returns, and its wrappers and baselines ask for no more.
"""

import functools
import sys
from types import ModuleType
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, UInt32

from .._governed import GovernedState
from .._luck import as_key
from .._scenario import Scenario
from .flat import FAR, LEVELS, Encode, flatten

Rows = dict[str, Array]  # by agent


class State(eqx.Module):
    """A world between two ticks, and the words of its key, which are all its luck."""

    game: GovernedState
    luck: UInt32[Array, " 2"]


class JaxMARLView:
    """The scenario as a multi-agent environment of pure functions, to `vmap` and `scan`.

    **Main arguments**

    - `scenario`: under its institutions, if any.
    - `levels`: in how many steps an amount comes, so that an act is one `Discrete` over the product of
      all channels; None leaves acts as a `Box` where all channels are amounts.
    - `encode`: what the sights of all agents become, [n, d]; by default all that they hold.

    `reset(jax.random.PRNGKey(s))` begins world s of `cw.run`. The key that a step is given matters only
    to the world that begins when this one is over. `dones` says that a world has ended or its time is
    up; which of the two it was, `infos` says (Bool[n] each, of equal entries).
    """

    def __init__(self, scenario: Scenario, *, levels: int | None = LEVELS, encode: Encode | None = None):
        self.flat = flatten(scenario, levels, encode=encode)
        self.num_agents = scenario.n_agents
        self.agents = [f"agent_{i}" for i in range(self.num_agents)]
        self.agent_classes = {"agent": self.agents}
        self.name = type(self.flat.scenario.base).__name__
        state = jax.eval_shape(lambda: self.flat.scenario.init(jax.random.key(0)))
        self._width = jax.eval_shape(self.flat.observe, state)[0].shape[1:]

    @functools.partial(jax.jit, static_argnums=0)
    def reset(self, key: Array) -> tuple[Rows, State]:
        """The world of a key before its first tick."""
        luck = _words(key)
        state = State(self.flat.scenario.init(as_key(luck)), luck)
        return self.get_obs(state), state

    @functools.partial(jax.jit, static_argnums=0)
    def step(
        self, key: Array, state: State, actions: Rows, reset_state: State | None = None
    ) -> tuple[Rows, State, Rows, Rows, dict[str, Array]]:
        """One tick; where it was the last, what is seen is another world before its first.

        `reset_state` gives the beginning of that world, not its luck.
        """
        _, again = jax.random.split(key)
        seen, after, pays, dones, infos = self.step_env(key, state, actions)
        if reset_state is None:
            first, begun = self.reset(again)
        else:
            begun = State(reset_state.game, _words(again))
            first = self.get_obs(begun)
        chosen = jax.tree.map(
            lambda new, old: jax.lax.select(dones["__all__"], new, old), (first, begun), (seen, after)
        )
        return *chosen, pays, dones, infos

    @functools.partial(jax.jit, static_argnums=0)
    def step_env(
        self, key: Array, state: State, actions: Rows
    ) -> tuple[Rows, State, Rows, Rows, dict[str, Array]]:
        """One tick, the last as any other; all luck is the world's, so that `key` is not used."""
        chosen = jnp.stack([jnp.asarray(actions[agent]) for agent in self.agents])
        game, pay, over = self.flat.step(state.game, chosen, as_key(state.luck))
        after = State(game, state.luck)
        late = ~over & (game.t >= self.flat.scenario.horizon)
        dones = dict.fromkeys([*self.agents, "__all__"], over | late)
        ends = {"terminated": over, "truncated": late}
        infos = {name: jnp.broadcast_to(x, (self.num_agents,)) for name, x in ends.items()}
        return self.get_obs(after), after, self._by_agent(pay), dones, infos

    @functools.partial(jax.jit, static_argnums=0)
    def get_obs(self, state: State) -> Rows:
        """What each agent sees."""
        return self._by_agent(self.flat.observe(state.game)[0])

    @functools.partial(jax.jit, static_argnums=0)
    def get_avail_actions(self, state: State) -> Rows:
        """Which of its acts each agent may do now."""
        return self._by_agent(self.flat.observe(state.game)[1])

    def _by_agent(self, rows: Array) -> Rows:
        return {agent: rows[i] for i, agent in enumerate(self.agents)}

    @property
    def observation_spaces(self) -> dict[str, Any]:
        """By agent; of JaxMARL's own classes, for which its wrappers look, where it has been imported."""
        return {agent: _spaces().Box(-FAR, FAR, self._width) for agent in self.agents}

    @property
    def action_spaces(self) -> dict[str, Any]:
        """By agent, as `observation_spaces`."""
        if self.flat.joint:
            return {agent: _spaces().Discrete(int(np.prod(self.flat.sizes()))) for agent in self.agents}
        most = jnp.stack([jnp.max(self.flat.most(c)) for c in self.flat.channels().values()])
        return {agent: _spaces().Box(jnp.zeros_like(most), most, most.shape) for agent in self.agents}

    def observation_space(self, agent: str) -> Any:
        """What an agent may see."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Any:
        """What an agent may do."""
        return self.action_spaces[agent]


class Discrete:
    """One of n options."""

    def __init__(self, n: int):
        self.n, self.shape, self.dtype = n, (), jnp.int32

    def sample(self, key: Array) -> Array:
        """Any of them."""
        return jax.random.randint(key, (), 0, self.n)


class Box:
    """Numbers between bounds."""

    def __init__(self, low: Any, high: Any, shape: tuple[int, ...]):
        self.low, self.high, self.shape, self.dtype = low, high, shape, jnp.float32

    def sample(self, key: Array) -> Array:
        """Any such numbers."""
        return jax.random.uniform(key, self.shape, minval=self.low, maxval=self.high)


def _spaces() -> ModuleType:
    return sys.modules.get("jaxmarl.environments.spaces", sys.modules[__name__])


def _words(key: Array) -> UInt32[Array, " 2"]:
    """The two words of a key, of the old kind or the new."""
    words = jax.random.key_data(key) if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else key
    return words if words.shape == (2,) else jax.random.bits(key, (2,), jnp.uint32)
