"""Societies as tasks of Inspect: conditions from text, seats from roles, lanes, scores, limits, resuming."""

import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from inspect_ai import eval as evaluate
from inspect_ai import eval_retry, score
from inspect_ai._util.error import PrerequisiteError
from inspect_ai.event import timeline_build
from inspect_ai.log import read_eval_log
from inspect_ai.model import GenerateConfig, get_model

import commonweal as cw
from commonweal import institutions, minds, scenarios
from commonweal.accounts import decisions
from commonweal.language import LLM, read_eval
from commonweal.language import _registry as registry
from commonweal.language import solver as ours
from commonweal.language.seats import mind, seat, setting
from commonweal.measures import welfare
from commonweal.minds import Constant
from commonweal.report.catalog import shelves, task_name

FAIR = "commonweal/rehearsal-fair"
SMALL = {"seeds": 2, "horizon": 3, "n_agents": 3}


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    """No pauses between spans, and journals of its own."""
    monkeypatch.setattr(ours, "APART", 0.0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def run(folder, task="commonweal/commons", model: object = FAIR, args=SMALL, **more):
    """One evaluation; its log, read back from its file."""
    log = evaluate(task, model=model, task_args=args, log_dir=str(folder), display="none", **more)[0]
    assert log.status == "success", log.error
    return read_eval_log(log.location)


def metrics(log):
    return {s.name: s.metrics["mean"].value for s in log.results.scores}


# ------------------------------------------------------------------------------------------ in text


def test_every_scenario_of_the_shelf_is_a_task():
    shelf = {task_name(name) for name, one in vars(scenarios).items() if name[0] != "_" and callable(one)}
    assert shelf == set(registry.TASKS)
    assert {"earthquake", "public_goods", "cleanup", "prisoners_dilemma", "bertrand"} <= shelf
    for name in shelf:
        with pytest.raises(ValueError, match=rf"{name} came with horizn=2; wanted some of seeds, .*: -T "):
            setting(name, knobs={"horizn": 2})
    assert set(shelves()["tasks"]) == {f"commonweal/{name}" for name in shelf}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("seds=2", "commons came with seds=2; wanted some of seeds, .*: -T seeds=2"),
        (
            "institutions=ProtectedQuota('tak', most=10)",
            "unknown here; the channels are .'take'.: name 'take'",
        ),
    ],
)
def test_a_mistake_in_a_task_fails_in_one_line(given, said, tmp_path):
    command = [str(Path(sys.executable).with_name("inspect")), "eval", "commonweal/commons", "--model", FAIR]
    done = subprocess.run(
        [*command, "-T", given, "-T", "horizon=2"], capture_output=True, text=True, cwd=tmp_path, timeout=120
    )
    text = " ".join((done.stdout + done.stderr).split())
    assert done.returncode and re.search(said, text) and "Traceback" not in text, text
    assert not (tmp_path / "logs").exists()


def test_a_condition_in_text_is_the_one_in_code():
    text = "ProtectedQuota('take', most=10); institutions.PublicLedger()"
    laws = institutions.ProtectedQuota("take", most=10), institutions.PublicLedger()
    written = setting("commons", text, {"n_agents": 3, "assignment": "proportional"})
    assert cw.describe(written) == cw.describe(
        cw.under(scenarios.Commons(n_agents=3, assignment="proportional"), *laws)
    )
    assert cw.describe(setting("matrix_game", "", {"payoffs": [[[3, 0], [5, 1]], [[3, 5], [0, 1]]]})) == (
        cw.describe(cw.under(scenarios.MatrixGame([[[3, 0], [5, 1]], [[3, 5], [0, 1]]])))
    )
    assert cw.describe(mind("Both(Constant(take=5), Random())")) == cw.describe(
        minds.Both(minds.Constant(take=5), minds.Random())
    )


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: setting("comons"), "there is no scenario 'comons'; wanted one of battle_of_the_sexes"),
        (lambda: setting("commons", knobs={"agents": 3}), "commons came with agents=3.*: -T n_agents=3"),
        (lambda: setting("commons", knobs={"seds": 2}), "commons came with seds=2; wanted .*: -T seeds=2"),
        (lambda: setting("harvest", knobs={"horizn": 2}), "horizn=2; wanted some of .*: -T horizon=2"),
        (lambda: setting("commons", "ProtectedQuota('tak', most=1)"), "channel 'tak'.*: name 'take'"),
        (
            lambda: setting("commons", "Audit(0.5, 1, event='exces')"),
            "event 'exces'.*: name one of them, event='excess'",
        ),
        (lambda: setting("commons", "Quota(3)"), "Quota is not there; there are Audit, BirthDeath"),
        (lambda: setting("commons", "PublicLedger(open('x'))"), "open is not there"),
        (lambda: setting("commons", "PublicLedger(__import__('os').getcwd())"), "__import__.* is not there"),
        (lambda: setting("commons", "PublicLedger().__class__"), "is not there"),
        (lambda: setting("commons", "PublicLedger(1 + 1j * x)"), "malformed node"),
        (lambda: setting("commons", "PublicLedger("), "makes nothing"),
        (lambda: setting("commons", "elect"), "makes nothing"),
        (lambda: mind("Greedi"), "Greedi is not there; there are .*FairShare, .*Greedy"),
        (lambda: mind("fit_each"), "makes nothing"),
        (lambda: mind("no/where.py:mine"), "there is no file"),
        (lambda: registry.TASKS["commons"](seeds="many"), "seeds came as 'many'; wanted a number"),
        (lambda: registry.TASKS["commons"](seeds=[3, 3]), "seeds came as"),
        (lambda: get_model("commonweal/Greedi"), "'Greedi' makes nothing"),
    ],
)
def test_what_cannot_be_made_says_what_can(make, match):
    with pytest.raises((ValueError, FileNotFoundError, PrerequisiteError), match=match):
        make()


