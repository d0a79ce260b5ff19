"""Scripted harvesters of a common pool. Source: Piatti et al. 2024, arXiv 2404.16698 (GovSim)."""

import math
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._mind import Mind
from .._param import param, text


class Greedy(Mind):
    """Asks for a share of the whole pool, by default all of it. Source: the greedy newcomer of GovSim."""

    share: Float[Array, ""] = param(1.0, "[0, 1]")
    channel: str = text("take")

    def act(self, memory, sight, channels, key):
        return memory, {self.channel: jnp.floor(self.share * sight["stock"])}


class FairShare(Mind):
    """Asks for the fair sustainable share f(t), plus `extra`; from tick `grab` on, for the whole pool.

    f is the scenario's own `fair(stock)`. Source: GovSim, the sustainability threshold f(t).
    """

    extra: Float[Array, ""] = param(0.0, "(-inf, inf)")
    grab: Float[Array, ""] = param(math.inf, "[0, inf]")
    channel: str = text("take")
    scenario: Any = eqx.field(default=None, repr=False)

    def prepare(self, scenario, seat, key):
        pool = getattr(scenario, "base", scenario)
        if not hasattr(pool, "fair"):
            raise ValueError(
                f"FairShare came into {type(pool).__name__}, which has no fair(stock); wanted a "
                "scenario that says what a fair share is: Commons(wording='fishery')"
            )
        return FairShare(self.extra, self.grab, self.channel, pool)

    def init(self, seat, key):
        return jnp.float32(0.0)  # the tick

    def act(self, memory, sight, channels, key):
        stock = sight["stock"]
        modest = jnp.minimum(self.scenario.fair(stock) + self.extra, stock)
        return memory + 1.0, {self.channel: jnp.where(memory >= self.grab, stock, modest)}
