"""Self-interest against the common good: games worked by hand, and another library's equilibria."""

import itertools

import numpy as np
import pytest
from tracing import make_card, make_trace, totals

import commonweal as cw
from commonweal import measures as m
from commonweal._card import Oracle
from commonweal._measure import NA, summarize
from commonweal.measures import equilibrium as eq
from commonweal.minds import Constant, Random
from commonweal.scenarios import (
    Commons,
    MatrixGame,
    NetworkGame,
    chicken,
    matching_pennies,
    prisoners_dilemma,
    stag_hunt,
)

PD = [[[3, 0], [5, 1]], [[3, 5], [0, 1]]]
PENNIES = [[[1, -1], [-1, 1]], [[-1, 1], [1, -1]]]
CHICKEN = [[[3, 1], [4, 0]], [[3, 4], [1, 0]]]
SEXES = [[[3, 0], [0, 2]], [[2, 0], [0, 3]]]


def donation(b=3.0, c=1.0):
    return [[[b - c, -c], [b, 0]], [[b - c, b], [-c, 0]]]


def public_good(n=4, times=1.6):
    """All or nothing of one unit; act 0 gives."""
    gives = 1.0 - np.indices((2,) * n)
    return 1.0 - gives + times * gives.mean(axis=0)


def test_price_of_anarchy():
    assert eq.anarchy(PD) == 3.0
    assert eq.anarchy(public_good()) == pytest.approx(1.6)
    assert eq.anarchy(CHICKEN) == pytest.approx(6 / 5)  # (4, 1) against both swerving
    # mixed: each swerves half of the time, 2 points each; and 3 p = 2 (1 - p) gives 6/5 each in the other
    assert eq.anarchy(CHICKEN, "mixed") == pytest.approx(6 / 4)
    assert eq.anarchy(SEXES) == 1.0 and eq.anarchy(SEXES, "mixed") == pytest.approx(5 / 2.4)
    assert np.isnan(eq.anarchy(PENNIES)) and np.isnan(eq.anarchy(PENNIES, "mixed"))  # none; a total of 0
    with pytest.raises(ValueError, match="two players and at most 8 acts"):
        eq.mixed_equilibria(public_good())


def test_equilibria_are_those_of_another_library():
    nash = pytest.importorskip("nashpy", reason="nashpy is not installed: nothing to compare with")
    rng = np.random.default_rng(0)
    for shape in [(2, 2), (3, 3), (2, 4), (4, 3)] * 3:
        pay = rng.normal(size=(2, *shape))
        want = sorted([*x, *y] for x, y in nash.Game(*pay).vertex_enumeration())
        got = sorted([*x, *y] for x, y in eq.mixed_equilibria(pay))
        assert np.allclose(got, want) and len(got) % 2 == 1  # an odd number, as it should be
        assert len(eq.pure_equilibria(pay)) == sum(np.isclose(x, 1).sum() == 2 for x in want)


def test_selfishness_level():
    assert eq.selfishness(PD) == 2.0
    assert eq.selfishness(donation()) == 0.5
    assert eq.selfishness(public_good()) == pytest.approx(1.0)
    assert eq.selfishness(CHICKEN) == 1.0  # leaving (swerve, swerve) gains 1 and costs all 1
    assert eq.selfishness([[[2, 0], [0, 1]]] * 2) == 0.0
    assert eq.selfishness(PENNIES) == np.inf  # no care for a total of 0 helps


@pytest.mark.parametrize("pay", [PD, donation(), public_good(), CHICKEN], ids=range(4))
def test_selfishness_level_is_where_the_optimum_becomes_an_equilibrium(pay):
    pay = np.asarray(pay, float)
    total, level = pay.sum(axis=0), eq.selfishness(pay)
    best = np.unravel_index(total.argmax(), total.shape)
    holds = [[*best] in eq.pure_equilibria(pay + (level + d) * total).tolist() for d in (-0.01, 0.0, 0.01)]
    assert holds == [False, True, True]


def test_self_interest_level():
    assert eq.self_interest(PD) == pytest.approx(0.6)
    assert eq.self_interest(donation()) == 0.75
    assert eq.self_interest(public_good()) == pytest.approx(0.4)
    assert eq.self_interest([[[2, 1], [1, 0]]] * 2) == 1.0  # giving is dominant as it is
    assert np.isnan(eq.self_interest([[[2, 0], [0, 1]]] * 2))  # sharing all, each still follows the other


