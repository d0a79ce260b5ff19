"""Common slips in what an account is asked for: one line each, with what came and the line that works."""

import re

import numpy as np
import pytest
from planted import DECENT, loss, society, worth

import commonweal as cw
from commonweal.accounts import (
    account,
    alternatives,
    clones,
    coalitions,
    decisions,
    effects,
    interaction,
    responsibility,
    tables,
)
from commonweal.accounts.branches import Branches
from commonweal.accounts.takeover import takeovers
from commonweal.measures import gini
from commonweal.measures.disparity import wealth_gini
from commonweal.minds import FairShare, tit_for_tat


@pytest.fixture(scope="module")
def trace():
    return cw.run(society([1.0, 0.0]), 2)


def unmarked(trace):
    """A user's own function of a trace."""
    return trace.objective.sum(axis=1)


def said(kind, call):
    """The one line that a call answers with."""
    with pytest.raises(kind) as error:
        call()
    text = str(error.value)
    assert "\n" not in text and ("wanted" in text or "expected" in text) and len(text) < 300, text
    return text


def plain(value):
    """A parameter in words that are the same in every process."""
    return re.sub(r" at 0x\w+", "", str(value))


@pytest.mark.parametrize(
    ("harm", "wanted"),
    [
        ("gini", "'gini', a name; wanted a measure itself: from commonweal.measures import gini; harm=gini"),
        ("ginni", "'ginni', a name; wanted a measure itself, gini"),
        ("wealth_gini", "import wealth_gini; harm=wealth_gini()"),
        (wealth_gini, "the function wealth_gini; wanted what it makes, harm=wealth_gini()"),
        (unmarked, "the function unmarked; wanted a measure: @cw.measure(unit="),
        (lambda trace: 0.0, "the function <lambda>; wanted a measure: @cw.measure(unit="),
        (cw.Measure, "the class Measure; wanted a measure, one of them: harm=Measure()"),
        (None, "harm came as None, a NoneType; wanted a measure: harm=gini"),
        ([gini], "harm came as a list; wanted a measure: harm=gini"),
        (np.zeros(3), "harm came as array([0., 0., 0.]), a ndarray; wanted a measure: harm=gini"),
    ],
    ids=plain,
)
def test_a_harm_that_is_no_measure(trace, harm, wanted):
    for ask in (account, decisions):
        more = {"stand_in": DECENT} if ask is account else {}
        assert wanted in said(TypeError, lambda ask=ask, more=more: ask(trace, harm, **more))
    assert "harm came as" in said(TypeError, lambda: responsibility(trace, harm, 0.5))
    assert "of came as" in said(TypeError, lambda: coalitions(society([1.0, 0.0]), 2, harm, DECENT))
    assert "of came as" in said(TypeError, lambda: clones(society([1.0, 0.0]), 2, harm))


@pytest.mark.parametrize(
    ("mind", "wanted"),
    [
        (FairShare, "stand_in came as the class FairShare; wanted a mind, one of them: stand_in=FairShare()"),
        ("FairShare", "wanted a mind itself: from commonweal.minds import FairShare; stand_in=FairShare()"),
        ("FairShar", "'FairShar', a name; wanted a mind itself, FairShare"),
        (
            "Constant(act=0)",
            "wanted a mind itself: from commonweal.minds import Constant; stand_in=Constant(act=0)",
        ),
        (tit_for_tat, "the function tit_for_tat; wanted what it makes, stand_in=tit_for_tat()"),
        (lambda sight: 0, "the function <lambda>; wanted a mind: a subclass of cw.Mind"),
        (None, "stand_in came as None, a NoneType; wanted a mind: stand_in=FairShare()"),
        ([FairShare], "stand_in came as the class FairShare"),
        ([DECENT, DECENT], "stand_in came with 2 minds for 1 agents; wanted one for all, or one a seat"),
        ([], "stand_in came with 0 minds for 1 agents"),
    ],
    ids=plain,
)
def test_a_stand_in_that_is_no_mind(trace, mind, wanted):
    kind = (TypeError, ValueError)
    assert wanted in said(kind, lambda: account(trace, worth, mind))
    assert wanted in said(kind, lambda: coalitions(society([1.0, 0.0]), 2, worth, mind))
    assert wanted in said(kind, lambda: takeovers(Branches(trace, worth), mind))
    if mind is not None:
        assert wanted in said(kind, lambda: decisions(trace, worth, stand_in=mind))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (society([1.0, 0.0]), "a Society; wanted a trace: cw.run(society, seeds=64)"),
        ("runs/one", "trace came as 'runs/one', a str; wanted a trace: cw.load(folder)"),
        (None, "trace came as None, a NoneType; wanted a trace: trace = cw.run(society, seeds=64)"),
    ],
    ids=["society", "folder", "None"],
)
def test_a_trace_that_is_none(given, wanted):
    for call in (
        lambda: account(given, worth, DECENT),
        lambda: decisions(given, worth),
        lambda: responsibility(given, worth, 0.5),
    ):
        assert wanted in said(TypeError, call)


