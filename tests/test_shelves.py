"""Every component on the shelves: it obeys its laws, cites its source, and both engines agree on it."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

import commonweal as cw
from commonweal import institutions, measures, minds, scenarios
from commonweal.institutions import (
    Audit,
    BirthDeath,
    Commitment,
    Contract,
    DeathBirth,
    GroupSelection,
    Imitation,
    Incentive,
    PeerSanction,
    ProtectedQuota,
    PublicLedger,
    Redistribution,
    Subsidy,
    Suspension,
    Vote,
    WrightFisher,
)
from commonweal.minds import Random
from commonweal.scenarios import Commons, Earthquake, Fishery, NamingGame, NetworkGame, PublicGoods
from commonweal.scenarios.matrix_game import battle_of_the_sexes, prisoners_dilemma, volunteers_dilemma
from commonweal.testing import faults

SCENARIOS = {
    "commons": Commons(),
    "commons, proportional": Commons(assignment="proportional", wording="pasture"),
    "prisoner's dilemma": prisoners_dilemma(horizon=6),
    "battle of the sexes": battle_of_the_sexes(horizon=6),
    "volunteer's dilemma": volunteers_dilemma(horizon=6),
    "public goods": PublicGoods(horizon=6),
    "public goods, all or nothing": PublicGoods(horizon=6, binary=True),
    "fishery": Fishery(n_agents=3, horizon=6),
    "naming game": NamingGame(n_agents=4, horizon=20),
    "network game": NetworkGame(np.ones((4, 4)) - np.eye(4), [[2.0, -1.0], [3.0, 0.0]], horizon=6),
    "price competition": scenarios.Bertrand(n_agents=3, horizon=6),
    "quantity competition": scenarios.Cournot(horizon=6, goods=2, cost=[[40, 50], [50, 40]]),
    "quantity competition, in steps": scenarios.Cournot(horizon=6, levels=11),
    "opinions": scenarios.Opinions(n_agents=5, horizon=6, anchor=0.5),
    "exchange": scenarios.Exchange(n_agents=5, horizon=6),
    "yard sale": scenarios.Exchange(n_agents=4, horizon=6, rule="yard sale"),
    "growth": scenarios.Exchange(n_agents=4, horizon=6, rule="growth"),
    "contest": scenarios.Contest(n_agents=3, horizon=6, lottery=True),
    "menus": scenarios.Menus(kinds=("ultimatum", "confidence")),
    "harvest": scenarios.harvest(rows=("PP.AA", "PA.AA"), n_agents=3, horizon=6, side=2, ahead=2),
    "cleanup": scenarios.cleanup(rows=("rwP.aa", "wrP.Pa"), n_agents=3, horizon=6, side=2, ahead=2),
    "coins": scenarios.coins(horizon=6),
    "territory": scenarios.territory(rows=("P.TTP", "P.T.P"), n_agents=3, horizon=6, side=2, ahead=2),
    "earthquake": Earthquake(),
    "earthquake, full": Earthquake.full(),
}


def laws(scenario):
    """Every institution on the shelf, fitted to a scenario's first channel."""
    channel, kind = next((name, c) for name, c in scenario.channels().items() if not c.lever)
    bound = 1.0 if not isinstance(kind, cw.Amount) else float(kind.high) / 2
    return [
        Audit(probability=0.5, fine=1.0),
        BirthDeath(),
        Commitment(leaders=(1,)),
        Contract(theta=1.0, quorum=1),
        DeathBirth(),
        GroupSelection(groups=2),
        Imitation(),
        Incentive("competitive"),
        PeerSanction(),
        ProtectedQuota(channel, most=bound),
        PublicLedger(),
        Redistribution(share=0.5),
        Subsidy("cooperated", rate=1.0),
        Suspension(channel, probability=0.5, ticks=2),
        Vote({"free": {}, "bound": {channel: (0.0, bound)}}, rule="borda"),
        WrightFisher(),
    ]


def components(shelf):
    """The classes and measures that the shelf's own files define and export."""
    for info in pkgutil.iter_modules(shelf.__path__):
        module = importlib.import_module(f"{shelf.__name__}.{info.name}")
        for name, thing in vars(module).items():
            home = inspect.getmodule(thing if inspect.isclass(thing) else getattr(thing, "function", None))
            if not name.startswith("_") and home is module:
                yield name, thing


def same(a, b):
    """Choices, messages and events exactly; floats to rounding."""
    for table in ("intent", "act", "events", "book"):
        x, y = getattr(a, table), getattr(b, table)
        assert x.keys() == y.keys()
        for name in x:
            exact = x[name].dtype.kind in "ib"
            close = np.array_equal(x[name], y[name]) if exact else np.allclose(x[name], y[name], 1e-5, 1e-4)
            assert close, (table, name)
    assert np.array_equal(a.alive, b.alive) and a.messages.equals(b.messages)


