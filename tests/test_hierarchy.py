"""Hierarchies against published dominance matrices and orders worked by hand."""

import numpy as np
import pytest
from tracing import make_trace, totals

from commonweal import measures as m
from commonweal._measure import NA
from commonweal.measures.hierarchy import expected_score, hierarchy_steepness

# Vervaecke, de Vries, van Elsacker 2000, table 2: fleeing among six bonobos, here a column to a line.
BONOBOS = np.array(
    [
        [0, 2, 30, 6, 19, 122],
        [0, 0, 18, 0, 19, 85],
        [0, 1, 0, 3, 8, 84],
        [0, 0, 0, 0, 267, 50],
        [0, 0, 0, 5, 0, 10],
        [1, 0, 4, 4, 1, 0],
    ],
    dtype=float,
).T
LINEAR = np.triu(np.ones((6, 6)), 1)
CYCLE = np.roll(np.eye(3), 1, axis=1)
ORDER = [2, 0, 5, 1, 4, 3]


def fought(*targets, name="punish"):
    """One world from each agent's targets [T]."""
    x = np.stack(targets, axis=1)[None]
    return make_trace(np.zeros(x.shape), act={name: x})


def test_landau_by_hand():
    assert m.landau(LINEAR) == pytest.approx(1.0) == m.landau(LINEAR[np.ix_(ORDER, ORDER)])
    assert m.landau(CYCLE) == 0.0
    assert m.landau(np.zeros((4, 4))) == 0.0  # nobody met: all ties
    assert m.landau([[0, 5], [4, 0]]) == 1.0 and np.isnan(m.landau([[0]]))
    # 3 beats all others, who tie: V = (3, 1, 1, 1), 12 / 60 (1.5^2 + 3 / 4)
    assert m.landau([[0, 1, 1, 1], [0] * 4, [0] * 4, [0] * 4]) == pytest.approx(0.6)


def test_bonobos_as_published():
    dij = [-12.4901690, -6.2706524, -2.2100701, 0.4940695, 8.0409341, 12.4358879]
    pij = [-13.951220, -5.776667, -2.990431, 1.502107, 8.453543, 12.762667]
    assert m.davids_scores(BONOBOS) == pytest.approx(dij, abs=5e-7)
    assert m.davids_scores(BONOBOS, "Pij") == pytest.approx(pij, abs=5e-6)
    assert m.davids_scores(BONOBOS.T) == pytest.approx(-np.array(dij), abs=5e-7)
    normalized = [0.4183052, 1.4548913, 2.1316550, 2.5823449, 3.8401557, 4.5726480]
    slope = np.polyfit(np.arange(6), normalized, 1)[0]
    assert hierarchy_steepness(BONOBOS) == pytest.approx(slope, abs=1e-6)
    with pytest.raises(ValueError, match=r"davids_scores\(wins, 'Pij'\)"):
        m.davids_scores(BONOBOS, "P")  # type: ignore[arg-type]


def test_steepness_of_a_linear_order():
    assert hierarchy_steepness(LINEAR, "Pij") == pytest.approx(1.0)
    assert hierarchy_steepness(LINEAR, "Dij") == pytest.approx(0.5)
    assert hierarchy_steepness(CYCLE) == pytest.approx(0.0, abs=1e-12)
    assert hierarchy_steepness(1000 * LINEAR, "Dij") == pytest.approx(1.0, abs=2e-3)


def test_elo_by_hand():
    assert expected_score(400, 0) == pytest.approx(0.90909, abs=5e-6)
    won = np.array([[0, 1], [0, 0]])
    ratings = m.elo_ratings([won, won, won.T], k=32)
    assert ratings[0].tolist() == [1516, 1484]
    second = 32 * (1 - expected_score(1516, 1484))
    assert ratings[1] == pytest.approx([1516 + second, 1484 - second])
    assert ratings.sum(axis=1) == pytest.approx([3000] * 3)
    tie = m.elo_ratings([[[0, 0.5], [0.5, 0]]])
    assert tie.tolist() == [[1500, 1500]]


