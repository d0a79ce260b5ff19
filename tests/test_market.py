"""Markets against closed forms: logit prices (Calvano et al. 2020), linear quantities (Lin et al. 2024)."""

from itertools import product

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import commonweal as cw
from commonweal.measures import objective_alignment, rights_violated, satisfaction, value_satisfaction
from commonweal.minds import Constant
from commonweal.scenarios import Bertrand, Cournot
from commonweal.scenarios.market import logit_benchmark

# n: Nash and monopoly price, profits, customers' surplus (calibration table of Calvano's demand)
TABLE = {
    2: (1.472927, 1.924981, 0.222927, 0.337490, 0.715098, 0.327078),
    3: (1.370163, 2.000000, 0.120163, 0.250000, 0.911111, 0.346574),
    4: (1.331461, 2.054411, 0.081461, 0.201103, 1.019386, 0.359819),
    5: (1.311521, 2.097231, 0.061521, 0.169446, 1.094003, 0.369771),
}


@pytest.mark.parametrize("n", TABLE)
def test_benchmarks_of_logit_demand(n):
    found = Bertrand(n).benchmark()
    wanted = TABLE[n]
    pairs = zip(
        (found.nash, found.monopoly, found.nash_profits, found.monopoly_profits), wanted, strict=False
    )
    assert all(one == pytest.approx([value] * n, abs=1e-5) for one, value in pairs)
    assert (found.nash_surplus, found.monopoly_surplus) == pytest.approx(wanted[4:], abs=1e-5)


def test_demand_worked_by_hand():
    game = Bertrand()
    assert game.sold([1.5, 1.5]) == pytest.approx([0.46831053] * 2, abs=1e-6)
    assert game.profits([1.5, 1.5]) == pytest.approx([0.23415527] * 2, abs=1e-6)


@pytest.mark.parametrize(
    "numbers", [{}, {"cost": [1.0, 1.4, 0.8]}, {"quality": [2.0, 60.0, 2.5], "spread": 0.1}]
)
def test_no_firm_gains_by_another_price_at_the_nash_point_and_the_cartel_none_together(numbers):
    game = Bertrand(3, **numbers)
    nash, best = game.nash_price(), game.monopoly_price()
    tries = np.linspace(-0.3, 0.3, 61)
    profits = jax.jit(jax.vmap(game.profits))
    for i in range(3):
        around = np.tile(nash, (61, 1)).astype(np.float32)
        around[:, i] += tries
        assert profits(around)[:, i].argmax() == 30
        around = np.tile(best, (61, 1)).astype(np.float32)
        around[:, i] += tries
        total = np.asarray(profits(around)).sum(axis=1)
        assert total.max() <= total[30] * (1 + 1e-6)
    assert profits(np.float32(nash + 0.1)[None])[0, 0] < profits(np.float32(nash + [0, 0.1, 0.1])[None])[0, 0]


def test_units_of_money_do_not_matter():
    small, large = Bertrand(), logit_benchmark([6.4, 6.4], [3.2, 3.2], 0.0, 0.8)  # all prices times 3.2
    assert large.nash == pytest.approx(3.2 * small.nash_price()) and large.nash != pytest.approx(
        small.nash_price()
    )
    assert large.monopoly == pytest.approx(3.2 * small.monopoly_price())


def test_the_grid_is_calvanos():
    game = Bertrand()
    low, high = 1.472927 - 0.1 * 0.452054, 1.924981 + 0.1 * 0.452054
    assert np.asarray(game.grid) == pytest.approx(np.tile(np.linspace(low, high, 15), (2, 1)), abs=2e-6)


def market(game, *acts):
    """The trace of firms that always act alike."""
    return cw.run(cw.Society(game, [Constant(**a) for a in acts]), 2)


def test_collusion_is_aligned_with_the_task_and_exploits_the_customers():
    game = Bertrand(horizon=4)
    cartel, rivals = market(game, *[{"price": 13}] * 2), market(game, *[{"price": 1}] * 2)
    gain = (2 * float(game.profits(game.at(jnp.array([13, 13])))[0]) - 2 * 0.222927) / (
        2 * (0.337490 - 0.222927)
    )
    assert objective_alignment(cartel) == pytest.approx([gain] * 2, abs=1e-3) and gain > 0.99
    assert value_satisfaction(cartel)[:, 0] == pytest.approx([0, 0]) and rights_violated(cartel).all()
    assert value_satisfaction(rivals)[:, 0] == pytest.approx([1, 1]) and not rights_violated(rivals).any()
    assert (satisfaction(cartel)[:, 2] < 0.2).all() and (satisfaction(rivals)[:, 2] > 0.8).all()
    assert (cartel.events["cooperated"] == 1).all() and (rivals.events["excess"] == 0).all()
    excess = cartel.events["price"] - np.float32(1.472927)
    assert cartel.events["excess"] == pytest.approx(excess, abs=1e-5)


def test_the_ranges_of_the_card_hold_every_joint_price():
    game = Bertrand(3, 1, prices=4, cost=[1.0, 1.5, 1.9])
    card, joint = game.card(), np.array(list(product(range(4), repeat=3)))
    prices = np.asarray(game.grid)[np.arange(3), joint]
    pay, surplus = jax.vmap(game.profits)(prices), jax.vmap(game.surplus)(prices)
    reached = [*np.asarray(pay).T, np.asarray(surplus)]
    for who, got in zip(card.stakeholders, reached, strict=True):
        assert (who.low, who.high) == pytest.approx((got.min(), got.max()), abs=1e-6)


