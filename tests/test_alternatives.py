"""Every decision replaced by every alternative: equal to replaying them one by one."""

import jax.numpy as jnp
import numpy as np
import pytest

import commonweal as cw
from commonweal.accounts import alternatives
from commonweal.accounts.replay import net
from commonweal.institutions import Audit, Commitment
from commonweal.minds import Greedy, tit_for_tat
from commonweal.minds.fitted import Feature, Fitted
from commonweal.minds.strategies import MemoryOne
from commonweal.scenarios import Commons
from commonweal.scenarios.matrix_game import prisoners_dilemma

MIXED = MemoryOne(0.6, 0.9, 0.2, 0.7, 0.3)


def one_by_one(society, seed, channel, values):
    """The same by `cw.replay`, one forced act at a time."""
    trace = cw.run(society, [seed])
    _, rounds, n = trace.shape
    found = np.zeros((rounds, n, len(values), n))
    for t, i, a in np.ndindex(rounds, n, len(values)):
        forced, value = np.zeros((rounds, n), bool), np.full((rounds, n), values[a])
        forced[t, i] = True
        found[t, i, a] = cw.replay(trace, do={channel: (forced, value)}).net[0].sum(axis=0)
    return trace, found


@pytest.mark.slow
@pytest.mark.parametrize(
    "laws",
    [(), (Audit(probability=0.5, fine=1.0),), (Commitment(leaders=(1,)),)],
    ids=["none", "audit", "order"],
)
def test_each_branch_is_what_replay_gives(laws, monkeypatch):
    monkeypatch.setattr(
        "commonweal.accounts.replay.WIDTH", 12
    )  # three rounds together, the last bucket short
    society = cw.Society(cw.under(prisoners_dilemma(horizon=5), *laws), MIXED)
    found = alternatives(society, 3, "act")
    trace, wanted = one_by_one(society, 3, "act", found.values)
    np.testing.assert_allclose(found.factual, trace.net[0].sum(axis=0), atol=1e-5)
    np.testing.assert_allclose(found.changed, wanted, atol=1e-5)


def test_a_decision_replaced_by_itself_changes_nothing():
    society = cw.Society(prisoners_dilemma(horizon=30), MIXED)
    found, acts = alternatives(society, 0, "act"), cw.run(society, [0]).act["act"][0]
    rounds, seats = np.indices(acts.shape)
    assert (found.effects[rounds, seats, acts] == 0.0).all()
    assert (found.effects != 0.0).any()


def test_one_defection_among_two_who_retaliate_by_hand():
    """TFT pair, 5/3/1/0, 4 rounds: 12 each; a defection in round 2 gives D, C, D from the other in turn."""
    found = alternatives(cw.Society(prisoners_dilemma(horizon=4), tit_for_tat()), 0, "act")
    np.testing.assert_array_equal(found.factual, [12.0, 12.0])
    np.testing.assert_array_equal(found.changed[1, 0, 1], [3 + 5 + 0 + 5, 3 + 0 + 5 + 0])
    np.testing.assert_array_equal(found.changed[3, 0, 1], [9 + 5, 9 + 0])


def test_amounts_are_tried_where_they_are_named_and_any_row_of_the_trace_may_be_summed():
    society = cw.Society(Commons(n_agents=2, horizon=3, assignment="proportional"), Greedy())
    with pytest.raises(ValueError, match=r"values=\[0.0, 5.0, 10.0\]"):
        alternatives(society, 0, "take")
    found = alternatives(society, 0, "take", values=[0.0, 10.0], of=lambda row: row["events"]["catch"].sum())
    assert found.changed.shape == (3, 2, 2) and found.factual == 100.0


def test_what_cannot_be_done_is_refused():
    society = cw.Society(prisoners_dilemma(horizon=2), tit_for_tat())
    with pytest.raises(ValueError, match=r"no channel 'price' here; wanted one of \['act'\]"):
        alternatives(society, 0, "price")


@pytest.mark.slow
def test_a_mind_that_draws_by_who_drew_before_would_be_caught():
    """The null needs keyed luck: with luck that depends on the act, replacing an act by itself still holds,
    but the other's luck would shift; here it does not."""
    table = Fitted(jnp.array([[0.5, 0.5]]), (Feature("share", ()),))
    found = alternatives(
        cw.Society(prisoners_dilemma(horizon=20), table), 1, "act", of=lambda r: r["act"]["act"]
    )
    others = found.changed[:, 0, :, 1] - found.factual[1]
    assert (others == 0.0).all()
    assert net({"book": {"pay": jnp.ones(2)}}).shape == (2,)
