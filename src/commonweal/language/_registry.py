"""What Inspect finds here: everything that is decorated for it. Imported by every Inspect process.

Nothing here may import JAX before it is used. Each scenario of the shelf is a task.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai._util.error import PrerequisiteError
from inspect_ai.scorer import Scorer, mean, scorer, stderr
from inspect_ai.solver import Solver, solver

from .provider import Commonweal as Commonweal

SHELF = Path(__file__).parent.parent / "scenarios" / "__init__.py"
EACH = {"*": [mean(), stderr()]}


def _task(name: str) -> Callable[..., Task]:
    def make(seeds: Any = 8, institutions: Any = "", journal: str = "", **knobs: Any) -> Task:
        from .tasks import condition

        try:
            return condition(name, seeds, institutions, journal, knobs)
        except (ValueError, TypeError, OSError) as error:  # a user's to mend: Inspect shows it as one line
            raise PrerequisiteError(" ".join(str(error).split())) from error

    make.__name__ = make.__qualname__ = name
    return task(name=name)(make)


TASKS = {
    name: _task(name)
    for name in (
        re.sub(r"(?<=[a-z])(?=[A-Z])", "_", found).lower()
        for found in re.findall(r"from \.\w.* import (\w+) as", SHELF.read_text(encoding="utf-8"))
    )
}


@solver
def society(scenario: str, institutions: str = "", journal: str = "", knobs: Any = None) -> Solver:
    """A society that plays a scenario (see `commonweal.language.solver`)."""
    from . import solver as ours

    return ours.society(scenario, institutions, journal, knobs or {})


@scorer(metrics=[mean()])
def valid() -> Scorer:
    """The share of worlds that count."""
    from . import scorers as ours

    return ours.valid()


@scorer(metrics=EACH)
def holistic() -> Scorer:
    """O, V and P of each world."""
    from . import scorers as ours

    return ours.scorer(ours.holistic)


@scorer(metrics=EACH)
def agents() -> Scorer:
    """What each agent got."""
    from . import scorers as ours

    return ours.scorer(ours.agents)


@scorer(metrics=EACH)
def stakeholders() -> Scorer:
    """How satisfied each stakeholder is."""
    from . import scorers as ours

    return ours.scorer(ours.stakeholders)
