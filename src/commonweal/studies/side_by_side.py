"""One learner, four situations, with and without a rule, beside scripted minds and fitted ones.

The same line, `Learner(PPO(...), MLP(...))`, is seated in the commons, the earthquake, a market and
Cleanup. Beside it sit rules of thumb (or the solved equilibrium) and surrogates: `Fitted` minds that
know only how often each seat of a recorded society chose what.
"""

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np
import polars as pl

from .._channel import Choice
from .._governed import Institution, under
from .._mind import Mind
from .._run import run
from .._scenario import Scenario
from .._society import Society
from ..institutions.audit import Audit
from ..institutions.quota import ProtectedQuota
from ..institutions.subsidy import Subsidy
from ..lab.study import Study
from ..measures.alignment import HOLISTIC
from ..measures.cooperation import cooperation_rate, welfare
from ..measures.inequality import gini
from ..minds.commons import FairShare, Greedy
from ..minds.compose import Both
from ..minds.equilibrium import EquilibriumPlay
from ..minds.fitted import fit
from ..minds.grid import Forager
from ..minds.learner import MLP, PPO, Learner
from ..minds.q_learning import Exponential, QLearner
from ..minds.simple import Constant
from ..scenarios.commons import Commons
from ..scenarios.earthquake import Earthquake
from ..scenarios.grid import cleanup
from ..scenarios.market import Bertrand

LEARNER = Learner(PPO(), MLP(width=32, depth=2), updates=150, worlds=32)
RECORDED = 64  # worlds that surrogates are fitted to
AMOUNTS = "takes amounts, so it has no surrogate: Fitted minds choose among options"


class Case(NamedTuple):
    """A situation, a rule for it, who plays it by rule of thumb, and the society that surrogates copy."""

    scenario: Scenario
    rule: Institution
    scripted: Sequence[Mind]
    recorded: Society | None


def cases() -> dict[str, Case]:
    """The four situations, by name."""
    lake, relief, river = (
        Commons(5, assignment="proportional"),
        Earthquake(),
        cleanup(n_agents=3, horizon=100),
    )
    thumbs = [Greedy(), Greedy(), *[FairShare()] * 3]
    solved, market = [EquilibriumPlay()] * relief.n_agents, Bertrand(horizon=50)
    cleaners, steady = [Forager(duty=0.5), Forager(), Forager()], [Constant(price=7)] * 2
    algorithm = QLearner(values=4.0, explore=Exponential(1e-3), channel="price")
    sellers = Society(Bertrand(horizon=5000), algorithm)
    return {
        "commons": Case(lake, ProtectedQuota("take", most=10.0), thumbs, None),
        "earthquake": Case(
            relief, Subsidy("delivered_x", rate=2.0), solved, Society(relief, EquilibriumPlay())
        ),
        "market": Case(market, Audit(1.0, fine=1.0), steady, sellers),
        "cleanup": Case(river, Subsidy("waste_cleaned", rate=0.2), cleaners, Society(river, cleaners)),
    }


def surrogates(recorded: Society, worlds: int = RECORDED) -> list[Mind]:
    """One mind a seat that acts as often in each way as the seat did in the recorded society's worlds."""
    trace, channels = run(recorded, worlds), recorded.scenario.channels()
    fitted = []
    for seat in range(recorded.scenario.n_agents):
        parts: list[Mind] = []
        for name, channel in channels.items():
            if isinstance(channel, Choice) and not channel.lever:
                acts = np.array(channel.options)[trace.act[name][:, :, seat]][trace.alive]
                where = np.nonzero(trace.alive)[0]
                frame = pl.DataFrame({"world": where, "action": acts})
                parts.append(fit(frame, (), acts=channel.options, channel=name).mind)
        fitted.append(reduce(Both, parts))
    return fitted


def study(name: str, learner: Learner = LEARNER, worlds: int = 64) -> Study:
    """Who plays, with and without the rule, in one situation; the learner trains under each condition."""
    case = cases()[name]
    players: dict[str, Mind | Sequence[Mind]] = {"scripted": case.scripted, "learner": learner}
    if case.recorded is not None:
        players["fitted"] = surrogates(case.recorded)
    places = {"": case.scenario, f" + {case.rule.name}": under(case.scenario, case.rule)}
    note = f" The {name} {AMOUNTS}." if case.recorded is None else ""
    return Study(
        f"side by side: {name}",
        {
            f"{who}{law}": Society(place, mind)
            for law, place in places.items()
            for who, mind in players.items()
        },
        worlds,
        [*HOLISTIC, welfare, gini, cooperation_rate],
        baseline="scripted",
        hypothesis="The learner lands where the incentives point, and the rule moves it; a surrogate, which "
        "does not read its pay, stays. Learners are trained several times, and their intervals "
        f"are over those training runs.{note}",
    )
