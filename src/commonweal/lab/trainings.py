"""Conditions that learn: each is trained several times, and a training run is the unit of its numbers.

World w is played by the minds of training run w mod `runs`, so that more worlds change no world.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .._curve import ONE_RUN, Learned, learned
from .._interval import FEWEST, mean_chance
from .._society import Society
from .._trace import load
from .plan import slot
from .statistics import Comparison


def run_of(society: Society, number: int) -> Society:
    """The society whose learners train with the luck of training run `number`; run 0 is their own.

    Raises:
        ValueError: a mind that learns has no seed to change.
    """
    minds: list[Any] = list(society.minds)
    for seat in society.learners if number else ():
        if not hasattr(minds[seat], "seed"):
            kind = type(minds[seat]).__name__
            raise ValueError(
                f"{kind} learns and has no seed, so that every training run is the same; wanted a field "
                f"seed of {kind}, or one training run: Study(trainings=1)"
            )
        minds[seat] = replace(minds[seat], seed=int(minds[seat].seed) + number)
    return Society(society.scenario, minds, society.profiles)


def runs(plan: Mapping[str, Any], condition: str) -> int:
    """How often a condition is trained; 0 where nobody learns."""
    told = plan["conditions"][condition].get("training")
    return min(told["runs"], plan["worlds"]) if told else 0


def home(plan: Mapping[str, Any], condition: str, run: int) -> Path:
    """Where the minds of a training run are kept in a study's folder."""
    place = list(plan["conditions"]).index(condition)
    return Path("minds") / f"{slot(place, condition)}-run{run}"


def means(values: np.ndarray, seeds: np.ndarray, runs: int) -> np.ndarray:
    """Float[runs]: the mean over the worlds of each training run, NaN where none is known.

    `values` is Float[W], NaN where unknown; `runs` 0 leaves them as they are.
    """
    if not runs:
        return values
    known = ~np.isnan(values)
    run, count = seeds[known] % runs, np.bincount(seeds[known] % runs, minlength=runs)
    sums = np.bincount(run, weights=values[known], minlength=runs)
    return np.where(count > 0, sums / np.maximum(count, 1), np.nan)


def over_runs(found: Comparison, a: np.ndarray, b: np.ndarray) -> Comparison:
    """What `compare` found of training runs, Float[runs]; p belongs to the interval of the difference.

    The sign-flip test can say little of few runs (of 5, no p below 1/16). It stays where the differences
    have no spread, or are those of yes and no. Source: see `mean_interval`; Colas, Sigaud, Oudeyer 2018.
    """
    found = replace(found, unit="training runs")
    both = ~np.isnan(a - b)
    if both.sum() < FEWEST or np.isin([a[both], b[both]], (0.0, 1.0)).all():
        return found
    p = mean_chance((a - b)[both])
    return replace(found, d_z=np.nan) if np.isnan(p) else replace(found, p=p, test="skewness-corrected t")


def curves(folder: Path, plan: Mapping[str, Any], condition: str) -> np.ndarray | None:
    """Float[runs, updates]: what the learners got, as valued, mean over them and worlds; None if unkept."""
    seats = plan["conditions"][condition]["training"]["seats"]
    found = []
    for run in range(runs(plan, condition)):
        path = folder / home(plan, condition, run) / "curve"
        if not path.is_dir():
            return None
        trace = load(path)
        got = trace.book["pay"] if trace.felt is None else trace.felt
        found.append(np.asarray(got, dtype=float)[0][:, seats].mean(axis=1))
    return np.stack(found)


def endings(folder: Path, plan: Mapping[str, Any]) -> dict[str, tuple[np.ndarray, Learned] | None]:
    """Per condition that learns: its learning curves and how they end; None where none were kept."""
    some = {name: curves(folder, plan, name) for name in plan["conditions"] if runs(plan, name)}
    return {name: None if x is None else (x, learned(x)) for name, x in some.items()}


def warnings(plan: Mapping[str, Any], ends: Mapping[str, Any]) -> Iterator[str]:
    """What must be said beside the numbers of conditions that learn, a line each."""
    count = {name: runs(plan, name) for name in ends}
    for n in sorted(set(count.values())):
        names = ", ".join(name for name in count if count[name] == n)
        if n == 1:
            yield f"{names}: {ONE_RUN}: Study(trainings=5)"
        else:
            yield (
                f"{names}: trained {n} times; n and the intervals are over training runs, not worlds (the "
                "rights gate counts worlds)"
            )
    for name, found in ends.items():
        if found is None:
            yield f"{name}: no learning curve was kept, so that nobody knows whether learning had ended"
        elif not found[1].ended:
            yield f"{name}: {found[1]}"
