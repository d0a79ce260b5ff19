"""What a learner feels about its last act: its payoff, or a moral reward of Tennant et al. 2023.

What one's own and the others' payoffs mean to an agent is a profile's business where the engine
values them (`Profile(svo=45)` wants the sum of two); these rewards also see acts and the state.
Source: Tennant, Hailes and Musolesi 2023, IJCAI, arXiv 2301.08491, section 3.
"""

import abc

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..._param import Module, param
from ..._scenario import Sight


class Reward(Module):
    """A number for the last act: `sight` is what it led to, `before` the facts it was chosen upon."""

    @abc.abstractmethod
    def feel(self, sight: Sight, before: Int[Array, " k"]) -> Float[Array, ""]:
        """The reward; `sight` is the agent's own row, with `felt`."""


class Felt(Reward):
    """The payoff of the last act, as the agent's profile values it. Source: Watkins 1989."""

    def feel(self, sight, before):
        return sight["felt"]


class Everyone(Reward):
    """Utilitarian: the sum of all payoffs (fact `paid`)."""

    def feel(self, sight, before):
        return sight["paid"].sum()


class Duty(Reward):
    """Deontological: -`weight` for a defection after the other cooperated, else 0.

    Act 0 is cooperation; `before` must hold the own act and then the other's, as `Seen()` does.
    """

    weight: Float[Array, ""] = param(5.0, "[0, inf)")

    def feel(self, sight, before):
        return jnp.where((before[1] == 0) & (sight["own"] != 0), -self.weight, 0.0)


class Virtue(Reward):
    """`equal` (1 - |x - y| / (x + y)) of two payoffs x, y plus `kind` if the own act was to cooperate.

    Equality is Virtue(1, 0), kindness Virtue(0, 5), the mixed agent Virtue(0.5, 0.5).
    """

    equal: Float[Array, ""] = param(1.0)
    kind: Float[Array, ""] = param(0.0)

    def feel(self, sight, before):
        own, other = sight["paid"][0], sight["paid"][1]
        both = jnp.where(own + other == 0.0, 1.0, own + other)  # nothing for either is equal
        even = self.equal * (1.0 - jnp.abs(own - other) / both)
        return even + jnp.where(sight["own"] == 0, self.kind, 0.0)
