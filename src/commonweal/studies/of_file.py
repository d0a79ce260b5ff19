"""A researcher's Python file: its studies, or those made of its components; and what is wrong with these."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from .. import measures
from .._governed import Institution, under
from .._measure import Measure
from .._mind import Mind
from .._scenario import Scenario
from .._society import Society
from ..lab.files import fewest, instances, load
from ..lab.study import Study
from ..minds.simple import Random
from ..scenarios.commons import Commons
from ..testing import Fault, faults, unfinished, untried

WORLDS = 64  # of a study that a file does not spell out


def studies_of(file: Path, worlds: int | None, model: str | None = None) -> list[Study]:
    """The studies of a file, or those made of its scenarios and institutions; with a model in its seats."""
    module = load(file)
    found = {id(thing): thing for thing in vars(module).values() if isinstance(thing, Study)}
    studies = list(found.values()) or list(_made(module))
    if not studies:
        raise ValueError(
            f"{file} holds no study, scenario or institution; wanted one: "
            "study = cw.Study('mine', {'none': cw.Society(Commons(), Random())}, 64, [welfare])"
        )
    if model is not None:
        from ..language import seated

        studies = [seated(study, model) for study in studies]
    return [replace(study, worlds=worlds) if worlds is not None else study for study in studies]


def _made(module: ModuleType) -> Iterator[Study]:
    """Each scenario of a module (or else the commons) under none and each of its institutions."""
    things = list(instances(module, Scenario, Institution).values())
    laws = [thing for thing in things if isinstance(thing, Institution)]
    scenarios = [thing for thing in things if isinstance(thing, Scenario)] or [Commons()] * bool(laws)
    for scenario in scenarios:
        settings = {"none": scenario} | {law.name: under(scenario, law) for law in laws}
        yield Study(
            module.__name__ if len(scenarios) == 1 else f"{module.__name__} {type(scenario).__name__}",
            {name: Society(setting, Random()) for name, setting in settings.items()},
            WORLDS,
            [*measures.HOLISTIC, measures.cooperation_rate, measures.gini],
            baseline="none" if laws else None,
        )


def checked(file: Path) -> dict[str, tuple[Any, list[Fault]]]:
    """By name: each scenario, institution, mind and measure of a file, and the laws that it breaks.

    Raises:
        ValueError: there is none.
    """
    module = load(file)
    things = instances(module, Scenario, Institution, Mind, Measure) | unfinished(module)
    things = things or unfinished(module, abstract=True)
    if not things:
        raise ValueError(
            f"{file} defines no scenario, institution, mind or measure; wanted one to check: "
            "class Mine(cw.Institution), as in examples/tithe.py"
        )
    scenarios = {name: thing for name, thing in things.items() if isinstance(thing, Scenario)}
    broken = {name: faults(thing) for name, thing in scenarios.items()}
    homes = [thing for name, thing in scenarios.items() if not broken[name]]
    homes = homes or [None, Commons(3, 4, assignment="proportional")]
    return {
        name: (one, broken.get(name) or fewest(faults(one, h) for h in homes)) for name, one in things.items()
    }


def verdict(thing: Any, broken: list[Fault]) -> str:
    """What is to be said of a component that breaks no law; "" if it breaks one."""
    if broken:
        return ""
    na = untried(thing) if isinstance(thing, Measure) else ""
    return f" obeys the laws of words; NA on a small trace ({na})" if na else " obeys every law"
