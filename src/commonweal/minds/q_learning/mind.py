"""Tabular minds: one learns its table by Q-learning while it plays, one plays a table that is given."""

import dataclasses
import math
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt32

from ..._channel import Choice
from ..._mind import Mind
from ..._param import Module, count, param, text
from ..._scenario import Sight
from .luck import below, uniform, words
from .rewards import Felt, Reward
from .schedules import Exponential, Schedule


def product(x: Array, y: Array) -> Array:
    """x times y, rounded by itself: the choice between it and 0 keeps compilers from fusing it with a sum.

    Whether they fuse depends on what stands around it, and tables would then differ in the last bit.
    """
    z = x * y
    return jnp.where(z == z, z, 0.0)


def learn(q: Any, rate: Any, reward: Any, discount: Any, best: Any, times=product) -> Any:
    """The value of an act after one reward; `best` is the value of the state it led to. Watkins 1989.

    Each operation rounds by itself, here as everywhere; `times` multiplies.
    """
    return q + times(rate, (reward + times(discount, best)) - q)


def roams(row: Array, odds: Array, luck: UInt32[Array, "*s 2"], blank: str) -> Bool[Array, "*s"]:
    """Whether the act is a random one: with these odds, or, with `blank` "random", for a row of zeros."""
    free = uniform(luck[..., 0]) < odds
    return free | ((row == 0.0) | (row == -jnp.inf)).all(axis=-1) if blank == "random" else free


def pick(row: Array, odds: Array, luck: UInt32[Array, " 2"], blank: str) -> Int[Array, ""]:
    """The act for a row of values, -inf where an act is not legal: a random one or the first best."""
    legal = row > -jnp.inf
    nth = below(luck[1], legal.sum(dtype=jnp.int32))
    drawn = jnp.argmax(jnp.cumsum(legal, dtype=jnp.int32) > nth)
    return jnp.where(roams(row, odds, luck, blank), drawn, jnp.argmax(row)).astype(jnp.int32)


