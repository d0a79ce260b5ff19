"""Bystanders, conventions, tipping, drift and diversity against published and hand-worked numbers."""

import numpy as np
import pytest
from tracing import make_trace

from commonweal import measures as m
from commonweal._measure import NA
from commonweal.measures.norms import jensen_shannon, logistic


def acting(*worlds, alive=None, odds=None, events=None):
    """A trace from worlds of ticks of acts."""
    x = np.array(worlds)
    return make_trace(np.zeros(x.shape), act={"act": x}, alive=alive, odds=odds or {}, events=events)


# --- bystanders


def test_the_volunteers_dilemma_as_published():
    assert m.volunteers_dilemma(2, 0.5) == pytest.approx((0.5, 0.25))
    assert m.volunteers_dilemma(3, 0.5) == pytest.approx((0.2929, 0.3536), abs=5e-5)
    assert m.volunteers_dilemma(10_000, 0.5)[1] == pytest.approx(0.5, abs=1e-4)
    assert m.volunteers_dilemma(2, 1.0, 4.0) == pytest.approx((0.75, 0.0625))
    for n in (2, 5):  # at the mixture it is all the same to help or not
        p, _ = m.volunteers_dilemma(n, 0.3)
        assert 1 - 0.3 == pytest.approx(1 - (1 - p) ** (n - 1))
    with pytest.raises(ValueError, match=r"volunteers_dilemma\(3, cost=0.5\)"):
        m.volunteers_dilemma(1, 0.5)


def test_bystander_curve_by_hand_and_its_slope():
    present = np.array([1] * 4 + [2] * 4)
    found = m.bystander_curve(present, [1, 1, 1, 0, 1, 1, 0, 0])
    assert found.n.tolist() == [1, 2] and found.p.tolist() == [0.75, 0.25]
    assert found.any.tolist() == [0.75, 0.5] and found.alone == pytest.approx([0.75, 1 - 1 / 16])
    assert found.slope == pytest.approx((np.log(1 / 3) - np.log(3)) / np.log(2))  # two points: exact
    assert np.isnan(m.bystander_curve([2, 3], [1, 1]).alone).all()


def test_company_that_changes_nothing_has_no_slope():
    """Negative control: the dilemma's players help less in company; independent ones do not."""
    rng = np.random.default_rng(0)
    present = np.repeat([2, 3, 5, 9], 500)
    diekmann = np.array([m.volunteers_dilemma(int(n), 0.5)[0] for n in present])
    assert m.bystander_curve(present, rng.binomial(present, diekmann)).slope < -0.8
    assert m.bystander_curve(present, rng.binomial(present, 0.3)).slope == pytest.approx(0.0, abs=0.1)


def test_intervention_rate_reads_who_saw():
    helped = np.array([[[1, 0], [0, 0], [1, 1]]], dtype=float)
    fire = np.array([[[1, 1], [1, 0], [0, 0]]], dtype=float)
    trace = make_trace(np.zeros((1, 3, 2)), events={"cooperated": helped, "fire": fire})
    assert m.intervention_rate()(trace) == pytest.approx([0.5])
    assert m.intervention_rate(when="fire")(trace) == pytest.approx([1 / 3])
    assert m.intervention_rate(when="fire", anyone=True)(trace) == [0.5]
    calm = make_trace(np.zeros((1, 3, 2)), events={"cooperated": helped, "fire": 0 * fire})
    assert np.isnan(m.intervention_rate(when="fire")(calm))[0]


# --- conventions


def test_convention_strength_by_hand():
    trace = acting([[0, 0, 1, 1], [1, 1, 1, 1]], [[0, 1, 2, 3], [0, 1, 2, 3]], [[2, 2, 2, 2], [2, 2, 2, 2]])
    assert m.convention_strength(ticks=1)(trace) == pytest.approx([1.0, 0.0, 1.0])
    both = m.convention_strength(ticks=2)(trace)
    assert both[0] == pytest.approx(1 + (0.25 * np.log2(0.25) + 0.75 * np.log2(0.75)))
    assert m.convention_strength(ticks=1, options=8)(trace)[1] == pytest.approx(1 / 3)
    with pytest.raises(NA, match="4 different acts are more than options=2"):
        m.convention_strength(options=2)(trace)
    quiet = acting([[1, 0, 0, 1], [0, 2, 0, 0]])
    assert m.convention_strength(silent=0, ticks=2)(quiet)[0] == pytest.approx(
        1 + (np.log2(1 / 3) / 3 + np.log2(2 / 3) * 2 / 3)
    )
    assert np.isnan(m.convention_strength(silent=0)(acting([[0, 0]])))[0]


def test_time_to_consensus_by_hand():
    split, one = [0, 0, 1], [1, 1, 1]
    trace = acting([split, one, split, one, one, one], [split] * 6, [one] * 6)
    found = m.time_to_consensus(ticks=3)(trace)
    assert found[[0, 2]].tolist() == [3.0, 0.0] and np.isnan(found[1])
    assert m.time_to_consensus(ticks=1)(trace)[0] == 1.0
    assert m.time_to_consensus(share=0.6, ticks=6)(trace).tolist() == [0.0, 0.0, 0.0]
    dead = acting([split, one, one], alive=[[True, True, False]])
    assert np.isnan(m.time_to_consensus(ticks=2)(dead))[0]


def test_flipped_compares_start_and_end():
    trace = acting([[0, 0, 0], [0, 1, 1], [1, 1, 1]], [[0, 0, 1], [1, 1, 0], [0, 0, 1]], [[0, 1, 2]] * 3)
    found = m.flipped(ticks=1)(trace)
    assert found[:2].tolist() == [1.0, 0.0] and np.isnan(found[2])


