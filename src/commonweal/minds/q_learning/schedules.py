"""How the odds of a random act fall with time: Calvano et al. 2020 (exponential), Tennant et al. 2023."""

import abc

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..._param import Module, param


class Schedule(Module):
    """The probability of a random act, by the number of acts before."""

    @abc.abstractmethod
    def odds(self, t: Int[Array, "*s"]) -> Float[Array, "*s"]:
        """Between 0 (never) and 1 (always)."""


class Exponential(Schedule):
    """exp(-decay t). Source: Calvano et al. 2020, AER 110:3267, equation 6."""

    decay: Float[Array, ""] = param(4e-6, "[0, inf)")

    def odds(self, t):
        return jnp.exp(-(self.decay * t.astype(jnp.float32)))


class Linear(Schedule):
    """first (span - t) / span, and 0 from `span` on. Source: Tennant et al. 2023, arXiv 2301.08491."""

    span: Float[Array, ""] = param(10_000.0, "(0, inf)")
    first: Float[Array, ""] = param(1.0, "[0, 1]")

    def odds(self, t):
        return jnp.maximum(self.first * ((self.span - t.astype(jnp.float32)) / self.span), 0.0)


class Steady(Schedule):
    """Always the same odds; 0 plays the table. Source: Sutton and Barto 2018, section 2.2."""

    rate: Float[Array, ""] = param(0.1, "[0, 1]")

    def odds(self, t):
        return jnp.broadcast_to(self.rate, jnp.shape(t))
