"""Licenses: who is caught offending must stay silent on a channel for some ticks."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._channel import check_channels
from .._governed import Institution, Settlement
from .._param import count, param, text


class Suspension(Institution):
    """An agent caught with a positive event loses a channel of the scenario for the next ticks.

    - `channel`: the channel that is silenced.
    - `probability`: of being caught, per offender and tick.
    - `ticks`: length of a suspension in ticks; being caught again starts it anew.
    - `event`: the offense.

    The sight closes the channel and tells everyone their own ticks left (fact `<name>:left`). Budget:
    balanced (it moves no payoffs). Predicted: a steady offender acts in 1 / (1 + probability * ticks)
    of the ticks; substitutes a fine below its threshold (so it did in our own prototype, the commons of
    `studies.learned_commons`). Known failure: where silence is itself the offense, a suspension feeds
    itself. Source: an assumption, after graduated sanctions (Ostrom 1990).
    """

    channel: str = text()
    probability: Float[Array, ""] = param(within="[0, 1]")
    ticks: Float[Array, ""] = param(within="[0, 1000000]")
    event: str = text("excess")
    name: str = text("suspension")
    told: bool = count(True)

    def fits(self, scenario):
        check_channels(scenario.channels(), [self.channel], f"institution {self.name!r}")

    def init(self, scenario, key):
        return jnp.zeros(scenario.n_agents), scenario.channels()[self.channel]  # ticks left, and of what

    def view(self, memory, sights):
        left, channel = memory
        none, every = channel.nothing(len(left)), channel.everything(len(left))
        out = jnp.expand_dims(left > 0.0, tuple(range(1, none.ndim)))
        sights = sights.restrict(channel, self.channel, jnp.where(out, none, every))
        return sights.tell(**{f"{self.name}:left": left})

    def gate(self, memory, state, actions, key):
        left, channel = memory
        return actions | {self.channel: jnp.where(left > 0.0, channel.silence, actions[self.channel])}

    def settle(self, memory, transition, book, key):
        happened = transition.event(self.event, self.name)
        caught = jax.random.bernoulli(key, self.probability, book.shape) & (happened > 0.0)
        left = jnp.where(caught, self.ticks, jnp.maximum(memory[0] - 1.0, 0.0))
        return Settlement((left, memory[1]), jnp.zeros_like(book))

    def brief(self, agent):
        return (
            f"Any {self.event!r} is caught with probability {self.probability:g} each round; "
            f"then you lose {self.channel!r} for {self.ticks:g} rounds."
        )

    def tell(self, sight):
        left = sight[f"{self.name}:left"]
        return f"You are suspended from {self.channel!r} for {left:g} more rounds." if left > 0.0 else ""
