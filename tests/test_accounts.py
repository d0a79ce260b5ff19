"""Accounts by agent: published numbers, planted causes, exact replay, budgets that end."""

import asyncio
import json

import jax.numpy as jnp
import numpy as np
import pytest
from planted import DECENT, SELF, Habit, Stated, loss, society, worth

import commonweal as cw
from commonweal._describe import written
from commonweal._journal import from_table
from commonweal.accounts import account, coalitions, either, games, tables
from commonweal.language import LLM
from commonweal.measures import gain, satisfaction, survival_months, value_alignment
from commonweal.measures.collusion import punishment, surplus_ratio
from commonweal.minds import Constant, FairShare, Greedy, QLearner, Random, tit_for_tat
from commonweal.minds.equilibrium import Planned, solve, unfold
from commonweal.minds.q_learning import Linear
from commonweal.minds.strategies import MemoryOne
from commonweal.scenarios import Commons, Earthquake
from commonweal.scenarios.market import Cournot
from commonweal.scenarios.matrix_game import prisoners_dilemma
from commonweal.studies import earthquake

LAKE = Commons(n_agents=3, horizon=5, assignment="proportional")
MIXED = MemoryOne(0.6, 0.9, 0.2, 0.7, 0.3)
GREEDY, FAIR = LLM("commonweal/rehearsal-greedy"), LLM("commonweal/rehearsal-fair")


@cw.measure(unit="units", better="lower", cites="test")
def excess(trace):
    """Units wanted beyond the fair share."""
    return trace.events["excess"].sum(axis=(1, 2))


@cw.measure(unit="units", better="lower", cites="test")
def worth_of_taking(trace):
    """Units that agent 0 took."""
    return trace.act["take"][:, :, 0].sum(axis=1)


@cw.measure(unit="units", better="higher", cites="test")
def modesty(trace):
    """The same, the other way round."""
    return -trace.events["excess"].sum(axis=(1, 2))


class Voice(cw.Speaker):
    """Always wants the same; counts what it is asked."""

    def __init__(self, take):
        self.take, self.calls = take, []

    async def ask(self, prompt):
        self.calls.append(prompt.where)
        return cw.Said(json.dumps({"take": self.take}))


class Moody(Voice):
    """Wants more with every call: no replay comes out the same."""

    async def ask(self, prompt):
        self.calls.append(prompt.where)
        return cw.Said(json.dumps({"take": self.take + len(self.calls) % 7}))


def values(some):
    return [e.value for e in some]


# ------------------------------------------------------------------------------------- by hand


def test_the_two_of_the_earthquake():
    """Re-aligning N and A saves V = .83; nobody alone saves anything: .42 each, 0 for B and L."""
    game = unfold(Earthquake())
    solution = solve(Earthquake())
    best = earthquake.coalitions(game, solution)
    names = earthquake.AGENTS
    realigned = [
        best.get("".join(a for i, a in enumerate(names) if mask >> i & 1), (0, 0))[1] for mask in range(16)
    ]
    np.testing.assert_allclose(games.shapley(realigned), [0.4167, 0.4167, 0.0, 0.0], atol=1e-3)
    everything = earthquake.outcomes(game, _plans_of_two(game, solution))
    plan = int(np.argmax(earthquake.score(everything).V))
    acts = {name: x[plan] for name, x in everything.act.items()}
    trace = cw.run(cw.Society(Earthquake(), Planned(solution.play)), 8)
    found = account(trace, value_alignment, Planned(acts), theta=0.5)
    np.testing.assert_allclose(values(found.shapley), [0.4167, 0.4167, 0.0, 0.0], atol=1e-3)
    assert np.abs(values(found.but_for)).max() < 1e-6, "every single agent's realignment reaches 0"
    assert found.interaction.realign == (0, 1) and found.gap == (1.0, 0.0)
    assert found.fact.value < 1e-6 and abs(found.total.value - 0.8333) < 1e-3
    assert "nobody a but-for cause: 100% of worlds" in str(found)


