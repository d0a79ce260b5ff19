"""The PettingZoo view: the library's own tests, and the worlds of `cw.run` behind it."""

import hashlib
import pickle
import runpy
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from test_shelves import SCENARIOS, laws

import commonweal as cw
from commonweal.institutions import Commitment, Contract, PeerSanction, Redistribution
from commonweal.interop import aec_env, parallel_env
from commonweal.minds import Random
from commonweal.scenarios import Commons, Fishery
from commonweal.scenarios.matrix_game import prisoners_dilemma

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what the library says of its own games
    from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, render_test, seed_test

ROOT = Path(__file__).parent.parent
QUICK = ("commons", "prisoner's dilemma", "fishery")
POOL = Commons(assignment="proportional")
LAWS = (Contract(theta=1.0, quorum=1), Redistribution(share=0.5), Commitment(leaders=(1,)))


def library_tests(scenario, **settings):
    """All that PettingZoo has; any warning of theirs is an error here."""
    parallel_api_test(parallel_env(scenario, **settings), 60)
    api_test(aec_env(scenario, **settings), 60)
    seed_test(lambda: aec_env(scenario, **settings), 60)
    parallel_seed_test(lambda: parallel_env(scenario, **settings), 60)


def sampled(env):
    """Acts of everybody at random; the spaces must have been seeded."""
    return {a: env.action_space(a).sample() for a in env.agents}


def episode(env, seed, acts=sampled):
    """Rows of a whole episode: observations, payoffs, ends, infos."""
    rows = [env.reset(seed=seed)]
    for i, agent in enumerate(env.agents):
        env.action_space(agent).seed(i)
    while env.agents:
        rows.append(env.step(acts(env)))
    return rows


def digest(rows):
    """All bytes of an episode."""
    found = hashlib.sha256()
    for row in rows:
        for part in row:
            for agent, x in sorted(part.items()):
                found.update(agent.encode())
                found.update(repr(x).encode() if isinstance(x, dict) else np.asarray(x).tobytes())
    return found.hexdigest()


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in SCENARIOS]
)
def test_every_scenario_passes_the_tests_of_the_library(name):
    library_tests(SCENARIOS[name])


def test_so_does_one_under_a_stack_that_adds_acts_and_an_order():
    library_tests(cw.under(POOL, *LAWS))


@pytest.mark.slow
@pytest.mark.parametrize("law", laws(POOL), ids=lambda law: law.name)
def test_so_does_every_institution(law):
    library_tests(cw.under(POOL, law))


def test_it_renders():
    render_test(lambda render_mode: aec_env(POOL, render_mode=render_mode))
    env = parallel_env(POOL, render_mode="ansi")
    env.reset(seed=0)
    assert env.render().startswith("tick 0 of 12\nagent_0: There are 100 tonnes")


