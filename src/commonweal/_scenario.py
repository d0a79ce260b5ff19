"""The contract of a scenario: a Markov game with messages, as pure functions over a typed state.

In the shape descriptions `n` is agents, `k` stakeholders and `v` values of the card.
"""

import abc
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from ._card import Card
from ._channel import Channel
from ._param import Module

Actions = dict[str, Array]


class Sight(Module):
    """What the agents see now: every leaf has a leading agent axis.

    - `facts`: name -> [n, ...].
    - `legal`: channel -> what is legal now (see `_channel`); a channel that is absent is free.
    - `t`: how many rounds were played before; only where a row is told in words, else None.
    """

    facts: dict[str, Array]
    legal: dict[str, Array] = eqx.field(default_factory=dict)
    t: int | None = None

    def __getitem__(self, fact: str) -> Array:
        if fact not in self.facts:
            raise ValueError(f"the sight has no fact {fact!r}; it has {sorted(self.facts)}: read one of them")
        return self.facts[fact]

    @property
    def started(self) -> bool:
        """Whether there was a round before this one, to be told of: by `t`, else by the fact `started`."""
        return bool(self.facts.get("started", True) if self.t is None else self.t)

    def at(self, t: int) -> "Sight":
        """The same sight, after `t` rounds."""
        return Sight(self.facts, self.legal, t)

    def tell(self, **facts: Array) -> "Sight":
        """The same sight with some facts added or replaced."""
        return Sight(self.facts | facts, self.legal, self.t)

    def restrict(self, channel: Channel, name: str, legal: Array) -> "Sight":
        """The same sight with a channel narrowed to what `legal` also allows."""
        before = self.legal.get(name, channel.everything(legal.shape[0]))
        both = before & legal if legal.dtype == bool else jnp.minimum(before, legal)
        return Sight(self.facts, self.legal | {name: both}, self.t)


class Outcome(eqx.Module):
    """What one step brought.

    - `pay`: Float[n], material payoff of each agent.
    - `utility`: Float[k], what each stakeholder got; by default each agent's pay.
    - `objective`: Float[], progress of the joint task; by default the sum of pay.
    - `harm`: Float[n, v], severity by agent and declared value; by default none.
    - `events`: name -> Float[n], facts that institutions and measures read. Every scenario of ours
      has `cooperated` (0 to 1) and `excess` (0 or more, in the act's unit, beyond the norm).
    - `over`: Bool[], whether the world has ended.
    """

    pay: Float[Array, " n"]
    utility: Float[Array, " k"]
    objective: Float[Array, ""]
    harm: Float[Array, "n v"]
    events: dict[str, Float[Array, " n"]]
    over: Bool[Array, ""]

    def __init__(
        self, pay, utility=None, objective=None, harm=None, *, events=None, over: Array | bool = False
    ):
        self.pay = pay
        self.utility = pay if utility is None else utility
        self.objective = pay.sum() if objective is None else objective
        self.harm = jnp.zeros((pay.shape[0], 0), pay.dtype) if harm is None else harm
        self.events = {} if events is None else dict(events)
        self.over = jnp.asarray(over)


class Scenario(Module):
    """A situation that agents share; institutions laid over it make it a scenario again."""

    n_agents: eqx.AbstractVar[int]
    horizon: eqx.AbstractVar[int]

    @property
    def period(self) -> str:
        """The word for one tick, as in "Last round was worth 5 to you."; "" if ticks are not connected."""
        return "round"

    @abc.abstractmethod
    def channels(self) -> dict[str, Channel]:
        """What the agents may do or say."""

    @abc.abstractmethod
    def card(self) -> Card:
        """Stakeholders, values, rights, oracle, source."""

    @abc.abstractmethod
    def init(self, key: PRNGKeyArray) -> Any:
        """The first state."""

    @abc.abstractmethod
    def step(self, state: Any, actions: Actions, key: PRNGKeyArray) -> tuple[Any, Outcome]:
        """The next state and what the acts brought; knows nothing of time limits or resets."""

    @abc.abstractmethod
    def observe(self, state: Any) -> Sight:
        """What the agents see."""

    @abc.abstractmethod
    def brief(self, agent: int) -> str:
        """The rules in words, told to an agent once."""

    @abc.abstractmethod
    def tell(self, sight: Sight) -> str:
        """This tick in words; `sight` is the agent's own row only, `sight.started` whether it has a past."""


def legal_acts(channels: Mapping[str, Channel], sight: Sight, n: int) -> dict[str, Array]:
    """What is legal now on every channel, filled in where the sight is silent about it."""
    return {
        name: channel.nothing(n) if channel.lever else sight.legal.get(name, channel.everything(n))
        for name, channel in channels.items()
    }
