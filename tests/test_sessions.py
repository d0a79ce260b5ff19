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
from commonweal.minds.q_learning import Exponential, Felt, Linear, Sessions, Steady, Virtue
from commonweal.minds.q_learning.sessions import in_flight
from commonweal.minds.q_learning.table import refuse_large, tabulate
from commonweal.scenarios import MatrixGame
from commonweal.scenarios.market import Bertrand
from commonweal.scenarios.matrix_game import prisoners_dilemma
from commonweal.studies import collusion

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


NONSENSE = {
    "seeds": (0, -1, 2.5, True, "3", [1, 1], [-1, 2], [1.5]),
    "stable": (0, -5, 2.5, True, float("nan"), "x"),
    "cap": (0, 2.5, True, float("nan"), 2**40, "x"),
    "tail": (-1, 2.5, float("nan"), "x"),
    "batch": (-1, 2.5, "x"),
    "engine": ("zzz", 1),
}


@pytest.mark.parametrize(("name", "value"), [(name, x) for name, some in NONSENSE.items() for x in some])
def test_no_nonsense_is_played(name, value):
    """An engine that does not exist played in JAX before, and 2.5 ticks were two."""
    given = {"seeds": 2, "stable": 5, "cap": 50} | {name: value}
    with pytest.raises(
        (TypeError, ValueError), match=rf"^sessions: got {name}=.*expected .*; try sessions\("
    ):
        sessions(prisoners_dilemma(), QLearner(), **given)


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


class Grudge(Felt):
    """What was felt, less one if somebody else was dear the round before: reads the state before."""

    def feel(self, sight, before):
        return sight["felt"] - jnp.where((before[1:] > 1).any(), 1.0, 0.0)


@pytest.mark.slow
def test_rewards_hold_one_row_for_all_states_that_they_do_not_read():
    """Four firms of three prices: 81 states, and 81 numbers an agent, not 81 x 81."""
    market, one = (
        Bertrand(n_agents=4, prices=3),
        QLearner(0.15, 0.95, Exponential(1e-2), 4.0, channel="price"),
    )
    plain = tabulate(market, one)
    assert plain.rewards.shape == (4, 1, 81) and plain.values.shape == (4, 81, 3)
    back = tabulate(market, [one, QLearner(reward=Grudge(), channel="price"), one, one])
    assert back.rewards.shape == (4, 81, 81)
    np.testing.assert_array_equal(back.rewards[0], np.broadcast_to(plain.rewards[0], (81, 81)))
    assert len(np.unique(np.asarray(back.rewards[1]), axis=0)) == 2, "after dear others, and after cheap ones"


def test_what_would_not_fit_is_refused_before_it_is_made():
    """Four firms of fifteen prices have 50,625 states: tables of 12 MB, and 38 GB if rewards look back."""
    refuse_large(4, 15, False)
    with pytest.raises(ValueError, match=r"50,625 states, and a reward that reads .*: 38.2 GB .*reward=Felt"):
        refuse_large(4, 15, True)
    with pytest.raises(ValueError, match=r"11,390,625 states: 4.1 GB for one session; .*fewer acts, say 12"):
        refuse_large(6, 15, False)
    refuse_large(6, 13, False)


@pytest.mark.slow
def test_large_tables_are_played_a_few_at_a_time(monkeypatch):
    """Which changes nothing: what is in flight together never does."""
    market, most = Bertrand(n_agents=4, prices=3), {"stable": 200, "cap": 2_000, "engine": "jax"}
    mind = QLearner(0.15, 0.95, Exponential(1e-2), 4.0, channel="price")
    whole = sessions(market, mind, 20, **most)
    size = tabulate(market, mind).values.nbytes
    assert in_flight(size) == 2**21 // size and in_flight(2**19) == 16 and in_flight(2**31) == 1
    assert in_flight(4 * 50_625 * 15 * 4) == 8, "four firms of fifteen prices: 97 MB in flight"
    monkeypatch.setattr(sys.modules[in_flight.__module__], "MEMORY", 3 * size)
    assert in_flight(size) == 3
    same(whole, sessions(market, mind, 20, **most))


@pytest.mark.slow
def test_a_cap_that_was_reached_is_said():
    mind = QLearner(0.15, 0.95, Exponential(2e-3), 4.0, channel="price")
    found = sessions(Bertrand(), mind, 20, engine="jax", **QUICK | {"cap": 1_500})
    cut = int((~found.converged).sum())
    assert 0 < cut < 20 and (found.periods[~found.converged] == 1_500).all()
    said = f"{cut} of 20 sessions reached the cap of 1,500 ticks before they converged; wanted more"
    assert found.reason.startswith(said) and "cap=15000" in found.reason and said in str(found)
    still = sessions(
        prisoners_dilemma(), QLearner(0.0, 0.9, Steady(0.0)), 3, stable=50, cap=1_000, engine="jax"
    )
    assert still.reason == "" and "\n" not in str(still)
    free = sessions(prisoners_dilemma(), QLearner(), 2, stable=None, cap=100, engine="jax")
    assert free.reason == "", "nobody asked for convergence"


@pytest.mark.slow
def test_four_firms_of_fifteen_prices_play():
    """A few sessions, far from converged: it runs, in little memory, and says that the cap was reached."""
    told = collusion.crowd(calvano.Setting(worlds=3, firms=4, cap=2**15))
    assert told.startswith("4 firms: Delta 0.") and "3 of 3 sessions reached the cap of 32,768 ticks" in told


@pytest.mark.slow
def test_profits_on_the_cycle_of_three_firms_by_hand():
    """Firm 0 plays what firm 1 did, 1 what 2 did, 2 what 0 did: prices go round in three ticks."""
    market = Bertrand(n_agents=3, prices=4)
    states = np.indices((4, 4, 4)).reshape(3, -1)  # own, next, next but one, of each firm
    greedy = np.broadcast_to(states[1], (1, 3, 64))
    none = np.zeros(1, int)
    found = Sessions(np.zeros((1, 3, 64, 4)), greedy, none, none == 0, np.array([[0, 1, 3]]), None, "by hand")
    pay = calvano.pay_table(market)
    wanted = (pay[:, 0, 1, 3] + pay[:, 1, 3, 0] + pay[:, 3, 0, 1]) / 3
    np.testing.assert_allclose(calvano.cycle_profits(market, found)[0], wanted)
