"""Groups compete: the best group's minds move into the worst group's seats."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._evolve import Reproduction
from .._mind import Mind
from .._param import count, param, text


class GroupSelection(Reproduction):
    """After each episode the group with the most pay overwrites the one with the least, seat by seat.

    - `groups`: how many, of equal size: the first seats are group 0, and so on; at least 2.
    - `probability`: the chance that it happens after an episode, 0 to 1.
    - `mutation`, `mutants`: the chance that a newborn is one of these minds instead.

    Ties go to the first group; equal groups leave everything as it is. Predicted: what helps the own
    group spreads between groups, whatever it costs within them; with `BirthDeath` inside groups the two
    levels race (splitting groups: `populations.splitting`). Known failure: war between groups is
    as good a way to the top as help within. Source: Traulsen and Nowak 2006, PNAS 103:10952.
    """

    groups: int = count(within="[2, 10000]")
    probability: Float[Array, ""] = param(1.0, "[0, 1]")
    mutation: Float[Array, ""] = param(0.0, "[0, 1]")
    mutants: tuple[Mind, ...] = ()
    name: str = text("group selection")
    told: bool = count(True)

    def births(self, fitness, key):
        n, seats = fitness.shape[0], jnp.arange(fitness.shape[0], dtype=jnp.int32)
        if self.groups < 2 or n % self.groups:
            raise ValueError(
                f"GroupSelection came with groups={self.groups} for {n} agents; wanted 2 or more groups of "
                f"equal size: GroupSelection(groups={next(d for d in range(2, n + 1) if n % d == 0)})"
            )
        size = n // self.groups
        earned = fitness.reshape(self.groups, size).mean(axis=1)
        best, worst = jnp.argmax(earned).astype(jnp.int32), jnp.argmin(earned).astype(jnp.int32)
        happens = jax.random.bernoulli(key, self.probability) & (earned[best] > earned[worst])
        born = happens & (seats // size == worst)
        return jnp.where(born, best * size + seats % size, seats), born

    def brief(self, agent):
        return f"You are in one of {self.groups} groups; after each episode the worst may copy the best."