def test_self_interest_level_is_where_the_optimum_stops_to_be_dominant():
    for pay, level in [(np.asarray(PD, float), 0.6), (public_good(), 0.4)]:
        for s, holds in [(level - 0.01, True), (level + 0.01, False)]:
            rest = (pay.sum(axis=0) - pay) / (len(pay) - 1)
            mixed = (s * pay + (1 - s) * rest)[0]
            assert (mixed[0] >= mixed[1] - 1e-9).all() == holds


def test_common_interest_share():
    assert eq.common_interest(PD) == pytest.approx(0.15254, abs=1e-5)
    assert eq.common_interest(PENNIES) == pytest.approx(0.0)
    assert eq.common_interest([[[2, 0], [0, 1]]] * 2) == 1.0
    assert eq.common_interest(np.asarray(PD) * 3.0 + 7.0) == pytest.approx(eq.common_interest(PD))
    assert np.isnan(eq.common_interest(np.ones((2, 2, 2))))
    three = np.zeros((3, 2, 2, 2))  # each has its own act only: a third of what is at stake is everyone's
    for i in range(3):
        three[i] = np.indices((2, 2, 2))[i]
    assert eq.common_interest(three) == pytest.approx(1 / 3)


def test_nash_conv():
    heads, half, cooperate = np.array([1.0, 0.0]), np.array([0.5, 0.5]), np.array([1.0, 0.0])
    assert eq.gaps(PENNIES, [heads, heads]).tolist() == [0.0, 2.0]
    assert eq.gaps(PENNIES, [half, half]).sum() == 0.0
    assert eq.gaps(PD, [cooperate, cooperate]).sum() == 4.0
    # giving brings 0.4 of 1: every giver would gain 0.6 by stopping, the free rider nothing
    play = [heads, heads, heads, heads[::-1]]
    assert eq.gaps(public_good(), play) == pytest.approx([0.6, 0.6, 0.6, 0.0])


def test_every_equilibrium_of_three_players_has_no_gap():
    pay = np.random.default_rng(1).normal(size=(3, 2, 3, 2))
    calm = {tuple(a) for a in eq.pure_equilibria(pay)}
    for joint in itertools.product(range(2), range(3), range(2)):
        conv = eq.gaps(pay, [np.eye(k)[a] for k, a in zip((2, 3, 2), joint, strict=True)]).sum()
        assert (conv < 1e-6) == (joint in calm)


@pytest.mark.slow
def test_measures_read_the_game_from_the_recipe():
    trace = cw.run(cw.Society(prisoners_dilemma(horizon=4), [Constant(act=0), Constant(act=1)]), 2)
    assert m.price_of_anarchy()(trace).tolist() == [3.0, 3.0]
    assert m.selfishness_level()(trace) == pytest.approx([2.0, 2.0])
    assert m.self_interest_level()(trace) == pytest.approx([0.6, 0.6])
    assert m.common_interest_share()(trace) == pytest.approx([0.15254] * 2, abs=1e-5)
    assert m.nash_conv()(trace).tolist() == [1.0, 1.0]  # only the one who gave could gain: 1 instead of 0
    assert m.nash_conv(stag_hunt().payoffs)(trace).tolist() == [3.0 + 2.0] * 2  # another game, if so passed
    assert m.empirical_price_of_anarchy(trace) == pytest.approx([6 / 5] * 2)
    pennies = cw.run(cw.Society(matching_pennies(), Random()))
    found = summarize(m.selfishness_level(), pennies)[0]
    assert found.n == 0 and "infinite" in found.reason
    assert m.price_of_anarchy(equilibria="mixed")(cw.run(cw.Society(chicken(), Random()))) == pytest.approx(
        1.5
    )


def test_stated_odds_are_read_tick_by_tick_and_acts_pooled():
    act = np.array([[[0, 0], [1, 1]]])
    odds = np.eye(2)[act]
    trace = make_trace(np.ones((1, 2, 2)), act={"act": act}, odds={"act": odds})
    assert m.nash_conv(PENNIES)(trace).tolist() == [0.0]  # half and half
    assert m.nash_conv(PENNIES, "odds")(trace).tolist() == [2.0]  # yet in each tick one would rather leave
    ended = make_trace(np.ones((1, 2, 2)), act={"act": act}, odds={"act": odds}, alive=[[True, False]])
    assert m.nash_conv(PD)(ended).tolist() == [4.0] == m.nash_conv(PD, "odds")(ended).tolist()


