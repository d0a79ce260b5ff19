"""The effect of every decision: by hand, against replay, of nothing, and with speakers who cost calls."""

import json
import random

import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
from planted import AsBefore, Habit, Stated
from test_speakers import Chat

import commonweal as cw
from commonweal._measure import measure
from commonweal.accounts import alternatives, either
from commonweal.accounts.branches import ENDED, Branches, Deed
from commonweal.accounts.decided import COLUMNS, Decisions
from commonweal.accounts.decisions import NOT_LEGAL, REACHED_NOBODY, decisions, relevance
from commonweal.accounts.takeover import takeovers
from commonweal.institutions import Commitment
from commonweal.language import LLM
from commonweal.measures import exploitation, survival_months, welfare
from commonweal.measures.collusion import punishment, surplus_ratio
from commonweal.minds import Constant, FairShare, Fitted, Random, tit_for_tat
from commonweal.minds.fitted import Feature
from commonweal.minds.strategies import MemoryOne
from commonweal.scenarios import Commons, Earthquake, Menus
from commonweal.scenarios.market import Cournot
from commonweal.scenarios.matrix_game import prisoners_dilemma

MIXED = MemoryOne(0.6, 0.9, 0.2, 0.7, 0.3)
LAKE = Commons(n_agents=3, horizon=3, assignment="proportional")


@measure(unit="pay", better="higher", cites="a test")
def first_agents_pay(trace):
    """What agent 0 earned."""
    return trace.net[:, :, 0].sum(axis=1)


@measure(unit="units", better="lower", cites="a test")
def taken(trace):
    """What all took."""
    return trace.act["take"].sum(axis=(1, 2))


@pytest.mark.slow
def test_one_defection_among_two_who_retaliate_by_hand():
    """TFT pair, 5/3/1/0, 4 rounds, 24 together; a defection in round 1 leaves 13 + 8, so that not to have
    defected spared 3; in round 3 it leaves 14 + 9."""
    trace = cw.run(cw.Society(prisoners_dilemma(horizon=4), tit_for_tat()), 2)
    found = decisions(trace, welfare, world=1)
    assert found.effects()[1].tolist() == [-3.0, -3.0] and found.effects()[3].tolist() == [-1.0, -1.0]
    row = found.table.row(2, named=True)
    assert (row["t"], row["agent"], row["did"], row["instead"], row["diverged"]) == (
        1,
        0,
        "cooperate",
        "defect",
        2,
    )
    assert found.table["diverged"].to_list()[-2:] == [-1, -1]  # nobody answers after the last round
    assert (found.replays, found.calls, found.seed) == (8, 0, 1)
    assert "round 3, agent 0: act cooperate, not defect: -1" in str(found)
    assert json.loads(json.dumps(found.as_dict()))["decisions"][2]["effect"] == -3.0


def test_effects_are_those_of_the_compiled_replay_and_the_null_is_the_world_bit_for_bit():
    society = cw.Society(prisoners_dilemma(horizon=20), MIXED)
    trace = cw.run(society, [5])
    branches = Branches(trace, welfare)
    ran = branches.run([(), (Deed(3, 1, "act", int(trace.act["act"][0, 3, 1])),)])
    assert (ran.values == branches.factual).all()
    assert all((ran.acts["act"][b] == trace.act["act"][0]).all() for b in range(2))
    found, wanted = decisions(trace, welfare).effects(), alternatives(society, 5, "act").effects.sum(axis=-1)
    other = 1 - trace.act["act"][0]
    np.testing.assert_allclose(found, np.take_along_axis(wanted, other[..., None], 2)[..., 0], atol=1e-4)
    assert (found != 0.0).any()


@pytest.mark.slow
def test_an_agent_whose_acts_reach_nothing_has_no_effect():
    """All answer menus alone: the second's answers are worth nothing to the first, the first's own are."""
    trace = cw.run(cw.Society(Menus(2, ("dictator",)), Random()), [3])
    found = decisions(trace, first_agents_pay).effects()
    assert (found[:, 1] == 0.0).all() and (found[:, 0] != 0.0).any()


@pytest.mark.slow
def test_the_sign_is_that_of_harm():
    """Taking 10 of 90: with 0 instead 10 fewer are taken, which is better or worse as the measure says."""
    trace = cw.run(cw.Society(LAKE, Constant(take=10.0)), 1)
    last = decisions(trace, taken, values=[0.0]).effects()[2]
    assert last.tolist() == [10.0, 10.0, 10.0]
    assert decisions(trace, welfare, values=[0.0]).effects()[2].tolist() == [-10.0, -10.0, -10.0]


