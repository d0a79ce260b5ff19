"""Generations: the driver keeps worlds and luck apart, and every process fits what is known exactly."""

import equinox as eqx
import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest

import commonweal as cw
from commonweal._evolve import evolve
from commonweal.institutions import (
    BirthDeath,
    Commitment,
    DeathBirth,
    GroupSelection,
    Imitation,
    PublicLedger,
    Redistribution,
    WrightFisher,
)
from commonweal.measures import cooperation_rate, welfare
from commonweal.minds import Random
from commonweal.minds.strategies import TitForTwoTats, always_cooperate, always_defect
from commonweal.populations import fixation, graph_fixation, moran, on_graph
from commonweal.scenarios import NetworkGame

RING = nx.cycle_graph(6)
GIVE = np.array([[7.0, -1.0], [8.0, 0.0]])  # benefit 8, cost 1
HALF = [always_cooperate()] * 3 + [always_defect()] * 3


def society(*laws, minds=HALF, graph=RING, horizon=1):
    """Givers and keepers on a ring."""
    return cw.Society(cw.under(NetworkGame(graph, GIVE, horizon=horizon), *laws), minds)


# ------------------------------------------------------------------------------------- the driver


BASE = society(DeathBirth(RING, 0.2))


@pytest.fixture(scope="module")
def whole():
    """Every generation of four worlds."""
    return evolve(BASE, 12, 4)


@pytest.mark.slow
def test_the_first_generation_is_the_run_itself(whole):
    played = cw.run(BASE, 4)
    assert np.array_equal(whole.trace.net[:, 0], played.net.sum(axis=1))
    assert np.array_equal(whole.trace.felt, whole.trace.net)
    assert np.array_equal(whole.trace.events["cooperated"][:, 0], played.events["cooperated"].mean(axis=1))
    assert whole.trace.shape == (4, 12, 6)
    assert whole.trace.events["mind:cc"][:, 0].tolist() == [[1, 1, 1, 0, 0, 0]] * 4


@pytest.mark.slow
def test_a_world_is_the_same_alone_seldom_recorded_and_beside_idle_institutions(whole):
    seldom = evolve(BASE, 12, [2], every=4)
    beside = evolve(society(PublicLedger(), DeathBirth(RING, 0.2)), 12, 4)
    trait = whole.trace.events["mind:cc"]
    assert len({tuple(x) for x in trait[:, -1].tolist()}) > 1  # worlds differ
    assert np.array_equal(seldom.trace.events["mind:cc"], trait[2:3, ::4])
    assert np.array_equal(seldom.trace.net, whole.trace.net[2:3, ::4])
    assert np.array_equal(np.asarray(seldom.minds.cc), np.asarray(whole.minds.cc)[2:3])
    assert np.array_equal(beside.trace.events["mind:cc"], trait)


@pytest.mark.slow
def test_selection_is_seen_by_measures_and_the_population_plays_on():
    taking_turns = [always_cooperate(), always_defect()] * 3
    found = evolve(society(WrightFisher(strength=5.0), minds=taking_turns), 6, 8)
    by_generation = found.trace.events["cooperated"].mean(axis=(0, 2))
    assert by_generation[0] == 0.5 and by_generation[-1] == 0.0  # every keeper earns more
    assert np.allclose(cooperation_rate(found.trace), found.trace.events["cooperated"].mean(axis=(1, 2)))
    assert (welfare(found.trace) <= found.trace.card.oracle.best + 1e-3).all()
    assert found.trace.card.oracle.best == 6 * society().scenario.card().oracle.best
    last = found.society(world=3)
    kept = [float(mind.cc) for mind in last.minds]
    assert kept == np.asarray(found.minds.cc)[3].tolist()
    assert cw.run(last, 1).events["cooperated"][0, 0].tolist() == kept


@pytest.mark.slow
def test_a_generation_is_a_whole_episode():
    laws = (Redistribution(share=1.0), Commitment(leaders=(1,)), DeathBirth(RING))
    found = evolve(society(*laws, horizon=2), 2, 2)
    assert found.trace.events["cooperated"][:, 0].tolist() == [[1, 1, 1, 0, 0, 0]] * 2  # by round, not turn
    assert set(found.trace.book) == {"pay", "redistribution"}
    assert np.allclose(found.trace.net, found.trace.net.mean(axis=2, keepdims=True), atol=1e-5)
    assert np.allclose(
        found.trace.book["pay"][:, 0].sum(axis=1), 2 * (3 * 8 - 3)
    )  # b - c for each giver, twice


class Breaks(cw.Institution):
    """Turns a number into two."""

    name: str = cw.text("breaks")
    told: bool = cw.count(False)

    def epoch(self, memory, population, fitness, key):
        return jax.tree.map(lambda x: jnp.stack([x, x], axis=-1), population)