def test_a_seat_is_the_mind_behind_its_model(tmp_path):
    file = tmp_path / "my_own_minds.py"
    file.write_text("from commonweal.minds import Constant\nsteady = Constant(take=2.0)\nnone = 3\n")
    assert isinstance(seat(get_model("commonweal/Greedy")), minds.Greedy)
    assert float(seat(get_model(f"commonweal/{file}:steady")).acts["take"]) == 2.0
    file.write_text("from commonweal.minds import Constant\nsteady = Constant(take=30.0)\nnone = 3\n")
    assert float(mind(f"{file}:steady").acts["take"]) == 30.0  # as the file is now
    with pytest.raises(ValueError, match="holds no mind 'none'"):
        mind(f"{file}:none")
    spoken = seat(get_model(FAIR, config=GenerateConfig(temperature=0.5, max_connections=3, timeout=60)))
    assert isinstance(spoken, LLM) and spoken.model == FAIR and spoken.settings()["total"] == 60.0
    assert spoken.config == {"temperature": 0.5, "max_tokens": 1500, "max_retries": 6, "cache": False}


def test_the_entry_point_imports_no_jax():
    code = (
        "import sys; import commonweal.language._registry as r; assert 'commons' in r.TASKS;"
        "assert not {'jax', 'equinox', 'polars'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# --------------------------------------------------------------------------------------- evaluations


def test_an_evaluation_is_the_run_of_the_same_society(tmp_path):
    log = run(tmp_path, model_roles={"agent_1": "commonweal/Constant(take=2)"})
    back = read_eval(log.location)
    seats = [LLM(FAIR), minds.Constant(take=2), LLM(FAIR)]
    society = cw.Society(scenarios.Commons(n_agents=3, horizon=3), seats)
    trace = cw.run(society, 2)
    assert np.array_equal(back.act["take"], trace.act["take"])
    assert np.array_equal(back.book["pay"], trace.book["pay"]) and back.recipe == trace.recipe
    assert back.replies.equals(trace.replies) and list(back.seeds) == [0, 1]
    found = metrics(log)
    assert found["valid"] == 1.0 and found["agent_1"] == pytest.approx(6.0)
    assert found["O"] == pytest.approx(cw.alignment(trace)["O"].value)
    assert found["fisher 0"] == pytest.approx(cw.alignment(trace)["P:fisher 0"].value)
    assert math.isnan(found["P_gap"])  # the card has no minority: missing, not 0
    assert log.samples[0].output.completion == "3 rounds played."
    assert "agent_1 take 2 (2)" in log.samples[0].messages[0].text


@pytest.mark.slow
def test_each_agent_has_a_lane_whatever_its_mind(tmp_path):
    log = run(tmp_path, model_roles={"agent_1": "commonweal/Constant(take=2)"})
    timeline = timeline_build(log.samples[0].events)
    lanes = [span.name for span in spans(timeline.root) if span.span_type == "agent"]
    assert {name: lanes.count(name) for name in lanes} == {"agent_0": 3, "agent_1": 3, "agent_2": 3}
    mine = [e.data for e in log.samples[0].events if e.event == "info" and e.source == "mind"]
    assert mine == [{"take": "2"}] * 3


def spans(root):
    for one in root.content:
        if one.type == "span":
            yield one
            yield from spans(one)


@pytest.mark.slow
def test_a_log_is_scored_again_without_a_call(tmp_path):
    log = run(tmp_path)
    calls = len([e for e in log.samples[0].events if e.event == "model"])
    again = score(log, [registry.holistic(), registry.valid()], action="overwrite", display="none")
    assert metrics(again)["O"] == metrics(log)["O"] and calls == 9
    assert len([e for e in again.samples[0].events if e.event == "model"]) == calls


@pytest.mark.slow
def test_worlds_are_seeds_and_an_epoch_is_refused(tmp_path):
    log = run(tmp_path, args=SMALL | {"seeds": [7, 4]})
    assert list(read_eval(log.location).seeds) == [7, 4]
    log = run(tmp_path, epochs=2)
    assert [s.error is None for s in log.samples].count(False) == 2
    assert "a world is its seed" in next(s.error.message for s in log.samples if s.error)


@pytest.mark.slow
def test_our_measures_are_columns_of_the_viewer(tmp_path):
    columns = [c.id for c in run(tmp_path).eval.viewer.task_samples_view.columns]
    assert ["score__valid__valid", "score__holistic__O", "score__holistic__V"] == columns[3:6]


# ------------------------------------------------------------------------------- truncated and invalid


@pytest.mark.parametrize("what", [{"token_limit": 1500}, {"message_limit": 5}, {"time_limit": 1}])
def test_a_world_that_meets_a_limit_is_truncated_and_never_scored(tmp_path, what):
    slow = get_model("commonweal/rehearsal-fair", delay=0.5, memoize=False) if "time_limit" in what else FAIR
    log = run(tmp_path, model=slow, args=SMALL | {"seeds": 1}, **what)
    sample = log.samples[0]
    assert sample.limit.type == next(iter(what)).removesuffix("_limit") and sample.error is None
    assert sample.scores["valid"].value == 0.0
    assert math.isnan(sample.scores["holistic"].value) and math.isnan(sample.scores["agents"].value)
    assert metrics(log)["valid"] == 0.0
    if "time_limit" in what:
        assert "cut off" in sample.scores["holistic"].explanation
    else:
        assert "a limit of the evaluation was reached" in read_eval(log.location).invalid[0]


@pytest.mark.slow
def test_a_dead_provider_makes_worlds_invalid_and_leaves_the_others(tmp_path):
    dying = get_model(FAIR, calls=14, memoize=False)
    log = run(tmp_path, model=dying, max_samples=1)
    valid = {s.id: s.scores["valid"].value for s in log.samples}
    assert sorted(valid.values()) == [0.0, 1.0] and log.results.completed_samples == 1
    lost = next(s for s in log.samples if s.error)
    assert "the provider is dead" in lost.error.message and "gave no answer at t=1" in lost.error.message
    whole = run(tmp_path / "whole")
    assert metrics(log)["O"] == metrics(whole)["O"]  # the mean is of the valid world only
    trace = read_eval(log.location)
    assert trace.valid.sum() == 1 and trace.replies.height == 14
    assert "1 of 2 worlds" in str(cw.alignment(trace))


@pytest.mark.slow
@pytest.mark.parametrize(("journal", "known"), [("", 5), ("none", 0)])  # 9 calls a world: 9 and 5 were made
def test_a_retry_asks_only_what_was_not_answered(tmp_path, journal, known):
    args = SMALL | {"journal": journal}
    log = run(tmp_path, model=get_model(FAIR, calls=14, memoize=False), args=args, max_samples=1)
    assert bool(list((tmp_path / "cache").glob("commonweal/journals/*/*.jsonl"))) == (journal == "")
    again = read_eval_log(eval_retry(log, log_dir=str(tmp_path), display="none")[0].location)
    assert metrics(again)["valid"] == 1.0
    events = [e for s in again.samples for e in s.events]
    assert len([e for e in events if e.event == "info" and e.source == "journal"]) == known
    assert len([e for e in events if e.event == "model"]) == 9 + 9 - known
    assert read_eval(again.location).replies.height == 18
    assert not list((tmp_path / "cache").glob("commonweal/journals/*/*"))  # done: the log holds them


@pytest.mark.slow
def test_a_journal_in_a_folder_of_ones_own_outlasts_the_task(tmp_path):
    args = SMALL | {"journal": str(tmp_path / "replies")}
    first, second = (run(tmp_path / name, args=args) for name in "ab")
    files = sorted((tmp_path / "replies").glob("*/*.jsonl"))
    assert [f.name for f in files] == ["world-0.jsonl", "world-1.jsonl"]
    assert not [e for s in second.samples for e in s.events if e.event == "model"]
    assert metrics(first) == pytest.approx(metrics(second), nan_ok=True)
    run(tmp_path / "c", args=SMALL | {"journal": "none"})
    assert not (tmp_path / "cache").exists() and len(files) == 2


# ------------------------------------------------------------------------------------- mixed societies

MIXED = """
import commonweal as cw
from commonweal.minds import Learner, MLP, Random, Reinforce
from commonweal.scenarios import volunteers_dilemma
from commonweal.studies.side_by_side import surrogates

game = volunteers_dilemma(n_agents=4, horizon=4)
first, second = surrogates(cw.Society(game, Random()), worlds=4)[:2]
pupil = Learner(Reinforce(), MLP(width=4, depth=1), updates=2, worlds=4)
trained = cw.Society(game, [Random(), first, second, pupil]).prepare().minds[3]
"""


@pytest.mark.slow
def test_a_mixed_society_runs_resumes_replays_and_is_accounted_for(tmp_path, monkeypatch):
    file = tmp_path / "mixed_minds.py"
    file.write_text(MIXED)
    roles = {
        f"agent_{i}": f"commonweal/{file}:{name}" for i, name in enumerate(["first", "second", "trained"])
    }
    game = {"n_agents": 4, "horizon": 4, "seeds": 2}
    dying = get_model("commonweal/rehearsal-greedy", calls=6, memoize=False)
    more = {"task": "commonweal/volunteers_dilemma", "args": game, "model_roles": roles}
    log = run(tmp_path / "logs", model=dying, max_samples=1, **more)
    assert metrics(log)["valid"] == 0.5
    again = eval_retry(log, log_dir=str(tmp_path / "logs"), display="none")[0]
    trace = read_eval(again.location)
    assert trace.valid.all() and trace.replies.height == 8  # one speaker, 4 rounds, 2 worlds
    asked = [e for s in read_eval_log(again.location).samples for e in s.events if e.event == "model"]
    assert len(asked) == 4 + 2  # of the world that was cut off, two calls were known
    minds_there = [mind(role.removeprefix("commonweal/")) for role in roles.values()]
    society = cw.Society(
        setting("volunteers_dilemma", "", {"n_agents": 4, "horizon": 4}),
        [*minds_there, LLM("commonweal/rehearsal-greedy")],
    )
    journal = tmp_path / "replies.jsonl"
    plain = cw.run(society, 2, journal=cw.Journal(journal))
    assert np.array_equal(plain.act["act"], trace.act["act"]) and len(journal.read_text().splitlines()) == 8

    found = cw.account(trace, welfare, Constant(act=1), budget=200)
    assert 0 < found.calls <= 200 and len(found.shapley) == 4
    spared = sum(one.value for one in found.shapley)  # of all seats together: what the stand-in spares
    fair = cw.run(cw.Society(society.scenario, Constant(act=1)), 2)
    assert spared == pytest.approx((welfare(fair) - welfare(trace)).mean(), abs=1e-4)
    assert str(found).count("agent ") >= 1
    by_act = decisions(trace, welfare, budget=40)
    assert by_act.calls <= 40 and np.isfinite(by_act.effects()).any()

    async def nobody(self, prompt):
        raise AssertionError("asked")

    monkeypatch.setattr(LLM, "ask", nobody)
    for same in (cw.replay(trace), cw.run(society, 2, journal=cw.Journal(journal))):
        assert np.array_equal(same.act["act"], trace.act["act"]) and same.valid.all()
    mask = np.zeros(trace.shape[1:], bool)
    mask[-1, 0] = True  # in the last round, which nobody sees: every prompt is as it was
    forced = cw.replay(trace, do={"act": (mask, 1 - trace.act["act"])})
    assert forced.valid.all() and (forced.act["act"][:, -1, 0] != trace.act["act"][:, -1, 0]).all()
