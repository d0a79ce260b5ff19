"""An estimate: a mean over worlds, its interval, and what is missing."""

import time

import numpy as np
import pytest
from scipy import stats

import commonweal as cw

RNG = np.random.default_rng(7)


@pytest.mark.parametrize(
    "draw", [RNG.normal(3, 2, 60), RNG.exponential(1, 200), RNG.integers(0, 2, 80) * 1.0]
)
def test_the_interval_agrees_with_scipys_bca(draw):
    ours = cw.estimate(draw, resamples=20_000)
    theirs = stats.bootstrap((draw,), np.mean, method="BCa", n_resamples=20_000, rng=np.random.default_rng(1))
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    grain = max(0.04 * width, 1.01 / len(draw) if set(draw) == {0.0, 1.0} else 0.0)
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=grain)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=grain)


def test_intervals_cover_the_mean_about_as_often_as_they_say():
    draws = RNG.exponential(1.0, (200, 50))
    hits = [e.low <= 1.0 <= e.high for e in (cw.estimate(d, resamples=400) for d in draws)]
    assert 0.88 <= np.mean(hits) <= 0.99
    narrow = [abs(d.mean() - 1.0) <= 0.5 * (cw.estimate(d, resamples=400).high - d.mean()) for d in draws]
    assert np.mean(narrow) < 0.88  # half the width would not do


def test_missing_worlds_are_counted_and_never_averaged():
    found = cw.estimate(np.array([1.0, np.nan, 3.0]), "no payoff")
    assert (found.value, found.n, found.missing) == (2.0, 2, 1)
    assert str(found).endswith("[1 missing: no payoff]")
    nothing = cw.estimate(np.array([np.nan]), "no payoff")
    assert str(nothing) == "NA (no payoff)" and nothing.as_dict()["value"] is None


def test_the_same_worlds_give_the_same_estimate():
    draw = RNG.normal(0, 1, 30)
    assert cw.estimate(draw) == cw.estimate(draw.copy())


def test_one_world_or_equal_worlds():
    assert str(cw.estimate(np.array([2.0]))) == "2.00 (one world)"
    assert str(cw.estimate(np.full(9, 2.0))) == "2.00 [2.00, 2.00]"


def test_many_worlds_cost_no_square():
    start = time.process_time()
    cw.estimate(RNG.normal(0, 1, 50_000), resamples=200)
    assert time.process_time() - start < 30  # an n x n jackknife would need 20 GB, not seconds


def test_one_number_a_world_and_nothing_else():
    with pytest.raises(ValueError, match=r"shape \(3, 2\); wanted one number a world"):
        cw.estimate(np.zeros((3, 2)))