def test_amounts_are_tried_where_named_or_in_shares_and_what_was_not_legal_has_no_number():
    trace = cw.run(cw.Society(LAKE, Constant(take=10.0)), 1)
    assert decisions(trace, taken).table["alternative"].unique().sort().to_list() == [0.0, 50.0, 100.0]
    found = decisions(trace, taken, values=[20.0, 200.0])
    bad = found.table.filter(found.table["alternative"] == 200.0)
    assert len(bad) == 9 and bad["effect"].is_nan().all() and set(bad["why"]) == {NOT_LEGAL}
    assert f"NA: 9 ({NOT_LEGAL})" in str(found)


@pytest.mark.slow
def test_only_those_decide_who_have_a_choice():
    """A fixed order: the leader moves first, and the other's answer comes in the same round."""
    society = cw.Society(cw.under(prisoners_dilemma(horizon=3), Commitment(leaders=(1,))), tit_for_tat())
    assert len(decisions(cw.run(society, 1), welfare).table) == 6
    quake = decisions(cw.run(cw.Society(Earthquake(), Constant(permit=2)), 1), welfare).table
    assert {(i, c) for i, c in quake.select("agent", "channel").iter_rows()} == {
        (0, "overfly"), (0, "split"), (1, "permit"), (1, "report"), (2, "permit"), (2, "report"),
        (3, "route"), (3, "surge"),
    }  # fmt: skip


@pytest.mark.slow
def test_a_stand_in_says_what_it_would_have_done_in_that_very_sight():
    society = cw.Society(LAKE, [FairShare(), FairShare(grab=1.0), FairShare()])
    trace = cw.run(society, 1)
    found = decisions(trace, welfare, stand_in=FairShare())
    assert found.table.select("t", "agent", "did", "instead").rows() == [(1, 1, "100", "16")]
    assert found.table["effect"].to_list() == [48.0]  # 48 twice, then it grabs 100: 196, not 148
    spared = takeovers(Branches(trace, welfare), FairShare())
    assert spared[:2, 1].tolist() == [-4.0, -4.0] and np.isnan(spared[2]).all()  # never grabbing: 144
    assert (spared[:2, [0, 2]] == 0.0).all()  # a stand-in who does the same changes nothing


@pytest.mark.slow
def test_luck_is_the_seats_own_so_that_the_same_mind_would_have_done_the_same():
    odds = Fitted(jnp.array([[0.5, 0.5]]), (Feature("share", ()),))
    for mind in (odds, Random()):
        trace = cw.run(cw.Society(prisoners_dilemma(horizon=30), mind), 1)
        assert len(decisions(trace, welfare, stand_in=mind).table) == 0
    assert len(decisions(trace, welfare, stand_in=odds).table) > 0  # another would not


def test_a_permuted_society_has_a_permuted_account():
    minds, order = [FairShare(), FairShare(extra=10.0), FairShare(grab=1.0)], [2, 0, 1]
    one = decisions(cw.run(cw.Society(LAKE, minds), 1), welfare).effects()
    two = decisions(cw.run(cw.Society(LAKE, [minds[i] for i in order]), 1), welfare).effects()
    np.testing.assert_array_equal(one[:, order], two)
    assert not np.array_equal(one, two)


@pytest.mark.slow
def test_what_cannot_be_accounted_for_is_refused():
    society = cw.Society(prisoners_dilemma(horizon=2), tit_for_tat())
    trace = cw.run(society, 1)
    with pytest.raises(
        ValueError, match=r"better 'neither' and one number a agent; wanted one number a world"
    ):
        decisions(trace, exploitation)
    with pytest.raises(TypeError, match=r"wanted a measure itself: .* import welfare; harm=welfare$"):
        decisions(trace, "welfare")
    with pytest.raises(
        ValueError, match=r"'survival_months' is NA in world 0 \(.+\); wanted a world in which"
    ):
        decisions(trace, survival_months)
    with pytest.raises(ValueError, match=r"no channel 'price' here; wanted one of \['act'\]"):
        decisions(trace, welfare, channel="price")
    forced = cw.run(society, 1, do={"act": (np.ones((2, 2), bool), np.ones((2, 2)))})
    with pytest.raises(ValueError, match="this trace has forced acts, which are nobody's conduct"):
        decisions(forced, welfare)
    with pytest.raises(ValueError, match=r"played again, world 0 has welfare 4, not 12; .*society="):
        decisions(trace, welfare, society=cw.Society(prisoners_dilemma(horizon=2), Constant(act=1)))
    for world in (7, -1):
        with pytest.raises(
            ValueError, match=f"world={world}; the trace has 1: wanted its position, world=0$"
        ):
            decisions(trace, welfare, world=world)
    speaking = cw.run(cw.Society(LAKE, LLM("commonweal/rehearsal-fair")), 1)
    with pytest.raises(ValueError, match=r"speakers sit in seats \[0, 1, 2\].*budget=200"):
        decisions(speaking, welfare)
    with pytest.raises(ValueError, match=r"takeovers\(\) came with speakers"):
        takeovers(Branches(speaking, welfare, budget=1), FairShare())


