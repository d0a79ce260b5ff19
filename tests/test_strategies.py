"""Strategies against exact scores: every pair for 200 turns, stability, noise, extortion."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import commonweal as cw
from commonweal import minds, scenarios

EIGHT = {
    "TFT": minds.tit_for_tat(),
    "ALLC": minds.always_cooperate(),
    "ALLD": minds.always_defect(),
    "Grim": minds.grim(),
    "WSLS": minds.win_stay_lose_shift(),
    "TF2T": minds.TitForTwoTats(),
    "STFT": minds.suspicious_tit_for_tat(),
    "Alternator": minds.alternator(),
}
SCORES = {  # of the row player in 200 turns, measured with axelrod 4.14
    "TFT": [600, 600, 199, 600, 600, 600, 500, 498],
    "ALLC": [600, 600, 0, 600, 600, 600, 597, 300],
    "ALLD": [204, 1000, 200, 204, 600, 208, 200, 600],
    "Grim": [600, 600, 199, 600, 600, 600, 203, 597],
    "WSLS": [600, 600, 100, 600, 600, 600, 401, 450],
    "TF2T": [600, 600, 198, 600, 600, 600, 597, 300],
    "STFT": [500, 602, 200, 203, 401, 602, 200, 500],
    "Alternator": [503, 800, 100, 107, 450, 800, 500, 400],
}
POINTS = np.array([3.0, 0.0, 5.0, 1.0])  # CC, CD, DC, DD
SWAPPED = POINTS[[0, 2, 1, 3]]


def scores(one, other, turns=200):
    trace = cw.run(cw.Society(scenarios.prisoners_dilemma(horizon=turns), [one, other]), 1)
    return trace.net[0]


@pytest.mark.slow
def test_every_pair_scores_exactly():
    names = list(EIGHT)
    found = {a: dict.fromkeys(names) for a in names}
    for a, b in itertools.combinations_with_replacement(names, 2):
        found[a][b], found[b][a] = scores(EIGHT[a], EIGHT[b]).sum(axis=0).astype(int).tolist()
    for a in names:
        assert list(found[a].values()) == SCORES[a], a


@pytest.mark.parametrize(("w", "earned"), [(0.6, 3.125), (0.7, 2.9412)])
def test_tit_for_tat_is_stable_from_two_thirds_on(w, earned):
    weights = w ** np.arange(200) * (1 - w)
    invader = scores(minds.alternator(start=0.0), minds.tit_for_tat())[:, 0] @ weights
    assert invader == pytest.approx(earned, abs=1e-4)
    assert (invader <= 3.0) == (w >= 2 / 3)
    assert scores(minds.always_defect(), minds.tit_for_tat())[:, 0] @ weights <= 3.0  # from 1/2 on


NOISY = {
    minds.tit_for_tat: 2.25,
    minds.win_stay_lose_shift: 2.9511,
    minds.generous_tit_for_tat: 2.9703,
    minds.grim: 1.0397,
    minds.always_cooperate: 2.9899,
}


@pytest.mark.parametrize("strategy", NOISY, ids=lambda s: s.__name__)
def test_self_play_with_one_percent_noise(strategy):
    assert minds.long_run(strategy(), strategy(), 0.01) @ POINTS == pytest.approx(NOISY[strategy], abs=5e-5)


@pytest.mark.slow
def test_noise_in_a_run_is_the_noise_of_the_closed_form():
    game, both = scenarios.prisoners_dilemma(horizon=400), minds.win_stay_lose_shift()
    slips = cw.Profile(lapse=0.02)  # a random act in 2 % of rounds is the other act in 1 %
    trace = cw.run(cw.Society(game, both, slips), 200)
    means = trace.net.mean(axis=(1, 2))
    wanted = minds.long_run(both, both, 0.01) @ POINTS
    assert abs(means.mean() - wanted) < 4 * means.std() / np.sqrt(200) + 0.001


def test_extortion_is_the_published_one():
    one = minds.extortion()
    assert [float(x) for x in (one.cc, one.cd, one.dc, one.dd)] == pytest.approx([11 / 13, 1 / 2, 7 / 26, 0])
    shares = minds.long_run(one, minds.always_cooperate())
    assert (shares @ POINTS, shares @ SWAPPED) == pytest.approx((3.72727, 1.90909), abs=1e-5)


@given(st.tuples(*[st.floats(0.05, 0.95)] * 4), st.sampled_from([1.5, 3.0, 10.0]))
@settings(max_examples=40, deadline=None)
def test_extortion_takes_its_factor_from_anybody(odds, factor):
    shares = minds.long_run(minds.extortion(factor, phi=0.02), minds.MemoryOne(0.5, *odds))
    mine, theirs = shares @ POINTS, shares @ SWAPPED
    assert mine - 1 == pytest.approx(factor * (theirs - 1), abs=1e-4)


def test_the_majority_is_counted_from_the_first_round_and_ties_go_to_cooperation():
    """It defects only once the others have defected in more than half of the rounds so far."""
    plan = {"act": np.array([[0, 0, 1, 1, 0, 0, 1, 1, 1, 0]] * 2).T}
    society = cw.Society(scenarios.prisoners_dilemma(horizon=10), [minds.GoByMajority(), minds.Planned(plan)])
    assert cw.run(society, 1).act["act"][0, :, 0].tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    grudge = {"act": np.array([[1, 1, 0, 0, 0, 0]] * 2).T}
    society = cw.Society(
        scenarios.prisoners_dilemma(horizon=6), [minds.GoByMajority(), minds.Planned(grudge)]
    )
    assert cw.run(society, 1).act["act"][0, :, 0].tolist() == [0, 1, 1, 1, 0, 0]


def test_in_company_reciprocity_is_graded():
    game = scenarios.PublicGoods(n_agents=4, horizon=2, binary=True)
    tft = minds.tit_for_tat(channel="give")
    others = [minds.Constant(give=a) for a in (0, 0, 1)]
    trace = cw.run(cw.Society(game, [tft, *others]), 1)
    assert trace.odds["give"][0, :, 0, 0] == pytest.approx([1, 2 / 3])


@pytest.mark.slow
@pytest.mark.parametrize(
    "mind", [*EIGHT.values(), minds.extortion(), minds.generous_tit_for_tat()], ids=lambda m: type(m).__name__
)
def test_strategies_obey_the_laws(mind):
    cw.check(mind, scenarios.prisoners_dilemma(horizon=3))
