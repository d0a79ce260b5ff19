"""Collusion: the published market, sales divided by hand, punishment in replayed worlds, screens."""

import jax.numpy as jnp
import numpy as np
import pytest
from tracing import make_card, make_trace

import commonweal as cw
from commonweal import measures as m
from commonweal._card import Oracle
from commonweal._measure import NA
from commonweal.measures import collusion as k
from commonweal.minds import Constant, Random
from commonweal.scenarios import Bertrand, Cournot

MARKET = Bertrand(horizon=8)
MARK = MARKET.benchmark()


def asking(price, horizon=2, **rest):
    return cw.run(cw.Society(Bertrand(horizon=horizon), Constant(price=price)), **rest)


# --- profits


def test_calvano_delta_at_the_published_prices():
    """n=2, a=2, c=1, mu=.25, a0=0: pN 1.47293, pM 1.92498, profits .22293 and .33749."""
    middle = (1.47293 + 1.92498) / 2
    share = np.exp((2 - middle) / 0.25) / (2 * np.exp((2 - middle) / 0.25) + 1)
    assert k.profit_gain((middle - 1) * share, 0.22293, 0.33749) == pytest.approx(0.7068, abs=2e-4)
    assert k.profit_gain([2.0, 3.0, 1.0], 2.0, 3.0).tolist() == [0.0, 1.0, -1.0]
    assert np.isnan(k.profit_gain(1.0, 2.0, 2.0))


def test_calvano_delta_of_worlds():
    assert m.calvano_delta()(asking(7)) == pytest.approx([0.7068], abs=1e-4)  # the middle of the grid
    high = m.calvano_delta()(asking(13))[0]
    assert 0.99 < high <= 1.0 and m.calvano_delta()(asking(0))[0] < 0.0
    card = make_card(oracle=Oracle(40.0, 20.0, "exact", nash=20.0, cooperative=40.0))
    pay = np.array([[[5, 5], [5, 5], [10, 10], [10, 10]]]) / 2.0
    trace = make_trace(pay, card=card)
    assert m.calvano_delta()(trace).tolist() == [0.5]
    assert m.calvano_delta(last=2)(trace).tolist() == [1.0]
    cut = make_trace(pay, card=card, alive=[[True, True, True, False]])
    assert m.calvano_delta(last=1)(cut).tolist() == [1.0]  # the last that was played
    assert m.calvano_delta()(cut) == pytest.approx([1 / 3])
    with pytest.raises(NA, match="names no equilibrium"):
        m.calvano_delta()(make_trace(pay, card=make_card(oracle=Oracle(40.0, 20.0, "exact"))))
    with pytest.raises(ValueError, match="last=0"):
        m.calvano_delta(0)


def test_surplus_ratio():
    fair, dear = asking(7), asking(14)
    want = float(MARKET.surplus(MARKET.grid[:, 7])) / MARK.nash_surplus
    assert m.surplus_ratio()(fair) == pytest.approx([want], rel=1e-5)
    assert m.surplus_ratio()(dear)[0] < want < 1.0 < m.surplus_ratio()(asking(0))[0]
    with pytest.raises(NA, match="no stakeholder 'customers' here"):
        m.surplus_ratio()(make_trace(np.ones((1, 1, 2))))
    with pytest.raises(NA, match="no recipe"):
        fair.recipe.clear()
        m.surplus_ratio()(fair)


# --- shares


def test_concentration_and_division():
    split, even = [[4, 0], [0, 4]], [[2, 2], [2, 2]]
    assert k.market_concentration(split) == 1.0 and k.division(split) == pytest.approx(1.0)
    assert k.market_concentration(even) == 0.5 and k.division(even) == pytest.approx(0.0)
    assert k.market_concentration([[3], [1]]) == pytest.approx(10 / 16)
    assert k.market_concentration([[3, 0], [1, 4]]) == pytest.approx((10 / 16 + 1) / 2)  # markets of one size
    # p = (3, 0; 1, 4) / 8: H(firm) .9544, H(market) 1, H(both) 1.4056
    assert k.division([[3, 0], [1, 4]]) == pytest.approx((0.9544340 + 1 - 1.4056391) / 0.9544340)
    assert np.isnan(k.market_concentration(np.zeros((2, 2)))) and np.isnan(k.division([[1, 1], [0, 0]]))


def test_division_of_goods_and_of_ticks():
    sold = np.zeros((1, 4, 2))
    sold[0, ::2, 0] = sold[0, 1::2, 1] = 3.0  # they take turns
    turns = make_trace(np.ones((1, 4, 2)), events={"sold": sold})
    assert m.market_division()(turns) == pytest.approx([1.0]) and m.concentration()(turns).tolist() == [0.5]
    share = np.full((1, 4, 2), 1.5)
    goods = make_trace(np.ones((1, 4, 2)), events={"a": sold + 1, "b": share})
    assert 0 < m.market_division(("a", "b"))(goods)[0] + 1e-9 < 0.2
    with pytest.raises(NA, match="pass sold="):
        m.concentration()(make_trace(np.ones((1, 4, 2))))
    market = Cournot(goods=2, horizon=3)
    names = list(market.channels())
    mine = [Constant(**{names[i]: 4.0}) for i in (0, 1)]
    divided = cw.run(cw.Society(market, mine), 2)
    assert m.market_division()(divided) == pytest.approx([1.0, 1.0])
    assert m.concentration()(divided) == pytest.approx([1.0, 1.0])
    both = cw.run(cw.Society(market, Constant(**dict.fromkeys(names, 4.0))), 2)
    assert m.market_division()(both) == pytest.approx([0.0, 0.0], abs=1e-9)
    assert m.concentration()(both) == pytest.approx([0.5, 0.5])


