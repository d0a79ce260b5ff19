"""Change points, recovery and hysteresis: paths drawn by hand, and chance."""

import itertools

import numpy as np
import pytest
from tracing import make_trace

import commonweal as cw
from commonweal import measures as m
from commonweal._measure import NA
from commonweal.measures import change as c


def path(*worlds, **rest):
    """Worlds whose objective is the given series."""
    y = np.asarray(worlds, dtype=float)
    return make_trace(np.zeros((*y.shape, 2)), objective=y, **rest)


STEP = np.repeat([0.0, 1.0], 50)


def test_a_step_is_one_change():
    assert c.change_points(STEP) == [50, 100]
    assert c.change_points(np.repeat([0.0, 2.0, 1.0], [10, 5, 20])) == [10, 15, 35]
    assert c.change_points(np.ones(7)) == [7] and c.change_points([3.0]) == [1] and c.change_points([]) == []
    noisy = STEP + np.random.default_rng(1).normal(0, 0.2, 100)
    assert c.change_points(noisy) == [50, 100] == c.change_points(noisy, sigma=0.2)
    assert c.change_points(noisy, penalty=100.0) == [100]  # too dear to be worth it
    assert c.change_points(noisy, sigma=3.0) == [100]


def test_the_segmentation_is_the_best_there_is():
    """Against all subsets of break points."""
    rng = np.random.default_rng(1)

    def cost(y, ends, charge):
        pieces = np.split(y, ends)
        return sum(((x - x.mean()) ** 2).sum() for x in pieces) + charge * len(ends)

    for _ in range(15):
        y = rng.normal(size=9) + 2 * (np.arange(9) > rng.integers(9))
        best = min(cost(y, list(e), 1.0) for k in range(9) for e in itertools.combinations(range(1, 9), k))
        assert cost(y, c.change_points(y, penalty=1.0)[:-1], 1.0) == pytest.approx(best)


def test_a_library_finds_the_same():
    rpt = pytest.importorskip("ruptures", reason="ruptures is not installed: nothing to compare with")
    y = STEP + np.random.default_rng(0).normal(0, 0.3, 100)
    charge = 2 * 0.3**2 * np.log(100)
    theirs = rpt.Pelt(model="l2", min_size=1, jump=1).fit(y).predict(pen=charge)
    assert c.change_points(y, penalty=charge) == theirs


def test_noise_alone_seldom_changes_and_without_a_penalty_always():
    rng = np.random.default_rng(0)
    noise = path(*rng.normal(size=(40, 80)))
    assert (m.changes()(noise) > 0).mean() < 0.25
    assert (m.changes(sigma=1.0)(noise) > 0).mean() < 0.25
    assert (m.changes(penalty=0.5)(noise) > 0).all()  # the planted fault: chance taken for change
    broken = path(*(rng.normal(size=(40, 80)) + 4 * (np.arange(80) >= 40)))
    assert (m.changes()(broken) >= 1).all()


def test_changes_reads_played_ticks():
    alive = np.arange(100) < 45
    trace = path(STEP, STEP, alive=[np.ones(100, bool), alive])
    assert m.changes()(trace).tolist() == [1.0, 0.0]
    unknown = path(np.where(np.arange(100) == 3, np.nan, STEP))
    assert np.isnan(m.changes()(unknown)).all()


DIP = [1.0, 1.0, 0.2, 0.6, 0.97, 0.9, 1.0, 1.0]  # the shock is in tick 2


def test_recovery_by_hand():
    assert c.recovery(DIP, 2) == 2.0  # 0.97 is within 0.05
    assert c.recovery(DIP, 2, ticks=2) == 4.0  # and 0.9 is not
    assert c.recovery(DIP, 2, within=0.9) == 0.0
    assert (
        np.isnan(c.recovery([1, 1, 0, 0], 2))
        and np.isnan(c.recovery(DIP, 0))
        and np.isnan(c.recovery(DIP, 8))
    )
    assert c.lost_area(DIP, 2) == pytest.approx(0.8 + 0.4 + 0.03 + 0.1)
    assert c.lost_area([1, 1, 1, 1], 2) == 0.0  # instant recovery costs nothing
    assert c.lost_area([1, 1, 0, 2], 2) == 0.0  # a gain makes up for a loss


def test_a_shock_is_a_tick_or_an_event():
    shock = np.zeros((2, 8, 2))
    shock[0, 2, 1] = 1.0  # in the first world only
    trace = path(DIP, DIP, events={"shock": shock})
    assert m.recovery_time(2)(trace).tolist() == [2.0, 2.0]
    found = m.recovery_time()(trace)
    assert found[0] == 2.0 and np.isnan(found[1])
    assert m.resilience_loss()(trace)[0] == pytest.approx(1.33) == m.resilience_loss(2)(trace)[1]
    with pytest.raises(NA, match="no event 'shock': pass its tick, shock=10"):
        m.recovery_time()(path(DIP))
    with pytest.raises(ValueError, match="ticks=0"):
        m.recovery_time(2, ticks=0)


def test_the_loop():
    around = ([-1, 1, 1, -1, -1], [1, 1, -1, -1, 1])
    assert c.loop_area(*around) == 4.0
    assert c.loop_area(*(x[::-1] for x in around)) == -4.0  # the other way round
    sweep = np.concatenate([np.linspace(0, 1, 20), np.linspace(1, 0, 20)])
    assert c.loop_area(sweep, sweep**3) == pytest.approx(0.0, abs=1e-12)  # reversible
    assert c.branch_gap(sweep, sweep**3) == pytest.approx(0.0, abs=1e-12)
    triangle = ([0, 1, 0], [0, 1, 1])  # out along the diagonal, back along the top
    assert c.loop_area(*triangle) == -0.5 and c.branch_gap(*triangle) == -0.5
    assert c.branch_gap(*triangle, at=0.25) == -0.75
    assert np.isnan(c.branch_gap([0, 1], [0, 1], at=0.5))  # it never came back


def test_what_does_not_come_back_is_seen():
    """Cooperation that breaks at 0.8 and heals below 0.3 against one that breaks and heals at 0.5."""
    up = np.linspace(0, 1, 21)
    sweep = np.concatenate([up, up[::-1]])
    sticky = np.concatenate([up < 0.8, up[::-1] < 0.3]).astype(float)
    plain = (sweep < 0.525).astype(float)
    control = np.broadcast_to(sweep[None, :, None], (2, 42, 2))
    trace = path(sticky, plain, events={"control": control})
    assert m.hysteresis_area()(trace) == pytest.approx([0.5, 0.0], abs=1e-9)
    assert m.hysteresis_gap()(trace) == pytest.approx([1.0, 0.0])
    assert m.hysteresis_direction()(trace).tolist() == [1.0, 0.0]
    assert m.hysteresis_area(lambda t: t.objective)(trace) == pytest.approx([0.0, 0.0], abs=1e-9)
    with pytest.raises(NA, match="no event 'control'"):
        m.hysteresis_area()(path(DIP))


def test_they_obey_the_laws_of_measures():
    for one in (m.changes(), m.recovery_time(1), m.resilience_loss(1), m.hysteresis_area("excess")):
        cw.check(one)
    cw.check(m.hysteresis_gap("excess"))
