"""How people change their minds in the models of opinion dynamics; they play `Opinions`."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._mind import Mind
from .._param import param, text


class FriedkinJohnsen(Mind):
    """Says openness * (mean of those it hears) + (1 - openness) * its first opinion.

    `openness` runs from 0, a stubborn leader, to 1, which is DeGroot's rule. Reads `heard`, `first`.
    Source: Friedkin and Johnsen 1990, J. Mathematical Sociology 15:193; DeGroot 1974, JASA 69:118.
    """

    openness: Float[Array, ""] = param(1.0, "[0, 1]")
    channel: str = text("say")

    def act(self, memory, sight, channels, key):
        said = self.openness * sight["heard"] + (1.0 - self.openness) * sight["first"]
        return memory, {self.channel: said}


def degroot(channel="say") -> FriedkinJohnsen:
    """Says the mean of those it hears. Source: DeGroot 1974, JASA 69:118."""
    return FriedkinJohnsen(1.0, channel)


class BoundedConfidence(Mind):
    """Says the mean of all opinions within `reach` of its own, its own among them.

    Reads `own`, `opinions`. Predicted: one opinion in the end if reach is above about 0.2 (many
    agents, all hear all), some 1 / (2 reach) camps below. Source: Hegselmann and Krause 2002, JASSS 5(3).
    """

    reach: Float[Array, ""] = param(0.2, "[0, 1]")
    channel: str = text("say")

    def act(self, memory, sight, channels, key):
        others = sight["opinions"]
        near = (jnp.abs(others - sight["own"]) <= self.reach).astype(jnp.float32)
        return memory, {self.channel: (near * others).sum() / jnp.maximum(near.sum(), 1.0)}


class Deffuant(Mind):
    """Moves by the share `pull` toward whom it met, if their opinions are less than `reach` apart.

    Reads `own`, `met`. Source: Deffuant, Neau, Amblard and Weisbuch 2000, Adv. Complex Systems 3:87.
    """

    reach: Float[Array, ""] = param(0.2, "[0, 1]")
    pull: Float[Array, ""] = param(0.5, "[0, 1]")
    channel: str = text("say")

    def act(self, memory, sight, channels, key):
        gap = sight["met"] - sight["own"]
        moved = jnp.where(jnp.abs(gap) < self.reach, self.pull * gap, 0.0)
        return memory, {self.channel: sight["own"] + moved}
