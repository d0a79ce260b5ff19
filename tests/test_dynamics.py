"""Inequality, cooperation, the commons and dynamics against numbers worked by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tracing import make_trace, totals

from commonweal import measures as m
from commonweal._measure import NA, estimate, summarize

TOTALS = totals((1, 2, 3, 4), (0, 0, 0, 1))

# --- inequality


def test_inequality_by_hand():
    trace = make_trace(TOTALS)
    assert m.gini(trace) == pytest.approx([0.25, 0.75])
    assert m.gini_normalized(trace) == pytest.approx([1 / 3, 1.0])
    assert m.theil(trace) == pytest.approx([0.106440, np.log(4)], abs=1e-6)
    assert m.atkinson(0.5)(trace) == pytest.approx([0.0555859, 0.75], abs=1e-7)
    assert m.atkinson(1.0)(trace)[1] == 1.0 == m.atkinson(2.0)(trace)[1]
    taxed = make_trace(totals((3, 2, 1)), book={"tax": totals((-1, 0, 1))})
    for one in (m.gini, m.gini_normalized, m.theil, m.atkinson(0.5), m.atkinson(1.0)):
        assert one(make_trace(totals((2, 2, 2)))) == pytest.approx([0.0], abs=1e-12)
        assert one(taxed) == pytest.approx([0.0], abs=1e-12)  # it is net pay that counts


def test_negative_or_zero_totals_are_undefined_and_say_so():
    trace = make_trace(totals((2, -1), (0, 0), (1, 1)))
    for one in (m.gini, m.gini_normalized, m.theil, m.atkinson(0.5), m.atkinson(1.0)):
        assert np.isnan(one(trace)).tolist() == [True, True, False], one.name
        (found,) = summarize(one, trace)
        assert found.missing == 2 and "negative" in found.reason
    with pytest.raises(ValueError, match="epsilon=0"):
        m.atkinson(0)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.01, 100), min_size=2, max_size=6), st.floats(0.1, 10))
def test_inequality_knows_no_currency_and_a_transfer_to_the_poor_lowers_it(pay, scale):
    low, high = int(np.argmin(pay)), int(np.argmax(pay))
    moved = list(pay)
    gift = (pay[high] - pay[low]) / 4
    moved[low], moved[high] = pay[low] + gift, pay[high] - gift
    traces = [make_trace(totals(x)) for x in (pay, np.multiply(pay, scale), moved)]
    for one in (m.gini, m.theil, m.atkinson(0.5), m.atkinson(1.0)):
        raw, scaled, fairer = (one(x)[0] for x in traces)
        assert scaled == pytest.approx(raw, abs=1e-9) and fairer <= raw + 1e-9


# --- cooperation, welfare, exploitation


def test_cooperation_counts_played_ticks_only():
    alive = [[True, True, False, False], [False] * 4]
    coop = np.zeros((2, 4, 2))
    coop[0, 0] = 1.0
    trace = make_trace(np.zeros((2, 4, 2)), alive=alive, events={"cooperated": coop})
    rate = m.cooperation_rate(trace)
    assert rate[0] == 0.5 and np.isnan(rate[1])
    with pytest.raises(NA, match="cooperated"):
        m.cooperation_rate(make_trace(totals((1, 1))))


def test_welfare_and_exploitation_include_what_institutions_booked():
    trace = make_trace(totals((5, 1, 0)), book={"fines": totals((-3, 0, 0))})
    assert m.welfare(trace).tolist() == [3.0]
    assert m.exploitation(trace).tolist() == [[1.5, 0.0, -1.5]]
    with pytest.raises(NA, match="one agent"):
        m.exploitation(make_trace(np.ones((1, 1, 1))))


# --- GovSim


def fishery(ask, months=12, n=5):
    """Piatti et al.'s pool for deterministic policies: ask(stock, f, month) -> [n] units."""
    rows = {name: np.zeros((1, months, n)) for name in ("catch", "stock", "fair")}
    alive, stock = np.zeros((1, months), dtype=bool), 100
    for t in range(months):
        share = stock // 2 // n
        take = np.asarray(ask(stock, share, t))
        for name, x in (("catch", take), ("stock", stock), ("fair", share)):
            rows[name][0, t] = x
        alive[0, t] = True
        stock -= take.sum()
        if stock < 5:
            break
        stock = min(100, 2 * stock)
    return make_trace(rows["catch"], events=rows, alive=alive)


