"""Gradient rules by hand, exact values against sums, and a mind that learns by them in a society."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

import commonweal as cw
from commonweal import minds
from commonweal.institutions import Audit, Commitment, Contract, Redistribution
from commonweal.minds import GradientPlay
from commonweal.minds.differentiable import (
    Altruistic,
    Collective,
    Consensus,
    Lola,
    Naive,
    Repeated,
    Symplectic,
    descend,
    own_gradients,
    values,
    visits,
)
from commonweal.minds.differentiable.play import stage
from commonweal.scenarios import PublicGoods
from commonweal.scenarios.matrix_game import matching_pennies, prisoners_dilemma, travelers_dilemma

POINT = jnp.array([[0.5], [-2.0]])


def pennies(params):
    """l1 = x y, l2 = -x y: xi = (y, -x), its Jacobian [[0, 1], [-1, 0]]."""
    x, y = params[:, 0]
    return jnp.stack([x * y, -x * y])


def bowl(params):
    """l1 = x^2 + y, l2 = y^2: xi = (2 x, 2 y), xi_c = (2 x, 1 + 2 y), H_c = 2."""
    x, y = params[:, 0]
    return jnp.stack([x * x + y, y * y])


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        (Naive(), (-2.0, -0.5)),  # y, -x
        (Collective(), (0.0, 0.0)),
        (Lola(0.0), (-2.0, -0.5)),
        (Lola(0.3), (-2.0 + 0.3, -0.5 - 1.2)),  # y + 2 eta x, -x + 2 eta y
        (Consensus(0.5), (-2.0 + 0.25, -0.5 - 1.0)),  # xi + weight (x, y)
        (Symplectic(0.5), (-2.0 + 0.25, -0.5 - 1.0)),  # all of this game goes in circles
    ],
)
def test_rules_in_a_zero_sum_game(rule, wanted):
    assert rule.direction(pennies, POINT)[:, 0] == pytest.approx(wanted, abs=1e-6)


def test_there_are_no_circles_in_a_bowl():
    assert Symplectic().direction(bowl, POINT)[:, 0] == pytest.approx((1.0, -4.0))
    assert Consensus().direction(bowl, POINT)[:, 0] == pytest.approx((1.0 + 2.0, -4.0 - 8.0))


@pytest.mark.parametrize(
    ("x", "y", "aligned", "fixed"),
    [
        (1.0, 1.0, (2 + 2 + 4, 3 + 2 + 6), (8.0, 11.0)),  # <xi_c, g> and <xi, g> + |g|^2 are positive
        (0.0, -0.4, (0.0, 0.2 - (-0.8 + 0.4)), (0.0, 0.2 + (-0.8 + 0.4))),  # the second is negative
    ],
)
def test_the_sign_that_altruism_chooses(x, y, aligned, fixed):
    point = jnp.array([[x], [y]])
    assert Altruistic().direction(bowl, point)[:, 0] == pytest.approx(aligned, abs=1e-6)
    assert Altruistic(align=False).direction(bowl, point)[:, 0] == pytest.approx(fixed, abs=1e-6)


def test_the_sign_that_symplectic_adjustment_chooses():
    def saddle(params):
        x, y = params[:, 0]
        return jnp.stack([x * y - x * x, -x * y - y * y])  # both repelled, and in circles

    point = jnp.array([[3.0], [1.0]])
    xi = own_gradients(saddle, point)[:, 0]  # (y - 2 x, -x - 2 y)
    assert xi == pytest.approx((-5.0, -5.0))
    turn = np.array([-xi[1], xi[0]])  # A^T xi with A = [[0, 1], [-1, 0]]
    assert Symplectic().direction(saddle, point)[:, 0] == pytest.approx(xi + turn)
    assert Symplectic(align=True).direction(saddle, point)[:, 0] == pytest.approx(xi - turn)


@pytest.mark.slow
def test_foresight_agrees_with_finite_differences():
    game, at = Repeated(prisoners_dilemma().payoffs), jax.random.normal(jax.random.key(1), (2, 5))
    looked = jax.jit(lambda x: Lola(0.2).direction(game.losses, x))(at)

    @jax.jit
    def foreseen(first):
        both = at.at[0].set(first)
        step = own_gradients(game.losses, both)[1]
        return game.losses(both.at[1].add(-0.2 * step))[0]

    size = 1e-2
    for k, unit in enumerate(np.eye(5, dtype=np.float32) * np.float32(size)):
        slope = (foreseen(at[0] + unit) - foreseen(at[0] - unit)) / (2 * size)
        assert float(looked[0, k]) == pytest.approx(float(slope), abs=0.02)


def test_each_player_moves_by_its_own_rule_and_rate():
    rates = jnp.array([0.1, 0.0])
    end, losses = descend([Naive(), Collective()], bowl, POINT, rates, 50)
    assert end[:, 0] == pytest.approx((0.5 * 0.8**50, -2.0), abs=1e-6)
    assert losses.shape == (50, 2) and losses[0] == pytest.approx((0.25 - 2.0, 4.0))
    end, _ = descend([Naive(), Collective()], bowl, POINT, jnp.array([0.0, 0.1]), 200)
    assert end[:, 0] == pytest.approx((0.5, -0.5), abs=1e-5)  # the second also minds the first's y


def by_hand(one, other, payoffs, discount, rounds=400):
    """The discounted mean pay, summed round by round."""
    cells = np.array([one[0] * other[0], one[0] * (1 - other[0]), (1 - one[0]) * other[0], 0.0])
    cells[3] = 1.0 - cells.sum()
    p, q = one[1:], other[1:][[0, 2, 1, 3]]
    step = np.stack([p * q, p * (1 - q), (1 - p) * q, (1 - p) * (1 - q)], axis=1)
    total = np.zeros(2)
    for t in range(rounds):
        total += (1 - discount) * discount**t * (payoffs.reshape(2, 4) @ cells)
        cells = cells @ step
    return total


def test_exact_values_are_sums_over_rounds():
    payoffs = np.array([[[3.0, 0.0], [5.0, 1.0]], [[2.0, 7.0], [1.0, 0.5]]])
    draws = np.random.default_rng(0)
    for _ in range(5):
        pair = draws.uniform(size=(2, 5))
        exact = values(*map(jnp.float32, (pair, payoffs, 0.9)))
        assert exact == pytest.approx(by_hand(*pair, payoffs, 0.9), abs=1e-4)
        swapped = values(*map(jnp.float32, (pair[::-1], np.swapaxes(payoffs[::-1], 1, 2), 0.9)))
        assert swapped[::-1] == pytest.approx(np.asarray(exact), abs=1e-5)


def test_with_a_discount_near_one_the_visits_are_those_of_the_long_run():
    one, other = minds.generous_tit_for_tat(), minds.MemoryOne(0.5, 0.9, 0.2, 0.6, 0.3)
    table = [jnp.stack([m.start, m.cc, m.cd, m.dc, m.dd]) for m in (one, other)]
    found = visits(*table, jnp.float32(0.9999))
    assert found == pytest.approx(minds.long_run(one, other), abs=2e-3)
    assert float(found.sum()) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.slow
def test_lapses_and_held_policies_enter_the_values():
    game = Repeated(prisoners_dilemma().payoffs, 0.5, [0.0, 0.2], [[np.nan] * 5, [1, 1, 0, 1, 0]])
    policies = game.policies(jnp.zeros((2, 5)))
    assert policies[0] == pytest.approx([0.5] * 5)
    assert policies[1] == pytest.approx([0.9, 0.9, 0.1, 0.9, 0.1])
    assert own_gradients(game.losses, jnp.zeros((2, 5)))[1] == pytest.approx(np.zeros(5))


def learn(society):
    """The tables that the learning seats play."""
    return [np.asarray(mind.odds) for mind in society.prepare().minds if hasattr(mind, "odds")]


@functools.cache
def dilemma(horizon=40):
    return prisoners_dilemma(0.0, -1.0, -2.0, -3.0, horizon)


def naive(rate=0.1, **more):
    return GradientPlay(Naive(), rate, **more)


@pytest.mark.slow
def test_a_learner_and_a_script_sit_in_one_run():
    reciprocal = cw.run(cw.Society(dilemma(), [naive(), minds.tit_for_tat()]), 8)
    exploited = cw.run(cw.Society(dilemma(), [minds.always_cooperate(), naive()]), 8)
    assert reciprocal.net.mean(axis=(0, 1)) == pytest.approx([-1.0, -1.0], abs=0.1)
    assert exploited.net.mean(axis=(0, 1)) == pytest.approx([-3.0, 0.0], abs=0.1)
    again = cw.replay(exploited)
    assert all(np.array_equal(again.act[name], exploited.act[name]) for name in again.act)
    society = cw.Society(dilemma(), [minds.always_cooperate(), naive()])
    driven = cw.run(society, 8, engine="async")
    assert np.array_equal(driven.act["act"], exploited.act["act"])


@pytest.mark.slow
def test_foresight_cooperates_where_its_absence_defects():
    def pay(look_ahead):
        pair = [GradientPlay(Lola(look_ahead), 0.5, seed=seed) for seed in (0, 1)]
        return cw.run(cw.Society(dilemma(), pair), 8).net.mean()

    assert pay(3.0) > -1.2
    assert pay(0.0) < -1.8  # the planted fault: nobody foresees anything


@pytest.mark.slow
def test_two_rules_can_meet():
    mixed = cw.Society(dilemma(), [GradientPlay(Lola(3.0), 0.5), naive(0.5, seed=1)])
    assert [table.shape for table in learn(mixed)] == [(5,), (5,)]


@pytest.mark.slow
def test_what_it_wants_is_the_utility_of_the_net_pay():
    game, both = prisoners_dilemma(horizon=20), minds.always_cooperate()
    alone = learn(cw.Society(game, [naive(), both]))[0]
    kind = learn(cw.Society(game, [naive(), both], [cw.Profile(guilt=1.0), None]))[0]
    taxed = learn(cw.Society(cw.under(game, Redistribution(1.0)), [naive(), both]))[0]
    assert alone[0] < 0.1  # 5 against 3
    assert kind[0] > 0.9  # 5 - 5 guilt against 3
    assert taxed[0] > 0.9  # 2.5 against 3


def test_pays_are_read_under_the_institutions():
    pays, channel = stage(cw.under(prisoners_dilemma(), Redistribution(0.5)))
    assert channel == "act"
    assert pays[0] == pytest.approx(np.array([[3.0, 1.25], [3.75, 1.0]]))
    assert pays[1] == pytest.approx(np.array([[3.0, 3.75], [1.25, 1.0]]))


def test_its_seed_is_its_start_and_the_folder_holds_the_curve(tmp_path):
    def train(seed, folder=None):
        return cw.Society(dilemma(), [naive(seed=seed), minds.tit_for_tat()]).prepare(folder)

    one, same, other = train(3, tmp_path / "x").minds[0], train(3).minds[0], train(4).minds[0]
    assert np.array_equal(one.odds, same.odds) and not np.allclose(one.odds, other.odds, atol=1e-3)
    curve = pl.read_parquet(tmp_path / "x" / "gradient_play.parquet")
    assert curve.columns == ["step", "value:0"] and curve.height == 400
    assert curve["value:0"][-1] > curve["value:0"][0]


@pytest.mark.parametrize(
    ("society", "said"),
    [
        (cw.Society(travelers_dilemma(), naive()), "two acts: prisoners_dilemma"),
        (cw.Society(PublicGoods(n_agents=2, binary=True), naive()), "wanted a matrix game of two players"),
        (cw.Society(cw.under(dilemma(), Contract(theta=1.0, quorum=1)), naive()), "without acts or orders"),
        (cw.Society(cw.under(dilemma(), Commitment((1,))), naive()), r"moves \(\(1,\), \(0,\)\)"),
        (cw.Society(cw.under(dilemma(), Audit(0.5, 1.0)), naive()), r"\['audit'\] depend on luck"),
        (cw.Society(dilemma(), [naive(), naive(discount=0.9)]), "discount 0.96 and 0.9; wanted the same"),
        (cw.Society(dilemma(), [naive(), naive(steps=3)]), r"GradientPlay\(steps=400, discount=0.96\)"),
    ],
)
def test_games_that_have_no_fixed_payoffs_are_refused(society, said):
    with pytest.raises(ValueError, match=said):
        society.prepare()


def test_opponents_that_cannot_be_read_are_refused():
    with pytest.raises(TypeError, match=r"TitForTwoTats, whose policy it cannot read.*tit_for_tat\(\)"):
        cw.Society(dilemma(), [naive(), minds.TitForTwoTats()]).prepare()
    with pytest.raises(TypeError, match="acts only once it is trained in a society"):
        naive().act((), None, {}, jax.random.key(0))


class Pupil(cw.Mind):
    """Another mind that learns."""

    learns = True

    def act(self, memory, sight, channels, key):
        return memory, {}


def test_it_learns_only_with_its_like():
    with pytest.raises(TypeError, match="cannot learn together with Pupil; wanted GradientPlay in both"):
        cw.Society(dilemma(), [naive(), Pupil()]).prepare()


@pytest.mark.slow
def test_foresight_settles_in_matching_pennies_where_naive_learners_circle():
    game = Repeated(matching_pennies().payoffs)
    start = jax.random.normal(jax.random.key(0), (2, 5))

    def cells(rule):
        end, _ = jax.jit(lambda x: descend(rule, game.losses, x, jnp.full(2, 0.05), 2000))(start)
        return visits(*game.policies(end), jnp.float32(0.96))

    assert cells(Lola(1.0)) == pytest.approx(np.full(4, 0.25), abs=0.08)
    assert np.abs(cells(Naive()) - 0.25).max() > 0.15