@pytest.mark.slow
def test_what_is_missing_is_said():
    bare = make_trace(totals((3, 3)), act={"act": np.zeros((1, 1, 2), int)})
    with pytest.raises(NA, match="pass payoffs="):
        m.selfishness_level()(bare)
    with pytest.raises(NA, match="Commons has no table of payoffs"):
        m.nash_conv()(cw.run(cw.Society(Commons(horizon=1), Random())))
    with pytest.raises(NA, match="NetworkGame has no table of payoffs"):
        net = NetworkGame(np.ones((2, 2)) - np.eye(2), [[3, 0], [5, 1]])
        m.selfishness_level()(cw.run(cw.Society(net, Random())))
    with pytest.raises(NA, match="no odds on a channel 'act'"):
        m.nash_conv(PD, "odds")(bare)
    with pytest.raises(NA, match="payoffs are of 4 players, and 2 agents"):
        m.nash_conv(public_good())(bare)
    with pytest.raises(ValueError, match=r"shape \(2, 2\); wanted one table a player"):
        m.selfishness_level([[3, 0], [5, 1]])(bare)
    with pytest.raises(NA, match="mixed equilibria need two players"):
        m.price_of_anarchy(public_good(), "mixed")(bare)
    with pytest.raises(NA, match="no oracle: made by hand"):
        m.empirical_price_of_anarchy(bare)
    ruined = make_trace(totals((0, 0)), card=make_card(oracle=Oracle(6.0, 0.0, "exact")))
    assert np.isnan(m.empirical_price_of_anarchy(ruined)).all()


def test_they_obey_the_laws_of_measures():
    for one in (m.price_of_anarchy(PD), m.selfishness_level(PD), m.nash_conv(), m.empirical_price_of_anarchy):
        cw.check(one)


DEGENERATE = np.array([[[-3, 3], [-3, 5]], [[2, 7], [4, 2]]], dtype=float)


def test_supports_of_unequal_size_are_found():
    """Against the first column both rows get -3: a mixture of two rows meets one column."""
    (pure, mixed) = eq.mixed_equilibria(DEGENERATE)
    assert pure[0].tolist() == [0, 1] and pure[1].tolist() == [1, 0]
    assert mixed[0] == pytest.approx([2 / 7, 5 / 7]) and mixed[1].tolist() == [1, 0]
    assert eq.anarchy(DEGENERATE, "mixed") == pytest.approx(10 / (3 / 7))  # 2/7 of -1 and 5/7 of 1


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e6])
def test_tolerances_are_on_the_scale_of_the_game(scale):
    for pay in (np.array(PD, dtype=float), DEGENERATE):
        small = pay * scale + 3 * scale
        assert eq.pure_equilibria(small).tolist() == eq.pure_equilibria(pay).tolist()
        for one, other in zip(eq.mixed_equilibria(small), eq.mixed_equilibria(pay), strict=True):
            assert np.concatenate(one) == pytest.approx(np.concatenate(other), abs=1e-5)
    for formula in (eq.selfishness, eq.self_interest, eq.common_interest, eq.anarchy):
        assert formula(np.array(PD, dtype=float) * scale) == pytest.approx(formula(PD))


def simplex(n, steps=12):
    """All mixed strategies of n acts in steps of a twelfth."""
    some = itertools.product(range(steps + 1), repeat=n)
    return np.array([x for x in some if sum(x) == steps]) / steps


@pytest.mark.parametrize("seed", range(25))
def test_of_degenerate_games_every_equilibrium_is_one_and_none_is_worse(seed):
    rng = np.random.default_rng(seed)
    pay = rng.integers(-2, 3, (2, *rng.integers(2, 4, 2))).astype(float)
    found, total = eq.mixed_equilibria(pay), pay.sum(axis=0)
    assert found and all(eq.gaps(pay, pair).max() < 1e-6 for pair in found)
    worst = min(x @ total @ y for x, y in found)
    x, y = (simplex(m) for m in pay.shape[1:])
    mine, others = y @ pay[0].T, x @ pay[1]  # what each act gets against each strategy of the other
    calm = (x @ mine.T >= mine.max(axis=1)[None] - 1e-9) & (
        (others @ y.T) >= others.max(axis=1)[:, None] - 1e-9
    )
    assert (calm * (worst - x @ total @ y.T)).max() < 1e-6


def test_the_planted_fault_of_equal_supports_misses_one():
    equal = [(x, y) for x, y in eq.mixed_equilibria(DEGENERATE) if (x > 0).sum() == (y > 0).sum()]
    assert len(equal) == 1


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_game_whose_pay_is_no_number_is_refused(wrong):
    pay = np.array(PD, dtype=float)
    pay[0, 0, 0] = wrong
    with pytest.raises(ValueError, match="payoffs"):
        eq.anarchy(pay)
    with pytest.raises(ValueError, match="MatrixGame: got payoffs=.*expected a.* finite"):
        MatrixGame(pay)
