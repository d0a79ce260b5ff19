"""Opinions: averaging, stubborn leaders and bounded confidence against fixed points worked by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import commonweal as cw
from commonweal.measures import objective_alignment
from commonweal.minds import BoundedConfidence, Constant, Deffuant, FriedkinJohnsen, Random, degroot
from commonweal.scenarios import Opinions

W = [[0.5, 0.3, 0.2], [0.2, 0.6, 0.2], [0.1, 0.3, 0.6]]
FIRST = [1.0, 0.0, 0.5]
THREE = Opinions(3, 30, weights=W, start=FIRST)


def said(scenario, some, worlds=1):
    """Float[W, T, n]: what all said."""
    return cw.run(cw.Society(scenario, some), worlds).act["say"]


def test_averaging_one_tick_by_hand_and_to_the_consensus():
    x = said(THREE, degroot())[0]
    assert x[0] == pytest.approx([0.6, 0.3, 0.4])
    assert x[-1] == pytest.approx([0.404762] * 3, abs=1e-5)


def test_a_stubborn_leader_captures_the_group():
    x = said(THREE, [FriedkinJohnsen(o) for o in (0.9, 0.5, 0.0)])[0]
    assert x[0] == pytest.approx([0.9 * 0.6 + 0.1, 0.15, 0.5])
    assert x[-1] == pytest.approx([0.409218, 0.129888, 0.5], abs=1e-5)
    alone = said(THREE, [degroot(), degroot(), FriedkinJohnsen(0.0)])[0]
    assert alone[-1] == pytest.approx([0.5] * 3, abs=1e-2)


def test_bounded_confidence_by_hand():
    start = [0.0, 0.2, 0.4, 0.9]
    x = said(Opinions(4, 2, start=start), BoundedConfidence(0.25))[0]
    assert x[0] == pytest.approx([0.1, 0.2, 0.3, 0.9])
    assert x[1] == pytest.approx([0.2, 0.2, 0.2, 0.9])


@pytest.mark.slow
def test_pairs_meet_halfway_or_part():
    game = Opinions(5, 1, start=[0.0, 0.1, 0.5, 0.9, 1.0])
    for seed in range(10):
        sight = game.observe(game.init(jax.random.key(seed)))
        mate = np.asarray(sight["partner"])
        assert (mate[mate] == np.arange(5)).all() and (mate == np.arange(5)).sum() == 1
        assert np.asarray(sight["met"]).tolist() == np.asarray(sight["own"])[mate].tolist()
    x = said(Opinions(2, 2, start=[0.2, 0.6]), Deffuant(0.5, 0.25))[0]
    assert x[0] == pytest.approx([0.3, 0.5]) and x[1] == pytest.approx([0.35, 0.45])
    assert said(Opinions(2, 1, start=[0.2, 0.8]), Deffuant(0.5))[0, 0] == pytest.approx([0.2, 0.8])


def test_costs_by_hand():
    game = Opinions(3, 1, weights=W, start=FIRST, conform=2.0, anchor=3.0, stake=4.0, truth=0.25)
    trace = cw.run(cw.Society(game, [Constant(say=x) for x in (0.8, 0.0, 0.3)]), 1)
    apart = [0.3 * 0.64 + 0.2 * 0.25, 0.2 * 0.64 + 0.2 * 0.09, 0.1 * 0.25 + 0.3 * 0.09]
    first, error = [0.04, 0.0, 0.04], [0.3025, 0.0625, 0.0025]
    wanted = [-2 * a - 3 * f - 4 * e for a, f, e in zip(apart, first, error, strict=True)]
    assert trace.net[0, 0] == pytest.approx(wanted, abs=1e-6)
    off = [abs(0.8 - 0.46), abs(0.0 - 0.22), abs(0.3 - 0.26)]
    assert trace.events["excess"][0, 0] == pytest.approx(off, abs=1e-6)
    assert trace.events["error"][0, 0] == pytest.approx([0.55, 0.25, 0.05], abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "some", [{}, {"weights": W, "n_agents": 3, "start": FIRST, "anchor": 1.0, "stake": 2.0}]
)
def test_chance_is_the_floor_of_alignment(some):
    game = Opinions(**{"n_agents": 4, "horizon": 5} | some)
    found = objective_alignment(cw.run(cw.Society(game, Random()), 2000))
    assert np.mean(found) == pytest.approx(0.0, abs=4 * np.std(found) / np.sqrt(2000) + 1e-3)
    agreed = objective_alignment(cw.run(cw.Society(game, Constant(say=0.5)), 1))
    assert agreed == pytest.approx([1.0], abs=1e-6) or some


def test_without_weights_all_hear_all():
    some = Opinions(3, 4, start=FIRST)
    same = Opinions(3, 4, start=FIRST, weights=np.full((3, 3), 1 / 3))
    assert said(some, degroot())[0] == pytest.approx(said(same, degroot())[0], abs=1e-6)
    row = jax.tree.map(lambda x: x[1], some.observe(some.init(jax.random.key(0))))
    told = "Nobody has spoken yet. You think 0. Opinions are member 0: 1, member 1: 0, member 2: 0.5; on "
    assert some.tell(row).startswith(f"{told}average 0.5. You meet member") and " thinks " in some.tell(row)
    told = some.tell(cw.Sight(row.facts | {"started": 1.0, "weights": np.array([0.25, 0.0, 0.75])}))
    assert told.startswith("At first you thought 0; last you said 0. You hear member 0: 1 (counts 0.25), ")
    assert "member 2: 0.5 (counts 0.75);" in told
    assert "the squared distance from those you hear" in some.brief(0) and "truth" not in some.brief(0)


@pytest.mark.parametrize(
    ("some", "wanted"),
    [
        ({"weights": np.eye(2)}, r"shapes \[\(2, 2\), None\]; wanted \(3, 3\)"),
        ({"weights": np.full((3, 3), 0.5)}, "row 0 sums to 1.5, expected sums of 1"),
        ({"start": [0.0, 0.5, 1.5]}, r"start=.* expected a number in \[0, 1\] in each place \(it has 1.5 at"),
    ],
)
def test_impossible_debates_are_refused(some, wanted):
    with pytest.raises(ValueError, match=wanted):
        Opinions(3, **some)


@pytest.mark.slow
@pytest.mark.parametrize(
    "mind", [FriedkinJohnsen(0.5), BoundedConfidence(), Deffuant()], ids=lambda m: type(m).__name__
)
def test_opinion_minds_obey_the_laws(mind):
    cw.check(mind, Opinions(3, 2))


def test_numbers_are_leaves():
    assert jnp.shape(BoundedConfidence(0.3).reach) == ()
