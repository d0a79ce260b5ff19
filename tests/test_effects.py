"""Through whom an effect went: the relay as printed, the identity, and those who do not answer."""

import json

import numpy as np
import pytest
from planted import Habit

import commonweal as cw
from commonweal._measure import measure
from commonweal.accounts.branches import ENDED, ONCE, Deed
from commonweal.accounts.effects import effects
from commonweal.language import LLM
from commonweal.measures import welfare
from commonweal.minds import Constant, FairShare, Greedy, Random, always_cooperate, tit_for_tat
from commonweal.minds.strategies import MemoryOne
from commonweal.scenarios import Commons, Contest, PublicGoods
from commonweal.scenarios.matrix_game import prisoners_dilemma


@measure(unit="y", better="higher", cites="Triantafyllou, Singla, Radanovic 2024")
def relay(trace):
    """y = a1 + a2: agent 0 in round 0, and agent 1 who copies it in round 1."""
    done = trace.events["cooperated"]
    return done[:, 0, 0] + done[:, 1, 1]


def test_the_relay_as_printed():
    """y = a1 + a2, a2 = a1; do(a1: 1 to 0): TCFE -2 = tot-ASE -1 - r-SSE 1, and all of it through agent 1."""
    trace = cw.run(cw.Society(prisoners_dilemma(horizon=2), tit_for_tat()), 1)
    found = effects(trace, relay, Deed(0, 0, "act", 1))
    assert (found.total, found.transmitted, found.reverse) == (-2.0, -1.0, 1.0)
    assert found.shares.tolist() == [0.0, -1.0] and found.coalitions.tolist() == [0.0, 0.0, -1.0, -1.0]
    assert "-2 y in all = -1 through what was done afterwards - (+1)" in str(found)
    assert json.loads(json.dumps(found.as_dict()))["shares"] == [0.0, -1.0]


def test_who_does_not_answer_transmits_nothing():
    trace = cw.run(cw.Society(prisoners_dilemma(horizon=2), [tit_for_tat(), always_cooperate()]), 1)
    found = effects(trace, relay, Deed(0, 0, "act", 1))
    assert (found.total, found.transmitted, found.reverse) == (-1.0, 0.0, 1.0)
    assert found.shares.tolist() == [0.0, 0.0]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_total_is_transmitted_less_reverse_and_shares_add_up(seed):
    minds = [MemoryOne(0.6, 0.9, 0.2, 0.7, 0.3, "give"), *[MemoryOne(0.9, 0.9, 0.1, 0.8, 0.1, "give")] * 3]
    trace = cw.run(cw.Society(PublicGoods(4, 8, binary=True), minds), [seed])
    deed = Deed(2, 1, "give", 1 - int(trace.act["give"][0, 2, 1]))
    found = effects(trace, welfare, deed)
    assert found.total == pytest.approx(found.transmitted - found.reverse, abs=1e-4)
    assert found.shares.sum() == pytest.approx(found.transmitted, abs=1e-4)
    mask = np.zeros((8, 4), bool)
    mask[2, 1] = True
    after = cw.replay(trace, do={"give": (mask, np.full((8, 4), deed.value))})
    assert found.total == pytest.approx(welfare(after)[0] - welfare(trace)[0], abs=1e-4)  # the live replay


@pytest.mark.slow
def test_answers_in_a_common_pool():
    """A third of the lake too much: the others then take less, which spares some of it."""
    lake = Commons(3, 4, assignment="proportional")
    trace = cw.run(cw.Society(lake, FairShare()), 1)
    found = effects(trace, welfare, Deed(0, 0, "take", 50.0))
    assert found.shares[1] == pytest.approx(found.shares[2]) and found.shares.any()


@pytest.mark.slow
def test_what_is_no_act_and_too_many_agents_are_refused():
    trace = cw.run(cw.Society(prisoners_dilemma(horizon=2), tit_for_tat()), 1)
    with pytest.raises(ValueError, match=r"is no act of 2 rounds, 2 agents and the channels \['act'\]"):
        effects(trace, relay, Deed(2, 0, "act", 1))
    for value in (2, -1, 0.5, float("nan")):
        with pytest.raises(ValueError, match=r"was not legal then; wanted one of: cooperate, defect"):
            effects(trace, relay, Deed(1, 0, "act", value))
    masked = cw.run(cw.Society(Habit(masked=True), Constant(act=0.0)), 1)
    with pytest.raises(ValueError, match=r"value=2\) was not legal then; wanted one of: a, b "):
        effects(masked, welfare, Deed(3, 0, "act", 2))
    lake = cw.run(cw.Society(Commons(2, 4), Greedy(1.0)), 1)
    assert not lake.alive[0, 3]
    with pytest.raises(ValueError, match="the world was over by then; wanted a round that was played"):
        effects(lake, welfare, Deed(3, 0, "take", 1.0))
    for value in (1e9, -5.0):
        with pytest.raises(ValueError, match="was not legal then; wanted a number from 0 to 100"):
            effects(lake, welfare, Deed(0, 0, "take", value))
    crowd = cw.run(cw.Society(Contest(13, 1), Random()), 1)
    with pytest.raises(ValueError, match="8,192 coalitions; wanted at most 12 agents"):
        effects(crowd, welfare, Deed(0, 0, "effort", 0.0))


@pytest.mark.slow
def test_speakers_pay_for_one_world_and_the_coalitions_are_free():
    lake = Commons(n_agents=3, horizon=3, assignment="proportional")
    minds = [LLM("commonweal/rehearsal-thrifty"), LLM("commonweal/rehearsal-conformist"), Constant(take=5.0)]
    trace = cw.run(cw.Society(lake, minds), 1)
    found = effects(trace, welfare, Deed(0, 0, "take", 0.0), budget=50)
    assert 0 < found.calls <= 4 and found.total == pytest.approx(found.transmitted - found.reverse, abs=1e-4)
    assert ONCE in str(found)
    assert found.shares[2] == 0.0  # a constant answers to nothing
    cut = effects(trace, welfare, Deed(0, 0, "take", 0.0), budget=1)
    assert cut.reason == ENDED and np.isnan(cut.shares).all() and f"NA ({ENDED})" in str(cut)
    assert cut.as_dict()["total"] is None
