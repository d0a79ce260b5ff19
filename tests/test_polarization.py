"""Polarization and agreement against published numbers, limits worked by hand, and chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracing import make_trace

from commonweal import measures as m
from commonweal._measure import NA
from commonweal.measures.polarization import agreement, bimodality_coefficient, esteban_ray_index


def saying(*worlds, **rest):
    """A trace of worlds in which all say an opinion once."""
    x = np.array(worlds, dtype=float)[:, None]
    return make_trace(np.zeros(x.shape), act={"say": x}, **rest)


def test_esteban_and_ray_by_hand():
    assert esteban_ray_index([0, 1], [0.5, 0.5], 1.0) == 0.25
    assert esteban_ray_index([0, 1], [3, 3], 1.6) == pytest.approx(0.16494, abs=5e-6)  # 2^-2.6
    assert esteban_ray_index([0, 0.5, 1], [1, 1, 1], 1.0) == pytest.approx(0.14815, abs=5e-6)  # 4 / 27
    assert esteban_ray_index([0.3], [1], 1.0) == 0.0
    assert esteban_ray_index([0, 2], [1, 3], 1.0, scale=2.0) == pytest.approx(2 * 2 * 3 / 16)
    with pytest.raises(ValueError, match=r"alpha=2.*esteban_ray\(\[0, 1\]"):
        esteban_ray_index([0, 1], [1, 1], 2)


def test_two_camps_are_most_polarized_and_more_spread_is_less():
    """What sets it apart from inequality: gathering into two camps within each side raises it."""
    camps = saying([0, 0, 0, 1, 1, 1], [0, 0.1, 0.2, 0.8, 0.9, 1], [0.5] * 6)
    two, spread, none = m.esteban_ray("say")(camps)
    assert two == 0.25 > spread > none == 0.0


def test_polarization_beyond_chance():
    rng = np.random.default_rng(0)
    trace = saying(*rng.random((40, 6)))
    assert m.esteban_ray("say", report="raw")(trace).mean() > 0.05  # opinions at random look polarized
    assert m.esteban_ray("say", report="excess")(trace).mean() == pytest.approx(0.0, abs=0.015)
    assert np.mean(m.esteban_ray("say", report="p")(trace) < 0.1) < 0.25
    camps = saying([0, 0, 0, 1, 1, 1])
    assert m.esteban_ray("say", report="p")(camps)[0] < 0.02 < m.esteban_ray("say", report="excess")(camps)[0]
    assert m.van_der_eijk("say", report="raw")(trace).mean() > 0.1  # and agreed
    assert m.van_der_eijk("say", report="excess")(trace).mean() == pytest.approx(0.0, abs=0.12)
    assert m.van_der_eijk("say", report="p")(saying([0.5] * 6))[0] < 0.02


def test_bimodality_in_large_and_small_samples():
    assert bimodality_coefficient(np.arange(1, 11)) == pytest.approx(0.3185, abs=5e-5)
    assert bimodality_coefficient(np.linspace(0, 1, 100_000)) == pytest.approx(5 / 9, abs=1e-4)
    assert bimodality_coefficient(np.arange(100_000) % 2) == pytest.approx(1.0, abs=1e-4)
    assert np.isnan(bimodality_coefficient([1, 1, 1, 1, 1])) and np.isnan(bimodality_coefficient([0, 1, 1]))
    skewed = bimodality_coefficient(np.random.default_rng(0).exponential(size=100_000))
    assert skewed == pytest.approx((4 + 1) / 9, abs=0.05)  # one heap, as high as even opinions
    few, many = saying(np.arange(10) % 2), saying(np.arange(40) % 2)
    assert np.isnan(m.bimodality("say")(few)[0]) and m.bimodality("say")(many)[0] > 0.85


def test_van_der_eijk_by_the_published_example_and_its_limits():
    assert agreement([30, 40, 210, 130, 530, 50, 10]) == pytest.approx(0.61133, abs=5e-6)
    assert (
        agreement([0, 7, 0, 0]) == 1.0 and agreement([3, 3, 3, 3]) == 0.0 and agreement([5, 0, 0, 5]) == -1.0
    )
    # two layers: 2 on all five (share 10/16, A 0), 2 on the middle three (share 6/16, U 1, A 1/2)
    assert agreement([2, 4, 4, 4, 2]) == pytest.approx(6 / 16 * 0.5)
    # 1 0 1 on three answers: U = -2, S = 2, A = -2 (1 - 1/2)
    assert agreement([1, 0, 1]) == -1.0
    assert np.isnan(agreement([0, 0, 0]))


@given(st.lists(st.integers(0, 20), min_size=3, max_size=7).filter(any))
def test_agreement_lies_in_its_range_and_knows_no_direction(counts):
    found = agreement(counts)
    assert -1 - 1e-9 <= found <= 1 + 1e-9
    assert agreement(counts[::-1]) == pytest.approx(found, abs=1e-9)
    assert agreement([3 * x for x in counts]) == pytest.approx(found, abs=1e-9)


def test_opinions_are_read_at_the_end_on_their_scale():
    x = np.array([[[0, 1, 0, 1], [0.5, 0.5, 0.5, 0.5], [0, 0, 0, 0]]], dtype=float)
    trace = make_trace(np.zeros(x.shape), act={"say": x}, alive=[[True, True, False]])
    assert m.van_der_eijk()(trace) == [1.0] and m.esteban_ray()(trace) == [0.0]
    shifted = saying([-3, -3, 3, 3])
    assert m.van_der_eijk(low=-3, high=3)(shifted) == [-1.0]
    assert m.esteban_ray(low=-3, high=3)(shifted) == [0.25]
    assert np.isnan(m.esteban_ray()(shifted))[0]  # off the scale: undefined, not squeezed into it
    with pytest.raises(NA, match="'opinion' here: name one of say"):
        m.van_der_eijk("opinion")(trace)
    with pytest.raises(ValueError, match="low < high: van_der_eijk"):
        m.van_der_eijk(low=1, high=1)
    with pytest.raises(ValueError, match="report='z'"):
        m.esteban_ray(report="z")  # type: ignore[arg-type]
