"""What a study would cost, and stored traces run again without a model."""

import json

import pytest

import commonweal as cw
from commonweal.cli import main
from commonweal.lab.forecast import forecast

STUDY = """
import commonweal as cw
from commonweal.measures import welfare
from commonweal.minds.commons import FairShare
from commonweal.scenarios.commons import Commons


class Modest(cw.Speaker):
    memory = 0

    async def ask(self, prompt):
        return cw.Said('{"take": 5}', read=100, written=20)


lake = Commons(n_agents=4, horizon=5, assignment="proportional")
study = cw.Study(
    "modest", {"two": cw.Society(lake, [Modest(), Modest(), FairShare(), FairShare()])}, 3, [welfare], keep=2
)
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    import sys

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "modest_study.py").write_text(STUDY)
    yield tmp_path
    sys.modules.pop("modest_study", None)


def call(*args):
    with pytest.raises(SystemExit) as done:
        main(list(args))
    return done.value.code


def test_a_plan_counts_the_calls_that_a_run_then_makes(here, capsys):
    assert call("plan", "modest_study.py", "--price", "2,10", "--seconds", "1", "--json") == 0
    told = json.loads(capsys.readouterr().out)[0]
    assert (told["calls"], told["depth"], told["speakers"], told["worlds"]) == (30, 5, 2, 3)
    assert told["seconds"] == 5.0  # all worlds at once: five calls in a row
    assert told["dollars"] == pytest.approx((told["read"] * 2 + told["written"] * 10) / 1e6)
    assert call("run", "modest_study.py", "--out", "done") == 0
    assert "two: 30 calls, 3,600 tokens" in capsys.readouterr().out
    assert call("plan", "modest_study.py") == 0
    assert "dollars need --price" in " ".join(capsys.readouterr().out.split())
    assert call("plan", "modest_study.py", "--price", "cheap") == 2
    assert "wanted two numbers" in capsys.readouterr().err


def test_of_very_many_conditions_one_world_each_is_tried(here, capsys, monkeypatch):
    tried, module = [], "commonweal.lab.forecast"
    monkeypatch.setattr(f"{module}.run", lambda society, n: tried.append(n) or cw.run(society, n))
    for many in (1000, 0):
        monkeypatch.setattr(f"{module}.MANY", many)
        assert call("plan", "modest_study.py", "--json") == 0
        assert json.loads(capsys.readouterr().out)[0]["calls"] == 30
    assert tried == [2, 1]


def test_a_plan_without_speakers_says_how_to_seat_some(here, capsys):
    (here / "modest_study.py").write_text(
        STUDY.replace("[Modest(), Modest(), ", "[FairShare(), FairShare(), ")
    )
    assert call("plan", "modest_study.py") == 0
    assert "--model openai/gpt-5" in capsys.readouterr().out


@pytest.mark.slow
def test_learners_are_not_trained_for_a_forecast():
    class Slow(cw.Mind):
        learns = True

        def train(self, *args, **more):
            raise AssertionError("trained")

        def act(self, memory, sight, channels, key):
            return memory, {}

    class Talker(cw.Speaker):
        async def ask(self, prompt):
            raise AssertionError("asked")

    from commonweal.testing.probe import Probe

    study = cw.Study("x", {"a": cw.Society(Probe(), [Slow(), Slow(), Talker()])}, 10, [welfare()])
    assert [one.calls for one in forecast(study)] == [30]


def welfare():
    from commonweal.measures import welfare as found

    return found


def test_stored_traces_come_back_bit_for_bit_and_a_changed_one_does_not(here, capsys):
    import polars as pl

    assert call("run", "modest_study.py", "--out", "done") == 0
    capsys.readouterr()
    assert call("replay", "done") == 0
    assert capsys.readouterr().out == "00-two-0000000: the same, bit for bit\n"
    trace = here / "done" / "cells" / "00-two-0000000" / "trace"
    replies = pl.read_parquet(trace / "replies.parquet")
    last = pl.when(pl.col("tick") == 4).then(pl.col("text").str.replace("5", "6")).otherwise("text")
    spoilt = replies.with_columns(text=last)
    spoilt.write_parquet(trace / "replies.parquet")
    assert call("replay", "done", "--json") == 1
    assert "was 5.0 and is 6.0" in json.loads(capsys.readouterr().out)["00-two-0000000"]
    replies.head(3).write_parquet(trace / "replies.parquet")  # a reply is missing: nobody is asked for it
    assert call("replay", "done") == 1
    assert "no more calls are allowed in this replay" in capsys.readouterr().out
    assert call("replay", ".") == 2
    assert "holds no trace" in capsys.readouterr().err
