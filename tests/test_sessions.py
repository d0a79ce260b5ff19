"""Long sessions: the same bits as minds under `run`, in both engines, whatever is in flight together."""

import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import commonweal as cw
from commonweal._tick import Do, act, begin, look
from commonweal.calibration import calvano, tennant
from commonweal.minds import QLearner, Seen, sessions
from commonweal.minds.q_learning import Exponential, Linear, Steady, Virtue
from commonweal.scenarios import MatrixGame
from commonweal.scenarios.market import Bertrand
from commonweal.scenarios.matrix_game import prisoners_dilemma

TICKS = 300
PRICING = QLearner(0.15, 0.95, Exponential(5e-3), 4.0, channel="price")
MORAL = QLearner(0.1, 0.9, Linear(250.0), reward=Virtue(), start="random", blank="random")


def by_run(scenario, minds, seeds, ticks):
    """Acts [B, T, n] and tables [B, n, S, m] of the same minds in the engine's own ticks."""
    society = cw.Society(scenario, minds).prepare()
    groups = society.groups()

    @eqx.filter_jit
    def worlds(seeds):
        def world(seed):
            def tick(now, _):
                chosen = look(society.scenario, groups, Do(), seed, now)
                after, row = act(society.scenario, groups, seed, chosen.world, chosen.intent)
                return after, row["act"]

            last, acts = jax.lax.scan(tick, begin(society.scenario, groups, seed), length=ticks)
            return acts, look(society.scenario, groups, Do(), seed, last).world.memories

        return jax.vmap(world)(seeds)

    acts, memories = worlds(jnp.asarray(seeds, jnp.uint32))
    tables = [None] * scenario.n_agents
    for group, memory in zip(groups, memories, strict=True):
        for k, seat in enumerate(group.seats):
            tables[seat] = np.asarray(memory.q[:, k])
    return np.asarray(next(iter(acts.values()))), np.stack(tables, axis=1)


def same(one, other):
    for name in ("q", "greedy", "periods", "converged", "acts", "played"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


CASES = {
    "pricing": (Bertrand(horizon=TICKS), [PRICING, PRICING]),
    "unlike": (Bertrand(horizon=TICKS), [PRICING, QLearner(0.3, 0.5, Steady(0.1), 1.0, channel="price")]),
    "moral": (prisoners_dilemma(4.0, 3.0, 2.0, 1.0, horizon=TICKS), [tennant.learner("DE"), MORAL]),
    "three": (MatrixGame(np.arange(24.0).reshape(3, 2, 2, 2) % 7, horizon=TICKS), [QLearner()] * 3),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_sessions_are_runs_bit_for_bit(case):
    scenario, minds = CASES[case]
    seeds = [0, 5, 2**32 - 1]
    acts, q = by_run(scenario, minds, seeds, TICKS)
    found = sessions(scenario, minds, seeds, stable=None, cap=TICKS, tail=100, engine="jax")
    assert np.array_equal(found.q, q)
    assert np.array_equal(found.acts, acts[:, -1])
    assert (found.periods == TICKS).all() and not found.converged.any()
    counted = np.zeros_like(found.played)
    for world, t in np.ndindex(3, TICKS):
        counted[(world, int(t >= TICKS - 100), *acts[world, t])] += 1
    assert np.array_equal(found.played, counted)
    if case == "pricing":
        trace = cw.run(cw.Society(scenario, minds), seeds)
        assert np.array_equal(trace.act["price"], acts)
        other = sessions(scenario, minds, [1, 2, 3], stable=None, cap=TICKS, engine="jax")
        assert not np.array_equal(other.q, q)  # other seeds, other luck: the comparison can fail


QUICK = {"stable": 400, "cap": 6_000, "tail": 100}


@pytest.mark.slow
def test_batches_and_company_change_nothing():
    fast = QLearner(0.15, 0.95, Exponential(2e-3), 4.0, channel="price")
    whole = sessions(Bertrand(), fast, 20, engine="jax", **QUICK)
    same(whole, sessions(Bertrand(), fast, 20, engine="jax", batch=3, **QUICK))
    alone = sessions(Bertrand(), fast, [7], engine="jax", **QUICK)
    assert np.array_equal(alone.q[0], whole.q[7]) and alone.periods[0] == whole.periods[7]
    assert whole.converged.any() and len(set(whole.periods)) > 5


@pytest.mark.slow
def test_convergence_by_hand():
    """Nobody explores or learns, so nothing ever changes: calm from the first tick on."""
    still = QLearner(0.0, 0.9, Steady(0.0))
    found = sessions(prisoners_dilemma(), still, 3, stable=50, cap=1_000, engine="jax")
    assert (found.periods == 50).all() and found.converged.all() and (found.acts == 0).all()


@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=pytest.mark.slow) for c in ("moral", "pricing", "unlike")]
)
def test_the_kernel_gives_the_same_bits(case):
    pytest.importorskip("numba")
    scenario, minds = CASES[case]
    same(*(sessions(scenario, minds, 6, engine=engine, **QUICK) for engine in ("jax", "kernel")))


@pytest.mark.slow
def test_without_numba(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'commonweal\[fast\]'"):
        sessions(Bertrand(), PRICING, 2, engine="kernel")
    assert sessions(Bertrand(), PRICING, 2, cap=10).engine == "jax, for numba is not installed"
    assert "commonweal.minds.q_learning.kernel" not in sys.modules or "numba" in sys.modules


@pytest.mark.slow
def test_faults_are_explained():
    with pytest.raises(ValueError, match="one learner a seat"):
        sessions(Bertrand(), [PRICING], 2)
    with pytest.raises(ValueError, match=r"state of Seen\(\)"):
        sessions(prisoners_dilemma(), QLearner(seen=Seen(rounds=2)), 2)
    with pytest.raises(ValueError, match="more than the last joint act"):
        sessions(cw.under(prisoners_dilemma(), cw.institutions.Audit(0.5, fine=1.0)), QLearner(), 2)
    with pytest.raises(ValueError, match="wanted at least 1 of each"):
        sessions(Bertrand(), PRICING, 0)
    for stable in (0, -5):
        with pytest.raises(ValueError, match=r"stable=(0|-5); wanted 1 tick or more.*stable=None, cap=50"):
            sessions(Bertrand(), PRICING, 2, stable=stable, cap=50)


@pytest.mark.slow
def test_prices_above_competition_only_for_the_patient():
    found = {d: calvano.Setting(0.125, 1e-4, d, worlds=16) for d in (0.0, 0.95)}
    delta = {
        d: calvano.gain(Bertrand(), calvano.cycle_profits(Bertrand(), calvano.learned(s))).mean()
        for d, s in found.items()
    }
    assert delta[0.95] > 0.55 and delta[0.95] - delta[0.0] > 0.1  # standard errors of about 0.03 each


@pytest.mark.slow
def test_the_authors_hundred_runs():
    luck = tennant.Luck(1)
    played = np.array([tennant.authors_run(("S", "S"), luck).sum(axis=0) for _ in range(100)])
    assert tennant.sums(played).everyone.mean() == pytest.approx(45002.95, abs=1e-6)