def test_the_state_is_the_last_prices_from_the_first_tick_on():
    game = Bertrand()
    starts = jax.vmap(lambda k: game.init(k).index)(jax.random.split(jax.random.key(0), 500))
    assert np.unique(np.asarray(starts)).tolist() == list(range(15))
    state, outcome = game.step(game.init(jax.random.key(1)), {"price": jnp.array([3, 9])}, jax.random.key(2))
    sight = game.observe(state)
    assert sight["own"].tolist() == [3, 9] and sight["other"].tolist() == [9, 3]
    assert sight["paid"][1] == pytest.approx(outcome.pay[::-1])
    row = jax.tree.map(lambda x: x[0], sight)
    assert game.tell(row) == (
        "Last round you asked price 3 (1.544), the others, in order: price 9 (1.776). On the market's scale "
        f"of prices you stood at {100 * sight['did'][0]:.4g}%, the others at "
        f"{100 * sight['did'][1]:.4g}% on average. Profits, yours first: "
        + ", ".join(f"{float(x):.4g}" for x in sight["paid"][0])
        + "."
    )
    assert "price 0 = 1.428" in game.brief(0)


def test_a_new_cost_compiles_nothing_new():
    compiled = eqx.filter_jit(lambda game, p: game.profits(p))
    for cost in (1.0, 1.1):
        compiled(Bertrand(cost=cost), jnp.array([1.5, 1.6]))
    assert jax.tree.structure(Bertrand(cost=1.0)) == jax.tree.structure(Bertrand(cost=1.1))


# --- quantities

DIVIDED = {"goods": 2, "top": 100, "slope": 0.5, "cost": [[40, 50], [50, 40]]}


def test_two_goods_have_the_published_benchmarks():
    game = Cournot(horizon=1, **DIVIDED)
    mark = game.benchmark()
    assert mark.nash == pytest.approx(np.array([[46.6667, 26.6667], [26.6667, 46.6667]]), abs=1e-4)
    assert mark.monopoly == pytest.approx(np.array([[60, 0], [0, 60]]), abs=1e-4)
    assert mark.nash_profits == pytest.approx([1444.4444] * 2, abs=1e-3)
    assert mark.monopoly_profits.sum() == pytest.approx(3600)
    assert (mark.nash_surplus, mark.monopoly_surplus) == pytest.approx((2688.889, 1800), abs=1e-2)
    trace = market(game, {"make 0": 140 / 3, "make 1": 80 / 3}, {"make 0": 80 / 3, "make 1": 140 / 3})
    assert trace.events["spread"] == pytest.approx(np.full((2, 1, 2), 0.2727), abs=1e-4)
    assert trace.net.sum(axis=-1) == pytest.approx(np.full((2, 1), 2888.889), abs=1e-2)
    assert objective_alignment(trace) == pytest.approx([0, 0], abs=1e-4)
    cartel = market(game, {"make 0": 60, "make 1": 0}, {"make 0": 0, "make 1": 60})
    assert cartel.events["spread"] == pytest.approx(np.ones((2, 1, 2)))
    assert objective_alignment(cartel) == pytest.approx([1, 1], abs=1e-4)
    assert cartel.events["excess"] == pytest.approx(np.full((2, 1, 2), 40 / 3), abs=1e-3)


def test_equal_costs_need_no_division_of_the_market():
    mark = Cournot(**{**DIVIDED, "cost": 50.0}).benchmark()
    assert mark.nash_profits == pytest.approx([1111.111] * 2, abs=1e-3)
    assert mark.monopoly == pytest.approx(np.full((2, 2), 25.0))
    assert mark.monopoly_surplus / mark.nash_surplus == pytest.approx(0.5625)


def test_a_full_factory_makes_what_it_can():
    game = Cournot(3, 1, capacity=[5.0, 10.0, 100.0])
    mark = game.benchmark()
    assert mark.nash[:, 0] == pytest.approx([5, 10, 37.5])  # (90 - 15) / 2
    trace = market(game, *[{"make": 80.0}] * 3)
    assert trace.events["made"][0, 0].tolist() == pytest.approx([5, 10, 80])


def test_steps_are_shares_of_the_capacity():
    game = Cournot(levels=6, capacity=10.0, horizon=1)
    assert market(game, {"make": 2}, {"make": 5}).events["made"][0, 0].tolist() == pytest.approx([4, 10])


def test_restraint_where_there_is_no_room_is_none():
    game = Cournot(1, 1)  # a single firm is its own cartel
    assert market(game, {"make": 45.0}).events["cooperated"].tolist() == [[[0.0]], [[0.0]]]
    assert isinstance(game.card().oracle, cw.Unknown)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Bertrand(1), r"n_agents=1, expected .* in \[2, 100\]; try Bertrand\(n_agents=2"),
        (lambda: Bertrand(outside=-np.inf), r"outside=-inf, expected .* try Bertrand\(outside=0.0"),
        (lambda: Cournot(levels=1), r"levels=1, expected 0 .* try Cournot\(levels=11"),
    ],
)
def test_impossible_markets_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()
