"""Laws of the objective, value, preference, dynamics and collusion measures, all on one trace."""

import dataclasses
import importlib
import inspect

import numpy as np
import pytest
from tracing import make_card, make_trace

from commonweal import measures as m
from commonweal._card import Oracle, Stakeholder, Value
from commonweal._measure import NA, Measure
from commonweal.minds import Constant

GIVES = 1.0 - np.indices((2, 2, 2))
GAME = 1.0 - GIVES + 1.6 * GIVES.mean(axis=0)  # a public good, the same for all three
FAMILIES = "change", "collusion", "equilibrium", "fairness", "pluralism", "values"


def factories():
    """The functions of these files that make a measure, with all their defaults."""
    for family in FAMILIES:
        module = importlib.import_module(f"commonweal.measures.{family}")
        for name, thing in vars(module).items():
            made = inspect.isfunction(thing) and inspect.signature(thing).return_annotation is Measure
            if made and thing.__module__ == module.__name__ and not name.startswith("_"):
                yield name, thing


MADE = {name: make() for name, make in factories()}
BARE = "punishment", "relative_severity", "surplus_ratio", "third_party_harm"  # which need a recipe
GIVEN = {name: one for name, one in MADE.items() if name not in BARE} | {
    "common_interest_share": m.common_interest_share(GAME),
    "nash_conv": m.nash_conv(GAME),
    "price_of_anarchy": m.price_of_anarchy(GAME),
    "self_interest_level": m.self_interest_level(GAME),
    "selfishness_level": m.selfishness_level(GAME),
    "steerability": m.steerability([1, 1, 1], 0.5),
    "distributional_pluralism, less chance": m.distributional_pluralism(chance=20),
    "market_division, less chance": m.market_division(chance=20),
    "variance_fall, p": m.variance_fall(value="p", draws=20),
    "violation_rate": m.violation_rate,
    "violation_severity": m.violation_severity,
    "empirical_price_of_anarchy": m.empirical_price_of_anarchy,
}
FEW = ["common_interest_share", "price_of_anarchy", "self_interest_level", "selfishness_level"]  # the game's
FEW += [
    "envy_free_but_one",
    "justified_representation",
    "overton_coverage",
    "recovery_time",
]  # often the same


def rich(seed=0, w=3, t=8, n=3, **changes):
    """A trace in which each of these measures has something to say."""
    rng = np.random.default_rng(seed)
    events = {name: rng.uniform(1.0, 2.0, (w, t, n)) for name in ("price", "sold", "control")}
    events["shock"] = np.broadcast_to((np.arange(t) == 3)[None, :, None], (w, t, n)).astype(float)
    people = [*(Stakeholder(f"s{i}", 0.0, 20.0) for i in range(n)), Stakeholder("z", 0, 9, third_party=True)]
    oracle = Oracle(60.0, 10.0, "exact", nash=20.0, cooperative=60.0)
    values = Value("life", worst=9.0, weight=2.0), Value("care", worst=7.0)
    want = rng.integers(0, 2, (w, t, n))
    want[:, 0] = [0, 1, 1]
    parts = dict(
        card=make_card(people, np.eye(n, n + 1), oracle=oracle, values=values),
        events=events,
        harm=rng.uniform(-0.3, 0.3, (w, t, n, 2)).clip(0.0),
        intent={"act": want},
        act={"act": rng.integers(0, 2, (w, t, n))},
    )
    return make_trace(rng.uniform(0.5, 2.0, (w, t, n)), **(parts | changes))


def test_each_says_what_it_is_and_its_defaults_make_one():
    assert len(MADE) >= 30
    for name, one in [*MADE.items(), *GIVEN.items()]:
        assert "Needs:" in one.text and "Bias:" in one.text, name
        assert "Range" in one.text or "1 or 0 per world" in one.text, name
        assert one.cites and one.unit and one.undefined, name
    for name in MADE:
        assert inspect.isfunction(getattr(m, name)), f"{name} is not exported"