def paid(env, trace, seed):
    """Net payoffs [ticks, n] when the acts of a one-world trace are played in world `seed`."""
    phases, pays = len(env.flat.scenario.groups), []

    def recorded(env):
        acts = [trace.intent[name][0, len(pays) // phases] for name in env.flat.channels()]
        rows = np.ravel_multi_index(acts, env.flat.sizes()) if env.flat.joint else np.stack(acts, axis=-1)
        return dict(zip(env.agents, rows, strict=True))

    env.reset(seed=seed)
    while env.agents:
        pays.append(list(env.step(recorded(env))[1].values()))
    return np.array(pays)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scenario", "settings"),
    [
        (Commons(), {}),
        (cw.under(Commons(), Redistribution(share=0.5), Commitment(leaders=(1,))), {}),
        (cw.under(SCENARIOS["network game"], PeerSanction()), {}),
        (cw.under(Fishery(n_agents=3, horizon=6), *LAWS[:2]), {"joint": False}),
    ],
    ids=["amount", "order", "options", "by channel"],
)
def test_an_episode_is_the_world_of_a_run(scenario, settings):
    env = parallel_env(scenario, **settings)
    for seed in (0, 5):
        trace = cw.run(cw.Society(scenario, Random()), [seed])
        net = sum(trace.book.values())[0, : trace.alive[0].sum()]
        phases = len(env.flat.scenario.groups)
        pays = paid(env, trace, seed)
        assert len(pays) == phases * len(net) and np.abs(net).sum() > 0.0
        assert np.allclose(pays[phases - 1 :: phases], net, rtol=1e-5, atol=1e-5)
        assert phases == 1 or not pays[::phases].any()  # nobody is paid before the last turn


def test_another_world_pays_otherwise():
    trace = cw.run(cw.Society(Commons(), Random()), [0])
    assert not np.allclose(paid(parallel_env(Commons()), trace, 1)[0], trace.book["pay"][0, 0])


@pytest.mark.slow
def test_a_whole_episode_is_the_same_in_another_process():
    here = digest(episode(parallel_env(cw.under(Commons(), *LAWS)), 7))
    code = (
        "from test_pettingzoo import *\n"
        "print(digest(episode(parallel_env(cw.under(Commons(), *LAWS)), 7)))\n"
        "print(digest(episode(parallel_env(cw.under(Commons(), *LAWS)), 8)))"
    )
    command = [sys.executable, "-c", "import conftest\n" + code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT / "tests")
    same, other = done.stdout.split()
    assert same == here != other


def test_an_end_and_a_time_limit_are_told_apart():
    greedy = parallel_env(POOL)
    *_, (_, _, over, late, _) = episode(greedy, 0, lambda env: {a: np.float32([100.0]) for a in env.agents})
    assert set(over.values()) == {True} and set(late.values()) == {False}
    *_, (_, _, over, late, _) = episode(greedy, 0, lambda env: {a: np.float32([5.0]) for a in env.agents})
    assert set(over.values()) == {False} and set(late.values()) == {True}


def test_acts_and_masks_are_as_worked_by_hand():
    env = parallel_env(cw.under(POOL, PeerSanction()), levels=5)
    assert env.action_space("agent_0").n == 5 * 6  # takes of 0, 25, ..., 100; five others or nobody
    _, infos = env.reset(seed=0)
    legal = infos["agent_2"]["action_mask"].reshape(5, 6)
    assert legal.dtype == np.int8 and legal.any() and env.action_space("agent_2").contains(0)
    acts = env.flat.acts(np.array([0, 6, 13, 18, 29]))  # level 13 // 6 = 2, target 13 % 6 = 1
    assert acts["take"].tolist() == [0.0, 25.0, 50.0, 75.0, 100.0]
    assert acts["punish"].tolist() == [0, 0, 1, 0, 5]


def test_only_those_whose_turn_it_is_may_act():
    env = parallel_env(cw.under(POOL, Commitment(leaders=(1,))), levels=5, mask="observation")
    seen, _ = env.reset(seed=0)
    for leads in (True, False):
        for agent in env.agents:
            free = [1, 1, 1, 1, 1] if (agent == "agent_1") == leads else [1, 0, 0, 0, 0]
            assert seen[agent]["action_mask"].tolist() == free
        seen, pays, *_ = env.step(dict.fromkeys(env.agents, 1))
        assert set(pays.values()) == ({0.0} if leads else {20.0})  # 100 units, of which all wanted 25


def test_unseeded_copies_differ_and_a_seed_fixes_all_that_follows():
    env = parallel_env(POOL)
    copy = pickle.loads(pickle.dumps(env))
    env.reset(), copy.reset()
    assert env.world != copy.world

    def worlds(env):
        env.reset(seed=3)
        return [env.world, *(env.reset() and env.world for _ in range(3))]

    assert worlds(env) == worlds(copy) and len(set(worlds(env))) == 4


def test_a_copy_goes_on_from_the_middle_of_an_episode():
    env = parallel_env(cw.under(POOL, *LAWS))
    env.reset(seed=1)
    env.step(dict.fromkeys(env.agents, 3))
    copy = pickle.loads(pickle.dumps(env))
    a, b = (one.step(dict.fromkeys(one.agents, 5)) for one in (env, copy))
    assert digest([a]) == digest([b])


def test_supersuit_makes_a_vector_environment_of_it():
    supersuit = pytest.importorskip("supersuit")
    env = supersuit.pettingzoo_env_to_vec_env_v1(parallel_env(Commons(horizon=4), levels=11))
    many = supersuit.concat_vec_envs_v1(env, 3, num_cpus=0, base_class="gymnasium")
    seen, _ = many.reset(seed=0)
    ended = 0
    for _ in range(9):
        seen, _, over, late, _ = many.step(np.ones(15, int))
        ended += (over | late).sum()
    assert seen.shape == (15, 12) and ended == 2 * 15


def test_another_encoding_may_be_given():
    env = parallel_env(POOL, encode=lambda sights: sights["catches"] / 100.0)
    assert env.observation_space("agent_0").shape == (5,)
    with pytest.raises(ValueError, match=r"shape \(5,\); wanted one row for each of 5 agents"):
        parallel_env(POOL, encode=lambda sights: sights["stock"])


def test_errors_teach():
    with pytest.raises(ValueError, match="levels came as 1; wanted at least 2"):
        parallel_env(POOL, levels=1)
    with pytest.raises(ValueError, match="wanted 'info', or 'observation' where an act is one option"):
        parallel_env(POOL, mask="observation")
    with pytest.raises(ValueError, match="90,000 joint acts; wanted at most 65,536: fewer levels="):
        parallel_env(SCENARIOS["quantity competition"], levels=300)
    env = parallel_env(prisoners_dilemma(horizon=2))
    with pytest.raises(RuntimeError, match=r"env\.reset\(seed=0\)"):
        env.step({})
    with pytest.raises(ValueError, match="seed came as -1"):
        env.reset(seed=-1)
    env.reset(seed=0)
    for wrong in ({"agent_0": 1}, {"agent_0": 0, "agent_1": 2}, {"agent_0": 0, "agent_1": 0.5}):
        with pytest.raises(ValueError, match=r"wanted one of Discrete\(2\) for each"):
            env.step(wrong)


@pytest.mark.slow
def test_the_door_opens_without_the_library():
    code = (
        "import sys, commonweal.interop as interop\n"
        "assert not {'pettingzoo', 'gymnasium'} & set(sys.modules)\n"
        "sys.modules['pettingzoo'] = None\n"
        "interop.aec_env"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "ImportError: this view needs PettingZoo" in done.stderr
    assert "pip install 'commonweal[rl]'" in done.stderr


def test_the_example_asks_for_what_it_lacks(monkeypatch):
    monkeypatch.setitem(sys.modules, "cma", None)
    with pytest.raises(SystemExit, match=r"^error: .* pip install 'commonweal\[rl\]' cma$"):
        runpy.run_path(str(ROOT / "examples" / "outside_learner.py"))


@pytest.mark.slow
def test_the_example_trains():
    pytest.importorskip("cma", reason="the outside library of the example is not installed")
    done = subprocess.run(
        [sys.executable, ROOT / "examples/outside_learner.py"], capture_output=True, text=True
    )
    before, after = (float(line.split(":")[1].split()[0]) for line in done.stdout.splitlines()[:2])
    assert before < 30.0 and after > 90.0