class Talker(cw.Speaker):
    async def ask(self, prompt):
        raise cw.NoAnswer


class Wild(cw.Mind):
    """Acts out of range."""

    def act(self, memory, sight, channels, key):
        return memory, {"act": jnp.int32(7)}


MIXED = [always_cooperate()] * 3 + [Random()] * 3


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: evolve(society(DeathBirth(), minds=MIXED), 2),
            r"Random in seats \[3, 4, 5\]; wanted one kind",
        ),
        (lambda: evolve(society(DeathBirth(), minds=Talker()), 2), r"seats \[0, 1, 2, 3, 4, 5\] and have no"),
        (lambda: evolve(society(PublicLedger()), 2), r"no institution passes .*\['ledger'\]"),
        (
            lambda: evolve(society(DeathBirth()), 10, every=3),
            "generations=10, every=3; wanted both 1 or more",
        ),
        (lambda: evolve(society(Breaks()), 1), "epoch of institution 'breaks' turns the population"),
        (lambda: evolve(society(DeathBirth(nx.cycle_graph(4))), 1), "graph of 4 nodes for 6 agents"),
        (lambda: evolve(society(DeathBirth(), minds=Wild()), 1), "lies outside its channel"),
        (lambda: evolve(society(GroupSelection(groups=4)), 1), r"groups=4 for 6 agents.*groups=2\)"),
        (lambda: BirthDeath(mapping="square"), "mapping='square', expected one of 'exponential'"),
        (
            lambda: evolve(society(DeathBirth(mutation=1.0, mutants=(TitForTwoTats(),))), 1),
            r"mutants \['TitForTwoTats'\] that differ",
        ),
    ],
)
def test_errors_teach(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_only_societies_evolve():
    with pytest.raises(TypeError, match="came with a NetworkGame; wanted a society"):
        evolve(NetworkGame(RING, GIVE), 2)


# -------------------------------------------------------------------------- the processes, each alone


def takeover(law, start, steps, worlds, pay, seed=0):
    """In what share of the worlds type 1 has taken over; `pay` gives fitness from the types."""

    def world(key):
        def generation(types, k):
            return law.epoch((), types, pay(types), k), None

        return jax.lax.scan(generation, jnp.asarray(start, jnp.float32), jax.random.split(key, steps))[0]

    last = jax.jit(jax.vmap(world))(jax.random.split(jax.random.key(seed), worlds))
    assert np.isin(np.asarray(last).mean(axis=1), (0.0, 1.0)).mean() > 0.999
    return float((np.asarray(last).mean(axis=1) == 1.0).mean())


def near(ours, exact, worlds):
    """Within 3 standard errors."""
    return abs(ours - exact) < 3.0 * np.sqrt(exact * (1.0 - exact) / worlds)


def on(graph):
    """Averaged pay from neighbors; type 1 gives."""
    game = NetworkGame(graph, GIVE)
    return lambda types: game.earned((1.0 - types).astype(jnp.int32))


WORLDS = 1500


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["death-birth", "birth-death"])
def test_births_and_deaths_on_a_graph_are_exact(rule):
    kind, start = {"death-birth": DeathBirth, "birth-death": BirthDeath}[rule], [1, 1, 0, 1, 0]
    graph = nx.house_graph()
    exact = graph_fixation(GIVE, graph, 0.3, np.array(start) > 0, rule=rule)
    ours = takeover(kind(graph, 0.3), start, 150, WORLDS, on(graph))
    drift = takeover(kind(graph, 0.0), start, 150, WORLDS, on(graph))
    assert near(ours, exact, WORLDS)
    assert not near(drift, exact, WORLDS)  # the planted fault: no selection


def test_the_moran_process_is_exact():
    exact, everyone = fixation(GIVE, 5, 0.1, start=2), on(nx.complete_graph(5))
    ours = takeover(BirthDeath(None, 0.1, "linear"), [1, 1, 0, 0, 0], 150, WORLDS, everyone)
    drift = takeover(BirthDeath(None, 0.0, "linear"), [1, 1, 0, 0, 0], 150, WORLDS, everyone)
    assert near(ours, exact, WORLDS) and not near(drift, exact, WORLDS)
    assert near(drift, 2 / 5, WORLDS)


def test_constant_fitness_takes_over_as_moran_says():
    twice = BirthDeath(None, 1.0, "linear")
    ours = takeover(twice, [1, 0, 0, 0, 0, 0], 150, WORLDS, lambda types: 1.0 + types)
    assert near(ours, moran(2.0, 6), WORLDS)
    assert not near(ours, 1 / 6, WORLDS)


