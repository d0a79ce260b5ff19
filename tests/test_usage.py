"""What providers say they used: nonsense is unknown and counted, and a budget is spent all the same."""

import json
import math

import numpy as np
import pytest

import commonweal as cw
from commonweal._journal import Journal
from commonweal.lab.study import Study
from commonweal.measures import welfare
from commonweal.minds import Random
from commonweal.testing.probe import Probe

GAME = Probe(n_agents=2, horizon=2)
NONSENSE = [1e30, 10**30, math.nan, math.inf, -1, -1e30, 0.5, "12", None, True, [3]]


class Metered(cw.Speaker):
    """Gives 1, and says what the call used."""

    def __init__(self, read=None, written=None, cost=None, **limits):
        self.used, self.calls = (read, written, cost), 0
        for name, value in limits.items():
            setattr(self, name, value)

    async def ask(self, prompt):
        self.calls += 1
        return cw.Said(json.dumps({"give": 1, "say": "no"}), False, *self.used)


def society(mind):
    return cw.Society(GAME, [mind, Random()])


@pytest.mark.parametrize("what", NONSENSE, ids=repr)
def test_nonsense_is_unknown_and_harms_no_run_and_no_resume(what, tmp_path):
    mind = Metered(what, what, what)
    trace = cw.run(society(mind), journal=Journal(tmp_path / "calls.jsonl"))
    assert trace.valid.all() and mind.calls == 2
    assert trace.replies["read"].to_list() == trace.replies["written"].to_list() == [None, None]
    half = isinstance(what, float) and what == 0.5  # dollars, and no tokens
    assert trace.replies["cost"].to_list() == [0.5 if half else None] * 2
    again = cw.run(society(mind), journal=Journal(tmp_path / "calls.jsonl"))
    assert mind.calls == 2 and again.replies.equals(trace.replies)
    assert cw.replay(trace).replies.equals(trace.replies)


def test_a_journal_that_holds_nonsense_can_be_read(tmp_path):
    cw.run(society(Metered(7, 3)), journal=Journal(tmp_path / "calls.jsonl"))
    file = tmp_path / "calls.jsonl"
    file.write_text(file.read_text().replace(", 7, 3, null]", ", 1e+30, NaN, -2]"))  # as was once kept
    trace = cw.run(society(Metered(7, 3)), journal=Journal(file))
    assert trace.replies["read"].to_list() == trace.replies["cost"].to_list() == [None, None]


def test_what_can_be_counted_stays():
    assert cw.Said("", False, 12.0, np.int64(3), 0).counted() == cw.Said("", False, 12, 3, 0.0)
    assert cw.Said("", False, 0, 10**9, 0.25).counted() == cw.Said("", False, 0, 10**9, 0.25)


@pytest.mark.parametrize("what", [None, -5, math.nan, 1e30])
def test_a_budget_of_tokens_is_spent_by_an_estimate_where_none_are_told(what):
    mind = Metered(what, what, budget=cw.Budget(tokens=100))
    trace = cw.run(society(mind))
    assert mind.calls == 1  # such a budget was never spent
    assert "its budget of 100 tokens is spent; of 1 calls they are unknown, and estimated" in trace.invalid[0]
    enough = Metered(what, what, budget=cw.Budget(tokens=10_000))
    assert cw.run(society(enough)).valid.all()


def test_the_estimate_is_four_characters_a_token():
    prompt = cw.Prompt("a" * 9, (("user", "b" * 8),), {}, None)
    assert cw.Said("c" * 5).tokens(prompt) == (5 + 2, False)  # 17 and 5 characters
    assert cw.Said("c" * 5, read=1).tokens(prompt) == (1 + 2, False)
    assert cw.Said("c" * 5, read=1, written=0).tokens(prompt) == (1, True)


def test_a_budget_in_dollars_ends_where_no_dollars_are_told():
    mind = Metered(1, 1, math.nan, budget=cw.Budget(cost=0.5))
    why = cw.run(society(mind)).invalid[0]
    assert mind.calls == 1 and "its budget of 0.5 cost cannot be kept: a call's dollars are not told" in why


def test_a_study_says_how_many_calls_had_no_count(tmp_path):
    study = Study("short", {"metered": society(Metered()), "told": society(Metered(5, 2, 0.0))}, 2, [welfare])
    told = study.run(tmp_path / "run", progress=False).speech
    assert "4 calls, 0 tokens" in told["metered"] and "4 calls without a count of tokens" in told["metered"]
    assert told["told"] == "4 calls, 28 tokens, $0.00"
