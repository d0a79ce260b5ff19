"""Paired comparison, multiplicity and proportions: known values and false-positive rates."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from commonweal.lab import statistics
from commonweal.lab.statistics import benjamini_hochberg, compare, holm, proportion, sign_flip, sign_flips


def test_sign_flip_by_hand():
    assert sign_flip([1.0, 2.0, 3.0]) == (0.25, "exact sign-flip")  # 2 of 8 patterns reach 6
    assert sign_flip([1.0, 2.0, -3.0])[0] == 1.0
    assert sign_flip([0.0, 0.0])[0] == 1.0
    assert sign_flip(np.ones(16))[0] == 2 / 2**16
    p, test = sign_flip(np.ones(17))
    assert test == "sign-flip permutation" and 1e-4 <= p < 1e-3  # never 0


def test_sign_flip_agrees_with_scipy_and_its_two_forms_with_each_other():
    rng = np.random.default_rng(0)
    d = rng.normal(0.4, 1.0, 10)
    other = stats.permutation_test(
        (d,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    )
    assert sign_flip(d)[0] == pytest.approx(other.pvalue)
    d = rng.normal(0.5, 1.0, 17)
    signs = 1 - 2 * (np.arange(2**17)[:, None] >> np.arange(17) & 1)
    exact = (np.abs(signs @ d) >= abs(d.sum()) - 1e-12).mean()
    assert sign_flip(d)[0] == pytest.approx(exact, abs=0.01)


def test_many_tests_share_their_luck_and_say_what_each_says_alone(monkeypatch):
    rng, draws, patterns = np.random.default_rng(2), [], statistics._patterns
    several = [rng.normal(0.3, 1.0, n) for n in (0, 5, 40, 12, 40, 5, 40, 1000)] + [np.zeros(40)]
    alone = [sign_flip(d) for d in several]
    monkeypatch.setattr(statistics, "MOST", 20_000)  # two columns at a time, of those that are short
    few = [sign_flip(d)[0] for d in several]
    monkeypatch.setattr(statistics, "_patterns", lambda n, k: draws.append(n) or patterns(n, k))
    assert [p for p, _ in sign_flips(several)] == few == pytest.approx([p for p, _ in alone], abs=0.01)
    assert sorted(draws) == [0, 5, 12, 40, 1000]


@pytest.mark.parametrize("n", [10, 24])
def test_sign_flip_is_honest_about_nothing(n):
    """Negative control: on null data p <= 0.05 in at most about 5 % of 600 studies."""
    rng = np.random.default_rng(1)
    null = rng.standard_t(3, (600, n))
    p = np.array([sign_flip(d, resamples=399)[0] for d in null])
    assert 0.02 <= (p <= 0.05).mean() <= 0.075
    halved = (p / 2 <= 0.05).mean()  # planted: one-sided p called two-sided
    assert halved > 0.075


def test_compare_by_hand():
    a, b = np.array([3.0, 5.0, 4.0, 9.0]), np.array([1.0, 5.0, 5.0, 4.0])
    found = compare(a, b)
    assert found.difference.value == 1.5 and found.difference.n == 4
    assert found.d_z == pytest.approx(1.5 / np.std([2, 0, -1, 5], ddof=1))
    assert found.improvement == (1 + 0.5 + 0 + 1) / 4
    pairs = np.sign(a[:, None] - b[None, :])
    assert found.cliff == pytest.approx(pairs.mean())
    assert found.correlation == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert found.p == 0.5 and "exact" in found.test  # 8 of 16 patterns reach a sum of 6
    json.dumps(found.as_dict(), allow_nan=False)
    assert "4 worlds" in str(found)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=2, max_size=8))
def test_swapping_the_conditions_flips_every_sign(pairs):
    a, b = np.array(pairs, dtype=float).T
    there, back = compare(a, b), compare(b, a)
    assert there.p == pytest.approx(back.p)
    assert there.difference.value == pytest.approx(-back.difference.value)
    assert there.cliff == pytest.approx(-back.cliff)
    assert there.improvement == pytest.approx(1 - back.improvement)
    assert there.d_z == pytest.approx(-back.d_z, nan_ok=True)


def test_missing_worlds_are_dropped_in_pairs_and_counted():
    a = np.array([1.0, np.nan, 3.0, 4.0])
    b = np.array([0.0, 5.0, np.nan, 2.0])
    found = compare(a, b, reason="provider died")
    assert found.difference.n == 2 and found.difference.missing == 2
    assert found.difference.value == 1.5  # not mean(a) - mean(b)
    assert "2 missing: provider died" in str(found)
    nothing = compare(np.array([np.nan]), np.array([1.0]))
    assert nothing.difference.n == 0 and np.isnan(nothing.p) and "NA" in str(nothing)
    json.dumps(nothing.as_dict(), allow_nan=False)
    with pytest.raises(ValueError, match=r"came shapes \(2,\) and \(3,\)"):
        compare(np.ones(2), np.ones(3))


def test_rounding_is_neither_a_win_nor_a_spread():
    luck = np.random.default_rng(5).uniform(size=12)
    same = compare((luck + 0.1) - 0.1, luck)
    assert same.improvement == 0.5 and same.p == 1.0 and np.isnan(same.d_z)
    assert np.isnan(compare(luck + 0.1, luck).d_z)  # a constant difference: no spread to divide by


def test_pairing_buys_precision_and_says_how_much():
    rng = np.random.default_rng(2)
    luck = rng.normal(0, 1, 40)
    a, b = luck + 0.3 + rng.normal(0, 0.2, 40), luck + rng.normal(0, 0.2, 40)
    paired, broken = compare(a, b), compare(a, rng.permutation(b))
    assert paired.correlation > 0.9 > abs(broken.correlation)
    assert paired.p < 0.01 < broken.p
    width = paired.difference.high - paired.difference.low
    assert width < 0.5 * (broken.difference.high - broken.difference.low)


def test_interval_of_a_difference_covers_it():
    """Negative control: skewed pairs with a true difference of 0.5."""
    rng = np.random.default_rng(3)
    inside = []
    for _ in range(100):
        luck = rng.exponential(1, 30)
        found = compare(luck + rng.exponential(1.5, 30), luck + rng.exponential(1, 30)).difference
        inside.append(found.low <= 0.5 <= found.high)
    assert 0.88 <= np.mean(inside) <= 1.0


def test_false_discoveries_by_hand():
    assert benjamini_hochberg([0.01, 0.02, 0.03, 0.5]) == pytest.approx([0.04, 0.04, 0.04, 0.5])
    gap = benjamini_hochberg([0.5, np.nan, 0.01, 0.02])
    assert gap == pytest.approx([0.5, np.nan, 0.03, 0.03], nan_ok=True)
    assert np.isnan(benjamini_hochberg([np.nan])).all()


def test_holm_by_hand():
    assert holm([0.01, 0.02, 0.03, 0.5]) == pytest.approx([0.04, 0.06, 0.06, 0.5])
    assert holm([0.5, 0.03, 0.01, 0.02]) == pytest.approx([0.5, 0.06, 0.04, 0.06])
    with_gap = holm([0.01, np.nan, 0.02])
    assert with_gap[[0, 2]] == pytest.approx([0.02, 0.02]) and np.isnan(with_gap[1])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0] and not holm([]).size


def test_holm_keeps_the_family_wise_error():
    """Negative control: three true nulls, at most about 5 % of families claim anything."""
    p = np.random.default_rng(4).uniform(size=(4000, 3))
    claimed = np.mean([(holm(row) <= 0.05).any() for row in p])
    assert 0.03 <= claimed <= 0.065
    assert (p <= 0.05).any(axis=1).mean() > 0.12  # without the correction


@pytest.mark.parametrize(("hits", "n", "low", "high"), [(7, 10, 0.397, 0.892), (70, 100, 0.604, 0.781)])
def test_wilson_values(hits, n, low, high):
    found = proportion(np.arange(n) < hits, "wilson")
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-4)
    assert found.value == pytest.approx(0.7)
    exact = proportion(np.arange(n) < hits)
    assert exact.low < found.low and exact.high > found.high  # the exact interval is wider


def test_no_events_is_never_zero_plus_minus_zero():
    found = proportion(np.zeros(59), upper=True)
    assert found.value == 0.0 == found.low
    assert found.high == pytest.approx(1 - 0.05 ** (1 / 59)) == pytest.approx(0.0495, abs=5e-5)
    both = proportion(np.zeros(59))
    assert both.high == pytest.approx(1 - 0.025 ** (1 / 59)) and both.low == 0.0


def test_proportion_counts_missing_and_refuses_what_is_no_yes_or_no():
    found = proportion([1, 0, np.nan], reason="timeout")
    assert found.n == 2 and found.missing == 1 and found.reason == "timeout"
    assert proportion([np.nan]).n == 0
    with pytest.raises(ValueError, match="came 0.3"):
        proportion([0.3, 1.0])


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5])
def test_exact_proportion_never_covers_too_little(rate):
    n = 20
    chance = stats.binom.pmf(np.arange(n + 1), n, rate)

    def cover(method):
        ends = [proportion(np.arange(n) < hits, method) for hits in range(n + 1)]
        return sum(c for c, e in zip(chance, ends, strict=True) if e.low <= rate <= e.high)

    assert cover("exact") >= 0.95
    assert cover("wilson") >= 0.90


def test_a_p_value_is_never_printed_as_nothing():
    from commonweal.lab.statistics import chance

    assert chance(3e-7) == "< 0.0001" and chance(0.0451) == "= 0.0451" and chance(np.nan) == "= NA"
