"""Intervals from three worlds on: values by hand, and coverage on normal, skewed and yes-or-no data."""

import numpy as np
import pytest
from scipy import stats

import commonweal as cw
from commonweal._interval import mean_interval, paired_share_interval, share_interval
from commonweal.lab.statistics import compare

SIZES = (3, 5, 8, 16, 64)
DRAWS = {
    "normal": (lambda rng, size: rng.normal(size=size), 0.0),
    "exponential": (lambda rng, size: rng.exponential(size=size), 1.0),
    "lognormal": (lambda rng, size: rng.lognormal(0.0, 0.5, size), np.exp(0.125)),
}


def covered(interval, kind, n, times, seed=0):
    """How often an interval of n draws holds their mean."""
    draw, mean = DRAWS[kind]
    ends = np.array([interval(x) for x in draw(np.random.default_rng(seed), (times, n))])
    return float(((ends[:, 0] <= mean) & (mean <= ends[:, 1])).mean())


def estimated(x):
    found = cw.estimate(x)
    return found.low, found.high


def paired(x):
    """The interval of a difference over pairs, whose two parts have much in common."""
    common = np.random.default_rng(1).normal(0.0, 3.0, len(x))
    found = cw.estimate((x + common) - common, facts=False)  # as `compare` does, tested below
    return found.low, found.high


def percentile(x):
    """The planted fault: what was used below 20 worlds before."""
    means = x[np.random.default_rng(0).integers(len(x), size=(2000, len(x)))].mean(axis=1)
    return np.quantile(means, [0.025, 0.975])


@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("n", SIZES)
def test_few_worlds_are_covered_as_often_as_they_say(kind, n):
    assert 0.92 <= covered(mean_interval, kind, n, 3000) <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("interval", [estimated, paired])
@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("n", SIZES)
def test_coverage_is_93_to_97_percent(interval, kind, n):
    assert 0.93 <= covered(interval, kind, n, 20_000, seed=2) <= 0.972


def test_the_percentile_bootstrap_would_fail():
    assert covered(percentile, "normal", 5, 1000) < 0.88


@pytest.mark.parametrize("n", SIZES)
def test_shares_are_covered_on_the_average_over_all_shares(n):
    shares, hits = np.linspace(0.005, 0.995, 199), np.arange(n + 1)
    ends = np.array([share_interval(k, n) for k in hits])
    inside = (ends[:, :1] <= shares) & (shares <= ends[:, 1:])
    coverage = (stats.binom.pmf(hits[:, None], n, shares) * inside).sum(axis=0)
    assert 0.945 <= coverage.mean() <= 0.97 and coverage.min() > 0.87


@pytest.mark.parametrize("n", SIZES)
def test_differences_of_shares_are_covered_on_the_average(n):
    cells = np.array([(b, c, n - b - c) for b in range(n + 1) for c in range(n + 1 - b)])
    ends = np.array([paired_share_interval(b, c, n) for b, c, _ in cells])
    odds = np.random.default_rng(0).dirichlet([1, 1, 2], 200)  # gained, lost, alike
    found = [
        stats.multinomial.pmf(cells, n, p)[(ends[:, 0] <= p[0] - p[1]) & (p[0] - p[1] <= ends[:, 1])].sum()
        for p in odds
    ]
    assert 0.945 <= np.mean(found) <= 0.975


def test_without_skewness_it_is_students_t_a_little_wider():
    low, high = mean_interval(np.array([1.0, 2.0, 3.0]))
    reach = 4.302653 * 1.3 / np.sqrt(3.0)  # t of 2 degrees, 1 + 0.9 / 3, sd 1
    assert (low, high) == pytest.approx((2.0 - reach, 2.0 + reach), abs=1e-5)


def test_a_long_tail_reaches_further_on_its_side():
    low, high = mean_interval(np.array([1.0, 1.0, 2.0, 9.0]))
    mirrored = mean_interval(-np.array([1.0, 1.0, 2.0, 9.0]))
    assert high - 3.25 > 3.25 - low > 0.0
    assert mirrored == pytest.approx((-high, -low))


def test_units_do_not_matter():
    x = np.random.default_rng(0).exponential(size=9)
    assert mean_interval(7.0 - 1000.0 * x) == pytest.approx(7.0 - 1000.0 * np.array(mean_interval(x))[::-1])


def test_shares_by_hand():
    assert share_interval(0, 3) == pytest.approx((0.0, stats.beta.ppf(0.975, 0.5, 3.5)))
    assert share_interval(0, 5)[1] == pytest.approx(0.37938, abs=1e-4)
    assert share_interval(5, 10) == pytest.approx(tuple(stats.beta.ppf([0.025, 0.975], 5.5, 5.5)))
    low, high = paired_share_interval(3, 1, 8)  # 3.5 / 10, 1.5 / 10: .2 +- 1.96 sqrt(.46 / 10)
    assert (low, high) == pytest.approx((0.2 - 0.42038, 0.2 + 0.42038), abs=1e-4)


@pytest.mark.parametrize(("values", "said"), [([2.0], "one world"), ([2.0, 3.0], "two worlds, no interval")])
def test_one_or_two_worlds_give_no_interval(values, said):
    found = cw.estimate(np.array(values))
    assert np.isnan([found.low, found.high]).all() and f"({said})" in str(found)
    assert found.as_dict()["low"] is None
    change = compare(np.array(values), np.zeros(len(values))).difference
    assert np.isnan(change.low) and change.value == np.mean(values)


def test_worlds_of_one_value():
    assert str(cw.estimate(np.full(9, 2.0))) == "2.00 [2.00, 2.00]"
    assert str(cw.estimate(np.zeros(5))) == "0.00 [0.00, 0.38]"  # five times no is no proof of never
    assert str(cw.estimate(np.zeros(5), facts=False)) == "0.00 [0.00, 0.00]"
    two = cw.estimate(np.array([0.0, 600.0, 600.0, 600.0]))  # one of two outcomes: a share, in their unit
    assert (two.low, two.high) == pytest.approx(600.0 * stats.beta.ppf([0.025, 0.975], 3.5, 1.5))


def test_a_comparison_has_the_interval_of_its_differences():
    a, b = np.random.default_rng(0).exponential(size=(2, 7))
    found, plain = compare(a, b).difference, cw.estimate(a - b)
    assert (found.low, found.high) == (plain.low, plain.high)


def test_two_shares_that_never_differ_may_differ_yet():
    same = compare(np.ones(5), np.ones(5)).difference
    assert (same.value, same.low) == (0.0, -same.high) and same.high > 0.2
    assert compare(np.full(5, 7.0), np.full(5, 7.0)).difference.high == 0.0