def test_chance_divides_markets_too_and_is_taken_off():
    rng = np.random.default_rng(0)
    sold = rng.poisson(2.0, (60, 12, 3)).astype(float)  # no agreement whatsoever
    trace = make_trace(np.ones(sold.shape), events={"sold": sold})
    raw, mended = m.market_division()(trace), m.market_division(chance=100)(trace)
    error = mended.std() / np.sqrt(60)
    assert raw.mean() > 20 * error and abs(mended.mean()) < 4 * error
    turns = np.where(np.arange(12)[None, :, None] % 3 == np.arange(3), 6.0, 0.0)
    agreed = make_trace(np.ones((1, 12, 3)), events={"sold": turns})
    assert m.market_division()(agreed)[0] == pytest.approx(1.0)
    assert m.market_division(chance=100)(agreed)[0] > 0.3 > 4 * error  # planted: they take turns
    two = k.division_null(np.broadcast_to([[4.0, 0.0], [0.0, 4.0]], (5, 2, 2)), 200)
    assert two.mean() < 0.2  # five ticks of a full split are hardly chance


# --- punishment


class Follower(cw.Mind):
    """Asks what the other asked last, the highest price in the beginning."""

    def act(self, memory, sight, channels, key):
        return memory, {"price": jnp.where(sight["started"] > 0.0, sight["other"], 14)}


@pytest.mark.slow
def test_a_cut_is_answered_for_one_tick():
    trace = cw.run(cw.Society(MARKET, [Constant(price=14), Follower()]), 2)
    fall = float(MARKET.grid[0, 14] - MARKET.grid[0, 0])
    assert m.punishment(at=3)(trace) == pytest.approx([fall] * 2, rel=1e-5)
    assert m.punishment("ticks", at=3)(trace).tolist() == [1, 1]

    def pay(a, b):
        return float(MARKET.profits(MARKET.grid[jnp.arange(2), jnp.array([a, b])])[0])

    one, two = pay(0, 14) - pay(14, 14), pay(14, 0) - pay(14, 14)
    assert m.punishment("gain", at=3)(trace) == pytest.approx([one + two] * 2, abs=1e-5)
    assert m.punishment("gain", at=3, discount=0.5)(trace) == pytest.approx([one + two / 2] * 2, abs=1e-5)
    assert one > 0 > two
    assert m.punishment("ticks", agent=1, at=3)(trace).tolist() == [0, 0]  # the other never looks


@pytest.mark.slow
def test_firms_that_do_not_look_do_not_punish():
    calm = asking(7, horizon=4, seeds=2)
    for what in ("depth", "ticks"):
        assert m.punishment(what)(calm).tolist() == [0.0, 0.0]
    random = cw.run(cw.Society(MARKET, Random()), 3)  # all luck is kept: no noise is taken for an answer
    assert m.punishment()(random).tolist() == [0.0] * 3
    with pytest.raises(NA, match="no recipe"):
        m.punishment()(make_trace(np.ones((1, 2, 2))))
    with pytest.raises(NA, match="no channel 'make'"):
        m.punishment(channel="make")(calm)
    with pytest.raises(NA, match="no agent 5 or tick 2"):
        m.punishment(agent=5)(calm)
    with pytest.raises(ValueError, match="what='length'"):
        m.punishment("length")  # type: ignore[arg-type]


# --- screens


def asked(*worlds, **rest):
    price = np.repeat(np.asarray(worlds, float)[..., None], 2, axis=2)
    return make_trace(np.ones(price.shape), events={"price": price}, **rest)


def test_variance_screen():
    assert m.variance_screen()(asked([3, 3, 3], [1, 2, 3])).tolist() == [0.0, 0.5]
    assert k.variation([2, 4]) == pytest.approx(np.sqrt(2) / 3)
    assert m.variance_screen(last=2)(asked([9, 2, 4])) == pytest.approx([np.sqrt(2) / 3])
    late = asked([9, 2, 4, 4], alive=[[True, True, True, False]])
    assert m.variance_screen(last=2)(late) == pytest.approx([np.sqrt(2) / 3])
    assert np.isnan(m.variance_screen()(asked([0, 0], [-1, 1]))).all()
    with pytest.raises(NA, match="no event 'price'"):
        m.variance_screen()(make_trace(np.ones((1, 2, 2))))


def test_a_cartel_that_begins_stills_prices_and_chance_does_not():
    rng = np.random.default_rng(0)
    noise = 10 + rng.normal(size=(30, 40))
    began = noise.copy()
    began[:, 20:] = 15 + 0.2 * (noise[:, 20:] - 10)
    fall = m.variance_fall()(asked(*began))
    assert fall == pytest.approx([k.variation(y[:20]) - k.variation(y[20:]) for y in began])
    assert m.variance_fall()(asked([1, 3, 2, 2])) == pytest.approx([np.sqrt(2) / 2])
    p = m.variance_fall(value="p", draws=99)
    assert (p(asked(*began)) <= 0.05).all()  # planted
    false = (p(asked(*noise)) <= 0.05).mean()
    assert false <= 0.15 and (m.variance_fall()(asked(*noise)) > 0).mean() > 0.3  # the raw sign says nothing
    with pytest.raises(ValueError, match="value='z'"):
        m.variance_fall(value="z")  # type: ignore[arg-type]


@pytest.mark.slow
def test_they_obey_the_laws_of_measures():
    every = (m.calvano_delta(), m.surplus_ratio("player 0"), m.concentration(["give"]))
    screens = (m.variance_screen("excess"), m.variance_fall("excess", value="p", draws=9))
    for one in (*every, *screens, m.market_division(["give"])):  # a null has luck of its own
        cw.check(one)
    cw.check(m.punishment(channel="give", event="excess"))
