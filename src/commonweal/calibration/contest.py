"""Rent-seeking contests: efforts in equilibrium, and how much of the prize they eat.

Sources: Tullock 1980; Nitzan 1994, Eur. J. Political Economy 10:41 (x* = r (n - 1) V / n^2). The
equilibrium is found from the derivative of our own scenario's pay, by bisection.
"""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..scenarios.contest import Contest
from .target import Row, Target

SOURCE = "Tullock 1980; closed form"
TABLE = {  # n, r: effort of each and share of the prize dissipated
    (2, 1.0): (0.25, 0.5),
    (3, 1.0): (0.2222, 0.6667),
    (5, 1.0): (0.16, 0.8),
    (10, 1.0): (0.09, 0.9),
    (4, 0.5): (0.09375, 0.375),
}


def slope(game: Contest, effort: jax.Array, seat: jax.Array, own: jax.Array) -> jax.Array:
    """What one seat gains by a little more effort than `own`, the others staying at `effort`."""

    def pay(x):
        acts = {"effort": jnp.where(jnp.arange(game.n_agents) == seat, x, effort)}
        return game.step(game.init(jax.random.key(0)), acts, jax.random.key(0))[1].pay

    return jax.jvp(pay, (own,), (jnp.ones_like(own),))[1][seat]


@eqx.filter_jit
def solve(game: Contest) -> jax.Array:
    """Float[n]: the efforts to which all are best replies; replies by bisection, averaged one n-th each."""
    n = game.n_agents
    seats = jnp.arange(n)

    def reply(effort):
        def narrow(_, edges):
            middle = (edges[0] + edges[1]) / 2.0
            up = jax.vmap(lambda i, x: slope(game, effort, i, x))(seats, middle) > 0.0
            return jnp.where(up, middle, edges[0]), jnp.where(up, edges[1], middle)

        return jax.lax.fori_loop(0, 30, narrow, (jnp.zeros(n), jnp.broadcast_to(game.budget, (n,))))[0]

    start = 0.3 * game.prize / n
    return jax.lax.fori_loop(0, 60, lambda _, x: x + (reply(x) - x) / n, start)


def equilibrium(game: Contest) -> np.ndarray:
    """Float64[n]: the efforts in equilibrium."""
    return np.asarray(solve(game), dtype=float)


def rows(slip: float = 1.0) -> Sequence[Row]:
    """Efforts and dissipation by number and power; two contestants who value the prize unlike."""
    found = []
    for (n, power), (effort, lost) in TABLE.items():
        x = equilibrium(Contest(n, 1, power=slip * power))
        found.append(Row(f"n={n}, r={power:g}: effort", x.mean(), effort, 1e-4, SOURCE))
        found.append(Row(f"n={n}, r={power:g}: dissipated", x.sum(), lost, 5e-4, SOURCE))
    game = Contest(2, 1, prize=[2.0, 1.0], power=slip)
    x = equilibrium(game)
    odds = np.asarray(game.odds(jnp.asarray(x, jnp.float32)), dtype=float)
    found.append(Row("values 2 and 1: effort of the keener", x[0], 0.4444, 1e-4, SOURCE))
    return [*found, Row("values 2 and 1: odds of the keener", odds[0], 2 / 3, 2e-4, SOURCE)]


def control() -> Sequence[Row]:
    """Odds that follow effort to half the power they should."""
    return rows(0.5)


def metamorphic() -> Sequence[Row]:
    """A prize in another unit takes efforts along; names do not matter; the closed form agrees."""
    one, ten = equilibrium(Contest(3, 1)), equilibrium(Contest(3, 1, prize=10.0))
    keen, turned = (equilibrium(Contest(2, 1, prize=p)) for p in ([2.0, 1.0], [1.0, 2.0]))
    uneven = Contest(2, 1, prize=[3.0, 1.0], power=0.7)
    form = uneven.equilibrium()
    rows = [
        Row("prize times 10", ten.mean(), 10 * one.mean(), 1e-3, "units"),
        Row("names changed", turned[1], keen[0], 1e-4, "relabeling"),
    ]
    if form is not None:
        rows.append(Row("values 3 and 1, r=.7: effort", equilibrium(uneven)[0], form[0], 1e-4, "Nti 1999"))
    return rows


TARGET = Target(
    name="contest",
    title="Rent-seeking contests",
    model="pay V x_i^r / sum_j x_j^r - x_i; x* = r (n - 1) V / n^2",
    rows=rows,
    control=control,
    metamorphic=metamorphic,
    parameters={"prize": 1.0},
    cost="4 s on one core",
)