class Seen(Module):
    """The state of a tabular mind: a code of some whole-number facts, now and in the rounds before.

    - `facts`: names of facts; all their numbers count, in that order.
    - `sizes`: how many values each number has; () means as many as the channel has options.
    - `rounds`: how many rounds are remembered, the present facts included; 0 sees nothing.
    """

    facts: tuple[str, ...] = count(("own", "others"))
    sizes: tuple[int, ...] = count((), "[1, 1000000]")
    rounds: int = count(1, "[0, 100]")

    @property
    def states(self) -> int:
        """How many states there are."""
        return math.prod(self.sizes) ** self.rounds

    def fitted(self, sight: Sight, options: int) -> "Seen":
        """The same with sizes for a row of this sight, where none are given.

        Raises:
            ValueError: there are not as many sizes as numbers.
        """
        numbers = sum(int(np.prod(sight[fact].shape)) for fact in self.facts)
        sizes = self.sizes or (options,) * numbers
        if len(sizes) != numbers:
            raise ValueError(
                f"Seen came with sizes={self.sizes} for the facts {self.facts}, which hold {numbers} "
                f"numbers here; wanted one size a number: Seen({self.facts}, sizes={(options,) * numbers})"
            )
        return Seen(self.facts, sizes, self.rounds)

    def past(self) -> Int[Array, " k"]:
        """Codes of the rounds before the first, all 0, newest first."""
        return jnp.zeros(max(self.rounds - 1, 0), jnp.int32)

    def code(self, sight: Sight, past: Int[Array, " k"]) -> tuple[Int[Array, ""], Int[Array, " k"]]:
        """The state now, and the past as the next round will have it."""
        if self.rounds == 0:
            return jnp.int32(0), past
        numbers = [sight[fact].astype(jnp.int32).reshape(-1) for fact in self.facts]
        now = jnp.concatenate([jnp.zeros(0, jnp.int32), *numbers])
        now = jnp.clip(now, 0, np.array(self.sizes, np.int32) - 1)  # greater ones count as the last
        weights = np.cumprod((1, *self.sizes[:0:-1]))[::-1].astype(np.int32)
        codes = jnp.append((now * weights).sum(dtype=jnp.int32), past)
        base = math.prod(self.sizes) ** np.arange(self.rounds, dtype=np.int32)
        return (codes * base.astype(np.int32)).sum(dtype=jnp.int32), codes[:-1]

    def numbers(self, state: Int[Array, ""]) -> Int[Array, " k"]:
        """The facts behind a state, those of the present round."""
        weights = np.cumprod((1, *self.sizes[:0:-1]))[::-1].astype(np.int32)
        return (state // weights) % np.array(self.sizes, np.int32)


class Learned(eqx.Module):
    """What a learner remembers: its values, the codes of rounds before, its last state and act, its age."""

    q: Float[Array, "s m"]
    past: Int[Array, " k"]
    state: Int[Array, ""]
    act: Int[Array, ""]
    t: Int[Array, ""]


class QLearner(Mind):
    """Learns by tabular Q-learning inside a run, from what it felt about its last act.

    - `rate` (alpha), `discount` (gamma): of `learn`. `explore`: odds of a random act by its age.
    - `values`: first values, a number or an array that broadcasts to [states, acts].
    - `reward`: what it learns from, by default what it felt. `seen`: what its state is.
    - `start`: whether its first state is `seen` or a `random` one of its own.
    - `blank`: what a row of zeros does: the `first` act or a `random` one.
    - `acts`: how many there are; 0 means as many as the channel has options, found by `prepare`.

    It learns about the act it chose; one that is forced or gated counts as chosen. Source: Watkins
    1989; rules for ties of Calvano et al. 2020, AER 110:3267, and Tennant et al. 2023, IJCAI.
    """

    rate: Float[Array, ""] = param(0.15, "[0, 1]")
    discount: Float[Array, ""] = param(0.95, "[0, 1]")
    explore: Schedule = eqx.field(default_factory=Exponential)
    values: Float[Array, "..."] = param(0.0)
    reward: Reward = eqx.field(default_factory=Felt)
    seen: Seen = eqx.field(default_factory=Seen)
    start: Literal["seen", "random"] = text("seen")
    blank: Literal["first", "random"] = text("first")
    channel: str = text("act")
    acts: int = count(0, "[0, 1000000]")

    def prepare(self, scenario, seat, key):
        seen, acts = _fit(self.seen, scenario, self.channel)
        return dataclasses.replace(self, seen=seen, acts=acts)  # type: ignore[type-var]

    def init(self, seat, key):
        q = jnp.broadcast_to(self.values, (self.seen.states, self.acts))
        state = below(words(key)[0], self.seen.states)
        return Learned(q, self.seen.past(), state, jnp.int32(0), jnp.int32(0))

    def act(self, memory, sight, channels, key):
        state, past = self.seen.code(sight, memory.past)
        if self.start == "random":
            state = jnp.where(memory.t == 0, memory.state, state)
        legal = sight.legal.get(self.channel, jnp.ones(self.acts, bool))
        best = jnp.where(legal, memory.q[state], -jnp.inf).max()
        reward = self.reward.feel(sight, self.seen.numbers(memory.state))
        old = memory.q[memory.state, memory.act]
        new = learn(old, self.rate, reward, self.discount, best)
        q = memory.q.at[memory.state, memory.act].set(jnp.where(memory.t > 0, new, old))
        row = jnp.where(legal, q[state], -jnp.inf)
        act = pick(row, self.explore.odds(memory.t), words(key), self.blank)
        return Learned(q, past, state, act, memory.t + 1), {self.channel: act}


class ByTable(Mind):
    """Plays the act that a table gives for its state, such as what a learner learned in the end.

    `table[states]` holds acts. Source: a baseline; the frozen strategies of Calvano et al. 2020.
    """

    table: Int[Array, " s"] = eqx.field(converter=lambda x: jnp.asarray(x, jnp.int32))
    seen: Seen = eqx.field(default_factory=Seen)
    channel: str = text("act")

    def prepare(self, scenario, seat, key):
        seen, _ = _fit(self.seen, scenario, self.channel)
        if self.table.shape != (seen.states,):
            raise ValueError(
                f"ByTable came with a table of shape {self.table.shape}, and what it sees has {seen.states} "
                f"states; wanted one act a state: ByTable(jnp.zeros({seen.states}, int))"
            )
        return dataclasses.replace(self, seen=seen)  # type: ignore[type-var]

    def init(self, seat, key):
        return self.seen.past()

    def act(self, memory, sight, channels, key):
        state, past = self.seen.code(sight, memory)
        return past, {self.channel: self.table[state]}


def _fit(seen: Seen, scenario, channel: str) -> tuple[Seen, int]:
    """What is seen with its sizes, and how many options the channel has."""
    found = scenario.channels().get(channel)
    if not isinstance(found, Choice):
        names = [name for name, kind in scenario.channels().items() if isinstance(kind, Choice)]
        raise ValueError(
            f"a tabular mind came with channel={channel!r}; wanted a channel with options, and this "
            f"scenario has {names}: QLearner(channel={names[0] if names else 'act'!r})"
        )
    sight = scenario.observe(scenario.init(jax.random.key(0)))
    row = jax.tree.map(lambda x: x[0], sight)
    return seen.fitted(row, len(found.options)), len(found.options)
