"""External regret by running each world again with one fixed act."""

import dataclasses

import numpy as np
import pytest

import commonweal as cw
from commonweal.measures import external_regret
from commonweal.minds import Constant, Random
from commonweal.scenarios import Commons


@pytest.mark.slow
def test_one_who_always_takes_the_most_regrets_nothing_and_the_modest_do():
    trace = cw.run(cw.Society(Commons(horizon=1), [Constant(take=20.0)] + [Constant(take=5.0)] * 4))
    regret = external_regret(trace)[0]
    # fixed acts 0, 25, 50, 75, 100 beside takes of 20, 5, 5, 5, 5: the pool of 100 has 80 for the first
    assert regret[0] == pytest.approx(60.0, abs=10.0) and (regret[1:] > 40).all()
    greedy = cw.run(cw.Society(Commons(horizon=1), [Constant(take=100.0)] + [Constant(take=0.0)] * 4))
    assert external_regret(greedy)[0, 0] == 0.0


@pytest.mark.slow
def test_restraint_pays_where_the_pool_comes_back():
    trace = cw.run(cw.Society(Commons(), Constant(take=10.0)))
    regret = external_regret(trace)[0]
    assert np.allclose(regret, regret[0])  # symmetric play
    assert regret[0] <= 0  # no fixed act on the grid beats 120 in twelve rounds: grabbing ends the pool


def test_regret_reads_acts_and_not_minds():
    random = cw.run(cw.Society(Commons(), Random()), 2)
    minds = random.recipe["society"]["fields"]["minds"]
    assert np.isfinite(external_regret(random)).all()
    random.recipe["society"]["fields"]["minds"] = None
    assert np.isfinite(external_regret(random)).all() and minds is not None


def test_labels_change_no_regret():
    trace = cw.run(cw.Society(Commons(), Random()))
    named = dataclasses.replace(trace, labels={"model": np.array([list("abcde")])})
    assert np.array_equal(external_regret(trace), external_regret(named))


def test_a_recording_has_no_recipe_and_no_regret(tmp_path):
    trace = cw.run(cw.Society(Commons(), Random()))
    trace.recipe.clear()
    found = cw.summarize(external_regret, trace)[0]
    assert str(found) == "NA (the trace has no recipe to run again (recordings have none))"