def test_a_trace_without_a_recipe_says_so(trace):
    from dataclasses import replace

    assert "has no recipe of a run" in said(
        ValueError, lambda: account(replace(trace, recipe={}), worth, DECENT)
    )


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"theta": "10"}, "theta came as '10', a str; wanted a number: theta=10"),
        ({"theta": float("nan")}, "theta came as nan, a float; wanted a number"),
        ({"theta": True}, "theta came as True"),
        ({"budget": 2.5}, "budget came as 2.5, a float; wanted a whole number, 0 or more: budget=200"),
        ({"budget": -1}, "budget came as -1"),
        ({"budget": "200"}, "budget came as '200', a str"),
        ({"draws": 0}, "draws came as 0, an int; wanted a whole number, 1 or more: draws=1"),
        ({"nulls": -1}, "nulls came as -1"),
        ({"agents": 0}, "agents came as 0, an int; wanted several: agents=[0, 2]"),
        ({"agents": "0"}, "agents came as '0'"),
        ({"society": DECENT}, "society came as Constant"),
    ],
    ids=plain,
)
def test_numbers_of_an_account(trace, more, wanted):
    assert wanted in said((TypeError, ValueError), lambda: account(trace, worth, DECENT, **more))


def test_numbers_elsewhere(trace):
    played, calls = society([1.0, 0.0]), {}
    calls["world came as 'one'"] = lambda: decisions(trace, worth, world="one")
    calls["world came as 0.5"] = lambda: decisions(trace, worth, world=0.5)
    calls["world=7; the trace has 2"] = lambda: decisions(trace, worth, world=7)
    calls["values came as 1.0, a float; wanted several"] = lambda: decisions(trace, worth, values=1.0)
    calls["draws came as 0"] = lambda: decisions(trace, worth, draws=0)
    calls["line came as '0.5', a str; wanted a number"] = lambda: responsibility(trace, worth, "0.5")
    calls["kappa came as 0, an int; wanted a whole number, 1"] = lambda: responsibility(
        trace, worth, 1, kappa=0
    )
    calls["most came as 1.5"] = lambda: responsibility(trace, worth, 1, most=1.5)
    calls["deed came as (0, 0, 'act', 1), a tuple; wanted"] = lambda: effects(trace, worth, (0, 0, "act", 1))
    calls["society came as Trace("] = lambda: alternatives(trace, 0, "act")
    calls["seed came as [0, 1], a list"] = lambda: alternatives(played, [0, 1], "act")
    calls["no channel 'acts' here"] = lambda: alternatives(played, 0, "acts")
    calls["of came as 'pay', a str; wanted a function"] = lambda: alternatives(played, 0, "act", of="pay")
    calls["values came as 1, an int"] = lambda: alternatives(played, 0, "act", values=1)
    calls["branches came as Trace("] = lambda: takeovers(trace, DECENT)
    calls["measures came as"] = lambda: tables(played, 2, worth, DECENT)
    calls["members came as 0"] = lambda: coalitions(played, 2, worth, DECENT, members=0)
    calls["society came as"] = lambda: coalitions(trace, 2, worth, DECENT)
    calls["got seeds=-1"] = lambda: coalitions(played, -1, worth, DECENT)
    calls["table came as {}"] = lambda: interaction({}, "higher")
    for wanted, call in calls.items():
        assert wanted in said((TypeError, ValueError), call)


def test_what_is_right_is_let_through(trace):
    found = account(trace, loss, [DECENT], theta=np.float32(0.5), agents=np.array([0]), draws=np.int64(1))
    assert found.agents == (0,) and found.but_for[0].value == 1.0
    assert len(coalitions(society([1.0, 0.0]), range(3), worth, DECENT)[0]) == 3