def by_hand(effects, factual=7.0):
    """Decisions of agent 0, a round each, with the effects of alternatives 0, 1, ... in this order."""
    rows = [
        dict(t=t, agent=0, channel="act", did="9", instead=str(k), act=9.0, alternative=float(k), effect=x)
        | dict(low=np.nan, high=np.nan, draws=1, diverged=-1, why="")
        for t, some in enumerate(effects)
        for k, x in enumerate(some)
    ]
    table = pl.DataFrame(rows, schema=COLUMNS)
    return Decisions("loss", "units", 0, (len(effects), 1), factual, table, np.zeros(0), len(rows), 0)


@pytest.mark.parametrize("slip", [1e-7, -1e-7])
def test_decisions_and_alternatives_that_are_alike_come_in_order_and_are_counted(slip):
    """Rounds 0 and 2 did as much harm; of round 2's alternatives the last two spare as much."""
    found = by_hand([[1.0, 4.0], [2.0, 1.0], [0.0, 4.0 + slip, 4.0 - slip]])
    best = found.top()
    assert best["t"].to_list() == [0, 2, 1] and best["alternative"].to_list() == [1.0, 1.0, 0.0]
    assert best["alike"].to_list() == [1, 2, 1]
    assert "round 2, agent 0: act 9, not 1 (or 1 more alike): +4" in str(found)
    other = by_hand([[1.0, 4.0], [2.0, 1.0], [0.0, 4.0, 4.1]]).top()  # the planted fault: more is more
    assert other["t"].to_list() == [2, 0, 1] and other["alternative"].to_list()[0] == 2.0
    assert by_hand([[np.nan]]).top().is_empty()


def test_decisions_that_are_not_printed_are_counted():
    assert "  and 3 more decisions with an effect: .top()" in str(by_hand([[1.0]] * 13))


GREEDY = [LLM("commonweal/rehearsal-greedy"), *[LLM("commonweal/rehearsal-fair")] * 2]


@pytest.mark.slow
def test_speakers_are_asked_again_under_a_budget_and_know_what_was_not_changed():
    """The greedy persona ends the lake in round 0; each round asks three, and nobody is asked of the deed."""
    trace = cw.run(cw.Society(LAKE, GREEDY), 1)
    found = decisions(trace, welfare, budget=1000, nulls=5)
    best = found.top(1).row(0, named=True)
    assert (best["t"], best["agent"], best["did"], best["instead"]) == (0, 0, "100", "0")
    assert best["effect"] > 0.0 and best["low"] == best["effect"] == best["high"]  # personas never waver
    assert found.null.tolist() == [found.factual] * 5
    assert 0 < found.calls < 1000 and found.replays == 5 + len(found.table)
    assert decisions(trace, welfare, budget=1000, nulls=5).table.equals(found.table)
    few = decisions(trace, welfare, budget=1000)  # two replays that agree bound nothing
    assert few.table["low"].is_nan().all() and few.table["effect"].equals(found.table["effect"])
    assert "no spread in 2 replays, no intervals." in str(few) and "no intervals" not in str(found)


