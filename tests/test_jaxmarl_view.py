"""The JaxMARL view: worlds of `cw.run` under vmap and scan, and JaxMARL's own wrappers around them."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_shelves import SCENARIOS

import commonweal as cw
from commonweal.institutions import Commitment, Contract, Redistribution
from commonweal.interop import JaxMARLView
from commonweal.minds import Random
from commonweal.scenarios import Commons, Opinions

POOL = Commons(assignment="proportional")
STACK = cw.under(POOL, Contract(theta=1.0, quorum=1), Redistribution(share=0.5))


def rollout(view, key, worlds, ticks, reset_state=None):
    """Random acts in many worlds, reset where they end: what was seen, paid, done; the last states."""
    width = {agent: view.action_space(agent).n for agent in view.agents}

    def tick(state, key):
        keys = jax.random.split(key, worlds)
        acts = {
            a: jax.random.randint(jax.random.fold_in(key, i), (worlds,), 0, n)
            for i, (a, n) in enumerate(width.items())
        }
        step = jax.vmap(view.step, (0, 0, 0, None))
        seen, state, pays, dones, infos = step(keys, state, acts, reset_state)
        return state, (seen, pays, dones, infos)

    _, state = jax.vmap(view.reset)(jax.random.split(key, worlds))
    return jax.lax.scan(tick, state, jax.random.split(key, ticks))


@pytest.mark.slow
@pytest.mark.parametrize(
    "scenario", [POOL, cw.under(POOL, Commitment(leaders=(1,)))], ids=["once", "in turns"]
)
def test_an_episode_is_the_world_of_a_run(scenario):
    trace = cw.run(cw.Society(scenario, Random()), [0, 5])
    view, phases = JaxMARLView(scenario, levels=None), len(cw.under(scenario).groups)

    def world(seed, takes):
        def tick(state, take):
            acts = {agent: take[i, None] for i, agent in enumerate(view.agents)}
            _, state, pays, dones, _ = view.step_env(jax.random.key(9), state, acts)
            return state, (jnp.stack([pays[agent] for agent in view.agents]), dones["__all__"])

        return jax.lax.scan(tick, view.reset(jax.random.PRNGKey(seed))[1], takes)[1]

    takes = np.repeat(trace.intent["take"], phases, axis=1)
    pays, dones = jax.vmap(world)(jnp.array([0, 5]), jnp.asarray(takes))
    pays = pays[:, phases - 1 :: phases]
    alive = trace.alive[:, :, None]
    assert np.allclose(np.where(alive, pays, 0.0), sum(trace.book.values()), rtol=1e-5, atol=1e-5)
    first = np.argmax(dones, axis=1) + 1  # the tick that was the last
    assert (first == phases * trace.alive.sum(axis=1)).all()


@pytest.mark.slow
def test_worlds_begin_again_when_they_end_and_say_why():
    view = JaxMARLView(Opinions(n_agents=2, horizon=3))
    _, (seen, pays, dones, infos) = jax.jit(lambda key: rollout(view, key, 4, 7))(jax.random.PRNGKey(0))
    assert np.flatnonzero(dones["__all__"][:, 0]).tolist() == [2, 5] and dones["agent_1"].all(axis=1)[2]
    assert infos["truncated"].shape == (7, 4, 2) and not infos["terminated"].any()
    assert pays["agent_0"].shape == (7, 4)
    again = np.asarray(seen["agent_0"][jnp.array([2, 5])])  # what is seen then belongs to other worlds
    assert not np.array_equal(again[0], again[1])
    _, (_, _, _, infos) = rollout(JaxMARLView(POOL), jax.random.key(0), 2, 4)  # random takes empty it
    assert infos["terminated"].any() and not infos["truncated"].any()


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_runs_under_vmap_and_scan(name):
    view = JaxMARLView(SCENARIOS[name], levels=5)
    _, (seen, pays, dones, _) = jax.jit(lambda key: rollout(view, key, 2, 30))(jax.random.key(0))
    assert dones["__all__"].any(axis=0).all()
    assert all(np.isfinite(x).all() for x in (*seen.values(), *pays.values()))


@pytest.mark.slow
def test_a_given_beginning_is_kept_and_its_luck_is_not():
    view = JaxMARLView(Opinions(n_agents=2, horizon=2))
    first, start = view.reset(jax.random.PRNGKey(3))
    state, (seen, *_) = rollout(view, jax.random.PRNGKey(0), 2, 2, start)
    for agent in view.agents:
        assert np.array_equal(seen[agent][1], np.stack([first[agent]] * 2))
    lucks = np.concatenate([state.luck, start.luck[None]])
    assert len(np.unique(lucks, axis=0)) == 3


def test_masks_spaces_and_names_are_what_baselines_read():
    view = JaxMARLView(STACK, levels=5)
    seen, state = view.reset(jax.random.key(0, impl="rbg"))  # keys of any kind
    assert view.name == "Commons" and view.agent_classes == {"agent": view.agents} and view.num_agents == 5
    assert (
        view.action_space("agent_0").n == 10
        and view.observation_space("agent_0").shape == seen["agent_0"].shape
    )
    legal = view.get_avail_actions(state)["agent_0"]
    assert legal.shape == (10,) and legal.dtype == bool
    act = view.action_space("agent_0").sample(jax.random.key(1))
    assert 0 <= act < 10
    box = JaxMARLView(POOL, levels=None).action_space("agent_0")
    assert box.shape == (1,) and 0.0 <= box.sample(jax.random.key(1))[0] <= 100.0


def test_wrappers_of_jaxmarl_run_it_under_vmap_and_scan():
    with warnings.catch_warnings(), jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        warnings.simplefilter("ignore")  # what JaxMARL's own imports say
        wrappers = pytest.importorskip("jaxmarl.wrappers.baselines", reason="JaxMARL is not installed")
        view = JaxMARLView(STACK)
        log = wrappers.LogWrapper(view)
        key, n = jax.random.PRNGKey(0), view.action_space("agent_0").n
        assert isinstance(view.action_space("agent_0"), wrappers.Discrete)

        def tick(state, key):
            acts = {
                a: jax.random.randint(jax.random.fold_in(key, i), (8,), 0, n)
                for i, a in enumerate(log.agents)
            }
            _, state, pays, _, infos = jax.vmap(log.step)(jax.random.split(key, 8), state, acts)
            return state, (jnp.stack([pays[a] for a in log.agents], axis=-1), infos)

        _, state = jax.vmap(log.reset)(jax.random.split(key, 8))
        _, (pays, infos) = jax.lax.scan(tick, state, jax.random.split(key, 30))
        counted = sum(infos["returned_episode_returns"][infos["returned_episode"]])
        ends = np.flatnonzero(infos["returned_episode"][:, 0, 0])
        assert np.allclose(infos["returned_episode_returns"][ends[0], 0], pays[: ends[0] + 1, 0].sum(axis=0))
        assert np.isfinite(counted) and len(ends) > 2
        many = wrappers.CTRolloutManager(view, batch_size=3)
        seen, states = many.batch_reset(key)
        acts = {agent: many.batch_sample(key, agent) for agent in many.agents}
        seen, states, pays, *_ = many.batch_step(key, states, acts)
        assert seen["__all__"].shape == (3, 5 * view.observation_space("agent_0").shape[0])
        assert np.allclose(pays["__all__"], sum(pays[a] for a in view.agents))
