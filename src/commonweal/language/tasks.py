"""One task a scenario, one sample a world: what `inspect eval commonweal/earthquake` runs."""

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.util import registry_create

from .._describe import identity
from .logs import scorers, viewer
from .seats import setting


def condition(
    scenario: str,
    seeds: int | str | Sequence[Any],
    institutions: str | Sequence[str],
    journal: str,
    knobs: Mapping[str, Any],
) -> Task:
    """A condition: a scenario under institutions, in as many worlds as there are seeds."""
    rules = institutions if isinstance(institutions, str) else ",".join(institutions)  # the shell's commas
    names = _seeds(seeds)
    governed = setting(scenario, rules, knobs)
    title, label = governed.card().title, _label(scenario, rules, knobs)
    samples = [
        Sample(
            id=f"world-{seed}",
            input=f"World {seed} of {title}" + (f" under {rules}" if rules else ""),
            metadata={"seed": seed, "condition": label},
        )
        for seed in names
    ]
    return Task(
        dataset=MemoryDataset(samples, name=label),
        solver=registry_create(
            "solver",
            "commonweal/society",
            scenario=scenario,
            institutions=rules,
            journal=journal,
            knobs=dict(knobs),
        ),
        scorer=scorers(),
        epochs=1,
        fail_on_error=False,  # a world without an answer is invalid and counted; the others go on
        score_on_error=True,
        metadata={"condition": label, "institutions": rules, "commonweal": version("commonweal")},
        viewer=viewer(),
    )


def _seeds(given: Any) -> list[int]:
    try:
        names = [int(x) for x in given] if isinstance(given, list | tuple) else list(range(int(given)))
    except (TypeError, ValueError):
        names = []
    if not names or min(names) < 0 or len(set(names)) < len(names):
        raise ValueError(
            f"seeds came as {given!r}; wanted a number of worlds, or names of several: -T seeds=16, "
            "-T seeds=3,5,9"
        )
    return names


def _label(scenario: str, rules: str, knobs: Mapping[str, Any]) -> str:
    """The condition in letters, digits and dashes: the name of its dataset and of its journals."""
    parts = [scenario, *(f"{name} {value}" for name, value in sorted(knobs.items())), rules]
    words = " ".join(filter(None, parts))
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", words).strip("-")
    return plain if len(parts) == 2 and not rules else f"{plain[:110]}-{identity(words)[:6]}"
