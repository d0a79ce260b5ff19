"""Any scenario under any institutions as an environment of PettingZoo, so of what builds on it.

`parallel_env` and `aec_env` are what PettingZoo's own tests, SuperSuit, and libraries that train on
Gymnasium spaces take: Terry et al. 2021, PettingZoo, arXiv 2009.14471.
"""

import functools
from typing import Any, ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .._governed import GovernedState
from .._plain import say
from .._scenario import Scenario
from .._tick import world_key
from .flat import FAR, Encode, Flat, flatten

try:
    from gymnasium import spaces
    from pettingzoo import AECEnv, ParallelEnv
    from pettingzoo.utils.conversions import parallel_to_aec
except ImportError as missing:
    raise ImportError(
        f"this view needs PettingZoo, which cannot be imported ({missing}): pip install 'commonweal[rl]'"
    ) from missing


def parallel_env(
    scenario: Scenario,
    *,
    levels: int | None = None,
    joint: bool = True,
    mask: Literal["info", "observation"] = "info",
    encode: Encode | None = None,
    render_mode: Literal["human", "ansi"] | None = None,
) -> "Parallel":
    """The scenario as a parallel environment: all agents act in each tick.

    **Main arguments**

    - `levels`: amounts in so many steps. By default acts are `Box` where all channels are amounts, else
      one `Discrete` over the product of all channels, in which an amount has 11 levels.
    - `joint`: False gives `MultiDiscrete`, one choice a channel, instead of their product.

    **Other arguments**

    - `mask`: where the legal acts stand: `info["action_mask"]`, or in a dictionary with the observation.
      An act that is not legal is clipped: an option to silence, an amount to the most allowed.
    - `encode`: what the sights of all agents become, [n, d], in JAX; by default all that they hold.
    - `render_mode`: `ansi` gives the tick in words, `human` prints it.

    `reset(seed=s)` begins world s of `cw.run`; later worlds are drawn by its luck. Rewards are net
    payoffs, rows of the institutions' book included. An episode is terminated when the world ends and
    truncated at the horizon. Under a move order a step is a turn, in which the others' acts are ignored
    and whose payoffs come with the last turn of the round.

    **Raises**

    - ValueError: fewer than 2 levels, too many joint acts, a mask that is not to be had.
    """
    flat = flatten(scenario, levels, joint, encode)
    if mask not in ("info", "observation") or mask == "observation" and not flat.joint:
        raise ValueError(
            f"mask came as {mask!r}; wanted 'info', or 'observation' where an act is one option of a "
            "product: parallel_env(scenario, levels=11, mask='observation')"
        )
    return Parallel(flat, mask == "observation", render_mode)


def aec_env(scenario: Scenario, **settings: Any) -> AECEnv:
    """As `parallel_env`, with the agents called one after another; the world moves when all have acted."""
    return parallel_to_aec(parallel_env(scenario, **settings))


