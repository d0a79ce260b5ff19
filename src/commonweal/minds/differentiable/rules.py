"""Gradient rules: where each player of a differentiable game moves next.

`losses` maps the parameters of all players, Float[n, d], to the loss of each, Float[n]; a rule gives
the direction that is subtracted. In the docstrings xi is everyone's own gradient (`own_gradients`),
H its Jacobian, l_c the sum of all losses, xi_c and H_c its gradient and Hessian.
"""

import abc
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..._param import Module, count, param

Losses = Callable[[Float[Array, "n d"]], Float[Array, " n"]]


def own_gradients(losses: Losses, params: Float[Array, "n d"]) -> Float[Array, "n d"]:
    """The gradient of each player's loss in its own parameters, all at once."""
    return jnp.diagonal(jax.jacrev(losses)(params), axis1=0, axis2=1).T


def shared_gradient(losses: Losses, params: Float[Array, "n d"]) -> Float[Array, "n d"]:
    """The gradient of the sum of all losses in all parameters."""
    return jax.grad(lambda x: losses(x).sum())(params)


class Rule(Module):
    """How the players' losses become everyone's step."""

    @abc.abstractmethod
    def direction(self, losses: Losses, params: Float[Array, "n d"]) -> Float[Array, "n d"]:
        """What is subtracted, times the rate, from each player's parameters."""


class Naive(Rule):
    """xi: everyone descends its own loss as if the others stood still. Source: the baseline."""

    def direction(self, losses, params):
        return own_gradients(losses, params)


class Collective(Rule):
    """xi_c: everyone descends the sum of all losses. Source: the baseline of full cooperation."""

    def direction(self, losses, params):
        return shared_gradient(losses, params)


class Lola(Rule):
    """Player i descends l_i(x_i, x_-i - look_ahead xi_-i(x)): through the step the others will take.

    With `look_ahead` 0 it is `Naive`. Source: Foerster et al. 2018, arXiv 1709.04326, equation 4.3
    (here exact: the look-ahead is differentiated, not expanded to first order).
    """

    look_ahead: Float[Array, ""] = param(1.0, "[0, inf)")

    def direction(self, losses, params):
        n = params.shape[0]

        def foresee(mine, i):
            here = params.at[i].set(mine)
            ahead = here - self.look_ahead * own_gradients(losses, here)
            return losses(ahead.at[i].set(mine))[i]

        return jax.vmap(jax.grad(foresee))(params, jnp.arange(n))


class Consensus(Rule):
    """xi + weight H^T xi: also toward where nobody's gradient is large.

    Source: Mescheder, Nowozin and Geiger 2017, arXiv 1705.10461.
    """

    weight: Float[Array, ""] = param(1.0)

    def direction(self, losses, params):
        xi, back = jax.vjp(lambda x: own_gradients(losses, x), params)
        return xi + self.weight * back(xi)[0]


class Symplectic(Rule):
    """xi + weight A^T xi with A = (H - H^T) / 2, the part of the game that goes in circles.

    With `align` the sign of the weight is that of <xi, g> <A^T xi, g> / d + 0.1, g = H^T xi and d the
    number of all parameters, so that the step never repels a stable rest point.
    Source: Balduzzi et al. 2018, arXiv 1802.05642, section 3.4.
    """

    weight: Float[Array, ""] = param(1.0)
    align: bool = count(False)

    def direction(self, losses, params):
        def field(x):
            return own_gradients(losses, x)

        xi, back = jax.vjp(field, params)
        hessian, transposed = jax.jvp(field, (params,), (xi,))[1], back(xi)[0]
        turn = (transposed - hessian) / 2.0
        weight = self.weight
        if self.align:
            toward = jnp.vdot(xi, transposed) * jnp.vdot(turn, transposed) / params.size
            weight = jnp.abs(weight) * jnp.where(toward + 0.1 >= 0.0, 1.0, -1.0)
        return xi + weight * turn


class Altruistic(Rule):
    """xi_c + lambda (xi + H_c^T xi_c): the shared gradient, bent by everyone's own.

    With `align` the sign of lambda is chosen so that lambda <xi_c, g> (<xi, g> + |g|^2) >= 0, where
    g = H_c^T xi_c; else lambda is `weight` as it stands. Source: Li et al. 2024, arXiv 2402.12416.
    """

    weight: Float[Array, ""] = param(1.0)
    align: bool = count(True)

    def direction(self, losses, params):
        xi = own_gradients(losses, params)
        shared, back = jax.vjp(lambda x: shared_gradient(losses, x), params)
        g = back(shared)[0]
        weight = self.weight
        if self.align:
            toward = jnp.vdot(shared, g) * (jnp.vdot(xi, g) + jnp.vdot(g, g))
            weight = jnp.abs(weight) * jnp.where(toward >= 0.0, 1.0, -1.0)
        return shared + weight * (xi + g)


def descend(
    rules: Rule | Sequence[Rule],
    losses: Losses,
    start: Float[Array, "n d"],
    rates: Float[Array, " n"],
    steps: int,
) -> tuple[Float[Array, "n d"], Float[Array, "steps n"]]:
    """The parameters after `steps` steps, and the losses before each step.

    - `rules`: one for all players, or one each; player i moves by row i of its own rule.
    - `rates`: the size of each player's step; 0 makes it stand still.
    """

    def direction(params):
        if isinstance(rules, Rule):
            return rules.direction(losses, params)
        return jnp.stack([rule.direction(losses, params)[i] for i, rule in enumerate(rules)])

    def step(params, _):
        return params - rates[:, None] * direction(params), losses(params)

    return jax.lax.scan(step, start, length=steps)
