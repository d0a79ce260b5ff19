"""Every measure, tried: other names, other seats, other units, dummies and dead worlds change nothing;
other behavior does."""

import functools
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from test_speakers import Chat, Voice

import commonweal as cw
from commonweal import measures, scenarios
from commonweal._society import Silent
from commonweal._trace import flatten
from commonweal.institutions import PeerSanction
from commonweal.minds import Random
from commonweal.report.catalog import measures as catalog
from commonweal.scenarios import Commons, Fishery, NamingGame, NetworkGame, Opinions, prisoners_dilemma
from commonweal.testing import Lawless, faults
from commonweal.testing.validity import breaches, reseated

WORLDS = 3


class Moody(cw.Mind):
    """Random acts, half of them as in the tick before, so that behavior has a past."""

    keep: object = cw.param(0.5)

    def init(self, seat, key):
        return seat * 0

    def act(self, memory, sight, channels, key):
        odds = {}
        for name, channel in channels.items():
            if isinstance(channel, cw.Choice):
                m = len(channel.options)
                past = (jnp.arange(m) == memory % m).astype(jnp.float32)
                odds[name] = cw.Odds((1.0 - self.keep) / m + self.keep * past)
        return memory + sight["seat"] % 2, odds


class Saint(cw.Mind):
    """Acts as another mind does; only its name says something."""

    other: cw.Mind

    def act(self, memory, sight, channels, key):
        return self.other.act(memory, sight, channels, key)

    def init(self, seat, key):
        return self.other.init(seat, key)


def _societies():
    """What is measured, and a society in the same place that behaves differently."""
    peers = cw.under(Commons(4, 12), PeerSanction())
    prices = scenarios.Bertrand(n_agents=3, horizon=16)
    net = NetworkGame(np.ones((4, 4)) - np.eye(4), [[2.0, -1.0], [3.0, 0.0]], horizon=16)
    grid = scenarios.harvest(rows=("PP.AA", "PA.AA"), n_agents=3, horizon=16, side=2, ahead=2)
    yard = scenarios.Exchange(n_agents=5, horizon=16, rule="yard sale")
    return {
        "dilemma": (cw.Society(prisoners_dilemma(horizon=40), m) for m in (Moody(), Moody(keep=0.9))),
        "peers": (cw.Society(peers, mind) for mind in (Random(), Silent())),
        "prices": (cw.Society(prices, mind) for mind in (Random(), Silent())),
        "talk": (cw.Society(Chat(), [Voice(one), Voice(works), Voice(works)]) for one in (liar, refuser)),
        "names": (cw.Society(NamingGame(n_agents=4, horizon=40), m) for m in (Random(), Silent())),
        "fishery": (cw.Society(Fishery(n_agents=3, horizon=12), m) for m in (Random(), Silent())),
        "opinions": (cw.Society(Opinions(n_agents=5, horizon=16), m) for m in (Random(), Silent())),
        "network": (cw.Society(net, mind) for mind in (Moody(), Moody(keep=0.9))),
        "wealth": (cw.Society(x, Random()) for x in (scenarios.Exchange(n_agents=5, horizon=16), yard)),
        "relief": (cw.Society(scenarios.Earthquake(), mind) for mind in (Random(), Silent())),
        "harvest": (cw.Society(grid, mind) for mind in (Random(), Silent())),
    }


FAST = ("dilemma", "peers", "prices", "talk")  # the others compile for a minute


def works(prompt):
    return {"act": "work", "say": ""}


def liar(prompt):
    work = "work" if prompt.where.tick % 2 else "rest"
    return {"act": work, "say": "I work.", "claims": {"act": "work"}}


def refuser(prompt):
    return {"refusal": "no"} if prompt.where.tick == 2 else works(prompt) | {"claims": {"act": "work"}}


def bent(trace):
    """The same wishes, and something else done."""
    return replace(trace, act={name: np.ones_like(x) for name, x in trace.act.items()})


@functools.cache
def traces(kind):
    return [cw.run(one, WORLDS) for one in _societies()[kind]]


def halves(trace):
    """A control that rises and falls again, one value a tick."""
    ticks = np.arange(trace.shape[1], dtype=float)
    return np.broadcast_to(np.minimum(ticks, ticks[::-1]), trace.alive.shape)


GIVEN = {  # arguments of measures that need some, or whose usual ones fit none of these societies
    "belief_error": lambda: measures.belief_error("act"),
    "bimodality": lambda: measures.bimodality(least=3),
    "hysteresis_area": lambda: measures.hysteresis_area(halves),
    "hysteresis_direction": lambda: measures.hysteresis_direction(halves),
    "hysteresis_gap": lambda: measures.hysteresis_gap(halves),
    "punishment": lambda: measures.punishment("gain"),
    "recovery_time": lambda: measures.recovery_time(5),
    "resilience_loss": lambda: measures.resilience_loss(5),
    "steerability": lambda: measures.steerability(wanted=[0, 1]),
    "relative_severity": lambda: measures.relative_severity(plays=4),
    "value_congruence": lambda: measures.value_congruence(wanted=[[0.1, 0.5, 0.2]] * 4),
}
COSTLY = {"empowerment", "external_regret", "relative_severity", "steepness"}  # seconds each
NUMBERED = {"punishment", "steerability"}  # agents are named by number in their arguments
GAMES = {
    "common_interest_share",
    "price_of_anarchy",
    "self_interest_level",
    "selfishness_level",
}  # not of acts