def test_without_a_recipe_it_is_said_what_is_missing():
    for name in BARE:
        with pytest.raises(NA, match="no recipe|no stakeholder"):
            MADE[name](rich())


OTHER = {  # for each argument a value that no factory takes by default
    **{"act": 2, "agent": 1, "approvals": np.ones((3, 2)), "at": 0, "axiom": "JR", "centered": False},
    **{"chance": 9, "channel": "other", "conflict": "distance", "control": "other", "customers": "buyers"},
    **{"discount": 0.5, "draws": 9, "edges": [0.5], "equilibria": "mixed", "event": "other", "goods": ("x",)},
    **{"kind": "spearman", "last": 3, "payoffs": GAME, "penalty": 1.0, "plays": 3, "policy": "odds"},
    **{"population": [1, 2], "preference": lambda a, b: b, "profile": lambda t: t.harm, "rankings": GAME[0]},
    **{
        "reference": Constant(act=1),
        "series": lambda t: t.objective,
        "shock": 0,
        "sigma": 1.0,
        "sold": ["x"],
    },
    **{"ticks": 2, "tolerance": 1.0, "unsteered": 0.5, "value": "p", "values": GAME[0], "wanted": [1, 1, 1]},
    **{"weighted": True, "weights": [1, 2, 3], "what": "gain", "window": [1, 2], "within": 0.2},
}


def test_measures_that_differ_never_share_a_name():
    """A store knows a measure by its name and its code, which is the same for all arguments."""
    for name, make in factories():
        names = [make(**{argument: OTHER[argument]}).name for argument in inspect.signature(make).parameters]
        assert len({make().name, *names}) == 1 + len(names), name
        assert make().name == name
    two = [m.envy(values=x).name for x in (np.ones((3, 1)), np.full((3, 1), 2.0))]
    assert two[0] != two[1]


@pytest.mark.parametrize("name", GIVEN)
def test_labels_do_not_matter_and_behavior_does(name):
    one, labels = GIVEN[name], {"model": np.array([["x", "y", "z"]] * 3)}
    trace = rich(labels=labels)
    found = one(trace)
    assert found.shape[0] == 3 and not np.isnan(found).all()
    swapped = dataclasses.replace(trace, labels={"model": labels["model"][:, ::-1]})
    assert np.array_equal(one(swapped), found, equal_nan=True)
    if name not in FEW:
        assert any(not np.array_equal(one(rich(seed)), found, equal_nan=True) for seed in (1, 2))


@pytest.mark.parametrize("name", GIVEN)
def test_permuted_agents_and_worlds_change_nothing_but_their_order(name):
    one, trace, order = GIVEN[name], rich(), [1, 2, 0]
    tables = {k: getattr(trace, k).items() for k in ("book", "events", "intent", "act")}
    moved = dataclasses.replace(
        trace,
        **{k: {name: x[:, :, order] for name, x in table} for k, table in tables.items()},
        harm=trace.harm[:, :, order],
        card=dataclasses.replace(trace.card, represents=trace.card.represents[order]),
    )
    found = one(trace)
    want = found[:, order] if one.per == "agent" else found
    close = 0.2 if "chance" in name else 1e-9  # shuffles fall otherwise
    assert one(moved) == pytest.approx(want, abs=close, nan_ok=True)
    assert one(trace.worlds([2, 0, 1])) == pytest.approx(found[[2, 0, 1]], nan_ok=True)


def test_a_measure_that_reads_names_is_caught():
    """The planted fault of the tests above."""

    def reads(trace):
        return (trace.labels["model"] == "x")[:, 0].astype(float)

    planted = Measure("planted", reads, "", "neither", "")
    labels = {"model": np.array([["x", "y", "z"]] * 3)}
    swapped = {"model": labels["model"][:, ::-1]}
    assert not np.array_equal(planted(rich(labels=labels)), planted(rich(labels=swapped)))
