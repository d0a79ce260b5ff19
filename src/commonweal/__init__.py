"""commonweal: a wind tunnel for societies of AI agents.

A society is a scenario, under institutions, played by minds; a run is a trace; every claim is
computed from traces. Names are imported when first used, so that `import commonweal` is instant.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._card import Card as Card
    from ._card import Oracle as Oracle
    from ._card import Stakeholder as Stakeholder
    from ._card import Unknown as Unknown
    from ._card import Value as Value
    from ._card import one_each as one_each
    from ._channel import Amount as Amount
    from ._channel import Channel as Channel
    from ._channel import Choice as Choice
    from ._channel import Target as Target
    from ._channel import Words as Words
    from ._describe import describe as describe
    from ._describe import identity as identity
    from ._describe import rebuild as rebuild
    from ._evolve import Evolution as Evolution
    from ._evolve import evolve as evolve
    from ._governed import Governed as Governed
    from ._governed import Institution as Institution
    from ._governed import Settlement as Settlement
    from ._governed import Transition as Transition
    from ._governed import under as under
    from ._journal import Journal as Journal
    from ._measure import NA as NA
    from ._measure import Estimate as Estimate
    from ._measure import Measure as Measure
    from ._measure import estimate as estimate
    from ._measure import measure as measure
    from ._measure import summarize as summarize
    from ._mind import Budget as Budget
    from ._mind import Mind as Mind
    from ._mind import NoAnswer as NoAnswer
    from ._mind import Odds as Odds
    from ._mind import Speaker as Speaker
    from ._mind import Values as Values
    from ._param import count as count
    from ._param import param as param
    from ._param import text as text
    from ._profile import Profile as Profile
    from ._profile import prospect_value as prospect_value
    from ._prompt import Prompt as Prompt
    from ._prompt import Said as Said
    from ._run import play as play
    from ._run import replay as replay
    from ._run import run as run
    from ._scenario import Outcome as Outcome
    from ._scenario import Scenario as Scenario
    from ._scenario import Sight as Sight
    from ._society import Society as Society
    from ._speak import Observer as Observer
    from ._trace import Trace as Trace
    from ._trace import load as load
    from ._trust import trust as trust
    from .accounts.account import account as account
    from .interop.own import trace_of as trace_of
    from .lab.study import Study as Study
    from .measures.alignment import alignment as alignment
    from .report.pages import write_report as write_report
    from .testing import check as check

_HOMES = {
    "_card": "Card Oracle Stakeholder Unknown Value one_each",
    "_channel": "Amount Channel Choice Target Words",
    "_describe": "describe identity rebuild",
    "_evolve": "Evolution evolve",
    "_governed": "Governed Institution Settlement Transition under",
    "_measure": "NA Estimate Measure estimate measure summarize",
    "_journal": "Journal",
    "_mind": "Budget Mind NoAnswer Odds Speaker Values",
    "_param": "count param text",
    "_profile": "Profile prospect_value",
    "_prompt": "Prompt Said",
    "_run": "play replay run",
    "_scenario": "Outcome Scenario Sight",
    "_society": "Society",
    "_speak": "Observer",
    "_trace": "Trace load",
    "_trust": "trust",
    "accounts.account": "account",
    "interop.own": "trace_of",
    "lab.study": "Study",
    "measures.alignment": "alignment",
    "report.pages": "write_report",
    "testing": "check",
}
_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}
__all__ = sorted(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]
__version__ = "0.1.0"


def __getattr__(name: str):
    if name not in _HOME:
        from ._bounds import unknown_name  # imported late: most names are known

        return unknown_name(__name__)(name)
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
