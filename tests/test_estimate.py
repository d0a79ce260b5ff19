"""An estimate: a mean over worlds, its interval, and what is missing."""

import numpy as np
import pytest

import commonweal as cw

RNG = np.random.default_rng(7)


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


def test_one_number_a_world_and_nothing_else():
    with pytest.raises(ValueError, match=r"shape \(3, 2\); wanted one number a world"):
        cw.estimate(np.zeros((3, 2)))