# Variants of a scenario that is tried anyway: the slow tier does them.
VARIANTS = (
    *("commons, proportional", "battle of the sexes", "volunteer's dilemma", "earthquake"),
    *("public goods, all or nothing", "quantity competition", "quantity competition, in steps"),
    *("yard sale", "growth", "coins", "territory", "harvest", "earthquake, full"),
)
# Of the two that take longest, the slow tier does the laws; the fast one those of a shorter variant.
INSTEAD = {"cleanup": "territory", "price competition": "quantity competition"}
LONG = {*VARIANTS, *INSTEAD} - {*INSTEAD.values()}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in LONG else ()) for n in SCENARIOS]
)
def test_every_scenario_obeys_the_laws(name):
    assert faults(SCENARIOS[name]) == []


@pytest.mark.parametrize("law", laws(SCENARIOS["public goods"]), ids=lambda law: law.name)
def test_every_institution_obeys_the_laws(law):
    assert faults(law, SCENARIOS["public goods"]) == []


def some_minds():
    """A mind of each kind on the shelf, and a scenario that it knows."""
    lake, game = Commons(3, 4), prisoners_dilemma(horizon=4)
    talk, greedy, fair = SCENARIOS["opinions"], minds.Greedy(0.2), minds.FairShare()
    yield from ((mind, lake) for mind in (greedy, fair, Random(), minds.Constant(take=3.0)))
    yield from ((mind, lake) for mind in (minds.Both(fair, Random()), minds.When("stock", greedy, fair)))
    yield minds.OneOf((greedy, minds.Greedy(0.5))), lake
    yield minds.Learner(minds.Reinforce(), minds.Linear(), updates=2, worlds=8), lake
    yield minds.Punishes(), cw.under(lake, PeerSanction())
    yield minds.Signs(), cw.under(lake, Contract(theta=1.0, quorum=1))
    yield minds.Forager(), SCENARIOS["harvest"]
    yield minds.Respondent(), SCENARIOS["menus"]
    yield from ((mind(), talk) for mind in (minds.FriedkinJohnsen, minds.BoundedConfidence, minds.Deffuant))
    kinds = (
        minds.SmoothQ,
        minds.FictitiousPlay,
        minds.QuantalResponse,
        minds.QLearner,
        minds.EquilibriumPlay,
    )
    kinds += (minds.GradientPlay, minds.TitForTwoTats, minds.GoByMajority)
    yield from ((kind(), game) for kind in kinds)
    yield minds.MemoryOne(1.0, 1.0, 0.0, 1.0, 0.0), game


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mind", "home"), [pytest.param(*one, id=type(one[0]).__name__) for one in some_minds()]
)
def test_every_mind_obeys_the_laws(mind, home):
    assert faults(mind, home) == []


def test_every_institution_on_the_shelf_is_tried():
    shelf = {name for name, thing in components(institutions) if inspect.isclass(thing)}
    assert {type(law).__name__ for law in laws(Commons())} == shelf


QUICK = ("commons", "public goods")  # the others are in the slow tier, by the dozen


@pytest.mark.parametrize("name", [*QUICK, pytest.param("earthquake, full", marks=pytest.mark.slow)])
def test_both_engines_agree_under_a_stack(name):
    stack = [
        law for law in laws(SCENARIOS[name]) if type(law) in (Audit, Contract, Suspension, Redistribution)
    ]
    society = cw.Society(cw.under(SCENARIOS[name], *stack), Random())
    same(cw.run(society, 3, engine="graph"), cw.run(society, 3, engine="async"))


@pytest.mark.slow
@pytest.mark.parametrize("position", range(len(laws(Commons()))), ids=lambda i: laws(Commons())[i].name)
@pytest.mark.parametrize(
    "name", [name for name in SCENARIOS if name not in VARIANTS or name.startswith("earthquake")]
)
def test_both_engines_agree_on_every_scenario_under_every_institution(name, position):
    society = cw.Society(cw.under(SCENARIOS[name], laws(SCENARIOS[name])[position]), Random())
    same(cw.run(society, 2, engine="graph"), cw.run(society, 2, engine="async"))


@pytest.mark.parametrize("shelf", [scenarios, institutions, minds, measures], ids=lambda s: s.__name__)
def test_every_component_is_exported_documented_and_tested(shelf):
    tests = "".join(p.read_text() for p in Path(__file__).parent.glob("test_*.py"))
    for name, thing in components(shelf):
        said = (thing.__doc__ if inspect.isclass(thing) else getattr(thing, "text", "")) or ""
        assert said, f"{name} has no docstring"
        if isinstance(thing, type) and issubclass(thing, cw.Scenario | cw.Institution | cw.Mind):
            assert getattr(shelf, name, None) is thing, f"{shelf.__name__} does not export {name}"
            assert re.search(rf"\b{name}\b", tests), f"no test names {name}"
            text = said + (inspect.getmodule(thing).__doc__ or "")
            assert re.search(r"[12]\d\d\d|baseline|assumption|rule of thumb", text), f"{name} cites nothing"