def measure_of(name):
    thing = catalog(measures)[name]
    return thing if isinstance(thing, cw.Measure) else GIVEN.get(name, thing)()


def value(one, trace):
    """The numbers, or None where there are none."""
    try:
        found = one(trace)
    except cw.NA:
        return None
    return found if np.isfinite(found).any() else None


def tried(one, kinds, most):
    """The societies, of these kinds, on which the measure says something."""
    found = []
    for kind in kinds:
        if len(found) < most and value(one, traces(kind)[0]) is not None:
            found.append(kind)
    return found


def same(a, b):
    return a.shape == b.shape and np.allclose(a, b, equal_nan=True, rtol=1e-5, atol=1e-6)


def held(name, kinds, most=2):
    one = measure_of(name)
    found = tried(one, kinds, most)
    for kind in found:
        lost = list(breaches(one, traces(kind)[0], numbered=name in NUMBERED))
        assert not lost, f"{one.name} on {kind}: {lost}"
    return found


@pytest.mark.parametrize("name", [n for n in catalog(measures) if n not in COSTLY])
def test_a_measure_holds_the_laws(name):
    held(name, FAST)


@pytest.mark.slow
@pytest.mark.parametrize("name", catalog(measures))
def test_a_measure_holds_the_laws_wherever_it_says_something_and_hears_behavior(name):
    one, kinds = measure_of(name), list(_societies())
    assert held(name, kinds), f"{name} says nothing of any society here: give it arguments in GIVEN"
    if name in GAMES:
        return
    for kind in tried(one, kinds, len(kinds)):
        trace, other = traces(kind)
        found = [value(one, x) for x in (trace, other, bent(trace), bent(other))]
        if any(x is None or not same(found[0], x) for x in found[1:]):
            return
    pytest.fail(f"{name} is the same whatever anybody does")


@pytest.mark.slow
def test_the_name_of_a_mind_changes_no_number():
    for kind in ("dilemma", "prices"):
        society = next(iter(_societies()[kind]))
        twins = cw.run(cw.Society(society.scenario, [Saint(mind) for mind in society.minds]), WORLDS)
        assert twins.recipe["society"] != traces(kind)[0].recipe["society"]
        for name in catalog(measures):
            if name in COSTLY:
                continue
            mine, its = (value(measure_of(name), trace) for trace in (traces(kind)[0], twins))
            assert mine is None and its is None or same(mine, its), name


# --------------------------------------------------------------------------- planted faults are caught


def planted(function):
    return cw.measure(unit="x", better="higher", cites="nobody")(function)


def saint_counts(trace):
    """A mind's name decides."""
    minds = str(trace.recipe["society"]["fields"]["minds"])
    return trace.net.mean(axis=(1, 2)) * ("Moody" in minds)


def model_counts(trace):
    """A label decides."""
    return np.full(len(trace.seeds), "model" in trace.labels)


def first_counts(trace):
    """The first seat decides."""
    return trace.net[:, :, 0].sum(axis=1)


def raw_counts(trace):
    """Utility without its range."""
    return trace.utility.sum(axis=(1, 2))


def heads_count(trace):
    """The weights are forgotten."""
    return measures.satisfaction(trace).mean(axis=1)


def others_count(trace):
    """Measured against what all worlds made together."""
    return trace.net.sum(axis=(1, 2)) / trace.net.sum()


@pytest.mark.parametrize(
    ("function", "law"),
    [
        (saint_counts, "names are not behavior"),
        (model_counts, "names are not behavior"),
        (first_counts, "seats are interchangeable"),
        (raw_counts, "the scale of a utility is nobody's merit"),
        (heads_count, "who has no weight has no say"),
        (others_count, "worlds are independent"),
    ],
)
def test_a_measure_of_something_else_is_caught(function, law):
    found = list(breaches(planted(function), traces("dilemma")[0]))
    assert law in {breach.law for breach in found}
    assert all(breach.came and breach.mend for breach in found)


@pytest.mark.slow
def test_check_finds_nothing_on_the_shelf():
    for name in catalog(measures):
        found = {fault.law for fault in faults(measure_of(name))}
        assert found <= ({"seats are interchangeable"} if name in NUMBERED else set()), name


def test_check_tries_these_laws():
    with pytest.raises(
        Lawless, match=r"(?s)seats are interchangeable.*at: test_validity.py.*mend: name no agent by number"
    ):
        cw.check(planted(first_counts))
    cw.check(measures.welfare)


def test_reseating_twice_around_is_nothing():
    trace = traces("peers")[0]
    there = reseated(trace, [1, 2, 3, 0])
    back = reseated(replace(there, recipe=trace.recipe), [3, 0, 1, 2])
    for name, x in flatten(replace(back, recipe=trace.recipe)).items():
        assert np.array_equal(x, flatten(trace)[name], equal_nan=x.dtype.kind == "f"), name
    for name in trace.act:  # who was punished is now called by the new number
        assert not np.array_equal(there.act[name], trace.act[name])
