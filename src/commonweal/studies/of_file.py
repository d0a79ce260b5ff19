"""The studies of a researcher's Python file: those it holds, or those made of its components."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from .. import measures
from .._governed import Institution, under
from .._scenario import Scenario
from .._society import Society
from ..lab.files import instances, load
from ..lab.study import Study
from ..minds.simple import Random
from ..scenarios.commons import Commons

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
