"""Degrees of responsibility: the votes as printed, chains, and what a search leaves open."""

import json

import numpy as np
import pytest

import commonweal as cw
from commonweal._measure import measure
from commonweal.accounts.branches import ONCE, Deed
from commonweal.accounts.cause import Cause, minimal_changes, responsibility, split
from commonweal.language import LLM
from commonweal.measures import welfare
from commonweal.minds import Constant, always_cooperate, tit_for_tat
from commonweal.scenarios import Commons, PublicGoods
from commonweal.scenarios.matrix_game import prisoners_dilemma


@measure(unit="passed", better="lower", cites="Chockler and Halpern 2004, example 1.1")
def passed(trace):
    """Whether most voted yes in the first round."""
    votes = trace.events["cooperated"][:, 0]
    return (votes.sum(axis=1) > votes.shape[1] / 2).astype(float)


@measure(unit="any", better="lower", cites="a test")
def either(trace):
    """Whether agent 0 cooperated in round 0 or agent 1 in round 1."""
    done = trace.events["cooperated"]
    return np.maximum(done[:, 0, 0], done[:, 1, 1])


def vote(yes, of=11):
    minds = [Constant(give=0)] * yes + [Constant(give=1)] * (of - yes)
    return cw.run(cw.Society(PublicGoods(of, 1, binary=True), minds), 1)


@pytest.mark.parametrize(("yes", "degree"), [(11, 1 / 6), (8, 1 / 3), (6, 1.0)])
def test_votes_as_a_function(yes, degree):
    """11 to 0: six must change, one of whom is the voter: 1/6. 6 to 5: each decides."""
    votes = [1] * yes + [0] * (11 - yes)

    def outcome(changes):
        return [sum(c.get(i, v) for i, v in enumerate(votes)) > 5 for c in changes]

    found = minimal_changes({i: [1 - v] for i, v in enumerate(votes)}, outcome, kappa=6)
    assert {len(change) for change in found} == {round(1 / degree)}
    assert set().union(*found) == set(range(yes))  # nobody who voted no is to blame


def test_six_to_five_through_a_society():
    found = responsibility(vote(6), passed, 0.5, kappa=2)
    assert found.degrees.tolist() == [1.0] * 6 + [0.0] * 5
    assert found.replays == 11 + 10 and not found.reason  # then pairs of those who voted no
    assert "agent 0: degree 1" in str(found) and json.loads(json.dumps(found.as_dict()))["kappa"] == 2


@pytest.mark.slow
def test_eleven_to_none_through_a_society():
    found = responsibility(vote(11), passed, 0.5, kappa=6)
    np.testing.assert_allclose(found.degrees, 1 / 6)
    assert len(found.causes) == 462
    short = responsibility(vote(11), passed, 0.5, kappa=5)
    assert short.degrees.tolist() == [0.0] * 11  # not found: not none
    assert "no change of at most 5 acts undoes it, larger ones were not tried: kappa=6" in short.reason
    assert "agent 3: degree 0 (in no cause of at most 5 acts; larger ones were not tried)" in str(short)


@pytest.mark.slow
def test_who_was_shown_something_else_is_a_contingency():
    """Either of two suffices. Where the second copies the first, the first alone decides. Where it does not,
    both must change; but the second would by then have seen the first, so its change is a contingency."""
    game = prisoners_dilemma(horizon=2)
    copied = responsibility(cw.run(cw.Society(game, tit_for_tat()), 1), either, 0.5)
    assert copied.degrees.tolist() == [1.0, 0.0]
    alone = responsibility(cw.run(cw.Society(game, always_cooperate()), 1), either, 0.5)
    assert alone.degrees.tolist() == [0.5, 0.0]
    (cause,) = alone.causes
    assert cause.cause == (Deed(0, 0, "act", 1),) and cause.contingency == (Deed(1, 1, "act", 1),)
    assert "(contingency)" in str(alone)


def test_the_split_by_hand():
    factual, digest = np.zeros((3, 2)), np.zeros((3, 2))
    digest[1, 1] = 7.0  # agent 1 is shown something else in round 1, and knows it from then on
    deeds = (Deed(0, 0, "act", 1), Deed(0, 1, "act", 1), Deed(2, 1, "act", 1), Deed(2, 0, "act", 1))
    found = split(deeds, digest, factual)
    assert found == Cause((deeds[0], deeds[1], deeds[3]), (deeds[2],))
    assert [found.degree(i) for i in (0, 1)] == [0.5, 0.25]


def test_minimal_means_that_no_fewer_would_do_and_unknown_undoes_nothing():
    def outcome(changes):
        return [None if "c" in c else not ("a" in c or len(c) == 2) for c in changes]

    options = {"a": [1], "b": [1, 2], "c": [1], "d": [1]}
    found = minimal_changes(options, outcome, kappa=3, batch=2)
    assert found == [{"a": 1}, {"b": 1, "d": 1}, {"b": 2, "d": 1}]


@pytest.mark.slow
def test_what_cannot_be_searched_is_refused():
    with pytest.raises(ValueError, match="nothing happened that anybody could be responsible for"):
        responsibility(vote(5), passed, 0.5)
    trace = cw.run(cw.Society(prisoners_dilemma(horizon=100), tit_for_tat()), 1)
    with pytest.raises(ValueError, match=r"wanted at most 50,000: kappa=2"):
        responsibility(trace, welfare, 1000.0, kappa=3)


def test_speakers_end_with_their_budget_and_the_degrees_are_then_lower_bounds():
    lake = Commons(n_agents=3, horizon=2, assignment="proportional")
    minds = [LLM("commonweal/rehearsal-greedy"), *[LLM("commonweal/rehearsal-fair")] * 2]
    trace = cw.run(cw.Society(lake, minds), 1)
    assert not trace.alive[0, 1]  # the greedy one ended it

    @measure(unit="collapsed", better="lower", cites="a test")
    def collapsed(trace):
        """Whether the lake died in round 0."""
        return (trace.harm[:, 0].sum(axis=(1, 2)) > 0).astype(float)

    found = responsibility(trace, collapsed, 0.5, kappa=1, values=[0.0], budget=100)
    assert found.degrees.tolist() == [1.0, 0.0, 0.0] and 0 < found.calls <= 100 and not found.reason
    cut = responsibility(trace, collapsed, 0.5, kappa=1, values=[0.0], budget=0)
    assert cut.degrees.tolist() == [0.0, 0.0, 0.0] and cut.replays == 0
    assert cut.reason == "3 branches were not tried (the budget of calls ended)"
    assert ONCE in str(found) and ONCE not in str(cut)  # nobody was asked
    with pytest.raises(ValueError, match="wanted at most 2"):
        responsibility(trace, collapsed, 0.5, kappa=1, values=[0.0], budget=100, most=2)