def _plans_of_two(game, solution):
    """Joint acts in which only N and A leave the equilibrium path."""
    path = np.stack([solution.play[name] for name in game.channels], axis=-1)
    acts = game.levels[0].acts[game.levels[0].block(0)]
    return [earthquake.truthful(game) & (acts[:, [2, 3]] == now[[2, 3]]).all(axis=(1, 2)) for now in path]


@pytest.mark.slow
def test_blame_by_hand_and_in_both_directions():
    """Worth 10; agent 0 costs 4, agent 1 spares 1, agent 2 nothing, 0 and 1 together another 2."""
    table = [10 - 4 * (m & 1) + (m >> 1 & 1) - 2 * (m & 3 == 3) for m in range(8)]
    trace = cw.run(society(table), 4)
    up, down = account(trace, worth, DECENT), account(trace, loss, DECENT)
    assert values(up.shapley) == values(down.shapley) == [5.0, 0.0, 0.0]
    assert values(up.banzhaf) == [5.0, 0.0, 0.0] and values(up.but_for) == [6.0, 1.0, 0.0]
    assert up.total.value == 5.0 and up.blamed == {0: 5.0} and up.mitigating == {}
    assert up.diffusion.value == 0.0 and up.effective.value == 1.0 and up.gap == (0.0, 0.0)
    assert up.fact.value == 5.0 and down.fact.value == -5.0


@pytest.mark.slow
def test_blamed_and_mitigating_are_kept_apart():
    table = [3.0 * (m >> 1 & 1) - 3.0 * (m & 1) for m in range(4)]
    found = account(cw.run(society(table), 4), worth, DECENT)
    assert found.blamed == {0: 3.0} and found.mitigating == {1: -3.0} and found.total.value == 0.0
    assert "blamed: agent 0 +3.00" in str(found) and "mitigating: agent 1 -3.00" in str(found)


def test_a_unanimous_vote_has_no_culprit_and_a_dictator_is_one():
    """Two of three suffice and all three push; against that, agent 0 decides alone."""
    vote = [-float(m.bit_count() >= 2) for m in range(8)]
    found = account(cw.run(society(vote), 4), worth, DECENT)
    assert found.gap == (1.0, 1.0) and values(found.but_for) == [0.0] * 3
    np.testing.assert_allclose(values(found.shapley), 1 / 3)
    assert found.diffusion.value == pytest.approx(1.0) and found.effective.value == pytest.approx(3.0)
    ruled = account(cw.run(society([-float(m & 1) for m in range(8)]), 4), worth, DECENT)
    assert ruled.gap == (0.0, 0.0) and ruled.diffusion.value == 0.0


@pytest.mark.slow
def test_beside_diffusion_stands_power():
    found = account(cw.run(society([0.0, -1.0, -1.0, -1.0]), 3), worth, DECENT)
    assert found.power["the strongest's voting power by net pay"].value == 0.5
    assert found.power["gini"].value == 0.0 and "beside it, power: gini 0.00" in str(found)


@pytest.mark.slow
def test_more_than_eight_agents_by_a_sample_of_coalitions():
    """Of nine the first four cost 1 each, and another 8 if they all push: 3 each, or 2; the rest nothing."""
    table = [-float((m & 15).bit_count()) - 8.0 * (m & 15 == 15) for m in range(512)]
    found = account(cw.run(society(table), 8), worth, DECENT)
    np.testing.assert_allclose(values(found.shapley), [3.0] * 4 + [0.0] * 5, atol=0.5)
    np.testing.assert_allclose(values(found.banzhaf), [2.0] * 4 + [0.0] * 5, atol=0.5)
    assert sum(values(found.shapley)) == pytest.approx(12.0) == found.total.value
    assert sorted(found.blamed) == [0, 1, 2, 3] and found.mitigating == {}, "what the draw leaves is no blame"
    assert max(abs(x) for x in values(found.shapley)[4:]) > 1e-3
    assert found.sampled == len(found.table.values) and 90 < found.sampled < 512
    for e, error in zip(found.banzhaf, found.banzhaf_error, strict=True):
        assert e.high - e.value == pytest.approx(2.0 * error) and error > 0.0  # all worlds are alike
    told = str(found)
    assert f"estimated from {found.sampled} of 512 coalitions" in told and "is in their intervals" in told
    assert max(map(len, told.split("\n"))) <= 100 and values(found.but_for) == [9.0] * 4 + [0.0] * 5
    data = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert data["sampled"] == found.sampled and data["banzhaf_error"] == list(found.banzhaf_error)


