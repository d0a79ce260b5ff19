"""Descriptions: canonical, JSON-able, and enough to build the thing again."""

import json
import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import commonweal as cw
from commonweal.institutions import Audit, Vote
from commonweal.minds import FairShare, Random
from commonweal.scenarios import Commons, Earthquake, prisoners_dilemma

THINGS = [
    Commons(growth=1.7, wording="pasture"),
    Earthquake(),
    prisoners_dilemma(),
    FairShare(),  # holds an infinity
    cw.under(Commons(), Audit(0.3, fine=2.0), Vote({"a": {}, "b": {"take": (0, 5)}})),
    cw.Society(Commons(), [Random()] * 5, [cw.Profile(svo=45.0)] + [None] * 4),
]


@pytest.mark.parametrize("thing", THINGS, ids=lambda t: type(t).__name__)
def test_a_description_survives_json_and_builds_an_equal_thing(thing):
    text = json.dumps(cw.describe(thing), allow_nan=False)
    again = cw.rebuild(json.loads(text))
    assert eqx.tree_equal(again, thing)
    assert cw.identity(again) == cw.identity(thing)


def test_another_number_is_another_identity():
    assert cw.identity(Commons(growth=2.0)) != cw.identity(Commons(growth=2.0000002))
    assert cw.identity(Commons()) == cw.identity(Commons(growth=2))


@given(st.lists(st.floats(width=32), max_size=4), st.floats())
def test_every_float_comes_back(values, one):
    array = np.array(values, np.float32)
    back = cw.rebuild(
        json.loads(json.dumps(cw.describe({"a": jnp.asarray(array), "b": one}), allow_nan=False))
    )
    assert np.array_equal(np.asarray(back["a"]), array, equal_nan=True)
    assert back["b"] == one or math.isnan(one)


def test_what_cannot_be_imported_is_named():
    recipe = {"class": "gone:Thing", "fields": {}}
    with pytest.raises(ValueError, match=r"gone:Thing, which is imported only if .* society=\.\.\."):
        cw.rebuild(recipe)
    with pytest.raises(ValueError, match=r"gone:Thing, which cannot be imported .* society=\.\.\."):
        cw.trust(recipe)
