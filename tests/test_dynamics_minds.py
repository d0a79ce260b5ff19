"""Flows of mixed strategies against closed forms; minds that learn while they play, by hand and at rest."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import commonweal as cw
from commonweal import minds
from commonweal.institutions import Audit, Redistribution
from commonweal.minds import FictitiousPlay, QuantalResponse, SmoothQ, best_response
from commonweal.minds.dynamics import (
    logit_flow,
    misfit,
    payoff_table,
    quantal_response,
    returns,
    smooth_flow,
)
from commonweal.scenarios import Commons
from commonweal.scenarios.matrix_game import (
    MatrixGame,
    chicken,
    coordination,
    matching_pennies,
    prisoners_dilemma,
    volunteers_dilemma,
)
from commonweal.testing import faults

ROW = np.array([[2.0, -1.0], [-1.0, 1.0]])
DUEL = np.stack([ROW, -ROW])
START = np.array([[0.9, 0.1], [0.2, 0.8]])


def divergence(target, x):
    return float((target * np.log(target / x)).sum())


def test_returns_are_expected_payoffs():
    x = np.array([[0.5, 0.5], [0.25, 0.75]])
    assert returns(DUEL, x)[0] == pytest.approx([2 * 0.25 - 0.75, -0.25 + 0.75])
    assert returns(DUEL, x)[1] == pytest.approx([-0.5, 0.0])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([(2, 4), (3, 2), (3, 3), (4, 2)]))
def test_returns_agree_with_a_sum_over_all_joint_acts(seed, size):
    n, m = size
    draws = np.random.default_rng(seed)
    payoffs, x = draws.normal(size=(n,) + (m,) * n), draws.dirichlet(np.ones(m), size=n)
    found = returns(payoffs, x)
    for i in range(n):
        for a in range(m):
            worth = 0.0
            for joint in np.ndindex((m,) * n):
                odds = np.prod([x[j, b] for j, b in enumerate(joint) if j != i])
                worth += (joint[i] == a) * odds * payoffs[(i, *joint)]
            assert found[i, a] == pytest.approx(worth, abs=1e-9)


def test_the_replicator_grows_as_the_logistic_curve():
    dominant = np.array([[[2.0, 2.0], [1.0, 1.0]]] * 2)
    dominant[1] = dominant[0].T
    times = np.array([0.0, 0.5, 3.0])
    x = smooth_flow(dominant, np.full((2, 2), [0.1, 0.9]), times, temperature=0.0)
    wanted = 1.0 / (1.0 + 9.0 * np.exp(-times))  # the odds grow by e for each unit of time
    assert x[:, 0, 0] == pytest.approx(wanted, abs=1e-8)
    assert x.sum(axis=2) == pytest.approx(np.ones((3, 2)))


def test_without_noise_the_divergence_from_the_equilibrium_stays_and_with_noise_it_falls():
    nash, times = np.full((2, 2), [0.4, 0.6]), np.linspace(0.0, 30.0, 7)
    free = [divergence(nash, x) for x in smooth_flow(DUEL, START, times, 0.0)]
    assert free == pytest.approx([free[0]] * 7, abs=1e-7)
    rest = quantal_response(DUEL, 0.3)
    noisy = [divergence(rest, x) for x in smooth_flow(DUEL, START, times, 0.3)]
    assert np.all(np.diff(noisy) < 0.0) and noisy[-1] < 1e-6
    assert np.ptp([divergence(nash, x) for x in smooth_flow(DUEL, START, times, 0.01)]) > 1e-2  # the fault


def test_both_flows_rest_where_the_misfit_is_zero():
    ends = [flow(DUEL, START, 80.0, 0.7)[-1] for flow in (smooth_flow, logit_flow)]
    assert ends[0] == pytest.approx(ends[1], abs=1e-8)
    assert np.abs(misfit(DUEL, ends[0], 0.7)).max() < 1e-8
    assert ends[0] == pytest.approx(quantal_response(DUEL, 0.7), abs=1e-8)
    assert np.abs(misfit(DUEL, ends[0], 0.8)).max() > 1e-3  # the planted fault: another temperature


def test_quantal_response_by_hand_at_the_extremes():
    payoffs = np.asarray(prisoners_dilemma().payoffs)
    assert quantal_response(payoffs, 1e4) == pytest.approx(np.full((2, 2), 0.5), abs=1e-3)
    assert quantal_response(payoffs, 0.1)[:, 1] == pytest.approx([1.0, 1.0], abs=1e-4)
    same = np.asarray(coordination().payoffs)
    assert quantal_response(same, 0.2, np.full((2, 2), [0.9, 0.1]))[0, 0] > 0.9  # two of them
    assert quantal_response(same, 0.2, np.full((2, 2), [0.1, 0.9]))[0, 0] < 0.1
    with pytest.raises(
        ValueError, match=r"temperature=0; wanted more than 0: quantal_response\(payoffs, 0.5\)"
    ):
        quantal_response(payoffs, 0)


@pytest.mark.slow
def test_a_flow_that_does_not_settle_is_said():
    unstable = np.zeros((2, 3, 3))  # Shapley 1964: learners go around and around
    unstable[0], unstable[1] = np.eye(3), np.roll(np.eye(3), 1, axis=1)
    start = np.array([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3]])
    with pytest.raises(ValueError, match="has not settled .* raise the temperature, or look at smooth_flow"):
        quantal_response(unstable, 0.02, start)


@pytest.mark.slow
def test_the_payoff_table_is_the_games_and_counts_institutions():
    game = volunteers_dilemma(n_agents=3)
    assert payoff_table(cw.under(game), "act", "it") == pytest.approx(np.asarray(game.payoffs))
    shared = payoff_table(cw.under(game, Redistribution(1.0)), "act", "it")
    assert shared == pytest.approx(np.broadcast_to(np.asarray(game.payoffs).mean(axis=0), shared.shape))
    with pytest.raises(ValueError, match=r"under \['audit'\] depend on luck.*FictitiousPlay wants a pay"):
        cw.Society(cw.under(game, Audit(0.5, 1.0)), FictitiousPlay()).prepare()


@pytest.mark.slow
@pytest.mark.parametrize(
    "mind", [SmoothQ(), FictitiousPlay(), QuantalResponse()], ids=lambda m: type(m).__name__
)
def test_the_laws_of_minds_hold(mind):
    assert faults(mind, chicken(horizon=3)) == []


@pytest.mark.parametrize(
    "mind", [SmoothQ(), FictitiousPlay(), QuantalResponse()], ids=lambda m: type(m).__name__
)
def test_where_there_are_no_options_minds_say_so(mind):
    with pytest.raises(
        ValueError, match=rf"{type(mind).__name__} came into Commons.*wanted options on 'act'"
    ):
        cw.Society(Commons(), mind).prepare()


def test_smooth_q_by_hand():
    mind = SmoothQ(0.5, 0.2, values=[1.0, 0.0])
    odds = np.exp([2.0, 0.0]) / np.exp([2.0, 0.0]).sum()
    sight = cw.Sight({"own": jnp.int32(1), "started": jnp.float32(1.0), "felt": jnp.float32(3.0)})
    values, acts = mind.act(mind.init(0, None), sight, {}, None)
    assert values == pytest.approx([1.0, 3.0])  # 0.2 / 0.119 is more than 1: the whole way
    assert acts["act"].p == pytest.approx(np.exp([2.0, 6.0]) / np.exp([2.0, 6.0]).sum())
    values, _ = SmoothQ(0.5, 0.1, values=[1.0, 0.0]).act(mind.init(0, None), sight, {}, None)
    assert values == pytest.approx([1.0, 0.1 / odds[1] * 3.0])
    values, _ = SmoothQ(0.5, 0.1, False, values=[1.0, 0.0]).act(mind.init(0, None), sight, {}, None)
    assert values == pytest.approx([1.0, 0.3])
    fresh, _ = mind.act(mind.init(0, None), sight.tell(started=jnp.float32(0.0)), {}, None)
    assert fresh == pytest.approx([1.0, 0.0])


@pytest.mark.slow
def test_smooth_q_learns_what_it_feels_not_what_it_is_paid():
    game, mind = prisoners_dilemma(horizon=800), SmoothQ(0.3, 0.05, False, values=[6.0, 6.0])
    plain, kind = (cw.Society(game, mind, cw.Profile(svo=angle)) for angle in (0.0, 45.0))
    assert cw.run(plain, 4).odds["act"][:, 400:, :, 0].mean() < 0.2
    assert cw.run(kind, 4).odds["act"][:, 400:, :, 0].mean() > 0.8


@pytest.mark.slow
def test_learners_of_two_temperatures_are_told_apart():
    game = MatrixGame(DUEL, ("first", "second"), 6000)
    odds = cw.run(cw.Society(game, [SmoothQ(0.5, 0.005), SmoothQ(2.0, 0.005)]), 8).odds["act"][:, 3000:]
    rest = quantal_response(DUEL, [0.5, 2.0])
    assert odds.mean(axis=(0, 1)) == pytest.approx(rest, abs=0.03)
    assert np.abs(rest - quantal_response(DUEL, [2.0, 0.5])).max() > 0.06  # swapped, it would be seen


@pytest.mark.slow
def test_best_response_answers_the_last_act():
    trace = cw.run(cw.Society(matching_pennies(horizon=9), [best_response(), minds.alternator()]), 1)
    mine, other = trace.act["act"][0].T
    assert np.array_equal(mine[1:], other[:-1])  # the first player wants a match
    three = [best_response(), minds.Constant(act=0), minds.Constant(act=1)]
    volunteer = cw.run(cw.Society(volunteers_dilemma(horizon=4), three), 1).act["act"][0, 1:, 0]
    assert np.array_equal(volunteer, [1, 1, 1])  # somebody else does it


@pytest.mark.slow
def test_fictitious_play_counts():
    payoffs = [[[1.0, 0.0], [0.0, 0.6]], [[0.0, 0.0], [0.0, 0.0]]]  # match the other; 1 against 0.6
    game = MatrixGame(payoffs, horizon=12)
    other = minds.Planned({"act": np.array([[0, a] for a in [0] * 2 + [1] * 10])})
    acts = cw.run(cw.Society(game, [FictitiousPlay(), other]), 1).act["act"][0, :, 0]
    zeros, ones = np.array([1] + [2, 3] + [3] * 9), np.array([1] + [1, 1] + list(range(2, 11)))
    worth = zeros - 0.6 * ones  # what has been seen before each round, one of each to begin with
    assert np.array_equal(acts[np.abs(worth) > 1e-6], (worth < 0)[np.abs(worth) > 1e-6].astype(int))
    forgetful = cw.run(cw.Society(game, [FictitiousPlay(keep=0.5), other]), 1).act["act"][0, :, 0]
    assert forgetful.sum() > acts.sum()  # it turns sooner


@pytest.mark.slow
def test_fictitious_play_finds_the_mixture_of_rock_paper_scissors():
    beats = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])
    game = MatrixGame(np.stack([beats, -beats]), ("rock", "paper", "scissors"), 2000)
    acts = cw.run(cw.Society(game, FictitiousPlay()), 2).act["act"]
    assert np.bincount(acts.ravel(), minlength=3) / acts.size == pytest.approx([1 / 3] * 3, abs=0.03)
    stuck = cw.run(cw.Society(game, [FictitiousPlay(), minds.Constant(act=0)]), 2).act["act"][:, 10:, 0]
    assert (stuck == 1).all()  # the planted fault: the other does not learn


@pytest.mark.slow
def test_quantal_response_plays_its_part_also_under_institutions():
    game = prisoners_dilemma(horizon=3)
    trace = cw.run(cw.Society(cw.under(game, Redistribution(1.0)), QuantalResponse(0.5)), 2)
    half = np.array([[[3.0, 2.5], [2.5, 1.0]]] * 2)
    assert trace.odds["act"][0, 0] == pytest.approx(quantal_response(half, 0.5), abs=1e-6)
    assert trace.odds["act"][0, 0, 0, 0] > 0.7
    free = cw.run(cw.Society(game, QuantalResponse(0.5)), 2)
    assert free.odds["act"][0, 0, 0, 0] < 0.1