def test_where_nobody_has_any_fitness_all_neighbors_are_alike():
    law = DeathBirth(RING, 1.0, "linear")
    births = jax.vmap(lambda key: law.births(jnp.full(6, -5.0), key)[0])(
        jax.random.split(jax.random.key(0), 2000)
    )
    gap = (np.asarray(births) - np.arange(6)) % 6
    counts = [int((gap == k).sum()) for k in range(1, 6)]
    assert counts[1:4] == [0, 0, 0] and sum(counts) == 2000
    assert near(counts[0] / 2000, 0.5, 2000)


@pytest.mark.slow
def test_imitation_is_exact():
    """Each change goes up with odds exp(beta d): the chain of a constant fitness."""
    beta, d = 0.7, 1.5
    exact = (1 - np.exp(-beta * d)) / (1 - np.exp(-beta * d * 5))
    ours = takeover(Imitation(beta), [1, 0, 0, 0, 0], 200, WORLDS, lambda types: d * types)
    assert near(ours, exact, WORLDS)
    assert not near(ours, 0.2, WORLDS)


def test_imitation_keeps_to_the_graph_and_may_be_of_all_at_once():
    path = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32)
    law = Imitation(50.0, path, all_at_once=True)
    origin, born = law.births(jnp.array([2.0, 1.0, 0.0]), jax.random.key(1))
    assert origin[0] == 0 and origin[2] == 1  # the best keeps its own, the last knows only the middle
    assert not born[0] and born[2]


def test_a_new_generation_loses_variety_at_rate_one_in_n():
    n, worlds, steps = 8, 2000, 6
    law, start = WrightFisher(strength=0.0), jnp.arange(8) < 4

    def world(key):
        keys = jax.random.split(key, steps)
        return jax.lax.scan(lambda x, k: (law.epoch((), x, jnp.zeros(n), k), None), start, keys)[0]

    last = np.asarray(jax.jit(jax.vmap(world))(jax.random.split(jax.random.key(3), worlds))).mean(axis=1)
    variety = 2 * last * (1 - last)
    se = variety.std() / np.sqrt(worlds)
    assert abs(variety.mean() - 0.5 * (1 - 1 / n) ** steps) < 3 * se
    assert abs(variety.mean() - 0.5 * (1 - 1 / (2 * n)) ** steps) > 3 * se  # as if twice as many


def test_the_best_group_overwrites_the_worst():
    law, key = GroupSelection(groups=3), jax.random.key(0)
    minds, pay = jnp.arange(6.0), jnp.array([1.0, 1.0, 0.0, 1.0, 5.0, 0.0])
    assert law.epoch((), minds, pay, key).tolist() == [0, 1, 4, 5, 4, 5]
    assert law.epoch((), minds, jnp.ones(6), key).tolist() == minds.tolist()  # a draw changes nothing
    assert GroupSelection(3, probability=0.0).epoch((), minds, pay, key).tolist() == minds.tolist()


@pytest.mark.slow
def test_mutants_come_at_their_rate_and_only_among_newborns():
    keepers = (always_defect(),)
    arrays = jax.tree.map(lambda x: jnp.broadcast_to(x, (10,)), always_cooperate())
    population = eqx.filter(arrays, eqx.is_array)
    one = DeathBirth(mutation=1.0, mutants=keepers).epoch((), population, jnp.zeros(10), jax.random.key(0))
    assert (one.cc == 0.0).sum() == 1 and (one.dc == one.cc).all()
    law = WrightFisher(mutation=0.3, mutants=keepers)
    keys = jax.random.split(jax.random.key(1), 500)
    many = jax.jit(jax.vmap(lambda k: law.epoch((), population, jnp.zeros(10), k).cc))(keys)
    share = float((many == 0.0).mean())
    assert abs(share - 0.3) < 3 * np.sqrt(0.3 * 0.7 / 5000)
    assert abs(share - 0.2) > 3 * np.sqrt(0.3 * 0.7 / 5000)


# ----------------------------------------------------------------------------- society and simulation


@pytest.mark.slow
def test_evolving_a_society_agrees_with_direct_simulation_and_the_exact_chain():
    worlds, start = 2000, np.arange(6) < 3
    exact = graph_fixation(GIVE, RING, 0.2, start)
    played = np.asarray(evolve(society(DeathBirth(RING, 0.2)), 400, worlds, every=400).minds.cc).mean(axis=1)
    assert np.isin(played, (0.0, 1.0)).all()
    assert near((played == 1.0).mean(), exact, worlds)
    assert near(on_graph(GIVE, RING, 0.2, start=start, runs=8000).chance, exact, 8000)
    assert not near((played == 1.0).mean(), 0.5, worlds)
