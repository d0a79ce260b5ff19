"""Cooperative games: published values, and the axioms that make the Shapley value what it is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from commonweal import measures
from commonweal.accounts import games

WORTH = st.floats(-100.0, 100.0, width=32)


def tables(n):
    return arrays(float, 1 << n, elements=WORTH)


GAMES = st.integers(1, 6).flatmap(tables)
SAME = {"atol": 1e-9, "rtol": 1e-9}


def glove(left, right):
    """Pairs of gloves: the first `left` players hold left ones, the others right ones."""
    masks = range(1 << left + right)
    return np.array([min((m & (1 << left) - 1).bit_count(), (m >> left).bit_count()) for m in masks])


def test_the_glove_game_as_printed():
    np.testing.assert_allclose(games.shapley(glove(1, 2)), [2 / 3, 1 / 6, 1 / 6])
    np.testing.assert_allclose(games.banzhaf(glove(1, 2)), [3 / 4, 1 / 4, 1 / 4])


def test_the_votes_51_50_49_1_as_printed():
    vote = games.voting([50, 49, 1], 51)
    np.testing.assert_allclose(games.shapley(vote), [2 / 3, 1 / 6, 1 / 6])
    np.testing.assert_allclose(games.banzhaf(vote), [3 / 4, 1 / 4, 1 / 4])


def test_the_airport_as_printed():
    """Runways of 1, 2 and 3: a coalition pays for its longest."""
    masks = np.arange(8)
    cost = np.max([(masks >> i & 1) * (i + 1) for i in range(3)], axis=0)
    np.testing.assert_allclose(games.shapley(cost), [1 / 3, 5 / 6, 11 / 6])


def test_dividends_by_hand():
    """Each half harmless, both illegal: v = 1, 1, 1, 0 has m({1, 2}) = -1, and nothing else below it."""
    np.testing.assert_array_equal(games.dividends([1.0, 1.0, 1.0, 0.0]), [1.0, 0.0, 0.0, -1.0])
    np.testing.assert_array_equal(games.dividends(glove(1, 2)), [0, 0, 0, 1, 0, 1, 0, -1])


@given(st.lists(st.integers(0, 9), min_size=1, max_size=7).filter(any), st.floats(0.3, 1.0))
def test_votes_agree_with_the_measures_of_power(weights, part):
    quota = max(1.0, part * sum(weights))
    vote = games.voting(weights, quota)
    np.testing.assert_allclose(games.shapley(vote), measures.shapley_shubik(weights, quota), **SAME)
    np.testing.assert_allclose(games.banzhaf(vote), measures.banzhaf(weights, quota, "raw"), **SAME)


@given(GAMES)
def test_all_that_there_is_to_share_is_shared(v):
    np.testing.assert_allclose(games.shapley(v).sum(), v[-1] - v[0], atol=1e-7)
    np.testing.assert_allclose(games.dividends(v).sum(), v[-1], atol=1e-6)


@given(GAMES, st.floats(-10, 10))
def test_who_only_ever_adds_his_own_gets_that(v, own):
    """A new player who adds `own` to every coalition gets it, and changes nothing for the others."""
    more = np.concatenate([v, v + own])
    wanted = [*games.shapley(v), own], [*games.banzhaf(v), own]
    np.testing.assert_allclose(games.shapley(more), wanted[0], atol=1e-9, rtol=1e-6)
    np.testing.assert_allclose(games.banzhaf(more), wanted[1], atol=1e-9, rtol=1e-6)
    np.testing.assert_allclose(games.dividends(more)[len(v) + 1 :], 0.0, atol=1e-6)  # and no chemistry


@given(GAMES, st.randoms(use_true_random=False))
def test_names_do_not_matter(v, random):
    n = len(v).bit_length() - 1
    to = list(range(n))
    random.shuffle(to)
    moved = np.empty_like(v)
    for s in range(len(v)):
        moved[sum(1 << to[i] for i in range(n) if s >> i & 1)] = v[s]
    for value in (games.shapley, games.banzhaf):
        np.testing.assert_allclose(value(moved)[to], value(v), **SAME)


@given(st.integers(1, 5).flatmap(lambda n: st.tuples(tables(n), tables(n))))
def test_games_add_up(pair):
    one, two = pair
    for value in (games.shapley, games.banzhaf, games.dividends):
        np.testing.assert_allclose(value(one + 2 * two), value(one) + 2 * value(two), atol=1e-6)


@given(GAMES)
def test_shapley_shares_each_dividend_evenly(v):
    m, masks = games.dividends(v), range(len(v))
    n = len(v).bit_length() - 1
    even = [sum(m[s] / s.bit_count() for s in masks if s >> i & 1) for i in range(n)]
    np.testing.assert_allclose(games.shapley(v), even, atol=1e-7)


def test_an_unknown_coalition_leaves_unknown_what_hangs_on_it():
    v = np.arange(16.0).reshape(8, 2)
    v[3, 0] = np.nan
    assert np.isnan(games.shapley(v)[:, 0]).all() and np.isfinite(games.shapley(v)[:, 1]).all()


def test_ten_players_are_no_work():
    assert games.shapley(np.zeros((1 << 10, 50))).shape == (10, 50)


def test_ranks_are_shared_by_what_rounding_alone_tells_apart():
    assert games.ranked([1.0, 3.0, 1.0 + 1e-9, 2.0, 3.0 - 1e-9], 1e-6) == [[1, 4], [3], [0, 2]]
    assert games.ranked([], 1.0) == [] and games.ranked([2.0, 1.0], 0.0) == [[0], [1]]


def test_no_game_says_what_is_wanted():
    with pytest.raises(ValueError, match=r"shape \(3,\); wanted a first axis of 2\*\*n"):
        games.shapley([0, 1, 2])