@pytest.mark.slow
def test_of_twenty_one_alone_matters():
    """Shapley, Banzhaf and but-for agree, and the others have nothing."""
    table = -0.16 * (np.arange(1 << 20) >> 7 & 1)
    found = account(cw.run(society(table), 3), worth, DECENT)
    for some in (found.but_for, found.shapley, found.banzhaf):
        np.testing.assert_allclose(values(some), 0.16 * np.eye(20)[7], atol=1e-6)
    assert found.sampled == 830 and "from 830 of 1,048,576 coalitions" in str(found)
    assert next(iter(found.blamed)) == 7 and "blamed: agent 7 +0.16\n" in str(found)


# ------------------------------------------------------------------------------------- replay


@pytest.mark.slow
@pytest.mark.parametrize(
    ("minds", "stand_in", "profile"),
    [
        ([tit_for_tat(), MIXED], Random(), None),  # odds and plain acts
        ([MIXED, Random()], MemoryOne(0.1, 0.2, 0.3, 0.4, 0.5), None),  # one differs only in numbers
        ([MIXED, Random()], Constant(act=1.0), cw.Profile(lapse=0.3)),  # must be seated in turn
    ],
)
def test_every_coalition_is_what_really_seating_the_stand_in_gives(minds, stand_in, profile):
    of = cw.Measure("pay", lambda t: t.net[..., 0].sum(axis=1), "points", "higher", "test")
    game = prisoners_dilemma(horizon=12)
    played = cw.Society(game, minds, profile)
    found = coalitions(played, 16, of, stand_in)
    for mask in (1, 2):
        seated = [mind if mask >> i & 1 else stand_in for i, mind in enumerate(minds)]
        wanted = of(cw.run(cw.Society(game, seated, profile), 16))
        np.testing.assert_allclose(found[mask], wanted, rtol=1e-6)
    assert len({found[mask].tobytes() for mask in range(4)}) > 1


@pytest.mark.slow
def test_with_everyone_themselves_nothing_has_changed():
    played = cw.Society(LAKE, [Greedy(0.4), FairShare(), Random()])
    trace = cw.run(played, 20)
    found = account(trace, survival_months, FairShare())
    np.testing.assert_array_equal(found.table[7], survival_months(trace))
    assert sum(values(found.shapley)) == pytest.approx(found.total.value)
    assert (found.shapley[1].low, found.shapley[1].high) == (0.0, 0.0), "who is the reference changes nothing"
    assert found.shapley[0].low > 0 and "exactly 0, by pure minds" in str(found)


@pytest.mark.slow
def test_an_act_that_is_not_legal_is_clipped_beside_odds_as_it_is_alone():
    """c is never legal: who does it does a, alone and in one seat with one who states odds."""
    of = cw.Measure("acts", lambda t: t.objective.sum(axis=1), "points", "higher", "test")
    minds, stand_in = [Constant(act=2.0), Stated((0.5, 0.5, 0.0))], Stated((0.2, 0.8, 0.0))
    found = coalitions(cw.Society(Habit(masked=True), minds), 8, of, stand_in)
    for mask in range(4):
        seated = [mind if mask >> i & 1 else stand_in for i, mind in enumerate(minds)]
        np.testing.assert_array_equal(found[mask], of(cw.run(cw.Society(Habit(masked=True), seated), 8)))
    assert (found[1] < found[0]).any()