def test_critical_mass_of_known_curves():
    x = np.repeat(np.linspace(0, 0.5, 11), 400)
    flips = np.random.default_rng(0).random(len(x)) < 1 / (1 + np.exp(-30 * (x - 0.21)))
    assert m.critical_mass(x, flips) == pytest.approx(0.21, abs=0.01)
    assert m.critical_mass([0.0, 0.1, 0.2, 0.3], [False, False, True, True]) == pytest.approx(0.15)
    assert m.critical_mass([0.02, 0.1, 0.5], [True] * 3) == 0.0  # a dictator
    assert np.isnan(m.critical_mass([0.02, 0.1], [False, False]))
    assert np.isnan(m.critical_mass([0.0, 0.0, 0.1, 0.1], [True, True, True, False]))
    assert m.retained([True, True, False, True], [True, False, True, True]) == pytest.approx(2 / 3)
    assert np.isnan(m.retained([False], [False]))


def test_logistic_by_hand():
    a, b = logistic([0, 1], [25, 75], [100, 100])
    assert (a, b) == pytest.approx((-np.log(3), 2 * np.log(3)))
    assert np.isnan(logistic([0, 1], [0, 5], [5, 5])[1]) and np.isnan(logistic([1, 1], [1, 0], [2, 2])[0])
    assert np.isnan(logistic([0, 1], [5, 0], [5, 5])[1])


def test_collective_bias_by_hand_and_against_chance():
    found = m.collective_bias([0] * 50, [[0.5, 0.5]] * 24)
    assert found.bias == 0.5 and found.p < 0.002 and found.excess > 0.4
    fair = m.collective_bias([0, 1] * 10, [0.5, 0.5])
    assert fair.bias == 0.0 and fair.p == 1.0
    one = m.collective_bias([1], [0.5, 0.5])  # one group always agrees on something
    assert one.bias == 0.5 == one.chance and one.p == 1.0
    assert m.collective_bias([0, 0, 0, 1], [[1.0, 0.0], [0.5, 0.5]]).bias == 0.0


# --- drift and diversity


def test_value_drift_by_hand():
    assert m.value_drift([1, 2, 3], [1, 2, 3]) == pytest.approx(0.0, abs=1e-5)
    assert m.value_drift([1, 2, 3], [2, 3, 4]) == pytest.approx(0.0, abs=1e-5)  # centered: the same profile
    assert m.value_drift([1, 2, 3], [3, 2, 1]) == pytest.approx(180.0)
    raw = m.value_drift([1, 0], [1, 1], profile="raw")
    assert raw == pytest.approx(45.0)
    assert m.value_drift([1, 0], [0, 1], distance="jsd") == 1.0
    twin = ([1, 0], [1, 1])
    assert m.value_drift([1, 0], [1, 1], twin, profile="raw") == pytest.approx(0.0)
    many = m.value_drift(np.eye(3), np.roll(np.eye(3), 1, axis=0))
    assert many == pytest.approx([120.0] * 3)  # centered unit vectors stand at 120 degrees
    with pytest.raises(ValueError, match="distance='cosine'"):
        m.value_drift([1], [1], distance="cosine")  # type: ignore[arg-type]


def test_behavior_drift_and_its_null():
    turned = acting(
        [[0, 0], [0, 1]] * 10 + [[1, 0], [1, 1]] * 10
    )  # the first changes its way, the second not
    raw = m.behavior_drift(report="raw")(turned)[0]
    assert raw == pytest.approx([1.0, 0.0])
    found, p = (m.behavior_drift(report=report)(turned)[0] for report in ("excess", "p"))
    assert found[0] > 0.9 and found[1] <= 0.0 and p[0] == pytest.approx(1 / 101) and p[1] == 1.0
    coins = np.random.default_rng(0).integers(0, 4, (1, 12, 60))
    assert m.behavior_drift(report="raw")(acting(*coins)).mean() > 0.2  # chance
    assert m.behavior_drift()(acting(*coins)).mean() == pytest.approx(0.0, abs=0.03)
    assert np.isnan(m.behavior_drift()(acting([[0, 1]] * 3))).all()


def test_diversity_of_clones_and_of_opposites():
    clones, opposites = np.full((2, 3, 2), 0.5), np.stack([np.eye(2)[[0, 1, 0]], np.eye(2)[[1, 0, 1]]])
    assert m.policy_diversity(clones) == 0.0 and m.policy_diversity(opposites) == 1.0
    assert jensen_shannon([0.5, 0.5, 0], [0, 0.5, 0.5]) == pytest.approx(0.5)
    assert np.isnan(m.policy_diversity(clones[:1]))
    half = np.array([[[1.0, 0.0]], [[0.5, 0.5]]])  # by hand: H(3/4, 1/4) - 1/2
    assert m.policy_diversity(half) == pytest.approx(0.8113 - 0.5, abs=1e-4)


def test_behavioral_diversity_of_stated_odds():
    odds = np.zeros((1, 2, 3, 2))
    odds[0, :, 0], odds[0, :, 1], odds[0, :, 2] = [1, 0], [0, 1], np.nan
    trace = acting([[0, 1, 0], [0, 1, 0]], odds={"act": odds})
    assert m.behavioral_diversity()(trace) == [1.0]  # the third states none
    odds = np.nan_to_num(odds, nan=0.5)
    trace = acting([[0, 1, 0], [0, 1, 0]], odds={"act": odds})
    assert m.behavioral_diversity("act")(trace) == pytest.approx([(1 + 2 * (0.8113 - 0.5)) / 3], abs=1e-4)
    with pytest.raises(NA, match="no mind states odds on 'vote'; there are act"):
        m.behavioral_diversity("vote")(trace)
