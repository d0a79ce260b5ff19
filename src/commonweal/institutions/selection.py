"""Natural selection between episodes: who earns more has more heirs, at the cost of whom depends.

Fitness is exp(w pay) or 1 - w + w pay, where pay is what an agent felt in the whole episode.
"""

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._evolve import Reproduction, neighbors
from .._graph import adjacency
from .._mind import Mind
from .._param import count, param, text


class _Selection(Reproduction):
    """What the processes share: how pay becomes fitness."""

    strength: eqx.AbstractVar[Float[Array, ""]]
    mapping: eqx.AbstractVar[str]

    def log_fitness(self, pay: Float[Array, " n"]) -> Float[Array, " n"]:
        """The logarithm of fitness; a linear one is at least 1e-30: among those without any all are alike."""
        if self.mapping == "exponential":
            return self.strength * pay
        return jnp.log(jnp.maximum(1.0 - self.strength + self.strength * pay, 1e-30))

    def brief(self, agent):
        return "After each episode those who earned more are likelier to be copied, in place of others."


class BirthDeath(_Selection):
    """After each episode one agent, drawn by fitness, has a child; it takes a random neighbor's seat.

    - `graph`: any networkx graph; edges point from parent to child. None: any seat, the parent's too
      (the Moran process).
    - `strength`, `mapping`: w, and how pay becomes fitness (see above).
    - `mutation`, `mutants`: the chance that a newborn is one of these minds instead.

    Predicted: on any vertex-transitive graph givers are never favored over keepers for b > c > 0.
    Known failure: selfish minds win wherever being next to a giver pays them. Source: Moran 1958, Proc.
    Cambridge Phil. Soc. 54:60; Lieberman, Hauert, Nowak 2005, Nature 433:312.
    """

    graph: Float[Array, "n n"] | None = eqx.field(default=None, converter=adjacency)
    strength: Float[Array, ""] = param(1.0, "[0, inf)")
    mapping: Literal["exponential", "linear"] = text("exponential")
    mutation: Float[Array, ""] = param(0.0, "[0, 1]")
    mutants: tuple[Mind, ...] = ()
    name: str = text("birth and death")
    told: bool = count(True)

    def births(self, fitness, key):
        birth, death = jax.random.split(key)
        n, seats = fitness.shape[0], jnp.arange(fitness.shape[0], dtype=jnp.int32)
        parent = jax.random.categorical(birth, self.log_fitness(fitness)).astype(jnp.int32)
        nearby = jnp.zeros(n) if self.graph is None else neighbors(self.graph, n, self.name)[parent]
        born = seats == jax.random.categorical(death, nearby)
        return jnp.where(born, parent, seats), born


class DeathBirth(_Selection):
    """After each episode a random agent leaves; its neighbors, by fitness, compete for the seat.

    - `graph`: any networkx graph (weights count), or None: everyone else is a neighbor.
    - `strength`, `mapping`: w, and how pay becomes fitness (see above).
    - `mutation`, `mutants`: the chance that a newborn is one of these minds instead.

    Predicted: with averaged pay and weak selection, giving b at cost c is favored on a graph of degree k
    iff b/c > (n - 2) / (n/k - 2); k in a large population. Known failure: below that, and on hubs with
    leaves (a star), keepers win. Source: Ohtsuki, Hauert, Lieberman, Nowak 2006, Nature 441:502; Allen
    et al. 2017, Nature 544:227.
    """

    graph: Float[Array, "n n"] | None = eqx.field(default=None, converter=adjacency)
    strength: Float[Array, ""] = param(1.0, "[0, inf)")
    mapping: Literal["exponential", "linear"] = text("exponential")
    mutation: Float[Array, ""] = param(0.0, "[0, 1]")
    mutants: tuple[Mind, ...] = ()
    name: str = text("death and birth")
    told: bool = count(True)

    def births(self, fitness, key):
        death, birth = jax.random.split(key)
        n, seats = fitness.shape[0], jnp.arange(fitness.shape[0], dtype=jnp.int32)
        dead = jax.random.randint(death, (), 0, n)
        odds = neighbors(self.graph, n, self.name)[dead] + self.log_fitness(fitness)
        parent = jax.random.categorical(birth, odds).astype(jnp.int32)
        return jnp.where(seats == dead, parent, seats), seats == dead


class WrightFisher(_Selection):
    """After each episode everyone is replaced: each seat's parent is drawn by fitness, with replacement.

    - `strength`, `mapping`: w, and how pay becomes fitness (see above).
    - `mutation`, `mutants`: the chance that a newborn is one of these minds instead.

    Predicted: without selection a single mutant takes over with probability 1/n, and the chance that two
    agents differ shrinks by 1 - 1/n a generation. Known failure: in small populations luck outweighs
    merit. Source: Fisher 1930; Wright 1931, Genetics 16:97; Imhof and Nowak 2006, J. Math. Biol. 52:667.
    """

    strength: Float[Array, ""] = param(1.0, "[0, inf)")
    mapping: Literal["exponential", "linear"] = text("exponential")
    mutation: Float[Array, ""] = param(0.0, "[0, 1]")
    mutants: tuple[Mind, ...] = ()
    name: str = text("new generation")
    told: bool = count(True)

    def births(self, fitness, key):
        n = fitness.shape[0]
        parents = jax.random.categorical(key, self.log_fitness(fitness), shape=(n,)).astype(jnp.int32)
        return parents, jnp.ones(n, bool)