@pytest.mark.slow
def test_measures_of_the_scenario_are_known_in_every_coalition_and_those_that_replay_are_refused(monkeypatch):
    society = cw.Society(Cournot(horizon=3, levels=11), [Constant(make=2.0), Constant(make=5.0)])
    trace = cw.run(society, 6)
    found = account(trace, surplus_ratio(), Constant(make=5.0))
    assert found.but_for[0].value > 0.0 == found.but_for[1].value and not found.na
    monkeypatch.setattr(either, "STEPS", 3 * 2 * 12)  # two coalitions at once
    again = account(trace, surplus_ratio(), Constant(make=5.0))
    assert values(again.shapley) == values(found.shapley)
    replays = punishment("gain", act=10.0, channel="make", event="made")
    harm = cw.Measure("again", replays.function, "x", "lower", "test")
    with pytest.raises(ValueError, match=r"again is NA .* \(.*forced acts.*\); .* replays nothing itself"):
        account(trace, harm, Constant(make=5.0))


@pytest.mark.slow
def test_an_illegal_act_is_still_refused():
    played = cw.Society(prisoners_dilemma(horizon=2), [MIXED, MIXED])
    with pytest.raises(ValueError, match="act"):
        coalitions(played, 2, worth, Constant(act=7.0))


@pytest.mark.slow
def test_the_account_follows_the_agents_when_they_change_seats():
    minds = [Greedy(0.4), FairShare(), FairShare(extra=3.0)]
    one = account(cw.run(cw.Society(LAKE, minds), 3), excess, FairShare())
    other = account(cw.run(cw.Society(LAKE, minds[::-1]), 3), excess, FairShare())
    for name in ("but_for", "shapley", "banzhaf"):
        np.testing.assert_allclose(values(getattr(one, name)), values(getattr(other, name))[::-1], rtol=1e-5)
    assert one.diffusion.value == pytest.approx(other.diffusion.value)
    assert values(one.shapley)[1] == 0.0 and one.shapley[0].value > one.shapley[2].value > 0


def test_some_agents_only_and_the_others_stay_themselves():
    minds = [Greedy(0.4), Greedy(0.4), FairShare()]
    found = account(cw.run(cw.Society(LAKE, minds), 3), excess, FairShare(), agents=[1, 2])
    assert found.agents == (1, 2) and len(found.table.values) == 4
    kept = excess(cw.run(cw.Society(LAKE, [minds[0], FairShare(), FairShare()]), 3))
    np.testing.assert_allclose(found.table[0], kept, rtol=1e-6)


def test_what_was_learned_is_kept():
    class Taught(cw.Mind):
        level: object = cw.param(-1.0)

        @property
        def learns(self):
            return float(self.level) < 0

        def train(self, society, seats, key, folder=None):
            return [Taught(10.0 * len(seats)) for _ in seats]  # what it learns depends on whom it learns with

        def act(self, memory, sight, channels, key):
            return memory, {"take": jnp.minimum(self.level, sight["stock"])}

    found = coalitions(cw.Society(LAKE, Taught()), 2, excess, Constant(take=0.0))
    alone = excess(cw.run(cw.Society(LAKE, [Taught(30.0), Constant(take=0.0), Constant(take=0.0)]), 2))
    np.testing.assert_allclose(found[1], alone, rtol=1e-6)


# ------------------------------------------------------------------------------------- speakers


@pytest.fixture(scope="module")
def spoken():
    """One greedy and one fair persona, and a rule."""
    return cw.run(cw.Society(LAKE, [GREEDY, FAIR, FairShare()]), 3)


def test_speakers_need_a_budget(spoken):
    with pytest.raises(ValueError, match=r"speakers sit in seats \[0, 1\].*budget=200"):
        account(spoken, excess, FairShare())
    with pytest.raises(ValueError, match="wanted a number of calls"):
        coalitions(cw.Society(LAKE, [GREEDY, FAIR, FAIR]), 2, excess, FairShare())


@pytest.mark.slow
def test_with_enough_calls_the_account_is_whole(spoken):
    found = account(spoken, excess, FairShare(), budget=1000, theta=5.0)
    assert 0 < found.calls < 1000 and (found.null.value, found.null.high) == (0.0, 0.0)
    assert found.shapley[0].value > 0 and found.blamed.keys() == {0} and not found.na
    assert sum(values(found.shapley)) == pytest.approx(found.total.value)
    np.testing.assert_array_equal(found.table[7], excess(spoken))
    free = account(spoken, modesty, FairShare(), budget=1000, nulls=0, theta=-5.0)
    assert values(free.shapley) == pytest.approx(values(found.shapley)) and free.null.n == 0
    assert free.calls < found.calls and free.na == ("null: not asked for: nulls=2",)


