"""Voting power, empowerment and the gathering of power against published and hand-worked numbers."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tracing import make_trace, totals

from commonweal import measures as m
from commonweal._measure import NA


@pytest.mark.parametrize(("weights", "quota"), [((3, 2, 1), 4), ((50, 49, 1), 51)])
def test_published_voting_power(weights, quota):
    assert m.banzhaf(weights, quota) == pytest.approx([0.6, 0.2, 0.2])
    assert m.banzhaf(weights, quota, "raw") == pytest.approx([0.75, 0.25, 0.25])
    assert m.shapley_shubik(weights, quota) == pytest.approx([2 / 3, 1 / 6, 1 / 6])


def test_voting_power_by_hand():
    assert m.shapley_shubik([1, 1, 1]).tolist() == pytest.approx([1 / 3] * 3)
    assert m.banzhaf([1, 1, 1], convention="raw").tolist() == [0.5] * 3
    assert m.banzhaf([3, 1, 1]).tolist() == [1.0, 0.0, 0.0]  # a dictator
    assert m.shapley_shubik([2, 1, 1], 2) == pytest.approx([2 / 3, 1 / 6, 1 / 6])
    assert m.banzhaf([1, 1], 2).tolist() == [0.5, 0.5]  # a half is no majority: both are needed
    assert m.banzhaf([1, 1]).tolist() == [0.5, 0.5]
    with pytest.raises(ValueError, match=r"banzhaf\(\[3, 2, 1\], 4\)"):
        m.banzhaf([1, -1])
    with pytest.raises(ValueError, match="convention='share'"):
        m.banzhaf([1, 1], 2, "share")  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=2, max_size=5).filter(any), st.data())
def test_shapley_shubik_is_efficient_and_gives_nothing_to_who_has_none(weights, data):
    quota = data.draw(st.integers(1, sum(weights)))
    found = m.shapley_shubik(weights, quota)
    assert found.sum() == pytest.approx(1.0)
    assert found[np.array(weights) == 0] == pytest.approx(0.0)
    orders = list(itertools.permutations(range(len(weights))))
    slow = np.zeros(len(weights))
    for order in orders:
        reached = np.cumsum([weights[i] for i in order])
        slow[order[int((reached >= quota).argmax())]] += 1 / len(orders)
    assert found == pytest.approx(slow)


def test_voting_power_of_a_trace_is_by_what_agents_own():
    trace = make_trace(totals((50, 49, 1), (0, 0, 0), (2, -1, 1)))
    found = m.voting_power()(trace)
    assert found[0] == pytest.approx([0.6, 0.2, 0.2]) and np.isnan(found[1:]).all()  # 50 is no majority
    given = m.voting_power([3, 2, 1], 4, "shapley-shubik")(trace)
    assert given == pytest.approx(np.tile([2 / 3, 1 / 6, 1 / 6], (3, 1)))
    with pytest.raises(NA, match="2 weights came for 3 agents"):
        m.voting_power([1, 1])(trace)
    with pytest.raises(NA, match="21 agents"):
        m.voting_power()(make_trace(np.ones((1, 1, 21))))
    with pytest.raises(ValueError, match="shapley-shubik"):
        m.voting_power(index="nucleolus")  # type: ignore[arg-type]


def test_capacity_of_known_channels():
    assert m.capacity(np.eye(4)) == pytest.approx(2.0)
    assert m.capacity([[0.9, 0.1], [0.1, 0.9]]) == pytest.approx(0.5310, abs=5e-5)
    assert m.capacity([[1.0, 0.0], [0.5, 0.5]]) == pytest.approx(np.log2(5 / 4))
    assert m.capacity([[0.5, 0.5]] * 3) == pytest.approx(0.0, abs=1e-9)
    erasure = [[0.75, 0.25, 0.0], [0.0, 0.25, 0.75]]  # by hand: 1 - 1/4
    both = np.stack([erasure, [[1, 0, 0], [0, 0, 1]]])
    assert m.capacity(both) == pytest.approx([0.75, 1.0])


def test_empowerment_of_a_trace():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 4, (1, 400, 2))
    outcome = x.astype(float)
    outcome[..., 1] = rng.integers(0, 4, 400)  # the second's act changes nothing
    trace = make_trace(np.zeros(x.shape), act={"act": x}, events={"place": outcome})
    raw = m.empowerment("act", "place", report="raw")(trace)[0]
    assert raw[0] == pytest.approx(2.0) and raw[1] > 0.005  # what chance shows
    assert m.empowerment("act", "place")(trace)[0] == pytest.approx([2.0, 0.0], abs=0.03)
    later = make_trace(np.zeros(x.shape), act={"act": x}, events={"place": np.roll(outcome, 2, axis=1)})
    assert m.empowerment("act", "place", horizon=3)(later)[0, 0] == pytest.approx(2.0, abs=0.03)
    assert m.empowerment("act", "place", horizon=1)(later)[0, 0] == pytest.approx(0.0, abs=0.03)
    with pytest.raises(ValueError, match="horizon=0"):
        m.empowerment(horizon=0)


def test_power_seeking_is_the_slope_of_the_share():
    even = make_trace(np.ones((1, 6, 2)))
    assert m.power_seeking()(even) == pytest.approx(np.zeros((1, 2)), abs=1e-12)
    owned = np.array([[[5, 5], [6, 4], [7, 3], [8, 2.0]]])
    trace = make_trace(np.zeros((1, 4, 2)), events={"wealth": owned})
    assert m.power_seeking("wealth", total=False)(trace)[0] == pytest.approx([0.1, -0.1])
    half = make_trace(np.zeros((1, 4, 2)), events={"wealth": owned}, alive=[[True, True, False, False]])
    assert m.power_seeking("wealth", total=False)(half)[0] == pytest.approx([0.1, -0.1])
    debt = make_trace(-np.ones((1, 4, 2)))
    assert np.isnan(m.power_seeking()(debt)).all()
    with pytest.raises(NA, match="'gold' here: name one of pay"):
        m.power_seeking("gold")(even)


def test_power_price_is_the_pay_that_goes_with_a_share():
    owned = np.array([[[5, 5], [6, 4], [7, 3], [8, 2.0]]])
    pay = np.array([[[4, 1], [3, 1], [2, 1], [1, 1.0]]])
    trace = make_trace(pay, events={"wealth": owned})
    assert m.power_price("wealth")(trace)[0] == pytest.approx([10.0, 0.0])  # 1 of pay for a tenth
    constant = make_trace(pay, events={"wealth": np.ones((1, 4, 2))})
    assert np.isnan(m.power_price("wealth")(constant)).all()
