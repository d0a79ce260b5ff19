"""Shapley and Banzhaf values from a sample of coalitions: exact where they must be, and honest elsewhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commonweal.accounts import games
from commonweal.accounts.sampling import DRAWN, pairs, played, sampled


class Sums(dict):
    """A game in which each player adds its own, and each pair what it adds together."""

    def __init__(self, own, pair):
        self.own, self.pair = np.asarray(own), np.asarray(pair)

    def __missing__(self, mask):
        here = np.array([mask >> i & 1 for i in range(len(self.own))], float)
        return 3.0 + here @ self.own + here @ self.pair @ here


def estimated(game, n, seed=0, drawn=DRAWN):
    return sampled(game, n, pairs(n, drawn, seed))


@settings(deadline=None, max_examples=60)
@given(
    st.integers(2, 40).flatmap(lambda n: st.lists(st.floats(-9, 9), min_size=n, max_size=n)),
    st.integers(0, 99),
)
def test_what_is_additive_comes_out_exactly_for_every_size_and_draw(own, seed):
    """Banzhaf = Shapley = but-for, and nothing is left for an interval."""
    n = len(own)
    found = estimated(Sums(own, np.zeros((n, n))), n, seed)
    for value, error in ((found.shapley, found.shapley_error), (found.banzhaf, found.banzhaf_error)):
        np.testing.assert_allclose(value, own, atol=1e-8)
        assert np.abs(error).max() < 1e-7


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 20), st.integers(0, 99))
def test_chemistry_of_two_is_shared_evenly_and_exactly(n, seed):
    rng = np.random.default_rng(seed)
    own, pair = rng.normal(size=n), np.triu(rng.normal(size=(n, n)), 1)
    found = estimated(Sums(own, pair), n, seed)
    wanted = own + (pair.sum(axis=0) + pair.sum(axis=1)) / 2.0
    np.testing.assert_allclose(found.shapley, wanted, atol=1e-8)
    np.testing.assert_allclose(found.banzhaf, wanted, atol=1e-8)


def test_where_all_are_alike_all_get_the_same():
    """Of ten players any six bring about 1: a tenth each, and C(9, 5) / 2^9 swings."""
    vote = np.array([float(m.bit_count() >= 6) for m in range(1 << 10)])
    found = estimated(vote, 10)
    np.testing.assert_allclose(found.shapley, 0.1, atol=1e-9)
    np.testing.assert_allclose(found.banzhaf, 126 / 512, atol=1e-9)
    assert max(found.banzhaf_error) < 1e-9


def test_one_of_twenty_who_alone_matters():
    found = estimated(Sums(np.eye(20)[7] * 0.16, np.zeros((20, 20))), 20)
    np.testing.assert_allclose(found.banzhaf, np.eye(20)[7] * 0.16, atol=1e-9)
    np.testing.assert_allclose(found.banzhaf, found.shapley, atol=1e-9)


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 7), st.integers(0, 99))
def test_with_all_coalitions_both_are_the_exact_values(n, seed):
    """Three worlds at once; and Shapley values share the total, of however few coalitions."""
    v = np.random.default_rng(seed).normal(size=(1 << n, 3))
    found = estimated(v, n, drawn=1000)
    np.testing.assert_allclose(found.shapley, games.shapley(v), atol=1e-9)
    np.testing.assert_allclose(found.banzhaf, games.banzhaf(v), atol=1e-9)
    assert (found.shapley_error == 0.0).all() and (found.banzhaf_error == 0.0).all()
    few = estimated(np.random.default_rng(seed).normal(size=1 << n + 4), n + 4, drawn=1)
    total = np.random.default_rng(seed).normal(size=1 << n + 4)
    assert few.shapley.sum() == pytest.approx(total[-1] - total[0])


def test_a_sample_holds_no_coalition_twice_and_counts_for_all():
    for n in (9, 10, 14, 25):
        some = pairs(n)
        masks = played(some, n)
        assert len(masks) == len(set(masks)) == 2 * len(some.masks) <= 2 + n * (n + 1) + 25 * n
        assert [mask.bit_count() for mask in some.masks] == some.size.tolist()
        np.testing.assert_allclose((some.of / some.drawn).sum(), 2.0 ** (n - 1))  # the weights are whole
    assert pairs(12, seed=1).masks != pairs(12, seed=2).masks and pairs(12) == pairs(12)


def test_a_world_in_which_a_coalition_is_not_known_has_no_value():
    v = np.random.default_rng(0).normal(size=(1 << 9, 2))
    v[pairs(9).masks[60], 1] = np.nan
    found = estimated(v, 9)
    assert np.isnan(found.shapley[:, 1]).all() and np.isfinite(found.banzhaf[:, 0]).all()
    assert np.isfinite(found.banzhaf_error).all()
    v[3] = np.nan
    assert np.isnan(estimated(v, 9).shapley_error).all()


def random_game(n, rng):
    """Half of them a smooth tipping point of weighted votes, half dividends of up to six players."""
    masks = np.arange(1 << n)
    here = (masks[:, None] >> np.arange(n) & 1).astype(float)
    if rng.random() < 0.5:
        w = rng.exponential(size=n)
        return 1.0 / (1.0 + np.exp(4.0 * (w.sum() * rng.uniform(0.3, 0.7) - here @ w) / w.sum() ** 0.5))
    v = np.zeros(1 << n)
    for _ in range(3 * n):
        some = sum(1 << int(i) for i in rng.permutation(n)[: rng.integers(1, 7)])
        v += rng.normal() * ((masks & some) == some)
    return v


@pytest.mark.slow
def test_twenty_random_games_of_nine_to_fourteen_lie_in_their_intervals():
    """About 95 % of the exact values do, and the mean error is nil; at the size that the account draws."""
    rng, inside, off = np.random.default_rng(0), [], []
    for k in range(20):
        n = 9 + k % 6
        v = random_game(n, rng)
        found = estimated(v, n, seed=k)
        for value, error, exact in (
            (found.shapley, found.shapley_error, games.shapley(v)),
            (found.banzhaf, found.banzhaf_error, games.banzhaf(v)),
        ):
            inside.append(np.abs(value - exact) <= 2.0 * error)
            off.append((value - exact) / error)
    both = np.concatenate(inside[::2]).mean(), np.concatenate(inside[1::2]).mean()
    assert min(both) > 0.9, both
    for some in (off[::2], off[1::2]):
        z = np.concatenate(some)
        assert 0.8 < z.std() < 1.2 and abs(z.mean()) < 4 / len(z) ** 0.5  # neither too wide nor aslant