@pytest.mark.parametrize("budget", [0, 7, 40])
def test_a_budget_that_ends_leaves_what_it_reached(spoken, budget):
    full = account(spoken, excess, FairShare(), budget=1000)
    found = account(spoken, excess, FairShare(), budget=budget)
    assert found.calls <= budget and f"{found.calls} of {budget} calls" in str(found)
    for mask, row in found.table.values.items():
        known = ~np.isnan(row)
        np.testing.assert_array_equal(row[known], full.table[mask][known])
        assert known.all() or "no more calls are allowed" in found.table.why[mask]
    for free in (7, 0, 4):  # all, nobody, the rule alone: the first is known, the others ask nobody
        assert not np.isnan(found.table[free]).any()
    lost = [reason for reason in found.na if reason.startswith("null: agent")]
    assert bool(lost) == (found.null.missing > 0) and all("no more calls" in reason for reason in lost)
    if budget < 40:
        assert found.shapley[0].n < 3 and any("no more calls" in reason for reason in found.na)
    assert found.total.n == 3 and found.interaction.nobody.n == 3


@pytest.mark.slow
def test_no_call_is_paid_twice_and_none_is_not_counted():
    voices = [Voice(30), Voice(5), Voice(5)]
    society = cw.Society(LAKE, voices)
    trace = cw.run(society, 2)
    before = sum(len(voice.calls) for voice in voices)
    found = account(trace, excess, FairShare(), budget=10_000, nulls=0, society=society)
    asked = [at for voice in voices for at in voice.calls]
    assert len(asked) - before == found.calls
    journal = from_table(trace.replies)
    journal.allowance = 10_000
    table = coalitions(society, 2, excess, FairShare(), journal=journal)
    paid = sum(len(voice.calls) for voice in voices)
    journal.allowance = 10_000
    again = coalitions(society, 2, excess, FairShare(), journal=journal)
    assert (
        paid == sum(len(voice.calls) for voice in voices) and again.calls == 0 and table.calls == found.calls
    )
    for mask in range(8):
        np.testing.assert_array_equal(table[mask], again[mask])


def test_voices_that_waver_have_a_null_of_their_own():
    society = cw.Society(LAKE, [Moody(18), FairShare(), FairShare()])
    trace = cw.run(society, 4)
    found = account(trace, excess, FairShare(), budget=500, nulls=3, society=society)
    assert found.table.null.shape == (3, 4) and np.abs(found.table.null).max() > 0
    assert found.null.low < found.null.high
    np.testing.assert_array_equal(found.table[7], excess(trace))  # what was said stays said


@pytest.mark.slow
def test_draws_are_asked_apart_and_averaged():
    society = cw.Society(LAKE, [Moody(20), Moody(5), FairShare()])
    trace = cw.run(society, 2)
    one = account(trace, excess, Greedy(0.1), budget=900, nulls=0, society=society)
    many = account(trace, excess, Greedy(0.1), budget=900, nulls=0, draws=3, society=society)
    assert many.calls > one.calls and not np.array_equal(one.table[1], many.table[1])


class Counted(Voice):
    """Takes what a list says, by call."""

    def __init__(self, takes):
        super().__init__(0.0)
        self.takes = takes

    async def ask(self, prompt):
        self.take = self.takes[len(self.calls) % len(self.takes)]
        return await super().ask(prompt)


def test_the_null_is_how_far_single_replays_come_out_whatever_their_sign():
    """Takes 46 in truth, and asked anew 61 and 31: 15 away each time, and 0 in the mean."""
    society = cw.Society(Commons(n_agents=3, horizon=1, assignment="proportional"), [
        Counted([46.0, 61.0, 31.0]), FairShare(), FairShare(),
    ])  # fmt: skip
    found = account(cw.run(society, 1), worth_of_taking, FairShare(), budget=20, society=society)
    assert found.table.null.tolist() == [[15.0], [-15.0]] and found.null.value == 15.0
    assert "null (the same, asked anew): spread 15.00 over 2 replays" in str(found)


