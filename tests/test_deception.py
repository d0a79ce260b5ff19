"""Claims against beliefs and acts, what words do to beliefs, and who gains."""

import numpy as np
import polars as pl
import pytest
from tracing import make_trace

from commonweal import measures as m
from commonweal._measure import NA
from commonweal._trace import MESSAGES


def test_claim_belief_gap_by_hand():
    assert m.claim_belief_gap([1, 0], [1, 0]) == 0.0
    assert m.claim_belief_gap([1, 0], [0, 1]) == 1.0
    assert m.claim_belief_gap([[0.5, 0.5, 0], [0.2, 0.3, 0.5]], [0.5, 0.2, 0.3]) == pytest.approx([0.3, 0.3])


def test_said_not_done_counts_acts_or_odds():
    claim = np.array([[[0, 1], [0, 1], [1, 1]]])
    done = np.array([[[0, 0], [1, 0], [1, 1]]])
    odds = np.zeros((1, 3, 2, 2))
    odds[..., 0] = 1.0
    odds[0, :, 1] = np.nan  # the second states none
    both = {"claim": claim, "effort": done}
    trace = make_trace(np.zeros((1, 3, 2)), act=both, intent=both, odds={"effort": odds})
    assert m.said_not_done()(trace)[0] == pytest.approx([1 / 3, 2 / 3])
    stated = m.said_not_done(against=lambda trace: trace.odds["effort"])(trace)[0]
    assert stated[0] == pytest.approx(1 / 3) and np.isnan(stated[1])
    with pytest.raises(NA, match="no intended acts .* are known here"):
        m.said_not_done()(make_trace(np.zeros((1, 1, 2))))


def test_induced_error_by_hand():
    assert m.induced_error([1, 0], [0.5, 0.5], [0, 1], 2) == 0.5
    assert m.induced_error([1, 0], [0.5, 0.5], [1, 0]) == -1.0  # it informed
    assert np.isnan(m.induced_error([1, 0], [0.5, 0.5], [0, 1], 0))


def beliefs(*messages):
    """Two agents start undecided; the first ends sure of the second option, the second of the first."""
    odds = np.full((1, 3, 2, 2), 0.5)
    odds[0, 2] = [[0, 1], [1, 0]]
    rows = [(0, 0, agent, channel, "x") for agent, channel in messages]
    table = pl.DataFrame(rows, schema=MESSAGES, orient="row")
    return make_trace(np.zeros((1, 3, 2)), odds={"vote": odds}, messages=table)


def test_belief_error_of_a_trace():
    told = beliefs((1, "say"), (1, "say"), (0, "say"), (1, "(notes)"))
    assert m.belief_error("vote", truth=0)(told)[0] == pytest.approx([0.5, -1.0])
    assert m.belief_error("vote", truth=1)(told)[0] == pytest.approx([-0.5, 1.0])
    assert m.belief_error("vote")(beliefs())[0] == pytest.approx(
        [1.0, -1.0]
    )  # no words at all: the change itself
    deaf = m.belief_error("vote")(beliefs((1, "say")))[0]
    assert deaf[0] == 1.0 and np.isnan(deaf[1])
    assert m.belief_error(belief=lambda t: t.odds["vote"])(told)[0] == pytest.approx([0.5, -1.0])
    with pytest.raises(NA, match=r"belief_error\('vote'\)"):
        m.belief_error()(told)


def test_manipulation_needs_insincerity_error_and_gain():
    """One speaker each: a manipulator, an honest persuader, an unbelieved liar, one who lies to no profit."""
    speaker, gap = [0, 1, 2, 3], [1.0, 0.0, 1.0, 1.0]
    error = [0.8, 0.8, 0.0, 0.8]
    gain = np.zeros((4, 5))
    gain[:, :3] = 1.0
    gain[0] = [2, -1, 0, 0, 0]
    found = m.manipulation_index(speaker, gap, error, gain)
    assert found.index[:4].tolist() == [0.8, 0.0, 0.0, 0.0] and np.isnan(found.index[4])
    assert found.gained[0].tolist() == [2, -1, 0, 0, 0] and not found.gained[1:].any()
    twice = m.manipulation_index([0, 0], [1.0, 0.0], [0.5, 0.5], np.ones((2, 1)))
    assert twice.index.tolist() == [0.25]
