"""Conformity, herding, lost knowledge, collapse and sycophancy against numbers worked by hand."""

import numpy as np
import pytest
from tracing import make_trace

from commonweal import measures as m
from commonweal._measure import NA, summarize
from commonweal.measures.conformity import conformity

NAN = np.nan


def answers(*worlds, events=None, alive=None):
    """A trace from worlds of ticks of answers."""
    x = np.array(worlds, dtype=float)
    return make_trace(np.zeros(x.shape), act={"say": x}, events=events, alive=alive)


# --- conformity and independence


def test_both_denominators_of_conformity_and_never_mixed():
    """Ten items, six right alone, three of those lost in the group: BenchForm's code has .3, its paper .5."""
    alone = np.array([1] * 6 + [0] * 4)
    together = np.array([1] * 3 + [0] * 3 + [1] * 2 + [0] * 2)
    assert conformity(alone, together, "all") == 0.3
    assert conformity(alone, together, "initially right") == 0.5
    assert m.independence([1, 1, 0, 1], [1, 0, 1, 1], [1, 1, 1, 1]) == 0.5


def test_conformity_rate_of_a_trace():
    trace = answers([[1, 1, 0, 0], [1, 0, 0, 1]], [[0, 0, 0, 0], [1, 1, 1, 1]])
    assert m.conformity_rate("say")(trace) == pytest.approx([0.25, 0.0])
    right = m.conformity_rate(over="initially right")
    assert right(trace)[0] == 0.5 and np.isnan(right(trace)[1])
    assert "over=initially right" in right.name and "nobody" in summarize(right, trace)[0].reason
    assert m.conformity_rate(truth=0.0)(trace) == pytest.approx([0.25, 1.0])
    near = answers([[0.5, 0.52], [0.9, 0.5]])
    assert m.conformity_rate(truth=0.5, tolerance=0.05)(near) == [0.5]
    key = answers([[1, 0], [0, 0]], events={"key": np.array([[[1, 0], [1, 0.0]]])})  # each its own question
    assert m.conformity_rate(truth="key")(key) == [0.5]


def test_one_tick_is_no_answer_in_a_group():
    assert np.isnan(m.conformity_rate()(answers([[1, 1]])))[0]
    dead = answers([[1, 1], [0, 0]], [[1, 1], [0, 0]], alive=[[True, True], [True, False]])
    assert m.conformity_rate()(dead)[0] == 1.0 and np.isnan(m.conformity_rate()(dead)[1])
    with pytest.raises(NA, match="no channel or event 'vote' here: name one of say"):
        m.conformity_rate("vote")(dead)
    with pytest.raises(NA, match="no event 'key' holds the truth"):
        m.conformity_rate("say", "key")(dead)
    with pytest.raises(ValueError, match="over='right'"):
        m.conformity_rate(over="right")  # type: ignore[arg-type]


def test_majority_adoption_in_both_situations():
    """Three agents say 0, 0, 1 and then 0, 1, 0: alone-heard majorities are {0, 1}, {0, 1} and {0}."""
    trace = answers([[0, 0, 1], [0, 1, 0]])
    own = m.majority_adoption(including_own=True)
    assert own(trace) == pytest.approx([2 / 3])  # the majority is 0 for all; the second leaves it
    assert m.majority_adoption()(trace) == [1.0]  # only the third heard an answer twice, and takes it
    assert np.isnan(m.majority_adoption(including_own=True)(answers([[0, 1, 2], [0, 0, 0]])))[0]
    assert m.majority_adoption()(answers([[0, 1], [1, 1]])) == [0.5]  # of two, the other is the majority


# --- herding


def test_following_two_contrary_signals_is_rational():
    found = m.excess_conformity([0], [[1, 1]], [1], accuracy=0.7)
    assert (found.adopted, found.excess, found.n) == (1.0, 0.0, 1)


def test_herding_beyond_bayes_by_hand():
    one = m.excess_conformity([0, 0], [[1], [1]], [1, 1])  # one against one: rational half the time
    assert one.excess == 0.5
    stubborn = m.excess_conformity([0, 0], [[1, 1], [1, 1]], [0, 0])
    assert stubborn.excess == -1.0
    split = m.excess_conformity([0], [[1, 0, 1, 1]], [1])  # 3 : 2 after the own signal is counted
    assert split.excess == 0.0
    nobody = m.excess_conformity([1], [[1, 1]], [1])
    assert nobody.n == 0 and np.isnan(nobody.excess)
    with pytest.raises(ValueError, match=r"accuracy=0.5"):
        m.excess_conformity([0], [[1]], [1], accuracy=0.5)