def test_one_replay_that_was_cut_leaves_the_others_and_says_why():
    society = cw.Society(LAKE, [Voice(20), FairShare(), FairShare()])
    trace = cw.run(society, 1)
    rounds = int(trace.alive.sum())
    found = account(trace, excess, FairShare(), budget=rounds + 1, nulls=2, society=society)
    assert np.isnan(found.table.null).tolist() == [[False], [True]] and found.null.value == 0.0
    assert "over 1 replays" in str(found)
    none = account(trace, excess, FairShare(), budget=1, nulls=2, society=society)
    assert none.null.n == 0 and "no more calls are allowed" in none.null.reason


class Stumbling(Voice):
    """Says what cannot be read before it says what can."""

    async def ask(self, prompt):
        await asyncio.sleep(0)  # the worlds take turns
        return await super().ask(prompt) if prompt.where.draw else cw.Said("well")


@pytest.mark.slow
def test_a_repair_of_every_reply_is_allowed_for():
    """Two changed rounds cost 4 calls a world: 6 pay for one world of two, and not for halves of both."""
    society = cw.Society(Commons(n_agents=3, horizon=3), [Stumbling(5), Greedy(0.1), FairShare()])
    journal = from_table(cw.run(society, 2).replies)
    journal.allowance = 6
    table = coalitions(society, 2, modesty, FairShare(), only=[5], journal=journal)
    assert np.isnan(table[5]).tolist() == [False, True] and table.calls == 6


def test_what_must_be_refused_is_before_anybody_is_asked():
    voice = Voice(20)
    society = cw.Society(LAKE, [voice, FairShare(), FairShare()])
    trace, other = cw.run(society, 1), cw.Society(LAKE, [voice, Greedy(0.5), FairShare()])
    asked = len(voice.calls)
    with pytest.raises(ValueError, match=r"clones\(\) came with speakers"):
        account(trace, excess, FairShare(), budget=50, society=society, clone=True)
    with pytest.raises(ValueError, match="wanted the society that made the trace"):
        account(trace, excess, FairShare(), budget=50, society=other)
    with pytest.raises(TypeError, match="wanted a measure"):
        account(trace, "excess", FairShare(), budget=50, society=society)
    assert len(voice.calls) == asked


def test_shapley_values_sum_to_the_total_of_the_worlds_in_which_they_are_known(spoken):
    cut = next(
        found
        for budget in range(5, 60)
        if 0 < (found := account(spoken, excess, FairShare(), budget=budget, nulls=0)).shapley[0].n < 3
    )
    n = cut.shapley[0].n
    here = ~np.isnan(cut.table.whole()).any(axis=0)
    assert here.sum() == n and cut.total.n == 3
    total = (cut.table[7] - cut.table[0])[here].mean()
    assert sum(values(cut.shapley)) == pytest.approx(total)
    said = f"Shapley values of {n} of 3 worlds, in which the total is {total:.2f}"
    assert said in cut.na and f" n={n}" in str(cut)


@pytest.mark.slow
def test_several_measures_are_of_one_play():
    voice = Voice(30)
    society = cw.Society(LAKE, [voice, FairShare(), Greedy(0.4)])
    journal = from_table(cw.run(society, 2).replies)
    journal.allowance, asked = 900, len(voice.calls)
    more, less = tables(society, 2, (excess, modesty), FairShare(), journal=journal, nulls=1)
    assert len(voice.calls) - asked == more.calls == less.calls > 0
    pure = cw.Society(LAKE, [Greedy(0.4), FairShare(), Random()])
    both = tables(pure, 4, (excess, worth, modesty), FairShare())
    for one, other in ((more, less), (both[0], both[2])):
        for mask in range(8):
            np.testing.assert_array_equal(one[mask], -other[mask])
        np.testing.assert_array_equal(one.null, -other.null)
    np.testing.assert_array_equal(both[0][3], coalitions(pure, 4, excess, FairShare())[3])
    assert not np.array_equal(both[0][3], both[1][3])