POLICIES = {
    "sustain": (lambda h, f, t: [f] * 5, (12, 120, 100, 100, 0)),
    "equal split": (lambda h, f, t: [h // 5] * 5, (1, 20, 16.67, 100, 100)),
    "one greedy": (lambda h, f, t: [h - 4 * f] + [f] * 4, (1, 20, 16.67, 60, 20)),
    "one more": (lambda h, f, t: [f + 1] * 5, (10, 65, 54.17, 100, 100)),
    "even grab": (lambda h, f, t: [h // 5 if t == 11 else f] * 5, (12, 130, 100, 100, 100 / 12)),
}


@pytest.mark.parametrize("name", POLICIES)
def test_govsim_anchor_points(name):
    ask, want = POLICIES[name]
    trace = fishery(ask)
    found = [one(trace)[0] for one in (m.survival_months, m.gain)]
    found += [100 * one(trace)[0] for one in (m.efficiency, m.equality, m.over_usage)]
    assert found == pytest.approx(want, abs=0.005)
    assert m.survived(trace).tolist() == [float(want[0] == 12)]
    assert m.equality(trace) == pytest.approx(1 - m.gini(trace))


def test_months_end_at_collapse_even_if_play_goes_on_or_stops_early():
    stock = np.array([[100, 50, 4, 60], [100, 5, 5, 5], [100, 90, 80, 70]])[..., None] * np.ones(2)
    alive = [[True] * 4, [True] * 4, [True, True, False, False]]
    zero = np.zeros((3, 4, 2))
    events = {"stock": stock, "catch": zero + 2, "fair": zero + 1}
    trace = make_trace(zero, events=events, alive=alive)
    assert m.survival_months(trace).tolist() == [2, 4, 2]
    assert m.survived(trace).tolist() == [0, 1, 0]
    assert m.over_usage(trace).tolist() == [1, 1, 1]


def test_govsim_needs_its_events():
    for one in (m.survival_months, m.gain, m.efficiency, m.equality, m.over_usage):
        with pytest.raises(NA, match="exports no event"):
            one(make_trace(totals((1, 1))))


# --- dynamics


def test_drift_of_a_ramp_is_exact_and_outliers_do_not_move_it():
    objective = np.array([np.arange(10) * 0.3 + 2, np.arange(10) * 0.3, np.full(10, 5.0)])
    objective[1, 4] = 1000.0
    trace = make_trace(np.zeros((3, 10, 2)), objective=objective)
    assert m.drift()(trace) == pytest.approx([0.3, 0.3, 0.0])
    assert np.polyfit(np.arange(10), objective[1], 1)[0] < -1  # least squares would be moved
    assert m.drift().name == "drift(objective_by_tick)"
    assert m.drift(window=2).name == "drift(objective_by_tick, window=2)"
    assert m.drift(window=2)(trace)[[0, 2]] == pytest.approx([0.3, 0.0])


def test_drift_reads_played_ticks_and_agrees_with_scipy():
    rng = np.random.default_rng(1)
    objective = rng.normal(size=(4, 12))
    alive = np.arange(12) < np.array([[12], [7], [2], [1]])
    found = m.drift()(make_trace(np.zeros((4, 12, 1)), objective=objective * alive, alive=alive))
    for y, a, slope in zip(objective[:3], alive, found, strict=False):
        assert slope == pytest.approx(stats.theilslopes(y[a]).slope)
    assert np.isnan(found[3])
    with pytest.raises(ValueError, match="window=0"):
        m.drift(window=0)


def test_drift_of_noise_is_not_claimed():
    """Negative control: the interval of the drift of pure noise covers 0 about 95 % of the time."""
    rng = np.random.default_rng(2)
    inside = []
    for _ in range(100):
        trace = make_trace(np.zeros((30, 8, 1)), objective=rng.normal(size=(30, 8)))
        found = estimate(m.drift()(trace))
        inside.append(found.low <= 0 <= found.high)
    assert 0.88 <= np.mean(inside) <= 1.0


def by_time(times, happened, horizon=8):
    """Worlds whose objective falls below 0.5 for good at their time, or whose game ends there."""
    ticks = np.arange(horizon)
    objective = np.ones((len(times), horizon))
    alive = np.ones((len(times), horizon), dtype=bool)
    for i, (when, fell) in enumerate(zip(times, happened, strict=True)):
        objective[i, ticks >= when] = 0.0
        if not fell:
            alive[i, ticks >= when] = False
    return make_trace(np.zeros((len(times), horizon, 1)), objective=objective, alive=alive)


def test_kaplan_meier_and_restricted_mean_by_hand():
    found = m.time_to_misalignment(by_time([1, 2, 3, 4, 5], [1, 0, 1, 0, 1]), theta=0.5)
    times, share = found.curve()
    assert times.tolist() == [1, 2, 3, 4, 5]
    assert share == pytest.approx([0.8, 0.8, 0.53333, 0.53333, 0.0], abs=1e-5)
    area = found.restricted_mean(5)
    assert area.value == pytest.approx(3.6667, abs=5e-5) and area.low < area.value < area.high
    greenwood = (8 / 3) ** 2 / (5 * 4) + (16 / 15) ** 2 / (3 * 2)
    assert area.value - area.low == pytest.approx(1.96 * greenwood**0.5)
    assert area.high == 5.0  # where time ends
    assert found.restricted_mean().value == found.restricted_mean(7).value == area.value
    assert found.restricted_mean(2).value == pytest.approx(1.8)
    assert np.mean(found.time) == 3.0  # the wrong version: forget the censoring


def test_the_log_rank_test_by_hand():
    early, late = (m.time_to_misalignment(by_time(times, [1, 1]), theta=0.5) for times in ([1, 2], [3, 4]))
    # expected early falls: 2/4 + 1/3; variance: 1/4 + 2/9
    chi2 = (2 - 5 / 6) ** 2 / (1 / 4 + 2 / 9)
    assert [early.later(late), late.later(early)] == pytest.approx([stats.chi2.sf(chi2, 1)] * 2)
    assert early.later(early) == 1.0
    never = m.time_to_misalignment(by_time([3, 4], [0, 0]), theta=0.5)
    assert np.isnan(never.later(never))


def test_when_a_society_fell_is_a_measure_with_two_columns():
    one = m.misaligned(m.objective_by_tick, theta=0.5, ticks=2)
    assert one.name == "misaligned(objective_by_tick, theta=0.5, ticks=2)"
    assert one.columns == ("ticks", "happened")
    trace = by_time([1, 3, 8], [1, 0, 1])
    assert one(trace).tolist() == [[1, 1], [3, 0], [8, 0]]
    with pytest.raises(ValueError, match=r"got ticks=0, expected .*; try misaligned\(ticks=1"):
        m.misaligned(ticks=0)


def test_misalignment_must_last_and_the_end_censors():
    objective = np.array([[0.5, 0, 1, 0, 0, 1], [1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0]])
    trace = make_trace(np.zeros((3, 6, 1)), objective=objective)
    found = m.time_to_misalignment(trace, theta=0.5, ticks=2)
    assert found.time.tolist() == [3, 6, 0] and found.happened.tolist() == [True, False, True]
    found = m.time_to_misalignment(trace, theta=0.5)
    assert found.time.tolist() == [1, 5, 0] and found.happened.all()


def test_survival_without_an_event_and_beyond_the_end():
    found = m.time_to_misalignment(by_time([4, 8], [0, 0]), theta=0.5)
    assert not found.happened.any() and found.restricted_mean(8).value == 8.0
    with pytest.raises(ValueError, match="horizon=9 lies beyond the last observed tick 8"):
        found.restricted_mean(9)


def test_survival_counts_what_it_leaves_out():
    objective = np.ones((3, 4))
    objective[1, 2] = np.nan
    trace = make_trace(np.zeros((3, 4, 1)), objective=objective, invalid=("", "", "died"))
    found = m.time_to_misalignment(trace, theta=0.5)
    assert len(found.time) == 1 and found.missing == 2 and found.restricted_mean().missing == 2
    nobody = m.time_to_misalignment(trace.worlds([1]), theta=0.5)
    assert not nobody.restricted_mean().n and nobody.restricted_mean().missing == 1


def test_restricted_mean_intervals_cover_the_truth():
    """Negative control: geometric times, random censoring, known restricted mean."""
    rng = np.random.default_rng(3)
    risk, horizon = 0.2, 6
    truth = sum((1 - risk) ** t for t in range(horizon))
    inside = []
    for _ in range(150):
        event, stop = rng.geometric(risk, 60), rng.integers(3, 20, 60)
        found = m.Survival(np.minimum(event, stop).astype(float), event <= stop)
        area = found.restricted_mean(horizon)
        inside.append(area.low <= truth <= area.high)
    assert 0.89 <= np.mean(inside) <= 0.99