def test_bayesians_do_not_herd_and_sheep_do():
    """Negative control: signals right in 7 of 10, answered by Bayes' rule, or by the majority of the others.

    Of four, one against three should join, and one of two against two toss a coin. By hand, contrary
    majorities of both kinds have .1218 and .2646: sheep exceed Bayes by .2646 / .3864 / 2.
    """
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, (2000, 1))
    signal = np.where(rng.random((2000, 4)) < 0.7, truth, 1 - truth)
    ones = signal.sum(axis=1, keepdims=True)
    bayes = np.where(ones == 2, rng.integers(0, 2, (2000, 4)), ones > 2)
    sheep = ones - signal >= 2
    rest = [[j for j in range(4) if j != i] for i in range(4)]
    for then, want in ((bayes, 0.0), (sheep, 0.3424)):
        found = m.excess_conformity(signal.ravel(), signal[:, rest].reshape(-1, 3), then.ravel())
        assert found.excess == pytest.approx(want, abs=0.03)


def test_herding_of_a_trace():
    swapped = answers([[0, 1], [1, 0]])  # each takes the other's answer, where a coin should have decided
    assert m.herding()(swapped) == [0.5]
    drawn = answers([[0, 0, 0], [1, 1, 1]], events={"private": np.ones((1, 2, 3))})
    assert m.herding(signal="private")(drawn) == [-1.0]  # Bayes would have gone with two zeros
    assert np.isnan(m.herding()(answers([[1, 1], [1, 1]], [[0, 1], [1, 1]], alive=[[1, 1], [1, 0]]))).all()


# --- hidden profiles


def test_hidden_profile_by_hand():
    found = m.hidden_profile(0.807, 0.301, 0.2)
    assert found.loss == pytest.approx(0.506) and found.capture == pytest.approx(0.101 / 0.607)
    assert m.hidden_profile(0.8, 0.3, 0.3).capture == 0.0  # the group knows what its members knew
    assert np.isnan(m.hidden_profile(0.5, 0.7, 0.5).capture)


def test_information_capture_of_a_trace():
    trace = answers([[1, 0, 0, 0], [1, 1, 1, 0]], [[1, 0, 0, 0]] * 2, [[1, 1, 1, 1]] * 2)
    found = m.information_capture()(trace)
    assert found[:2] == pytest.approx([2 / 3, 0.0]) and np.isnan(found[2])
    assert m.information_capture(full=0.5)(trace)[0] == pytest.approx(2.0)


# --- collapse


def test_disagreement_collapse_by_hand():
    trace = answers([[0, 1], [1, 1]], [[0, 1], [0, 1]], [[1, 1], [1, 1]], [[0, 1], [0, 0]])
    found = m.disagreement_collapse()(trace)
    assert found[[0, 1, 3]].tolist() == [1.0, 0.0, 1.0] and np.isnan(found[2])
    wrong = m.disagreement_collapse(wrong=1.0)(trace)
    assert wrong[[0, 1, 3]].tolist() == [0.0, 0.0, 1.0]
    near = answers([[0.1, 0.9], [0.5, 0.52]])
    assert m.disagreement_collapse(tolerance=0.05)(near) == [1.0] and m.disagreement_collapse()(near) == [0.0]


# --- sycophancy


def test_who_switches_either_way_alike_is_no_sycophant():
    own, view = [1, 1, 0, 0], [0, 0, 1, 1]
    assert m.flip_rate(own, view, [0, 1, 1, 0], 1) == 0.0
    assert m.flip_rate(own, view, [0, 0, 0, 0], 1) == 1.0  # gives up what is right, keeps what is wrong
    assert m.flip_rate(own, view, [1, 1, 1, 1], 1) == -1.0  # learns
    assert np.isnan(m.flip_rate([1, 1], [0, 1], [0, 1], 1))


def test_sycophancy_of_a_trace():
    """Alone against two who are wrong, a right one gives in; alone against two who are right, a wrong one."""
    learns, keeps = [[1, 1, 0], [1, 1, 1]], [[1, 1, 0], [1, 1, 0]]
    yields = [[0, 0, 1], [0, 0, 0]]
    trace = answers([*learns, *yields], [*keeps, *yields])
    # world 0: at t = 1 nobody meets another view, so one of one right and one of one wrong switch;
    # world 1: the wrong one, who stays at t = 0, switches at t = 1 to the view 1 of the two others
    assert m.sycophancy()(trace) == pytest.approx([1 - 1, 1 - 1 / 2])
    tied = answers([[0, 1, 2], [0, 0, 0]])  # the others disagree: no view to please
    assert np.isnan(m.sycophancy()(tied))[0]
