"""Social learning: who earned less copies who earned more, more or less surely."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._evolve import Reproduction, neighbors
from .._graph import adjacency
from .._mind import Mind
from .._param import count, param, text


class Imitation(Reproduction):
    """After each episode an agent looks at a neighbor and copies its mind with a chance set by their pay.

    The chance is 1 / (1 + exp(-beta (the neighbor's fitness - its own))), the Fermi function.

    - `beta`: strength of selection, per unit of pay, 0 or more.
    - `graph`: any networkx graph (weights are odds of being looked at), or None: everyone knows everyone.
    - `all_at_once`: every agent looks, instead of one drawn at random.
    - `mutation`, `mutants`: the chance that a newborn is one of these minds instead.

    Predicted: among everyone, one at a time, a strategy that always earns d more takes over from a single
    agent with probability (1 - exp(-beta d)) / (1 - exp(-beta d n)). Known failure: what earns more is
    copied, not what is good: free riders spread. Source: Szabó and Tőke 1998, PRE 58:69; Traulsen, Nowak,
    Pacheco 2006, PRE 74:011909.
    """

    beta: Float[Array, ""] = param(1.0, "[0, inf)")
    graph: Float[Array, "n n"] | None = eqx.field(default=None, converter=adjacency)
    all_at_once: bool = count(False)
    mutation: Float[Array, ""] = param(0.0, "[0, 1]")
    mutants: tuple[Mind, ...] = ()
    name: str = text("imitation")
    told: bool = count(True)

    def births(self, fitness, key):
        who, model, chance = jax.random.split(key, 3)
        n, seats = fitness.shape[0], jnp.arange(fitness.shape[0], dtype=jnp.int32)
        models = jax.random.categorical(model, neighbors(self.graph, n, self.name)).astype(jnp.int32)
        copies = jax.random.bernoulli(chance, jax.nn.sigmoid(self.beta * (fitness[models] - fitness)))
        if not self.all_at_once:
            copies = copies & (seats == jax.random.randint(who, (), 0, n))
        return jnp.where(copies, models, seats), copies

    def brief(self, agent):
        return "After each episode you may copy how another agent acts; the more it earned, the likelier."