class Parallel(ParallelEnv):
    """A scenario as PettingZoo wants it; made by `parallel_env`. `world` is the seed of this episode."""

    metadata: ClassVar[dict[str, Any]] = {
        "name": "commonweal",
        "render_modes": ["human", "ansi"],
        "render_fps": 1,
        "is_parallelizable": True,
    }

    def __init__(self, flat: Flat, masked: bool, render_mode: str | None):
        self.flat, self.masked, self.render_mode = flat, masked, render_mode
        self.possible_agents = [f"agent_{i}" for i in range(flat.scenario.n_agents)]
        self.agents: list[str] = []
        self.world = 0
        self._luck: np.random.Generator | None = None  # so that copies of an unseeded one differ
        self._parts = eqx.partition(flat, eqx.is_array)  # numbers, and what is compiled
        self.observation_spaces = {agent: self._seen_space() for agent in self.possible_agents}
        self.action_spaces = {agent: _act_space(flat) for agent in self.possible_agents}
        self._options = np.prod(flat.sizes()) if flat.joint else np.array(flat.sizes())
        self._horizon = flat.scenario.horizon

    def __str__(self) -> str:
        return type(self.flat.scenario.base).__name__

    def _seen_space(self) -> spaces.Space:
        seen, masks = jax.eval_shape(lambda: _begin(*self._parts, jnp.uint32(0)))[1]
        box = spaces.Box(np.float32(-FAR), np.float32(FAR), seen.shape[1:])
        if not self.masked:
            return box
        return spaces.Dict({"observation": box, "action_mask": spaces.MultiBinary(masks.shape[1])})

    def observation_space(self, agent):
        return self.observation_spaces[agent]

    def action_space(self, agent):
        return self.action_spaces[agent]

    def reset(self, seed=None, options=None):
        """Begin an episode: world `seed`, or one that the luck of the last seed draws."""
        if seed is not None and not 0 <= seed < 2**32:
            raise ValueError(
                f"seed came as {seed}; wanted the name of a world, 0 to 2**32 - 1: reset(seed=0)"
            )
        if seed is not None or self._luck is None:
            self._luck = np.random.default_rng(seed)
        self.world = int(self._luck.integers(2**32) if seed is None else seed)
        self._t, self.agents = 0, self.possible_agents[:]
        self._state, seen = _begin(*self._parts, np.uint32(self.world))
        return self._tell(*seen)

    def step(self, actions):
        """One tick: observations, net payoffs, whether the world ended, whether time is up, infos."""
        if not self.agents:
            raise RuntimeError("no episode is under way; wanted a reset before a step: env.reset(seed=0)")
        chosen = self._read(actions)
        told = _step(*self._parts, np.uint32(self.world), self._state, chosen)
        self._state, (seen, masks, pay, over) = told
        self._t += 1
        ended, agents = bool(over), self.agents
        late = not ended and self._t >= self._horizon
        pays = dict(zip(agents, np.asarray(pay).tolist(), strict=True))
        observations, infos = self._tell(seen, masks)
        if ended or late:
            self.agents = []
        return observations, pays, dict.fromkeys(agents, ended), dict.fromkeys(agents, late), infos

    def _read(self, actions) -> np.ndarray:
        """The acts of all agents, one row each; ValueError where one is missing or outside its space."""
        space = self.action_spaces[self.agents[0]]
        numbers = isinstance(space, spaces.Box)
        try:
            chosen = np.array([actions[agent] for agent in self.agents])
            chosen = chosen.reshape(len(self.agents), *space.shape)  # type: ignore[misc]
            fine = np.isfinite(chosen) if numbers else (chosen >= 0) & (chosen < self._options)
            chosen = chosen.astype(np.float32 if numbers else np.int32, casting="same_kind")
        except (KeyError, ValueError, TypeError):
            fine = np.False_
        if not fine.all():
            raise ValueError(
                f"the acts came as {actions!r}; wanted one of {space} for each of {self.agents}: "
                "{agent: env.action_space(agent).sample() for agent in env.agents}"
            )
        return chosen  # type: ignore[possibly-undefined]

    def _tell(self, seen: Array, masks: Array):
        """Observations and infos, by agent; arrays of their own, which may be written to."""
        rows: dict[str, Any] = dict(zip(self.possible_agents, np.array(seen), strict=True))
        legal = dict(zip(self.possible_agents, np.array(masks), strict=True))
        if self.masked:
            both = {agent: {"observation": rows[agent], "action_mask": legal[agent]} for agent in rows}
            return both, {agent: {} for agent in rows}
        if not masks.shape[1]:
            return rows, {agent: {} for agent in rows}
        if not self.flat.joint:
            legal = {agent: tuple(np.split(x, np.cumsum(self._options)[:-1])) for agent, x in legal.items()}
        return rows, {agent: {"action_mask": legal[agent]} for agent in rows}

    def render(self):
        """This tick in words, each agent's view of it; None where it is printed."""
        scenario = self.flat.scenario
        sights = jax.tree.map(np.asarray, scenario.observe(self._state))
        rounds = self._t // len(scenario.groups)
        rows = [jax.tree.map(lambda x, i=i: x[i], sights) for i in range(scenario.n_agents)]
        told = [scenario.tell(row.at(rounds)) for row in rows]
        pairs = zip(self.possible_agents, told, strict=True)
        words = "\n".join([f"tick {self._t} of {self._horizon}", *(f"{a}: {said}" for a, said in pairs)])
        if self.render_mode == "human":
            say(*words.split("\n"))
        return None if self.render_mode == "human" else words

    def close(self):
        """Nothing to close."""


def _act_space(flat: Flat) -> spaces.Space:
    """The acts of an agent; the same for all, so that one network may play them all."""
    if flat.joint:
        return spaces.Discrete(int(np.prod(flat.sizes())))
    if flat.levels:
        return spaces.MultiDiscrete(list(flat.sizes()))
    most = np.array([np.max(flat.most(c)) for c in flat.channels().values()], np.float32)
    return spaces.Box(np.zeros_like(most), most)


def _see(flat: Flat, state: GovernedState) -> tuple[Array, Array]:
    seen, legal = flat.observe(state)
    return seen, legal.astype(jnp.int8)


@functools.partial(jax.jit, static_argnums=1)  # compiled once for all scenarios of one structure
def _begin(numbers: Flat, rest: Flat, seed):
    flat = eqx.combine(numbers, rest)
    state = flat.scenario.init(world_key(seed))
    return state, _see(flat, state)


@functools.partial(jax.jit, static_argnums=1)
def _step(numbers: Flat, rest: Flat, seed, state: GovernedState, chosen):
    flat = eqx.combine(numbers, rest)
    state, pay, over = flat.step(state, chosen, world_key(seed))
    return state, (*_see(flat, state), pay, over)