def test_when_the_budget_ends_what_is_known_stands_and_the_rest_has_a_reason():
    trace = cw.run(cw.Society(LAKE, GREEDY), 1)
    whole = decisions(trace, welfare, budget=1000)
    for budget in (0, 3, 8, 12, whole.calls):
        found = decisions(trace, welfare, budget=budget)
        assert found.calls <= budget and found.budget == budget
        known = found.table["effect"].is_not_nan().to_numpy()
        assert known.all() == (budget == whole.calls)
        assert set(found.table.filter(~known)["why"]) <= {ENDED}
        np.testing.assert_array_equal(
            found.table["effect"].to_numpy()[known], whole.table["effect"].to_numpy()[known]
        )
        assert len(found.null) == min(2, budget // 3)
    assert f"({ENDED})" in str(decisions(trace, welfare, budget=8))


class Fickle(cw.Speaker):
    """Takes what comes to mind."""

    def __init__(self):
        self.luck = random.Random(0)

    async def ask(self, prompt):
        return cw.Said(json.dumps({name: self.luck.choice([1.0, 5.0, 9.0]) for name in prompt.choices}))


@pytest.mark.slow
def test_of_speakers_who_waver_an_effect_has_an_interval_and_chance_alone_is_inside_it():
    trace = cw.run(cw.Society(LAKE, [Fickle(), *[Constant(take=5.0)] * 2]), [4])
    found = decisions(
        trace,
        welfare,
        budget=400,
        values=[5.0],
        nulls=8,
        society=cw.Society(LAKE, [Fickle(), *[Constant(take=5.0)] * 2]),
    )
    assert np.std(found.null) > 0.0
    rows = found.table.filter(found.table["t"] == 2)  # the last round: nobody is asked after it
    wide = (found.table["high"] - found.table["low"]).to_numpy()
    assert (wide > 0.0).all() and ((rows["low"] < rows["effect"]) & (rows["effect"] < rows["high"])).all()
    assert "Asked anew with nothing changed" in str(found)
    twice = decisions(
        trace,
        welfare,
        budget=400,
        values=[5.0],
        nulls=8,
        draws=2,
        society=cw.Society(LAKE, [Fickle(), *[Constant(take=5.0)] * 2]),
    )
    assert set(twice.table["draws"]) == {2}


@pytest.mark.slow
def test_what_reaches_nobody_costs_no_call():
    """Words in the last round: no pay, no reader. In an earlier one they are heard."""
    trace = cw.run(cw.Society(Chat(), LLM("commonweal/rehearsal-least")), 1)
    branches = Branches(trace, welfare, budget=0)
    order, nobody = relevance(
        branches, [[Deed(2, 0, "say", 1)], [Deed(1, 0, "say", 1)], [Deed(2, 1, "act", 1)]]
    )
    assert (order, nobody) == ([2, 1], [0]) and branches.calls == 0
    found = decisions(trace, welfare, budget=0, channel="say").table
    last = found.filter(found["t"] == 2)
    assert set(last["why"]) == {REACHED_NOBODY} and (last["effect"] == 0.0).all()
    assert set(found.filter(found["t"] < 2)["why"]) == {ENDED}


class Mute(cw.Speaker):
    """Always a."""

    async def ask(self, prompt):
        return cw.Said(json.dumps({"act": "a"}))


@pytest.mark.slow
def test_a_pure_mind_beside_a_speaker_remembers_what_only_it_was_shown():
    """Agent 1 does what it did last: doing b in any round is b in the last, which alone is paid."""
    for minds in ([Mute(), AsBefore()], [Constant(act=0.0), AsBefore()]):
        society = cw.Society(Habit(), minds)
        found = decisions(cw.run(society, 1), welfare, society=society, budget=0, nulls=0, values=[1])
        mine = found.table.filter(found.table["agent"] == 1)
        assert mine["effect"].to_list() == [1.0] * 4 and set(mine["why"]) == {""}


@measure(unit="units", better="lower", cites="a test")
def total(trace):
    """What was done in all."""
    return trace.objective.sum(axis=1)


@pytest.mark.slow
def test_a_profile_blurs_odds_and_not_acts_so_that_the_two_cannot_take_turns():
    """A seat that lapses leaves a plain act as it is, but would blur the odds of one that is certain."""
    for profile, refused in ((None, False), (cw.Profile(lapse=0.5), True)):
        society = cw.Society(Habit(), Constant(act=0.0), profile)
        branches = Branches(cw.run(society, 2), total, world=1, society=society)
        if refused:
            with pytest.raises(ValueError, match="Odds and an act, which cannot be joined under a profile"):
                takeovers(branches, Stated())
        else:
            assert (takeovers(branches, Stated()) == 0.0).all()


def test_a_takeover_is_compared_with_the_world_that_was():
    society = cw.Society(Habit(), Constant(act=1.0))
    branches = Branches(cw.run(society, 1), total, society=cw.Society(Habit(), Constant(act=2.0)))
    with pytest.raises(ValueError, match=r"played again, world 0 has total 16, not 8; .*society="):
        takeovers(branches, Constant(act=0.0))


@pytest.mark.slow
def test_takeovers_read_a_scenario_from_the_recipe_and_come_in_batches(monkeypatch):
    competition = surplus_ratio()  # of the scenario that the recipe names
    trace = cw.run(cw.Society(Cournot(horizon=3, levels=11), [Constant(make=2.0), Constant(make=5.0)]), 1)
    whole = takeovers(Branches(trace, competition), Constant(make=5.0))
    assert np.isfinite(whole).all() and (whole[:, 1] == 0.0).all() and (whole[:, 0] > 0.0).all()
    monkeypatch.setattr(either, "STEPS", 3 * 2 * 4)  # 4 worlds at once, of 7
    np.testing.assert_array_equal(takeovers(Branches(trace, competition), Constant(make=5.0)), whole)
    again = punishment(
        "gain", act=10.0, channel="make", event="made"
    )  # which replays the world itself, and cannot
    harm = cw.Measure("again", again.function, "x", "lower", "a test")
    with pytest.raises(ValueError, match="has again nan, .* a harm that replays nothing itself"):
        takeovers(Branches(trace, harm), Constant(make=5.0))
