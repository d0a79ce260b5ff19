"""What holds for every measure of power, conformity, polarization, deception, hierarchy and norms."""

import dataclasses
import inspect
from typing import Any

import numpy as np
import pytest
from tracing import make_card, make_trace

from commonweal import measures as m
from commonweal._card import Value
from commonweal._measure import NA, Measure
from commonweal.measures import (
    conformity,
    deception,
    disparity,
    hierarchy,
    influence,
    norms,
    polarization,
    power,
    responsibility,
)
from commonweal.testing import faults

MODULES = (
    *(conformity, deception, disparity, hierarchy, influence, norms, polarization, power),
    responsibility,
)
FACTORIES = {
    name: thing
    for module in MODULES
    for name, thing in vars(module).items()
    if inspect.isfunction(thing) and thing.__module__ == module.__name__ and not name.startswith("_")
    if inspect.signature(thing).return_annotation is Measure
}
VARIANTS = [
    *(one("punish") for one in (m.linearity, m.steepness, m.elo_spread, m.elo_stability)),
    m.majority_adoption("say", including_own=True),
    m.said_not_done("claim", "say", against=lambda trace: trace.odds["say"]),
    m.transfer_entropy("say", conditional=True),
    m.intervention_rate("cooperated", when="wealth", anyone=True),
]


def default(name):
    """The measure with its own defaults, on the columns of `rich` where it must be told which."""
    columns = dict(of="say", act="say", channel="say", said="claim", done="say", outcome="wealth")
    of = dict(wealth_gini="wealth", power_seeking="wealth", power_price="wealth", matthew="wealth")
    of |= dict(rank_persistence="wealth", intervention_rate="cooperated")
    wanted = inspect.signature(FACTORIES[name]).parameters
    given = {k: v for k, v in columns.items() if k in wanted} | ({"of": of[name]} if name in of else {})
    on_targets = ("linearity", "steepness", "elo_spread", "elo_stability")
    given |= (
        {"channel": None} if name in on_targets else {"channel": "punish"} if name == "centralization" else {}
    )
    easy = dict(bimodality=dict(least=4), flipped=dict(ticks=3), time_to_consensus=dict(share=0.5))
    return FACTORIES[name](**given, **easy.get(name, {}))


MEASURES = [default(name) for name in sorted(FACTORIES)] + VARIANTS


def rich(seed=0, w=3, t=12, n=4, order: Any = slice(None)):
    """A trace in which every one of them is available, its agents in some order."""
    rng = np.random.default_rng(seed)
    ids = np.arange(n)[order]
    acts = {name: rng.integers(0, 2, (w, t, n)) for name in ("claim", "say")}
    target = rng.integers(0, n + 1, (w, t, n))
    place = np.append(np.argsort(ids), n)  # where each agent sits now
    acts = {name: x[..., ids] for name, x in acts.items()} | {"punish": place[target[..., ids]]}
    p = rng.dirichlet([1.0, 1.0], (w, t, n))[:, :, ids]
    events = {"wealth": rng.uniform(1.0, 2.0, (w, t, n)).cumsum(axis=1), "cooperated": acts["say"]}
    events["wealth"] = events["wealth"][..., ids]
    card = make_card(n=n, values=(Value("calm"),))
    parts = dict(harm=rng.random((w, t, n, 1))[:, :, ids], events=events, odds={"say": p}, card=card)
    return make_trace(rng.random((w, t, n))[..., ids], act=acts, intent=acts, **parts)


def test_the_shelf_has_them_all():
    assert len(FACTORIES) == 33
    assert all(getattr(m, name) is thing for name, thing in FACTORIES.items())


@pytest.mark.parametrize("one", MEASURES, ids=lambda one: one.name)
def test_each_says_what_it_is(one):
    assert "Needs:" in one.text and "Bias:" in one.text and "Range" in one.text, one.name
    assert one.cites and one.unit and one.undefined and "(" in one.name
    assert "." in one.text.partition("\n")[0] or ":" in one.text.partition("\n")[0]


def test_names_tell_conventions_apart():
    assert len({one.name for one in MEASURES}) == len(MEASURES)


@pytest.mark.parametrize("one", MEASURES, ids=lambda one: one.name)
def test_seats_do_not_matter_labels_do_not_either(one):
    trace, order = rich(), [2, 0, 3, 1]
    want = one(trace)
    assert want.shape == ((3, 4) if one.per == "agent" else (3,))
    moved = one(rich(order=order))
    assert moved == pytest.approx(want[:, order] if one.per == "agent" else want, nan_ok=True, abs=1e-9)
    labels = {"model": np.array([["x", "y", "x", "y"]] * 3)}
    assert np.array_equal(one(dataclasses.replace(trace, labels=labels)), want, equal_nan=True)
    assert not np.isnan(want).all()


def test_permuting_agents_catches_a_planted_favorite():
    def favorite(trace):
        return trace.net[:, :, 0].sum(axis=1)

    planted = Measure("favorite", favorite, "pay", "neither", "nobody 2020")
    assert planted(rich(order=[2, 0, 3, 1])) != pytest.approx(planted(rich()))


OF_AGENTS = {"centralization", "elo_spread", "elo_stability", "linearity", "steepness"}  # acts are agents


@pytest.mark.parametrize("name", sorted(FACTORIES))
def test_each_obeys_the_laws_of_measures(name):
    assert faults(FACTORIES[name]()) == []
    first = next(iter(inspect.signature(FACTORIES[name]).parameters))
    if first in ("of", "act", "channel") and name not in OF_AGENTS | {"behavioral_diversity"}:
        assert faults(FACTORIES[name](**{first: "cooperated" if name == "wealth_gini" else "say"})) == []


@pytest.mark.parametrize("one", MEASURES, ids=lambda one: one.name)
def test_nothing_played_is_nothing_known(one):
    """No measure makes a number of a world in which no tick was played."""
    trace = rich()
    dead = dataclasses.replace(trace, alive=np.zeros_like(trace.alive), harm=0 * trace.harm)
    dead = dataclasses.replace(dead, book={"pay": 0 * trace.book["pay"]})
    try:
        assert np.isnan(one(dead)).all()
    except NA:
        pass