# ------------------------------------------------------------------------------------- what is told


@pytest.mark.slow
def test_it_prints_and_is_json_able():
    trace = cw.run(cw.Society(LAKE, [Greedy(0.4), FairShare(), Random()]), 20)
    found = account(trace, gain, FairShare(), theta=10.0, clone=True)
    told = str(found)
    assert max(map(len, told.split("\n"))) <= 100 and "clones" in told and "gain (units" in told
    data = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert [row["agent"] for row in data["agents"]] == [0, 1, 2] and data["interaction"]["theta"] == 10.0


class Own(cw.Mind):
    rule: object = cw.text(None)
    level: object = cw.param(1.0)

    def act(self, memory, sight, channels, key):
        return memory, {"take": self.rule(self.level)}


@pytest.mark.parametrize(
    ("mind", "told"),
    [
        (Greedy(0.5), "Greedy(share=0.5)"),
        (Greedy(), "Greedy"),
        (FairShare(extra=2.0), "FairShare(extra=2)"),
        (Constant(act=1.0), "Constant(act=1)"),
        (Constant(take=np.zeros(12)), "Constant(take=<12>)"),
        (Own(lambda x: x), "Own(rule=<lambda>)"),
        (Own(min, 3.0), "Own(rule=min, level=3)"),
        (Planned({"word": np.zeros(40)}), "Planned(word=<40>)"),
        (tit_for_tat(), "MemoryOne(start=1, cc=1, cd=0, dc=1, dd=0)"),
        (QLearner(explore=Linear(3000.0)), "QLearner(explore=Linear(span=3000))"),
    ],
)
def test_a_component_is_told_as_one_would_write_it(mind, told):
    assert written(mind) == told


def test_a_stand_in_is_named_by_what_the_user_wrote():
    trace = cw.run(society([1.0, 0.0]), 2)
    assert "with Constant(act=0) in every seat" in str(account(trace, worth, DECENT))
    found = account(trace, worth, DECENT, called="the meek")
    assert "with the meek in every seat" in str(found) and found.as_dict()["stand_in"] == "the meek"
    two = cw.run(society([1.0, 0.0, 0.0, 0.0]), 2)
    assert account(two, worth, [DECENT, SELF]).stand_in == "Constant(act=0) or Constant(act=1)"


def test_it_is_cw_account():
    assert cw.account is account


def test_invalid_worlds_are_left_out_and_counted(spoken):
    from dataclasses import replace

    broken = replace(spoken, invalid=("", "agent 0 gave no answer", ""))
    found = account(broken, excess, FairShare(), budget=1000)
    assert found.fact.n == 2 and "1 invalid worlds left out" in found.na


def test_one_world_shows_nothing_beyond_itself():
    found = account(cw.run(society([1.0, 1.0, 1.0, 0.0]), 1), worth, DECENT, theta=0.5)
    assert values(found.shapley) == [0.5, 0.5] and found.interaction.cause == "unclear"
    assert any("one world shows nothing" in reason for reason in found.na)


@pytest.mark.parametrize(
    ("change", "harm", "wanted"),
    [
        ({}, satisfaction, "wanted one number a world"),
        ({}, cw.Measure("odd", worth.function, "x", "neither", "test"), "of which more, or less, is worse"),
        ({}, survival_months, "survival_months is NA here"),
        ({"recipe": {"forced": True}}, worth, "forced acts, which are nobody's conduct"),
        ({"recipe": {"curve": 1}}, worth, r"this trace \(curve\) has no recipe of a run"),
        ({"invalid": ("x", "x")}, worth, "no world of this trace is valid"),
    ],
)
def test_what_cannot_be_accounted_for_says_why(change, harm, wanted):
    from dataclasses import replace

    trace = replace(cw.run(society([1.0, 0.0]), 2), **change)
    with pytest.raises(ValueError, match=wanted):
        account(trace, harm, DECENT)


