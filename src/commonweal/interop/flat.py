"""A scenario under its institutions as vectors, as libraries of reinforcement learning want it.

In the shape descriptions `n` is agents, `d` what one of them sees, `m` its acts, `k` channels.
"""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .._channel import Amount, Channel
from .._governed import Governed, GovernedState, under
from .._param import Module, count
from .._scenario import Actions, Scenario, Sight

Encode = Callable[[Sight], Array]  # sights of all agents, with the fact `seat`, as [n, d]

CODES = 16  # values of an 8-bit fact, a cell of a view say; greater ones count as the last
FAR = 2.0**24  # what is seen is cut off here: a space wants bounds
LEVELS = 11  # of an amount that stands beside options
MOST = 65_536  # joint acts


class Flat(Module):
    """What agents see as one row of numbers each, and what they do as one number; made by `flatten`.

    - `levels`: in how many steps an amount comes, from 0 to its most; 0 says that all channels are
      amounts and an act is Float[k], one number a channel.
    - `joint`: an act is one option of the product of all channels, else Int[k].
    """

    scenario: Governed
    levels: int = count()
    joint: bool = count()
    encode: Encode | None = count()

    def channels(self) -> dict[str, Channel]:
        """The channels that agents control, in the order in which they make up an act."""
        return {name: c for name, c in self.scenario.channels().items() if not c.lever}

    def sizes(self) -> tuple[int, ...]:
        """The options of each channel."""
        levels = self.levels
        return tuple(levels if _amount(c) else len(c.options) for c in self.channels().values())  # type: ignore[attr-defined]

    def most(self, channel: Channel) -> Float[Array, " n"]:
        """The most of an amount that an agent may ever do."""
        return channel.everything(self.scenario.n_agents)

    def observe(self, state: GovernedState) -> tuple[Float[Array, "n d"], Bool[Array, "n m"]]:
        """What each agent sees, and which of its acts are legal (none are listed where levels is 0).

        It sees its facts in alphabetic order (8-bit integers one-hot), what is legal on each channel, and
        its seat one-hot; or whatever `encode` makes of the sights.
        """
        n = self.scenario.n_agents
        sights = self.scenario.observe(state).tell(seat=jnp.arange(n, dtype=jnp.int32))
        seen = (self.encode or self._all)(sights)
        if seen.shape[:1] != (n,) or seen.ndim != 2:
            raise ValueError(
                f"encode gave an array of shape {seen.shape}; wanted one row for each of {n} agents: "
                "encode=lambda sights: sights['stock'][:, None]"
            )
        seen = jnp.nan_to_num(seen.astype(jnp.float32))
        return jnp.clip(seen, -FAR, FAR), self._masks(sights)

    def _all(self, sights: Sight) -> Float[Array, "n d"]:
        n = self.scenario.n_agents
        parts = [_numbers(x, n) for name, x in sorted(sights.facts.items()) if name != "seat"]
        for name, channel in self.channels().items():
            legal = sights.legal[name]
            parts.append(_numbers(legal if _amount(channel) else legal[:, : len(channel.options)], n))  # type: ignore[attr-defined]
        return jnp.concatenate([*parts, jnp.eye(n)], axis=1)

    def _masks(self, sights: Sight) -> Bool[Array, "n m"]:
        n, masks = self.scenario.n_agents, []
        if not self.levels and any(map(_amount, self.channels().values())):
            return jnp.ones((n, 0), bool)
        for (name, channel), size in zip(self.channels().items(), self.sizes(), strict=True):
            legal = sights.legal[name]
            masks.append(self._steps(channel) <= legal[:, None] if _amount(channel) else legal[:, :size])
        if not self.joint:
            return jnp.concatenate(masks, axis=1)
        return functools.reduce(lambda a, b: (a[:, :, None] & b[:, None, :]).reshape(n, -1), masks)

    def _steps(self, channel: Channel) -> Float[Array, "n levels"]:
        """How much of an amount each level is."""
        return self.most(channel)[:, None] * jnp.linspace(0.0, 1.0, self.levels)[None]

    def acts(self, chosen: Array) -> Actions:
        """The acts on every channel that these stand for, one row (or number) an agent."""
        sizes, rows = self.sizes(), jnp.arange(self.scenario.n_agents)
        parts = jnp.unravel_index(chosen, sizes) if self.joint else list(jnp.moveaxis(chosen, -1, 0))
        done = self.scenario.silent()
        for (name, channel), part in zip(self.channels().items(), parts, strict=True):
            stepped = _amount(channel) and self.levels
            act = self._steps(channel)[rows, part] if stepped else part
            done[name] = act.astype(channel.silence.dtype)
        return done

    def step(
        self, state: GovernedState, chosen: Array, key: Array
    ) -> tuple[GovernedState, Float[Array, " n"], Bool[Array, ""]]:
        """One tick: the next state, the net payoff of each agent, whether the world has ended.

        `key` is the world's, in every tick. What is not legal is clipped, as in any run.
        """
        step = self.scenario.advance(state, self.acts(chosen), key)
        return step.state, jnp.sum(jnp.stack(list(step.book.values())), axis=0), step.outcome.over


def flatten(scenario: Scenario, levels: int | None, joint: bool = True, encode: Encode | None = None) -> Flat:
    """The scenario as vectors.

    With `levels` None an act is one number a channel where all channels are amounts; an amount beside
    options comes in 11 levels.

    Raises:
        ValueError: fewer than 2 levels, more than 65,536 joint acts.
    """
    governed = under(scenario)
    if levels is not None and levels < 2:
        raise ValueError(f"levels came as {levels}; wanted at least 2, from nothing to the most: levels=11")
    kinds = [_amount(c) for c in governed.channels().values() if not c.lever]
    numbers = levels is None and all(kinds)
    flat = Flat(governed, 0 if numbers else levels or LEVELS, joint and not numbers, encode)
    if flat.joint and math.prod(flat.sizes()) > MOST:
        raise ValueError(
            f"the channels {list(flat.channels())} have {math.prod(flat.sizes()):,} joint acts; wanted at "
            f"most {MOST:,}: fewer levels=, or parallel_env(scenario, joint=False) for one choice a channel"
        )
    return flat


def _amount(channel: Channel) -> bool:
    return isinstance(channel, Amount)


def _numbers(x: Array, n: int) -> Float[Array, "n d"]:
    """A fact or a mask as a row of numbers for each agent."""
    if x.dtype.itemsize == 1 and x.dtype != bool:
        x = jax.nn.one_hot(jnp.clip(x.astype(jnp.int32), 0, CODES - 1), CODES)
    return x.astype(jnp.float32).reshape(n, -1)
