"""Planted faults: found by replay, missed where there are none, and the baselines by hand."""

import inspect

import numpy as np
import polars as pl
import pytest

import commonweal as cw
from commonweal import scenarios
from commonweal.accounts.branches import Branches
from commonweal.accounts.decisions import of
from commonweal.accounts.takeover import Turns, takeovers
from commonweal.minds import Constant, FairShare, Greedy, Respondent, tit_for_tat
from commonweal.scenarios import Commons, Grid, MatrixGame, Menus
from commonweal.scenarios.matrix_game import prisoners_dilemma
from commonweal.studies import planted
from commonweal.studies.planted import BASELINES, KINDS, attribute, benchmark, cases, plant, pooled, width

CASES = cases()
FEW = ("commons", "prisoner's dilemma")


@pytest.fixture(scope="module")
def table():
    return benchmark(4, FEW)


def score(table, method, **where):
    rows = table.filter(pl.col("method") == method, *(pl.col(k) == v for k, v in where.items()))
    return rows.select("agent", "round", "both", "off").rows()


@pytest.mark.slow
def test_replay_finds_one_decision_in_every_world_it_changed(table):
    for method in ("but-for", "but-for, agent's first", "but-for, from then on"):
        assert score(table, method, fault=KINDS[0]) == [(1.0, 1.0, 1.0, 0.0)] * len(FEW)


@pytest.mark.slow
def test_replay_finds_a_mind_that_was_swapped_and_since_when(table):
    assert score(table, "but-for, from then on", fault=KINDS[1]) == [(1.0, 1.0, 1.0, 0.0)] * len(FEW)
    assert all(row[0] == 1.0 for row in score(table, "but-for", fault=KINDS[1]))  # the agent, at least


@pytest.mark.slow
def test_every_method_stands_beside_it_on_the_same_worlds(table):
    methods = {*BASELINES, "uniform", "constant", "but-for", "but-for, any act", "but-for, agent's first"}
    for _, part in table.group_by("scenario", "fault"):
        assert set(part["method"]) == methods | {"but-for, from then on"}
        assert part["worse"].n_unique() == part["changed"].n_unique() == 1
        assert 0 < part["worse"][0] <= part["changed"][0] <= part["planted"][0] == 4
    assert score(table, "uniform", scenario="prisoner's dilemma")[0][:3] == pytest.approx(
        (1 / 2, 1 / 12, 1 / 24)
    )
    whole = (
        pooled(table).filter(pl.col("fault") == KINDS[0], pl.col("method") == "uniform").row(0, named=True)
    )
    rows = table.filter(pl.col("fault") == KINDS[0], pl.col("method") == "uniform")
    assert whole["agent"] == pytest.approx((rows["agent"] * rows["changed"]).sum() / rows["changed"].sum())


@pytest.mark.slow
@pytest.mark.parametrize("name", FEW)
def test_where_no_fault_was_planted_none_is_found(name):
    """The negative control: well-behaved, nobody departs from the reference, and nothing is spared."""
    case = CASES[name]
    trace = cw.run(cw.Society(case.scenario, case.usual), [1])
    branches = Branches(trace, case.harm)
    assert len(of(branches, stand_in=case.usual).table) == 0
    assert (np.nan_to_num(takeovers(branches, case.usual)) == 0.0).all()


def test_a_fault_found_with_another_reference_is_another_fault():
    """Against greedy ones as the reference, a fair society departs in every decision."""
    case = CASES["commons"]._replace(usual=Greedy(0.5))
    trace = cw.run(cw.Society(case.scenario, FairShare()), [1])
    assert len(of(Branches(trace, case.harm), stand_in=case.usual).table) == trace.alive.sum() * 5


def test_the_fault_is_where_it_was_planted_and_nowhere_else():
    for kind in KINDS:
        for seed in range(3):
            one = plant(CASES["prisoner's dilemma"], kind, seed)
            acts = one.trace.act["act"][0]
            assert (acts[: one.round] == 0).all() and acts[one.round, one.agent] == 1
            later = acts[one.round + 1 :, one.agent]
            assert kind == KINDS[0] or (later == 1).all()
            assert one.added > 0.0


