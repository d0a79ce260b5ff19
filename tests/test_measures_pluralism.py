"""Pluralism: coverage, steering, distributions and diversity, by hand and against chance."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from tracing import make_trace

import commonweal as cw
from commonweal import measures as m
from commonweal._measure import NA
from commonweal.measures import pluralism as p
from commonweal.minds import Random
from commonweal.scenarios import Opinions
from commonweal.testing import faults


def bent(intent, act=None, **rest):
    """A trace in which others than the intended acts were executed, [W, T, n]."""
    intent = np.asarray(intent)
    act = intent if act is None else np.asarray(act)
    return make_trace(np.ones(intent.shape), intent={"say": intent}, act={"say": act}, **rest)


def test_overton_coverage():
    weights, voiced = [0.4, 0.3, 0.2, 0.1], [True, True, True, False]
    assert p.coverage(voiced, weights) == 0.75 and p.coverage(voiced, weights, True) == pytest.approx(0.9)
    trace = bent([[[0, 0, 0, 0, 1, 1, 1, 2, 2, 3]]], [[[0, 0, 0, 0, 1, 1, 1, 2, 2, 2]]])
    assert m.overton_coverage()(trace).tolist() == [0.75]
    assert m.overton_coverage(weighted=True)(trace) == pytest.approx([0.9])
    assert m.overton_coverage(window=[0.5, 0, 0, 0, 0.5], weighted=True)(trace).tolist() == [0.5]
    assert m.overton_coverage(window=[1, 1])(trace).tolist() == [1.0]  # beyond the window nothing counts
    assert m.overton_coverage()(bent([[[0, 3, 1]]])).tolist() == [1.0]
    later = bent([[[0, 1], [2, 3]]], [[[0, 1], [0, 1]]], alive=[[True, False]])
    assert m.overton_coverage()(later).tolist() == [1.0]  # what was not played was not held either


def test_steerability():
    rng = np.random.default_rng(0)
    base = bent(rng.integers(0, 4, (200, 20, 4)))
    perfect = bent(np.broadcast_to([0, 1, 2, 3], (5, 20, 4)))
    assert m.steerability([0, 1, 2, 3], 0.25)(perfect).tolist() == [[0.75] * 4] * 5
    assert m.steerability([0, 1, 2, 3], base)(perfect) == pytest.approx(np.full((5, 4), 0.75), abs=0.02)
    stubborn = m.steerability([0, 1, 2, 3], perfect)
    assert stubborn(perfect).tolist() == [[0.0] * 4] * 5  # who would anyway was not steered
    half = bent([[[0, 1], [1, 1]]])
    assert m.steerability([0, 0], 0.5)(half).tolist() == [[0.0, -0.5]]
    with pytest.raises(NA, match="to what was each steered"):
        m.steerability()(half)
    with pytest.raises(NA, match=r"views of \(3,\) agents were wanted, and 2"):
        m.steerability([0, 0, 0])(half)


def test_divergence():
    assert p.jensen_shannon([0.5, 0.5, 0], [0, 0.5, 0.5]) == pytest.approx(0.5)
    assert p.jensen_shannon([1, 0], [0, 1]) == 1.0 and p.jensen_shannon([2, 6], [1, 3]) == pytest.approx(0.0)
    a, b = np.random.default_rng(0).dirichlet(np.ones(5), 2)
    assert p.jensen_shannon(a, b) == pytest.approx(jensenshannon(a, b, base=2) ** 2)
    # (1, 0) against (1/2, 1/2): the middle (3/4, 1/4) has 0.8113 bits, less half of 0 and of 1
    assert p.jensen_shannon([1, 0], [1, 1]) == pytest.approx(0.8112781 - 0.5)


def test_distributional_pluralism():
    trace = bent([[[0, 1]]], [[[1, 2]]])
    assert m.distributional_pluralism()(trace) == pytest.approx([0.5])
    assert m.distributional_pluralism(population=[1, 1])(trace) == pytest.approx([0.5])
    assert m.distributional_pluralism(population=[0, 1, 1])(trace) == pytest.approx([1.0])
    captured = bent([[[0, 1]]], [[[1, 1]]])
    assert m.distributional_pluralism()(captured) == pytest.approx([1 - 0.3112781])
    assert np.isnan(m.distributional_pluralism()(bent([[[0, 1]]], alive=[[False]]))).all()


def test_a_fair_sample_reads_too_low_and_about_zero_less_chance():
    rng = np.random.default_rng(0)
    people = [0.4, 0.3, 0.2, 0.1]
    fair = bent(rng.choice(4, p=people, size=(200, 1, 8)))
    raw = m.distributional_pluralism(population=people)(fair)
    mended = m.distributional_pluralism(population=people, chance=200)(fair)
    error = mended.std() / np.sqrt(200)
    assert raw.mean() < 0.95 and abs(mended.mean()) < 4 * error
    one_sided = bent(np.zeros((1, 1, 8), int))  # planted: only the largest group is heard
    assert m.distributional_pluralism(population=people, chance=200)(one_sided)[0] < -0.2
    assert p.null(people, 8, 50).shape == (50,) and p.null([1, 0], 5, 10).tolist() == [1.0] * 10


def test_diversity_retained():
    start = [0, 1, 2, 3]
    collapse, kept = [start, [0, 0, 1, 2], [0] * 4], [start, start, start[::-1]]
    trace = bent([collapse, kept, [start, start, [0, 0, 1, 1]]])
    assert p.entropy([1, 1, 1, 1]) == 2.0
    assert m.diversity_retained()(trace) == pytest.approx([0.0, 1.0, 0.5])
    early = bent([collapse], alive=[[True, True, False]])
    assert m.diversity_retained()(early) == pytest.approx([0.75])  # 1.5 bits of 2
    assert np.isnan(m.diversity_retained()(bent([[[1, 1], [0, 1]]]))).all()  # nothing to lose


def test_amounts_are_cut_into_views_at_edges():
    x = np.array([[[0.1, 0.4, 0.6, 0.9], [0.1, 0.1, 0.6, 0.6]]])
    assert m.diversity_retained(edges=[0.25, 0.5, 0.75])(bent(x)) == pytest.approx([0.5])
    assert m.diversity_retained(edges=[0.5])(bent(x)) == pytest.approx([1.0])
    assert m.overton_coverage(edges=[0.5], window=[1, 1])(bent(x[:, :, :2])).tolist() == [0.5]
    with pytest.raises(NA, match=r"takes amounts: say where views part, edges="):
        m.diversity_retained()(bent(x))
    with pytest.raises(NA, match=r"no channel 'x' here; wanted one of \['say'\]"):
        m.overton_coverage("x")(bent(x))


@pytest.mark.slow
def test_views_of_real_worlds():
    trace = cw.run(cw.Society(Opinions(n_agents=6, horizon=4), Random()), 3)
    found = m.diversity_retained(edges=[0.25, 0.5, 0.75])(trace)
    assert found.shape == (3,) and (found > 0).all()
    assert m.distributional_pluralism(edges=[0.5])(trace) == pytest.approx([1.0] * 3)  # nothing bends acts


def test_they_obey_the_laws_of_measures():
    steered = m.steerability([0, 1, 0], 0.5, "say")
    for one in (m.overton_coverage("say"), m.distributional_pluralism("say", chance=10)):
        cw.check(one)
    assert [fault.law for fault in faults(steered)] == ["seats are interchangeable"]  # it numbers them
    cw.check(m.diversity_retained("give", edges=[5.0]))