def test_one_order_of_pay_is_linear_and_shows_nothing():
    """Whatever the pay, one tick has an order; tossing a coin for each pair would call it a hierarchy."""
    trace = make_trace(np.array([[[5.0, 4, 3, 2, 1, 0]]]))
    assert m.linearity(report="raw")(trace) == pytest.approx([1.0])
    assert m.linearity()(trace) == pytest.approx([0.0], abs=1e-12) and m.linearity(report="p")(trace) == [1.0]
    assert m.steepness(report="raw")(trace) == pytest.approx([0.5])
    even = make_trace(totals((1, 1, 1)))
    assert m.linearity(report="raw")(even) == [0.0] == m.linearity()(even)
    with pytest.raises(NA, match="one agent"):
        m.linearity()(make_trace(np.ones((1, 1, 1))))
    with pytest.raises(ValueError, match="linearity"):
        m.linearity(report="h")  # type: ignore[arg-type]


def test_coins_give_three_in_n_and_one():
    """A round robin on a channel of targets, each pair once: by coins, h is 3 / (n + 1) on average."""
    n = 5
    first = [[j if j > i else n for j in range(n)] for i in range(n)]  # tick j: who fights j
    found = m.linearity("punish")(fought(*first))
    assert m.linearity("punish", "raw")(fought(*first)) == pytest.approx([1.0])
    assert found == pytest.approx([1.0 - 3 / (n + 1)], abs=0.05)


@pytest.mark.slow
def test_random_contests_have_no_hierarchy_beyond_chance():
    """Negative control: raw numbers are far from 0 where every contest is luck."""
    trace = make_trace(np.random.default_rng(0).random((25, 5, 6)))
    for one, least in ((m.linearity, 0.3), (m.steepness, 0.15)):
        assert one(report="raw")(trace).mean() > least
        assert one()(trace).mean() == pytest.approx(0.0, abs=0.07)
        assert one(report="p")(trace).min() > 0.005
        ranked = make_trace(np.tile([5.0, 4, 3, 2, 1, 0], (1, 5, 1)))
        assert one()(ranked)[0] > 0.15
        turned = make_trace(np.tile([0.0, 3, 5, 1, 4, 2], (1, 5, 1)))
        assert one()(turned) == pytest.approx(one()(ranked))  # seats do not matter
    assert m.steepness(report="p")(ranked)[0] < 0.01
    assert m.linearity(report="p")(ranked)[0] > 0.2  # of five orders by luck, the majority often is one too


def test_elo_spread_and_stability():
    trace = make_trace(np.tile([1.0, 0.0], (1, 1, 1)))
    assert m.elo_spread()(trace) == [16.0]  # 1516 and 1484
    longer = make_trace(np.tile([1.0, 0.0], (1, 9, 1)))
    assert m.elo_spread()(longer)[0] > 16.0 and m.elo_stability()(longer) == [1.0]
    turns = make_trace(np.array([[[1, 0], [0, 1], [0, 1], [0, 1]]], dtype=float))
    assert m.elo_stability(k=32)(turns) == pytest.approx([2 / 3])  # it turns round between ticks 2 and 3
    assert np.isnan(m.elo_stability()(trace))[0]


def test_contests_on_a_channel_of_targets():
    nobody = 3
    trace = fought([1, 2], [2, nobody], [nobody, nobody])
    assert m.linearity("punish", "raw")(trace) == pytest.approx([1.0])
    calm = fought([nobody], [nobody], [nobody])
    assert np.isnan(m.linearity("punish")(calm))[0] and np.isnan(m.elo_spread("punish")(calm))[0]
    with pytest.raises(NA, match="'hit' here: name one of punish"):
        m.linearity("hit")(trace)
    with pytest.raises(NA, match="does not name agents"):
        m.steepness("punish")(fought([7], [0], [1]))