def test_no_method_is_told_where(monkeypatch):
    """Attribution gets the trace, and gives the same whatever the label says."""
    case = CASES["prisoner's dilemma"]
    one = plant(case, KINDS[0], 2)
    assert list(inspect.signature(attribute).parameters) == ["trace", "case", "width", "sign"]
    found = attribute(one.trace, case, width(case))
    assert found["but-for"] == (one.agent, one.round)
    other = attribute(plant(case, KINDS[0], 5).trace, case, width(case))
    assert other["but-for"] != found["but-for"]  # another world, another answer


@pytest.mark.slow
def test_the_baselines_by_hand():
    """Three rounds; agent 0 cooperates, agent 1 defects, which is the silence of the game."""
    game = prisoners_dilemma(horizon=3)
    trace = cw.run(cw.Society(game, [Constant(act=0), Constant(act=1)]), 1)
    channels = game.channels()
    assert planted.active(trace, channels).tolist() == [[1.0, 0.0]] * 3
    assert planted.last_speaker(trace, channels) == (0, 2)
    assert planted.most_talkative(trace, channels) == (0, 0)
    lake = Commons(n_agents=3, horizon=3)
    trace = cw.run(cw.Society(lake, [FairShare(), FairShare(grab=1.0), FairShare()]), 1)
    assert planted.first_deviation(trace, lake.channels()) == (1, 1)
    assert planted.most_talkative(trace, lake.channels()) == (1, 1)
    assert planted.last_speaker(trace, lake.channels()) == (2, 1)
    same = cw.run(cw.Society(lake, FairShare()), 1)
    assert planted.first_deviation(same, lake.channels()) == (2, 2)


def test_answers_by_hand():
    effects = np.array([[0.0, np.nan], [1.0, 3.0], [0.5, 3.0]])
    assert planted.greatest(effects) == (1, 1)
    assert planted.earliest(np.array([[2.0, 0.0], [3.0, 0.0]])) == (0, 0)
    assert planted.too_late(np.array([[0.0, 5.0], [0.0, 5.0], [9.0, 2.0]])) == (1, 1)
    assert planted.too_late(np.array([[5.0, 0.0], [5.0, 0.0]])) == (0, 1)
    assert planted._constant([(0, 1), (2, 3), (0, 1)]) == [(0, 1)] * 3


@pytest.mark.slow
def test_minds_that_cannot_share_a_seat_are_refused():
    with pytest.raises(ValueError, match="two minds in one seat answer with .*wanted acts or odds of both"):
        cw.run(cw.Society(Menus(2, ("ultimatum",)), Turns(Respondent(), Constant(answer=1))), 1)
    with pytest.raises(ValueError, match=r"no case is named \['lake'\]; wanted some of"):
        benchmark(1, ["lake"])


def test_a_mind_may_give_its_seat_over_for_some_rounds():
    game = prisoners_dilemma(horizon=6)
    society = cw.Society(game, [Turns(tit_for_tat(), Constant(act=1), 2.0, 4.0), Constant(act=0)])
    assert cw.run(society, 1).act["act"][0, :, 0].tolist() == [0, 0, 1, 1, 0, 0]


def test_there_is_a_case_for_every_scenario():
    kinds = {type(case.scenario) for case in CASES.values()}
    shelf = {x for _, x in inspect.getmembers(scenarios, inspect.isclass) if issubclass(x, cw.Scenario)}
    assert kinds == shelf and {Grid, MatrixGame} <= kinds
    titles = {case.scenario.title for case in CASES.values() if isinstance(case.scenario, Grid)}
    assert titles == {"Harvest", "Cleanup", "Coins", "Territory"}


@pytest.mark.slow
def test_it_runs_from_the_command_line(capsys):
    planted.main(["--worlds", "1", "--only", "public goods"])
    assert "but-for, from then on" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(CASES))
def test_replay_finds_the_planted_decision_in_every_scenario(name):
    rows = planted.score(name, KINDS[0], CASES[name], 6)
    found = {row["method"]: row["both"] for row in rows}
    assert rows[0]["changed"] == 0 or found["but-for"] >= 0.95 > found["uniform"]
