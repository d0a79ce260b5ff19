"""Exact values of an endlessly repeated game of two players and two acts, for policies with memory one.

A policy is five probabilities of act 0: at the start, then after CC, CD, DC, DD (own act first).
Source: Press and Dyson 2012, PNAS 109:10409; with discounting, Foerster et al. 2018, arXiv 1709.04326.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..._param import Module, param

OTHER = np.array([0, 1, 3, 2, 4])  # the first player's cells as the second one sees them


def visits(
    one: Float[Array, " 5"], other: Float[Array, " 5"], discount: Float[Array, ""]
) -> Float[Array, " 4"]:
    """The share of rounds in CC, CD, DC, DD (`one` first); round t weighs (1 - discount) discount^t."""
    p, q = one, other[OTHER]
    cells = jnp.stack([p * q, p * (1.0 - q), (1.0 - p) * q, (1.0 - p) * (1.0 - q)], axis=1)
    stay = jnp.eye(4) - discount * cells[1:]
    return (1.0 - discount) * jnp.linalg.solve(stay.T, cells[0])


def values(
    policies: Float[Array, "2 5"], payoffs: Float[Array, "2 2 2"], discount: Float[Array, ""]
) -> Float[Array, " 2"]:
    """What each player earns a round, later rounds discounted: (1 - discount) sum_t discount^t pay_t."""
    return payoffs.reshape(2, 4) @ visits(policies[0], policies[1], discount)


class Repeated(Module):
    """An endlessly repeated game as a differentiable one: logits of both policies, Float[2, 5].

    - `payoffs`: what player i earns in a round, by the acts of the first and of the second player.
    - `discount`: what a round is worth next to the one before, from 0 to below 1.
    - `lapse`: the share of acts that each player draws at random.
    - `held`: probabilities that do not depend on the logits, NaN where they do.
    """

    payoffs: Float[Array, "2 2 2"] = param()
    discount: Float[Array, ""] = param(0.96, "[0, 1)")
    lapse: Float[Array, "*players"] = param(0.0, "[0, 1]")
    held: Float[Array, "..."] = param(math.nan, None)

    def policies(self, logits: Float[Array, "2 5"]) -> Float[Array, "2 5"]:
        """The probabilities of act 0."""
        held, lapse = jnp.broadcast_to(self.held, (2, 5)), jnp.broadcast_to(self.lapse, (2,))[:, None]
        chosen = jnp.where(jnp.isnan(held), jax.nn.sigmoid(logits), held)
        return (1.0 - lapse) * chosen + 0.5 * lapse

    def values(self, logits: Float[Array, "2 5"]) -> Float[Array, " 2"]:
        """What each player earns a round."""
        return values(self.policies(logits), self.payoffs, self.discount)

    def losses(self, logits: Float[Array, "2 5"]) -> Float[Array, " 2"]:
        """What each player descends: minus the discounted sum of all its pay."""
        return -self.values(logits) / (1.0 - self.discount)