def test_a_society_that_did_not_make_the_trace_is_found_out():
    trace = cw.run(society([1.0, 0.0]), 2)
    with pytest.raises(ValueError, match="wanted the society that made the trace"):
        account(trace, worth, DECENT, society=society([1.0, 0.5]))


def test_a_stand_in_that_speaks_and_seats_that_are_not_there():
    with pytest.raises(TypeError, match="wanted a pure mind"):
        coalitions(society([1.0, 0.0]), 2, worth, FAIR)
    with pytest.raises(ValueError, match=r"members=\[0, 3\]; wanted different seats"):
        coalitions(society([1.0, 0.0], SELF), 2, worth, DECENT, members=[0, 3])


# ------------------------------------------------------------------------------------- the command line


OWN = '''
import commonweal as cw
from commonweal.minds import FairShare


@cw.measure(unit="units", better="lower", cites="own")
def wanted(trace):
    """All that was wanted."""
    return trace.events["want"].sum(axis=(1, 2))


modest = FairShare(extra=-1.0)
'''


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Call `commonweal account run`: (exit code, stdout, stderr)."""
    import sys

    from commonweal.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "mine_own.py").write_text(OWN)
    cw.run(cw.Society(LAKE, [Greedy(0.4), FairShare(), Random()]), 4).save("run")

    def calling(*args):
        with pytest.raises(SystemExit) as end:
            main(["account", "run", *args])
        said = capsys.readouterr()
        return end.value.code or 0, said.out, said.err

    yield calling
    sys.modules.pop("mine_own", None)


@pytest.mark.slow
def test_the_command_line_accounts_for_agents(call):
    code, out, err = call("--harm", "survival_months", "--stand-in", "FairShare", "--theta", "4")
    assert (code, err) == (0, "") and out.startswith(
        "run, by agent\nsurvival_months (ticks, higher is better)"
    )
    code, out, _ = call("--harm", "mine_own.py:wanted", "--stand-in", "Greedy(share=0.1)", "--json")
    (told,) = json.loads(out)
    assert (
        code == 0
        and told["stand_in"] == "Greedy(share=0.1)"
        and told["harm"] == "wanted"
        and len(told["agents"]) == 3
    )
    code, out, _ = call(
        "--harm", "mine_own.py:wanted", "--stand-in", "mine_own.py:modest", "--json", "--agent"
    )
    assert code == 0 and json.loads(out)[0]["stand_in"] == "mine_own.py:modest"


@pytest.mark.slow
def test_the_command_line_accounts_for_decisions_and_for_both(call):
    code, out, err = call("--harm", "survival_months", "--decision")
    assert (code, err) == (0, "") and out.startswith("run, by decision\n") and "by agent" not in out
    code, out, _ = call("--harm", "survival_months", "--decision", "--agent", "--stand-in", "FairShare")
    assert code == 0 and "run, by decision" in out and "run, by agent" in out


@pytest.mark.parametrize(
    ("harm", "stand_in", "wanted"),
    [
        (
            "survivl",
            "FairShare",
            "has no measure 'survivl'; wanted survived or survival_months, one of the 97",
        ),
        ("survival_months", "", "by agent, somebody must sit there instead; wanted --stand-in FairShare"),
        ("survival_months", "Nobody", "the shelf of minds has no mind 'Nobody'; wanted "),
        ("survival_months", "Greedy(open('x'))", "Greedy(open('x')) cannot be made"),
        ("survival_months", "__import__('os').system('true')", "has no mind '__import__'"),
        ("survival_months", "Greedy(0.1, 0.2, 0.3, 0.4)", "cannot be made"),
        ("mine_own.py:nothing", "FairShare", "mine_own.py has no measure 'nothing'; wanted one of wanted"),
        ("absent.py:nothing", "FairShare", "there is no file absent.py"),
    ],
)
def test_a_mistake_is_one_line(call, harm, stand_in, wanted):
    code, out, err = call("--harm", harm, "--stand-in", stand_in)
    assert code == 2 and out == "" and wanted in err and err.count("\n") == 1
