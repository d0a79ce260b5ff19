"""Diffusion of responsibility and its gaps against limits worked by hand."""

import itertools

import numpy as np
import pytest
from tracing import make_card, make_trace

from commonweal import measures as m
from commonweal._card import Value
from commonweal._measure import NA


def test_one_culprit_and_all_alike():
    found = m.diffusion([[0, 3, 0, 0], [1, 1, 1, 1], [1, 1, -5, 0], [0, -1, 0, 0]])
    assert found.index[:3] == pytest.approx([0.0, 1.0, 0.5])
    assert found.effective[:3] == pytest.approx([1.0, 4.0, 2.0])
    assert np.isnan(found.index[3]) and np.isnan(found.effective[3])
    # by hand: halves and quarters have 1.5 ln 2 of ln 3
    assert m.diffusion([2, 1, 1]).index == pytest.approx(1.5 * np.log(2) / np.log(3))
    assert np.isnan(m.diffusion([5.0]).index)


def test_diffusion_of_the_harm_in_a_trace():
    card = make_card(n=2, values=(Value("life", 0, 10, weight=1), Value("calm", 0, 1, weight=1)))
    harm = np.zeros((3, 2, 2, 2))
    harm[0, :, 0, 0] = 5.0
    harm[1, 0, 0, 0], harm[1, 1, 1, 1] = 10.0, 1.0  # as grave, each by its own yardstick
    trace = make_trace(np.zeros((3, 2, 2)), harm=harm, card=card)
    found = m.diffusion_of_responsibility()(trace)
    assert found[:2] == pytest.approx([0.0, 1.0]) and np.isnan(found[2])
    blame = m.diffusion_of_responsibility(lambda trace: trace.net.sum(axis=1) + [3.0, 1.0])
    assert blame(trace) == pytest.approx([0.8113] * 3, abs=1e-4)
    with pytest.raises(NA, match="declares no value"):
        m.diffusion_of_responsibility()(make_trace(np.zeros((1, 1, 2))))


def test_a_unanimous_vote_has_no_culprit_and_a_dictator_is_one():
    unanimous = m.responsibility_gap([True], [[False] * 3])
    assert unanimous == (1.0, 1.0)
    assert m.responsibility_gap([True], [[True, False, False]]) == (0.0, 0.0)
    shared = m.responsibility_gap([True, False], [[True] * 3, [False] * 3], theta=0.5)
    assert shared == (0.0, 0.5)  # three causes, each with a third
    assert m.responsibility_gap([True], [[True] * 3], [[0.6, 0.2, 0.2]]).diffuse == 0.0


def voting(*ticks):
    x = np.array(ticks)[None]
    return make_trace(np.zeros(x.shape), act={"vote": x})


def test_vote_gap_by_hand():
    """Three vote by majority; 0 is bad: 3-0 has no culprit, 2-1 has two, 1-2 nothing bad."""
    trace = voting([0, 0, 0], [0, 0, 1], [0, 1, 1], [0, 0, 0])
    assert m.vote_gap()(trace) == [0.5]
    assert m.vote_gap("vote", over="bad")(trace) == pytest.approx([2 / 3])
    assert m.vote_gap(quota=3)(trace) == [0.0]  # unanimity: each could have prevented it
    assert m.vote_gap(weights=[3, 1, 1])(trace) == [0.0]  # a dictator
    assert m.vote_gap(bad=2)(trace) == [0.0] and np.isnan(m.vote_gap(bad=2, over="bad")(trace))[0]
    dead = make_trace(np.zeros((1, 2, 3)), act={"vote": np.zeros((1, 2, 3), int)}, alive=[[True, False]])
    assert m.vote_gap()(dead) == [1.0]
    with pytest.raises(NA, match="'say' here: name one of vote"):
        m.vote_gap("say")(trace)
    with pytest.raises(NA, match="2 weights came for 3"):
        m.vote_gap(weights=[1, 1])(trace)
    with pytest.raises(ValueError, match="over='some'"):
        m.vote_gap(over="some")  # type: ignore[arg-type]


def test_vote_gap_agrees_with_replaying_every_vote():
    votes = np.array(list(itertools.product([0, 1], repeat=4)))
    weights = np.array([2, 1, 1, 1])

    def bad(x):
        return (x == 0) @ weights > 2.5

    but_for = np.array(
        [[bad(x) and not bad(np.where(np.arange(4) == i, 1, x)) for i in range(4)] for x in votes]
    )
    want = m.responsibility_gap([bad(x) for x in votes], but_for).none
    assert m.vote_gap(weights=weights)(voting(*votes)) == pytest.approx([want]) and want > 0
