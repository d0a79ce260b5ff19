"""A game on a graph: pay worked by hand, both ways of pooling, the card, the words."""

from itertools import product

import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest

import commonweal as cw
from commonweal.minds import Random
from commonweal.minds.strategies import always_cooperate, always_defect, tit_for_tat
from commonweal.scenarios import NetworkGame
from commonweal.scenarios.matrix_game import donation_game
from commonweal.testing import faults

GIVE = [[2.0, -1.0], [3.0, 0.0]]  # benefit 3, cost 1
PATH = nx.path_graph(3)


def test_pay_is_worked_by_hand():
    act = jnp.array([0, 0, 1])  # on a path the middle one meets both
    assert NetworkGame(PATH, GIVE).earned(act).tolist() == [2.0, 0.5, 3.0]
    assert NetworkGame(PATH, GIVE, pooled="accumulated").earned(act).tolist() == [2.0, 1.0, 3.0]


def test_weights_count():
    path = nx.Graph()
    path.add_weighted_edges_from([(0, 1, 3.0), (1, 2, 1.0)])
    assert NetworkGame(path, GIVE).earned(jnp.array([0, 0, 1])).tolist() == [2.0, 1.25, 3.0]


@pytest.mark.slow
def test_two_neighbors_play_the_matrix_game():
    pair = cw.Society(NetworkGame(nx.complete_graph(2), GIVE, horizon=6), Random())
    other = cw.Society(donation_game(horizon=6), Random())
    assert np.array_equal(cw.run(pair, 4).net, cw.run(other, 4).net)


def test_reciprocity_reads_the_neighbors():
    game = NetworkGame(nx.cycle_graph(4), GIVE, horizon=3)
    minds = [always_defect(), tit_for_tat(), always_cooperate(), tit_for_tat()]
    trace = cw.run(cw.Society(game, minds), 200)
    did = trace.events["cooperated"].mean(axis=0)
    assert did[0].tolist() == [0.0, 1.0, 1.0, 1.0]
    assert did[1][[0, 2]].tolist() == [0.0, 1.0]
    assert 0.35 < did[1][1] < 0.65  # one neighbor of two gave


def enumerated(game):
    """The largest and the lowest Nash total over all joint acts."""
    n, pay = game.n_agents, np.asarray(game.payoffs)
    acts = np.array(list(product(range(len(pay)), repeat=n)))
    return max(float(game.earned(jnp.asarray(a)).sum()) for a in acts)


@pytest.mark.parametrize("pooled", ["averaged", "accumulated"])
@pytest.mark.parametrize("payoffs", [GIVE, [[1.0, 0.0], [0.0, 1.0]], [[3.0, 0.0], [5.0, 1.0]]])
def test_the_card_bounds_the_total(payoffs, pooled):
    game = NetworkGame(nx.star_graph(3), payoffs, pooled=pooled)
    oracle = game.card().oracle
    assert isinstance(oracle, cw.Oracle)
    best = enumerated(game)
    assert oracle.best >= best - 1e-4
    assert oracle.certificate == "bound" or np.isclose(oracle.best, best)
    low, high = game.card().stakeholders[0].low, game.card().stakeholders[0].high
    games = 3.0 if pooled == "accumulated" else 1.0
    assert (low, high) == (games * np.min(payoffs), games * np.max(payoffs))


def test_a_total_that_no_one_can_change_has_no_oracle():
    assert isinstance(NetworkGame(PATH, [[1.0, 1.0], [1.0, 1.0]]).card().oracle, cw.Unknown)


def test_an_unreached_bound_is_called_a_bound():
    triangle = NetworkGame(nx.complete_graph(3), [[0.0, 1.0], [1.0, 0.0]])  # all three cannot differ
    assert triangle.card().oracle.certificate == "bound"


@pytest.mark.slow
@pytest.mark.parametrize("pooled", ["averaged", "accumulated"])
def test_it_obeys_the_laws(pooled):
    assert faults(NetworkGame(nx.cycle_graph(4), GIVE, horizon=3, pooled=pooled)) == []


def test_it_speaks():
    game = NetworkGame(PATH, GIVE)
    assert "players 0, 2" in game.brief(1) and "- cooperate, defect: -1" in game.brief(1)
    weighted = NetworkGame(np.array([[0.0, 2.0], [2.0, 0.0]]), GIVE)
    assert "players 1 (times 2)" in weighted.brief(0)
    state, _ = game.step(game.init(None), {"act": jnp.array([0, 0, 1])}, None)
    rows = {name: x[1] for name, x in game.observe(state).facts.items()}
    assert game.tell(cw.Sight(rows)) == (
        "Last round you played cooperate for 0.5 points; your neighbors' cooperativeness was 50% on average."
    )


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: NetworkGame(PATH, [[1.0, 2.0]]), r"payoffs of shape \(1, 2\)"),
        (lambda: NetworkGame(None, GIVE), "wanted a graph"),
        (lambda: NetworkGame(PATH, GIVE, pooled="added"), "pooled='added', expected one of 'averaged'"),
        (lambda: NetworkGame(nx.empty_graph(3), GIVE), r"next to nobody: \[0, 1, 2\]"),
        (lambda: NetworkGame(-np.ones((2, 2)), GIVE), "weights down to -1"),
        (lambda: NetworkGame(np.ones(3), GIVE), r"a graph came in shape \(3,\)"),
    ],
)
def test_errors_teach(make, said):
    with pytest.raises(ValueError, match=said):
        make()
