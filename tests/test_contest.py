"""Contests against Tullock's equilibria: nobody gains by another effort, and the prize is dissipated."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import commonweal as cw
from commonweal.measures import objective_alignment
from commonweal.minds import Constant
from commonweal.scenarios import Contest

TABLE = [
    (2, 1, 0.25, 0.5),
    (3, 1, 0.2222, 0.6667),
    (5, 1, 0.16, 0.8),
    (10, 1, 0.09, 0.9),
    (4, 0.5, 0.09375, 0.375),
]


@eqx.filter_jit
def alone(game, efforts, mine):
    """What contestant 0 earns by each of its efforts, the others staying."""

    def pay(x):
        acts = {"effort": efforts.at[0].set(x)}
        return game.step(game.init(jax.random.key(0)), acts, jax.random.key(0))[1].pay[0]

    return jax.vmap(pay)(mine)


@pytest.mark.parametrize(("n", "power", "effort", "lost"), TABLE)
def test_the_table_of_equilibria(n, power, effort, lost):
    game = Contest(n, 3, power=power)
    found = game.equilibrium()
    assert found == pytest.approx([effort] * n, abs=1e-4)
    assert found.sum() == pytest.approx(lost, abs=1e-4)
    mine = jnp.linspace(0.0, 1.0, 2001)
    best = mine[alone(game, jnp.asarray(found, jnp.float32), mine).argmax()]
    assert best == pytest.approx(effort, abs=2e-3)
    assert mine[alone(game, jnp.full(n, 0.9 * effort), mine).argmax()] != pytest.approx(
        0.9 * effort, abs=2e-3
    )
    oracle = game.card().oracle
    assert (oracle.best, oracle.worst, oracle.nash) == pytest.approx(
        (3, 3 * (1 - lost), 3 * (1 - lost)), abs=1e-3
    )


def test_unequal_prizes():
    game = Contest(2, prize=[2.0, 1.0])
    x = game.equilibrium()
    assert x == pytest.approx([4 / 9, 2 / 9]) and x[0] / x.sum() == pytest.approx(2 / 3)
    assert game.odds(jnp.asarray(x, jnp.float32))[0] == pytest.approx(2 / 3)
    assert Contest(3, prize=[2.0, 1.0, 1.0]).equilibrium() is None
    assert Contest(4, power=2.0).equilibrium() is None  # r > n / (n - 1): none in pure strategies


@pytest.mark.parametrize(
    ("efforts", "power", "odds"),
    [
        ((0.0, 0.0), 1.0, (0.5, 0.5)),
        ((0.3, 0.0), 1.0, (1.0, 0.0)),
        ((0.3, 0.1), 2.0, (0.9, 0.1)),
        ((0.3, 0.0), 0.0, (0.5, 0.5)),
    ],
)
def test_odds_by_hand(efforts, power, odds):
    assert Contest(power=power).odds(jnp.array(efforts)) == pytest.approx(odds, abs=1e-6)


def test_a_lottery_pays_the_odds_in_the_mean_and_one_winner_each_time():
    some = [Constant(effort=x) for x in (0.3, 0.1)]
    trace = cw.run(cw.Society(Contest(2, 100, lottery=True), some), 20)
    share = trace.events["share"]
    assert (share.sum(axis=-1) == 1).all() and set(np.unique(share)) == {0.0, 1.0}
    assert share[..., 0].mean() == pytest.approx(0.75, abs=4 * 0.433 / 2000**0.5)
    paid = cw.run(cw.Society(Contest(2, 100), some), 1).net
    assert paid[0, 0] == pytest.approx([0.45, 0.15])


def test_effort_is_waste_for_all_together():
    calm = cw.run(cw.Society(Contest(2, 4), Constant(effort=0.0)), 1)
    war = cw.run(cw.Society(Contest(2, 4), Constant(effort=0.25)), 1)
    assert objective_alignment(calm) == pytest.approx([1]) and objective_alignment(war) == pytest.approx([0])
    assert (war.events["cooperated"] == 0.75).all() and (war.events["excess"] == 0.25).all()


def test_it_is_told():
    game = Contest(2)
    state, _ = game.step(game.init(None), {"effort": jnp.array([0.3, 0.1])}, None)
    row = jax.tree.map(lambda x: x[1], game.observe(state))
    assert game.tell(row) == (
        "Last round you spent 0.1, the others, in order, 0.3; your share of the prize was 0.25, "
        "your pay 0.15, theirs, in order, 0.45."
    )
    assert "over the sum of everybody's" in game.brief(0)


def test_impossible_contests_are_refused():
    with pytest.raises(ValueError, match=r"n_agents=1.* Contest\(n_agents=2"):
        Contest(1)
